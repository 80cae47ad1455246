"""Calls of a TD to its host (TDVMCALL), and what they and GetQuote return."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo import tables
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import readings

_NUMBERED = re.compile(
    r"(tdvmcall|tdg\.?vp\.?vmcall|vmcall|get_?quote)\b[\s:,=]*"
    r"(?:(?:leaf|subfunction|sub-function|status|returned|error)[\s:=]+)?(\w+)",
    re.IGNORECASE,
)


def call(query: str) -> Iterator[Explanation]:
    """A call by its name or by `TDVMCALL 0x10001`; a status by its name or `GetQuote 0x8...1`."""
    wanted = query.strip().lower()
    match = _NUMBERED.fullmatch(wanted)
    numbers = {reading.value for reading in readings(match[2])} if match else set()
    is_quote = match is not None and match[1].startswith("get")
    for row in tables.load("ghci")["call"]:
        is_named = wanted in (row["name"].lower(), *map(str.lower, row["names"]))
        if is_named or (row["number"] in numbers and not is_quote):
            rows = [("number", f"{row['number']:#x}"), ("also", ", ".join(row["names"]))]
            yield explanation(
                "call of a TD", row["name"], row["text"], [*rows, ("see", "TDVMCALL")]
            )
    for row in tables.load("ghci")["status"]:
        is_named = wanted in (row["name"].lower(), *map(str.lower, row["names"]))
        is_of = (row["of"] == "GetQuote") == is_quote
        if is_named or (row["code"] in numbers and is_of and row["code"] > 1):
            rows = [("code", f"{row['code']:#x}"), ("also", ", ".join(row["names"]))]
            yield explanation(f"status of {row['of']}", row["name"], row["text"], rows)


def names() -> Iterator[str]:
    for row in (*tables.load("ghci")["call"], *tables.load("ghci")["status"]):
        yield row["name"]
