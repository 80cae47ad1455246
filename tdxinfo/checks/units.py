"""Numbers as text with units, for messages and pages."""

from __future__ import annotations

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def size(count: int) -> str:
    """Bytes in the largest unit that leaves at least one: 1.9 GiB."""
    amount, unit = float(count), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{count} bytes" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def address(number: int) -> str:
    return f"{number:#014x}"


def span(base: int, end: int) -> str:
    """A range of addresses as the kernel prints it; the end is not in it: [0x0, 0x80000000)."""
    return f"[{base:#x}, {end:#x})"


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
