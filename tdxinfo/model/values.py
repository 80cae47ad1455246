"""Domain values: one type, one parser and one text form each, as standard pydantic annotations."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from tdxinfo.model.base import Matching, Value

MASK64 = (1 << 64) - 1
MASK32 = (1 << 32) - 1


def hex64(number: int) -> str:
    """64-bit bitmaps, field ids and status codes have 16 digits."""
    return f"0x{number:016x}"


def hex32(number: int) -> str:
    """32-bit registers have 8 digits."""
    return f"0x{number:08x}"


def _parse_hex(digits: int) -> BeforeValidator:
    """Reads hex text. JSON has nothing else, since its readers lose bits of numbers above 2^53."""

    def parse(given: object, info: ValidationInfo) -> object:
        if isinstance(given, str) and re.fullmatch(f"0x[0-9a-f]{{{digits}}}", given):
            return int(given, 16)
        if info.mode == "json":
            raise ValueError(f"not a hex number of {digits} digits")
        return given

    return BeforeValidator(parse)


def _hex_schema(digits: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^0x[0-9a-f]{{{digits}}}$"})


MAX_CMRS = 64
"""More than any module has; those that are published have 32."""
MAX_NODES = 1024
"""As many as Linux has (MAX_NUMNODES)."""
MAX_TDMRS = 1024
"""The published modules have 64."""
MAX_RANGES = 8192
"""More than the entries of an e820 table, which has 3200 on the largest hosts."""
MAX_NAMES = 1024
MAX_CPUID = 4096
"""As many as KVM is asked for."""

Release = Annotated[str, Field(max_length=64)]
"""As long as uname's field has room for."""
Names = Annotated[tuple[str, ...], Field(max_length=MAX_NAMES)]

Mrseam = Annotated[str, Matching("[0-9a-f]{96}")]
"""SHA-384 of a TDX module's file."""
Revisions = Annotated[
    tuple[Annotated[str, Matching(r"0x[0-9a-f]{8}(?:/0x[0-9a-f]{8})*")], ...],
    Field(max_length=MAX_NODES),
]
"""Revisions of microcode, one for each package; several where the package's CPUs differ."""

Count = Annotated[int, Field(ge=0, le=MASK32)]
Size = Annotated[int, Field(ge=0, le=MASK64, description="In bytes.")]
Address = Annotated[int, Field(ge=0, le=MASK64, description="A host physical address.")]
Bits64 = Annotated[
    int,
    Field(ge=0, le=MASK64),
    _parse_hex(16),
    PlainSerializer(hex64, return_type=str, when_used="json"),
    _hex_schema(16),
]
Bits32 = Annotated[
    int,
    Field(ge=0, le=MASK32),
    _parse_hex(8),
    PlainSerializer(hex32, return_type=str, when_used="json"),
    _hex_schema(8),
]


