"""The page size, and rounding to it."""

from __future__ import annotations

PAGE = 4096
"""Bytes of a page, the smallest that an x86-64 processor has."""


def rounded_up(size: int, unit: int) -> int:
    """The smallest multiple of the unit that is not less."""
    return -(-size // unit) * unit
