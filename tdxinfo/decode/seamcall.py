"""SEAMCALL leaves and status codes into their names."""

from __future__ import annotations

from functools import cache

from tdxinfo import tables

_SEAMLDR = 1 << 63
_LEAF_MASK = 0xFFFF
"""Bits 23:16 of a leaf hold the interface version."""


@cache
def _leaves(table: str) -> dict[int, str]:
    return {number: name for name, number in tables.load("seamcall")[table].items()}


@cache
def _statuses(table: str, shift: int, mask: int) -> dict[int, str]:
    """Status names by their upper bits; where two share them, both names."""
    names: dict[int, str] = {}
    for name, code in tables.load("seamcall")[table].items():
        key = int(code, 16) >> shift & mask
        names[key] = f"{names[key]} or {name}" if key in names else name
    return names


def leaf_name(leaf: int) -> str | None:
    """TDH.SYS.RD for 0x22; None for a leaf that is not in the table."""
    table = "seamldr_leaf" if leaf & _SEAMLDR else "leaf"
    return _leaves(table).get(leaf & _LEAF_MASK)


def is_initialization(name: str) -> bool:
    """Whether the call belongs to the module's initialization."""
    return name.replace("_", ".") in tables.load("seamcall")["initialization"]["leaves"]


def status_name(status: int) -> str | None:
    """TDX_SYS_NOT_READY for 0xc000050500000000; None for a status that is not in the table.

    The P-SEAMLDR's own codes, 0x8000000000000000 and up, are not the module's.
    """
    if status >> 32 & 0xFFFF == 0 and status >> 32:
        return None
    return (
        _statuses("software_status", 0, (1 << 64) - 1).get(status)
        or _statuses("status", 32, 0xFFFFFFFF).get(status >> 32)
        or _statuses("status", 32, 0xFFFF).get(status >> 32 & 0xFFFF)
    )