@dataclass(frozen=True, slots=True)
class ModuleVersion:
    """Version of a TDX module or P-SEAMLDR, written as the kernel does: 1.5.06.

    `update` is None where no source has it; then the text is 1.5. There is no order between
    versions: 1.5.x and 2.0.x are separate lines.
    """

    major: int
    minor: int
    update: int | None = None

    def __str__(self) -> str:
        line = f"{self.major}.{self.minor}"
        return line if self.update is None else f"{line}.{self.update:02}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The version in `text`. Raises ValueError for other text."""
        match = re.fullmatch(r"(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?\n?", text, re.ASCII)
        if not match:
            raise ValueError(f"{text.strip()[:60]!r} is not a module version")
        major, minor, update = match.groups()
        return cls(int(major), int(minor), None if update is None else int(update))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Text in JSON, an instance in Python."""
        text = core_schema.no_info_after_validator_function(cls.parse, handler.generate_schema(str))
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=core_schema.is_instance_schema(cls),
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\d{1,5}\.\d{1,5}(\.\d{1,5})?$"}


class MemoryRange(Value, frozen=True):
    """Physical memory from `base` up to, not including, `end`; `size` is what lies between."""

    base: Address
    """The first byte."""
    end: Address
    """The byte after the last."""
    size: Size
    """The bytes from `base` to `end`."""

    @model_validator(mode="after")
    def _has_its_size(self) -> Self:
        if self.end - self.base != self.size:
            raise ValueError(f"a range from {self.base:#x} to {self.end:#x} has another size")
        return self

    @classmethod
    def between(cls, base: int, end: int, **parts: Any) -> Self:
        """The range with these bounds, and with the further fields that a subclass has.

        Raises ValidationError for bounds that are no 64-bit addresses.
        """
        return cls(base=base, end=end, size=end - base, **parts)

    @property
    def key(self) -> str:
        """Its key in a list of ranges."""
        return f"{self.base:#014x}-{self.end:#014x}"


class NodeMemory(MemoryRange, frozen=True):
    """Memory of one NUMA node; `node` is None where no source has it."""

    node: Count | None
    """The NUMA node; null where no source has it."""


class Tdmr(MemoryRange, frozen=True):
    """A TD Memory Region as the kernel built it; None where no source has it."""

    pamt: tuple[MemoryRange, ...] | None
    """Its Physical Address Metadata Tables; null where no source has them."""
    reserved: tuple[MemoryRange, ...] | None
    """Its reserved areas; null where no source has them."""


class CpuidConfig(Value, frozen=True):
    """CPUID bits of a leaf, some without sub-leaf, that a TD's owner may choose."""

    leaf: Count
    """The CPUID leaf, EAX of the instruction."""
    subleaf: Count | None
    """The sub-leaf, ECX of the instruction; null where the leaf has none."""
    eax: Bits32
    """Bits of EAX that may be chosen."""
    ebx: Bits32
    """Bits of EBX that may be chosen."""
    ecx: Bits32
    """Bits of ECX that may be chosen."""
    edx: Bits32
    """Bits of EDX that may be chosen."""

    @classmethod
    def of_words(cls, leaf: int, low: int, high: int) -> Self:
        """From the module's three words, each with two numbers of 32 bits, the first in bit 0:
        leaf and sub-leaf, EAX and EBX, ECX and EDX. All bits set are not a sub-leaf.
        """
        subleaf = leaf >> 32
        return cls(
            leaf=leaf & MASK32,
            subleaf=None if subleaf == MASK32 else subleaf,
            eax=low & MASK32,
            ebx=low >> 32,
            ecx=high & MASK32,
            edx=high >> 32,
        )

    @property
    def key(self) -> str:
        """Its key in a list of entries."""
        leaf = f"leaf {self.leaf:#x}"
        return leaf if self.subleaf is None else f"{leaf} sub-leaf {self.subleaf:#x}"


CpuidConfigs = Annotated[tuple[CpuidConfig, ...], Field(max_length=MAX_CPUID)]


class Failure(Value, frozen=True):
    """How the initialization of the TDX module failed, according to the kernel."""

    errno: Count | None
    """Positive, as in errno(3); the kernel prints it negated."""
    errno_name: str | None
    """The name of the error number."""
    leaf: Bits64 | None
    """The leaf number of the last SEAMCALL that failed."""
    leaf_name: str | None
    """The name of that SEAMCALL."""
    status: Bits64 | None
    """What it returned in RAX."""
    status_name: str | None
    """The name of that status."""
    tdmr: MemoryRange | None
    """The TDMR whose reserved areas did not suffice."""
    message: str
    """The kernel's own words."""


def decimal_date(number: int) -> date:
    """The day that a decimal yyyymmdd number means, as the TDX module writes its build date.

    Raises ValueError when it means none. Source: the module's BUILD_DATE field (plain decimal,
    no BCD) and boot logs of kernels that print it in hex.
    """
    return date(number // 10000, number // 100 % 100, number % 100)
