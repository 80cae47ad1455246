"""Integers into named bits, by the tables of registers and bitmaps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from tdxinfo import tables


def bit_range(spelling: str) -> tuple[int, int]:
    """Lowest bit and width of "63:32" or "5"."""
    high, _, low = spelling.partition(":")
    lowest = int(low or high)
    return lowest, int(high) - lowest + 1


def address_of(register: str) -> int:
    """The number by which the processor knows the MSR."""
    return int(tables.load("msr")[register]["address"])


def msr_named(address: int) -> str | None:
    """IA32_TSX_CTRL for 0x122; None for an address that is not in the table."""
    rows = tables.load("msr").items()
    return next((name for name, row in rows if row["address"] == address), None)


@cache
def _ranges(table: str, word: str) -> dict[str, tuple[int, int]]:
    """Lowest bit and width of each named field, of a register or a bitmap."""
    fields: list[dict[str, Any]] = tables.load(table)[word]["fields"]
    return {field["name"]: bit_range(field["bits"]) for field in fields}


def msr_field(register: str, field: str, value: int) -> int:
    """What the named bits of the MSR hold."""
    lowest, width = _ranges("msr", register)[field]
    return value >> lowest & ((1 << width) - 1)


def is_set(bitmap: str, name: str, value: int) -> bool:
    """Whether the named bit of a bitmap in `tables/features.toml` is 1."""
    return bool(value >> _ranges("features", bitmap)[name][0] & 1)


def all_names(bitmap: str) -> list[str]:
    """The names of all bits of a bitmap that have one."""
    return list(_ranges("features", bitmap))


def names_of(bitmap: str, value: int) -> list[str]:
    """The names of all bits that are 1, lowest first. A bit without a name is BIT_n."""
    return list(_names(bitmap, value))


def _names(bitmap: str, value: int) -> Iterator[str]:
    known = {lowest: name for name, (lowest, _) in _ranges("features", bitmap).items()}
    for bit in range(64):
        if value >> bit & 1:
            yield known.get(bit, f"BIT_{bit}")
