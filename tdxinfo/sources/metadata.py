"""The TDX module's global metadata, as a dump of TDH.SYS.RD, RDALL or INFO holds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tdxinfo.decode import metadata as decode
from tdxinfo.errors import Absent, Malformed
from tdxinfo.machine import METADATA, Answer, Machine
from tdxinfo.model.values import CpuidConfig, MemoryRange, ModuleVersion
from tdxinfo.sources import locator

_NO_SUBLEAF = 0xFFFFFFFF
_LOW = 0xFFFFFFFF
_DEBUG = 31


@locator
class Metadata:
    """One word of a field, by its name in the module's source."""

    name: str
    convert: Callable[[int], Any] = int

    @property
    def origin(self) -> str:
        return f"metadata:{self.name}"

    def read(self, machine: Machine) -> Any:
        word = metadata_of(machine).word(self.name)
        try:
            return self.convert(word)
        except ValueError as error:
            raise Malformed(f"{self.name} holds {word:#x}: {error}") from None


@locator
class MetadataVersion:
    """The version's three numbers in one."""

    @property
    def origin(self) -> str:
        return "metadata:MAJOR_VERSION,MINOR_VERSION,UPDATE_VERSION"

    def read(self, machine: Machine) -> ModuleVersion:
        told = metadata_of(machine)
        major, minor = told.word("MAJOR_VERSION"), told.word("MINOR_VERSION")
        try:
            return ModuleVersion(major, minor, told.word("UPDATE_VERSION"))
        except Absent:
            # TDH.SYS.INFO tells no update.
            return ModuleVersion(major, minor)


@locator
class MetadataCmrs:
    """The CMR list. NUM_CMRS is the arrays' length; the list ends at the first size of 0."""

    @property
    def origin(self) -> str:
        return "metadata:CMR_BASE,CMR_SIZE"

    def read(self, machine: Machine) -> tuple[MemoryRange, ...]:
        told = metadata_of(machine)
        found: list[MemoryRange] = []
        for index in range(decode.declared()["CMR_SIZE"].words):
            size = told.word("CMR_SIZE", index)
            if size == 0:
                break
            base = told.word("CMR_BASE", index)
            found.append(MemoryRange.between(base, base + size))
        return tuple(found)


@locator
class MetadataCpuid:
    """The CPUID_CONFIG entries up to NUM_CPUID_CONFIG; what stands behind them is stale."""

    @property
    def origin(self) -> str:
        return "metadata:CPUID_CONFIG_LEAVES,CPUID_CONFIG_VALUES"

    def read(self, machine: Machine) -> tuple[CpuidConfig, ...]:
        told = metadata_of(machine)
        count = told.word("NUM_CPUID_CONFIG")
        leaves = told.array("CPUID_CONFIG_LEAVES", count)
        values = told.array("CPUID_CONFIG_VALUES", 2 * count)
        return tuple(
            cpuid_config(leaf, *values[2 * i : 2 * i + 2]) for i, leaf in enumerate(leaves)
        )


def cpuid_config(leaf: int, low: int, high: int) -> CpuidConfig:
    """Leaf and sub-leaf, EAX and EBX, ECX and EDX: each two in the halves of one word."""
    subleaf = leaf >> 32
    return CpuidConfig(
        leaf=leaf & _LOW,
        subleaf=None if subleaf == _NO_SUBLEAF else subleaf,
        eax=low & _LOW,
        ebx=low >> 32,
        ecx=high & _LOW,
        edx=high >> 32,
    )


def is_debug(attributes: int) -> bool:
    """Bit 31 of SYS_ATTRIBUTES, by the module's source and a log of a debug module."""
    return bool(attributes >> _DEBUG & 1)


def metadata_of(machine: Machine) -> decode.Metadata:
    """The dump, parsed once. Raises Absent where there is none."""
    return machine.once("metadata", lambda: _parsed(machine.ask(METADATA, _live)))


def _parsed(answer: Answer) -> decode.Metadata:
    if not isinstance(answer, list):
        raise Malformed("the record's metadata is no list of lines")
    return decode.parse_list(map(str, answer))


def _live() -> Answer:
    raise Absent("no interface of this kernel shows the module's metadata")
