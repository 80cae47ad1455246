"""Numbers as people write them: 0x22, 34, 982h, 0xC000050500000000ULL, 0a00000300000008.

A decimal number with 17 digits or more can only be a 64-bit word, which a program printed as
unsigned or, with a minus sign, as signed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tdxinfo.model.values import MASK64

_HEX = re.compile(r"0x([0-9a-f]{1,16})u?l{0,2}", re.IGNORECASE)
_SUFFIXED = re.compile(r"((?=[a-f]*[0-9])[0-9a-f]{1,16}|[0-9a-f]{9,16})h", re.IGNORECASE)
_HALVES = re.compile(r"^((?:0x)?[0-9a-f]{8})\s([0-9a-f]{8})$", re.IGNORECASE)
_WORD = re.compile(r"-?\d{17,20}")
_DECIMAL = re.compile(r"(\d{1,20})u?l{0,2}", re.IGNORECASE)
_BARE = re.compile(r"[0-9a-f]{1,16}", re.IGNORECASE)
_LONG = 9
"""Hex digits from which a number without 0x is hex: field ids and statuses have so many."""
_WHOLE = 16


class Reading(NamedTuple):
    """A number, and how its digits were read."""

    value: int
    base: str
    """hex or decimal."""
    digits: str
    is_certain: bool


def readings(word: str) -> list[Reading]:
    """The numbers that the word can mean, the likeliest first; none for a word that is none."""
    word = _HALVES.sub(r"\1\2", re.sub("[_'`]", "", word.strip()))
    marked = _HEX.fullmatch(word) or _SUFFIXED.fullmatch(word)
    if marked:
        return [Reading(int(marked[1], 16), "hex", marked[1], True)]
    found: list[Reading] = []
    if _WORD.fullmatch(word) and -(1 << 63) <= int(word) < 1 << 64:
        return [Reading(int(word) & MASK64, "decimal", word, True)]
    decimal = _DECIMAL.fullmatch(word)
    if decimal and len(decimal[1]) != _WHOLE and int(decimal[1]) < 1 << 64:
        found.append(Reading(int(decimal[1]), "decimal", decimal[1], False))
    if _BARE.fullmatch(word) and (len(word) >= _LONG or any(c.isdigit() for c in word)):
        found.append(Reading(int(word, 16), "hex", word, not found))
    return found


def whole(word: str) -> int | None:
    """A 64-bit word: of so many digits that it can be no small number."""
    for reading in readings(word):
        if len(reading.digits) >= (_LONG if reading.base == "hex" else _WHOLE + 1):
            return reading.value
    return None


def read_as(reading: Reading) -> tuple[str, str]:
    """The detail that says how an ambiguous number was read; empty for a certain one."""
    if reading.is_certain or (reading.digits.isdecimal() and len(reading.digits) == 1):
        return "read as", ""
    if reading.base == "decimal":
        text = f"decimal; write 0x{reading.digits} for the hex number"
    else:
        text = "hex, since tdxinfo does not know the decimal number"
    return "read as", text
