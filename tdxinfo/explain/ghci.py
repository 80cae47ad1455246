"""Calls of a TD to its host (TDVMCALL), and what they and GetQuote return."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import readings, whole

_NUMBERED = re.compile(
    r"(?:tdx[\s:]{1,3})?(tdvmcall|tdg\.?vp\.?vmcall|vmcall|ghci|get_?quote)\b[\s:,=]*"
    r"(?:(?:leaf|subfunction|sub-function|number|status|returned|returns?|error|code|r1[01]"
    r"|request|failed|with|is)[\s:=,]+){0,5}"
    r"(\w+)",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(
    r"(?:(?:tdg\.?vp\.?vmcall|tdvmcall|vmcall|ghci)\s*[<(\[]?\s*)?([a-z#][\w.#]{2,40})\s*[>)\]]?"
    r"(.{0,80})",
    re.IGNORECASE,
)
_ERROR_CODE = re.compile(r"\b((?:0x)?[8f][0-9a-f]{15})\b")
_RETURNED = re.compile(
    r"(?:\b(?:status|returned|returns?|error|code|failed|with|r10)\b[\s:=]*){1,3}(\w{1,40})", re.I
)


def call(query: str) -> Iterator[Explanation]:
    """A call by its name or by `TDVMCALL 0x10001`; a status by its name or `GetQuote 0x8...1`;
    a call with what it returned, `TDG.VP.VMCALL<MapGPA> returned 0x8000000000000000`.
    """
    wanted = query.strip().lower()
    match = _NUMBERED.fullmatch(wanted)
    numbers = {reading.value for reading in readings(match[2])} if match else set()
    is_quote = match is not None and match[1].startswith("get")
    for row in tables.load("ghci")["call"]:
        if _is_named(row, wanted) or (
            row["number"] in numbers and not is_quote and "status" not in wanted
        ):
            yield _call(row)
    for row in tables.load("ghci")["status"]:
        is_of = (row["of"] == "GetQuote") == is_quote
        is_asked = row["code"] > 1 or "status" in wanted
        if _is_named(row, wanted) or (row["code"] in numbers and is_of and is_asked):
            yield _status(row)
    yield from _with_its_code(wanted)
    yield from _with_what_it_returned(wanted)


_OF_A_QUOTE = re.compile(
    r"\bget_?quote\b.{0,60}?\b((?:0x)?(?:8000000000000000|8000000000000001|f{16}))\b", re.IGNORECASE
)


def quote_in_a_line(text: str) -> list[Explanation]:
    """The status in a guest's line, `GetQuote request failed, ret:0x8000000000000001`."""
    match = _OF_A_QUOTE.search(text)
    digits = match[1].lower().removeprefix("0x") if match else ""
    return list(call(f"GetQuote 0x{digits}")) if digits else []


_WITH_CODE = re.compile(r"([a-z][a-z_]{6,48})[\s:=(]{1,4}(0x[0-9a-f]{1,16}|[0-9a-f]{16}|\d)\)?")


def _with_its_code(text: str) -> Iterator[Explanation]:
    """A status by its name and its code, `TDVMCALL_STATUS_RETRY 0x1`."""
    match = _WITH_CODE.fullmatch(text)
    if match:
        code = int(match[2], 16)
        found = [row for row in tables.load("ghci")["status"] if _is_named(row, match[1])]
        for row in found:
            other = "" if row["code"] == code else f"{code:#x}, which is another code"
            yield _status(row).with_first([("given", other)])


def numbered(query: str) -> Iterator[Explanation]:
    """Statuses of TDVMCALL by an error code alone, which the P-SEAMLDR has for others."""
    code = whole(query)
    for row in tables.load("ghci")["status"]:
        if row["code"] == code and row["of"] == "TDVMCALL":
            yield _status(row).with_details([("returned in", "R10, to the guest's kernel")])


def _with_what_it_returned(text: str) -> Iterator[Explanation]:
    match = _IN_BRACKETS.fullmatch(text)
    name = match[1] if match else ""
    is_bare = text.startswith(name)
    wanted = (name,) if is_bare else (name, f"tdg.vp.vmcall<{name}>")
    rows = tables.load("ghci")["call"]
    found = [row for row in rows if match and any(_is_named(row, one) for one in wanted)]
    if match is None or not found or _is_named(found[0], text):
        return
    returned = _RETURNED.search(match[2])
    code = _ERROR_CODE.search(match[2])
    returned = returned or code
    if returned is None and is_bare:
        return
    values = {reading.value for reading in readings(returned[1])} if returned else set()
    for row in tables.load("ghci")["status"]:
        is_of = row["of"] == ("GetQuote" if found[0]["name"] == "GetQuote" else "TDVMCALL")
        if is_of and (row["code"] in values or (returned and _is_named(row, returned[1]))):
            yield _status(row)
    yield from map(_call, found)


def _is_named(row: dict[str, Any], wanted: str) -> bool:
    return wanted in (row["name"].lower(), *map(str.lower, row["names"]))


def _call(row: dict[str, Any]) -> Explanation:
    rows = [("number", f"{row['number']:#x}"), ("also", ", ".join(row["names"]))]
    rows += [("basis", row.get("basis", "")), ("see", "TDVMCALL")]
    return explanation("call of a TD", row["name"], row["text"], rows)


def _status(row: dict[str, Any]) -> Explanation:
    rows = [("code", f"{row['code']:#x}"), ("what to do", row.get("remedy", ""))]
    rows.append(("also", ", ".join(row["names"])))
    return explanation(f"status of {row['of']}", row["name"], row["text"], rows)


def names() -> Iterator[str]:
    for row in (*tables.load("ghci")["call"], *tables.load("ghci")["status"]):
        yield row["name"]
