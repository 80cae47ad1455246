"""SEAMCALL leaves and status codes into their names."""

from __future__ import annotations

from functools import cache

from tdxinfo import tables

_SEAMLDR = 1 << 63
_WHOLE = (1 << 64) - 1
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
        _statuses("software_status", 0, _WHOLE).get(status)
        or _statuses("status", 32, 0xFFFFFFFF).get(status >> 32)
        or _statuses("status", 32, 0xFFFF).get(status >> 32 & 0xFFFF)
    )


def seamldr_status_name(status: int) -> str | None:
    """SEAMLDR_EBADSIG for 0x8000000000020000: a code of the P-SEAMLDR, not of the module."""
    return _statuses("seamldr_status", 0, _WHOLE).get(status)


_FLAGS = {63: "an error", 62: "non-recoverable", 61: "fatal", 60: "the host may recover"}


def flags(status: int) -> list[tuple[str, str]]:
    """What bits 63 to 60 say, and the class in bits 47:40."""
    told = [word for bit, word in _FLAGS.items() if status >> bit & 1]
    return [("says", ", ".join(told) or "success or information"), ("class", class_name(status))]


def class_name(status: int) -> str:
    classes: dict[int, str] = {c: name for name, c in tables.load("seamcall")["class"].items()}
    return classes.get(status >> 40 & 0xFF, "unknown")


def detail(status: int) -> tuple[str, str] | None:
    """What the lower 32 bits say: the operand that is wrong, or the MSR."""
    names = (status_name(status) or "").split(" or ")
    rows = tables.load("seamcall")["detail"]
    low = status & 0xFFFFFFFF
    if any(name in rows["msr"] for name in names):
        return ("MSR", f"{low:#x}")
    if any(name in rows["operand"] for name in names):
        operands = {number: name for name, number in tables.load("seamcall")["operand"].items()}
        return ("operand", f"{low:#x} ({operands.get(low & 0xFF, 'unknown')})")
    return None


def known(status: int) -> dict[str, str]:
    """Meaning and remedy of a code that hosts have reported; empty for others."""
    rows: dict[str, dict[str, str]] = tables.load("seamcall")["known"]
    names = (status_name(status) or "").split(" or ")
    return next((rows[name] for name in names if name in rows), {})
