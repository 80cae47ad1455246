"""Error codes with small numbers, in the base in which their program prints them.

mpa_manage: Last reported registration error code: 82       hex: MPA_AG_NETWORK_ERROR
... completed unsuccessfully, and the error code is 163.    decimal: MPA_RS_PACKAGE_NOT_FOUND
Registration Flow - getRequestType failed, error: 4         decimal, errors of another list
mpa error 82                                                hex, as there is no decimal 82
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.explain import terms
from tdxinfo.explain.meaning import Explanation
from tdxinfo.explain.numbers import readings

_LONGEST = 400
"""Letters of a line of a program at most."""
_AT_THE_END = r"\b.{0,60}?(?<![\w.])(0x)?([0-9a-f]{1,3})['\")]?\s*\.?$"
"""A code behind the words that a program prints before it."""
_IN_WORDS = re.compile(
    r"\b(?P<program>mpa|registration|tdx_att)\w*\b.{0,200}?(?:\b|_)(?:error|code|errorcode|status|failed|return)\w{0,32}(?:\s{1,16}is\b)?[\s:=(]{1,16}"
    r"(?P<code>0x[0-9a-f]{1,2}|[0-9a-f]?[0-9][0-9a-f]?)\)?\s*\.?$",
    re.IGNORECASE,
)
_OF_PROGRAM = {"tdx_att": {"hex": ["TDX_ATTEST_"], "decimal": ["TDX_ATTEST_"]}}
_OF_REGISTRATION = {"hex": ["MPA_", "RS_"], "decimal": ["MPA_"]}
"""Beginnings of names, by the base: the firmware's errors RS_* are always printed in hex."""


def small_code(query: str) -> Iterator[Explanation]:
    """The error of a program whose numbers are small, in a line of it or in other words."""
    text = query.strip()
    if len(text) >= _LONGEST:
        return
    printed = next(filter(None, (_printed(text, row) for row in _rows())), [])
    yield from printed or _in_words(text)


def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tables.load("symptoms")["printed"]
    return rows


def _printed(text: str, row: dict[str, Any]) -> list[Explanation]:
    """The code behind the row's words, where the text has them."""
    for words in row["after"]:
        match = re.search(re.escape(words) + _AT_THE_END, text, re.IGNORECASE)
        base = 16 if match and match[1] else row["base"]
        if match and (base == 16 or match[2].isdecimal()):
            read_as = "" if match[1] else f"{_BASES[base]}, as this program prints it"
            found = terms.code_of(row["of"], int(match[2], base))
            return [one.with_details([("read as", read_as)]) for one in found]
    return []


_BASES = {10: "decimal", 16: "hex"}


def _in_words(text: str) -> Iterator[Explanation]:
    match = _IN_WORDS.search(text)
    if match:
        yield from of_program(match["program"].lower(), match["code"])


def of_program(program: str, number: str) -> Iterator[Explanation]:
    """The program's error with this number, in each base in which a program prints it."""
    beginnings = _OF_PROGRAM.get(program, _OF_REGISTRATION)
    for reading in readings(number):
        yield from terms.code_of(beginnings[reading.base], reading.value)
