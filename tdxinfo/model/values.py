"""Domain values: one type, one parser and one spelling each.

The types speak pydantic's protocol, so that pydantic-core checks and spells them one by one
(`model/fields.py`), and pydantic makes the JSON Schema of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic_core import core_schema

MASK64 = (1 << 64) - 1
MASK32 = (1 << 32) - 1


def hex64(number: int) -> str:
    """The spelling of 64-bit bitmaps, field ids and status codes: 16 digits."""
    return f"0x{number:016x}"


def hex32(number: int) -> str:
    return f"0x{number:08x}"


class AtMost:
    """Marks an int as unsigned with an upper bound; `unit` is a sentence for the JSON Schema."""

    def __init__(self, most: int, unit: str = "") -> None:
        self.most = most
        self.unit = unit

    def schema(self) -> core_schema.CoreSchema:
        return core_schema.int_schema(ge=0, le=self.most)

    def spelled(self, value: int) -> int | str:
        """As JSON shows it."""
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return self.schema()

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), **({"description": self.unit} if self.unit else {})}


class HexWord(AtMost):
    """Marks an int that JSON spells as hex text, since JSON readers lose bits above 2^53."""

    def __init__(self, most: int, spell: Callable[[int], str]) -> None:
        super().__init__(most)
        self.spell = spell

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        digits = len(self.spell(self.most)) - len("0x")
        return {"type": "string", "pattern": f"^0x[0-9a-f]{{{digits}}}$"}

    def schema(self) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(
            _from_hex,
            super().schema(),
        )

    def spelled(self, value: int) -> str:
        return self.spell(value)


def _from_hex(given: object) -> object:
    """Hex text into its number; anything else is left for the schema to judge."""
    return int(given, 16) if isinstance(given, str) and given[:2] == "0x" else given


Count = Annotated[int, AtMost(MASK32)]
Size = Annotated[int, AtMost(MASK64, "In bytes.")]
Address = Annotated[int, AtMost(MASK64, "A host physical address.")]
Bits64 = Annotated[int, HexWord(MASK64, hex64)]
Bits32 = Annotated[int, HexWord(MASK32, hex32)]


@dataclass(frozen=True, slots=True)
class ModuleVersion:
    """Version of a TDX module or P-SEAMLDR, spelled as the kernel does: 1.5.06.

    `update` is None where no source told it; then the spelling is 1.5. There is no order between
    versions: 1.5.x and 2.0.x are separate lines.
    """

    major: int
    minor: int
    update: int | None = None

    def __str__(self) -> str:
        line = f"{self.major}.{self.minor}"
        return line if self.update is None else f"{line}.{self.update:02}"

    @classmethod
    def parse(cls, text: str) -> ModuleVersion:
        """The version that `text` spells. Raises ValueError when it spells none."""
        match = re.fullmatch(r"(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?", text.strip(), re.ASCII)
        if not match:
            raise ValueError(f"{text.strip()!r:.60} is no module version")
        major, minor, update = match.groups()
        return cls(int(major), int(minor), None if update is None else int(update))

    @classmethod
    def schema(cls) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(
            lambda given: cls.parse(given) if isinstance(given, str) else given,
            core_schema.is_instance_schema(cls),
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return cls.schema()

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\d+\.\d+(\.\d{2,})?$"}


@dataclass(frozen=True, slots=True)
class MemoryRange:
    """Physical memory from `base` up to, not including, `end`; `size` is what lies between."""

    base: Address
    end: Address
    size: Size

    def __post_init__(self) -> None:
        if self.end - self.base != self.size:
            raise ValueError(f"a range from {self.base:#x} to {self.end:#x} has another size")

    @classmethod
    def between(cls, base: int, end: int) -> MemoryRange:
        return cls(base, end, end - base)

    @property
    def key(self) -> str:
        """What tells it from other ranges of a list."""
        return f"{self.base:#014x}-{self.end:#014x}"


@dataclass(frozen=True, slots=True)
class NodeMemory(MemoryRange):
    """Memory of one NUMA node; `node` is None where no place told it."""

    node: Count | None


@dataclass(frozen=True, slots=True)
class Tdmr(MemoryRange):
    """A TD Memory Region as the kernel built it; what nobody told of it is left open."""

    pamt: tuple[MemoryRange, ...] | None
    reserved: tuple[MemoryRange, ...] | None


@dataclass(frozen=True, slots=True)
class CpuidConfig:
    """CPUID bits of a leaf, some without sub-leaf, that a TD's owner may choose."""

    leaf: Count
    subleaf: Count | None
    eax: Bits32
    ebx: Bits32
    ecx: Bits32
    edx: Bits32

    @property
    def key(self) -> str:
        """What tells it from other entries of a list."""
        leaf = f"leaf {self.leaf:#x}"
        return leaf if self.subleaf is None else f"{leaf} sub-leaf {self.subleaf:#x}"


@dataclass(frozen=True, slots=True)
class Failure:
    """How the initialization of the TDX module failed, as far as the kernel said."""

    errno: Count | None
    """Positive, as in errno(3); the kernel prints it negated."""
    errno_name: str | None
    leaf: Bits64 | None
    """The SEAMCALL that failed last before the end."""
    leaf_name: str | None
    status: Bits64 | None
    """What it returned in RAX."""
    status_name: str | None
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
