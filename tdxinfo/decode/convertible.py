"""RAM that lies in no CMR, and what made it RAM.

The TDX module takes no memory outside of CMRs, and firmware makes all memory convertible that it
calls usable. What lies outside was therefore put there: by an option of the kernel, or by a driver
that lends persistent or CXL memory.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from tdxinfo.decode.tdmr import FIRST_MIB, above_first_mib, gaps, whole_pages
from tdxinfo.model.memory import NamedRange
from tdxinfo.model.values import MASK64, MemoryRange, Tdmr

_INITIALIZED = "initialized"
_FROM_MEMORY = "memory"
FIRMWARE = "the firmware's own memory map"

_OPTIONS = r"(?:^|\s)(memmap|efi_fake_mem)=(\S+)"
_NUMBER = r"(0x[0-9a-fA-F]{1,16}|\d{1,20})([kmgtpeKMGTPE]?)"
_RANGE = rf"{_NUMBER}([@%]){_NUMBER}(.{{0,99}})"
_RAM_TYPE = r"(?:-\w+)?\+(?:0x)?0*1"
_POWERS = {letter: 10 * power for power, letter in enumerate("kmgtpe", start=1)}


def of_tdmrs(state: str, tdmrs: Sequence[Tdmr]) -> tuple[MemoryRange, ...] | None:
    """What an initialized module took with its TDMRs: all of them but their reserved areas.

    TDH.SYS.CONFIG refuses a TDMR with other memory that is not within CMRs.
    """
    if state != _INITIALIZED or not tdmrs or any(found.reserved is None for found in tdmrs):
        return None
    return _joined(
        piece
        for found in tdmrs
        for piece in gaps(found, sorted(found.reserved or (), key=lambda area: area.base))
    )


def of_memory(
    state: str, holes_from: str, memory: Sequence[MemoryRange]
) -> tuple[MemoryRange, ...] | None:
    """The memory of a kernel that gave all of it to a module that is initialized.

    A kernel that takes holes of TDMRs from CMRs leaves out what is not convertible.
    """
    if state != _INITIALIZED or holes_from != _FROM_MEMORY:
        return None
    pages = whole_pages(memory)
    return _joined(above_first_mib(found) for found in pages if found.end > FIRST_MIB)


def _joined(ranges: Iterable[MemoryRange]) -> tuple[MemoryRange, ...]:
    joined: list[MemoryRange] = []
    for found in sorted(ranges, key=lambda found: found.base):
        if joined and found.base <= joined[-1].end:
            end = max(joined[-1].end, found.end)
            joined[-1] = MemoryRange.between(joined[-1].base, end)
        else:
            joined.append(MemoryRange.between(found.base, found.end))
    return tuple(joined)


def outside(
    ram: Iterable[MemoryRange],
    cmrs: Sequence[MemoryRange],
    added: Sequence[NamedRange] | None = None,
    command_line: str | None = None,
    firmware: Sequence[MemoryRange] | None = None,
) -> tuple[NamedRange, ...]:
    """The pieces of RAM above the first MiB that no CMR covers, each with what made it RAM.

    What may have made it RAM: a driver at run time, an option of the kernel command line, or the
    firmware, which calls it usable; None where that is not known.
    """
    causes = _Causes([*(added or ()), *options(command_line or "")], firmware or ())
    return tuple(
        NamedRange.between(piece.base, piece.end, name=causes.of(piece))
        for found in sorted([*ram, *(added or ())], key=lambda found: found.base)
        if found.end > FIRST_MIB
        for piece in gaps(above_first_mib(found), cmrs)
    )


class _Causes:
    """What made RAM, the surest first, found without a look at every range."""

    def __init__(self, named: Sequence[NamedRange], firmware: Iterable[MemoryRange]) -> None:
        self._named = named
        self._any_named = _Index(named)
        self._firmware = _Index(firmware)

    def of(self, piece: MemoryRange) -> str | None:
        if self._any_named.meets(piece):
            return next(found.name for found in self._named if _meet(found, piece))
        return FIRMWARE if self._firmware.meets(piece) else None


class _Index:
    """Ranges by their beginnings, with the furthest end of all that begin so early."""

    def __init__(self, ranges: Iterable[MemoryRange]) -> None:
        ordered = sorted(ranges, key=lambda found: found.base)
        self._bases = [found.base for found in ordered]
        self._ends = list(accumulate((found.end for found in ordered), max))

    def meets(self, piece: MemoryRange) -> bool:
        """Whether one of the ranges has memory of the piece."""
        before = bisect_left(self._bases, piece.end)
        return before > 0 and self._ends[before - 1] > piece.base


def _meet(one: MemoryRange, other: MemoryRange) -> bool:
    return one.base < other.end and other.base < one.end


def options(command_line: str) -> Iterator[NamedRange]:
    """The ranges that options of the kernel make RAM, or change the attributes of.

    memmap=SIZE@START makes RAM, as does memmap=SIZE%START-OLD+1; # and $ and ! take RAM away.
    """
    for option, value in re.findall(_OPTIONS, command_line):
        for part in value.split(","):
            found = re.fullmatch(_RANGE, part)
            if not found:
                continue
            size, size_unit, kind, start, start_unit, rest = found.groups()
            if kind == "%" and not re.fullmatch(_RAM_TYPE, rest):
                continue
            base, length = _bytes(start, start_unit), _bytes(size, size_unit)
            if base + length > MASK64:
                continue
            yield NamedRange.between(base, base + length, name=f"{option}={part}")


def _bytes(digits: str, unit: str) -> int:
    """A number as the kernel's memparse() reads it: 0x is hexadecimal, a leading 0 octal."""
    octal = re.fullmatch(r"0[0-7]+", digits)
    number = int(digits, 8) if octal else int(digits, 16 if digits[:2] == "0x" else 10)
    return number << _POWERS.get(unit.lower(), 0)
