"""What a TCB recovery requires: by its number, or for a processor in somebody's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import releases
from tdxinfo.explain import advisories, terms
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.processors import named_in
from tdxinfo.explain.tcb import processor_of

_MOST_WORDS = 20
_RECOVERY = re.compile(
    r"(?:tcb[-\s]?r(?:ecovery)?|tcb\s?evaluation\s?data(?:\s?(?:set|number))?)[\s#:=]+(\d{1,3})",
    re.I,
)


def recovery(query: str) -> Iterator[Explanation]:
    """A TCB recovery by its number: what it asks for where the table has it, and the term."""
    match = _RECOVERY.fullmatch(query.strip())
    if match is None:
        return
    if tables.load("tcb")["floors"]["recovery"].endswith(f" {match[1]}"):
        yield _floors([])
    asked = [row for row in tables.load("tcb")["level"] if row.get("evaluation") == int(match[1])]
    rows = [
        ("given", match[1]),
        *(("asks for", _asked_for(row)) for row in asked),
        ("advisories", advisories.of_recovery(match[1])),
    ]
    yield from (meaning.with_first(rows) for meaning in terms.term("TCB recovery"))


def _asked_for(row: dict[str, Any]) -> str:
    major = next(
        one["major"] for one in tables.load("tcb")["identity"] if one["module"] == row["module"]
    )
    names = ", ".join(str(one.version) for one in releases.with_tcb_svn(row["isvsvn"], major))
    return f"{row['module']} ISV SVN {row['isvsvn']}: {names} or later"


_FLOOR = re.compile(r"\b(?:floors?|tcb[\s-]?r(?:ecovery)?|tcbr|recovery)\b", re.IGNORECASE)
_LEAST = re.compile(
    r"\b(?:min|minimum|minimal|least|oldest|required|needed|needs?|requires?|enough|which)\b", re.I
)
_OF_TCB = re.compile(r"\b(?:tcb|modules?|microcode|ucode|svn|up\s?to\s?date|uptodate)\b", re.I)
_NAMES_ONE = re.compile(r"0x[0-9a-f]{5,}|\b[12]\.[05]\.\d", re.IGNORECASE)
"""A microcode revision or a release, of which is asked whether it is enough."""


def floor_in_words(query: str) -> Iterator[Explanation]:
    """What a TCB recovery requires at least, for the processors that a text names:
    `TCB recovery feb 2026 minimum module GNR`.
    """
    numbered = _RECOVERY.search(query)
    floors = tables.load("tcb")["floors"]["recovery"]
    if numbered and not floors.endswith(f" {numbered[1]}"):
        yield from recovery(numbered[0])
        return
    on = named_in(query)
    has_floor = _FLOOR.search(query)
    is_of_recovery = has_floor and (on or _LEAST.search(query) or "floor" in query.lower())
    is_least = (
        on and re.search(r"\b(?:tcb|microcode|ucode)\b", query, re.I) and _LEAST.search(query)
    )
    is_long = len(query.split()) > _MOST_WORDS
    is_svn = on and _SVN.search(query)
    if is_long or _NAMES_ONE.search(query) or not (is_of_recovery or is_least or is_svn):
        return
    if _OF_TCB.search(query):
        meaning = _floors(on)
        svn = _SVN.search(query)
        yield meaning.with_first(_compared_svn(int(svn[1]), on)) if svn and on else meaning


_SVN = re.compile(r"\bsvn\b\D{0,6}(\d{1,3})\b", re.IGNORECASE)


def _compared_svn(minor: int, on: list[str]) -> list[tuple[str, str]]:
    """How a minor SVN compares with the module that a TCB recovery requires on processors."""
    rows = []
    for name, least in tables.load("tcb")["floors"]["module"].items():
        svn = getattr(releases.release_named(least), "tcb_svn", None)
        if name in on and svn:
            word = "older: update the TDX module" if minor < svn[0] else "new enough"
            rows.append((f"SVN {minor} on {name}", f"{word} ({least} has {svn[0]})"))
    return rows


def _floors(on: list[str]) -> Explanation:
    """What a TCB recovery requires at least on the given processors, or on all."""
    floors = tables.load("tcb")["floors"]
    modules = {name: least for name, least in floors["module"].items() if not on or name in on}
    rows = [(f"module on {name}", _with_svn(least)) for name, least in modules.items()]
    for fms, least in floors["microcode"].items():
        family, model, _ = (int(part, 16) for part in fms.split("-"))
        if not on or releases.processor_name(family, model) in on:
            rows.append((f"microcode on {processor_of(fms)}", f"{least} or later"))
    rows.append(("as of", floors["as_of"]))
    meaning = (
        f"The oldest TDX modules and microcode that an operator's script required for "
        f"{floors['recovery']}. Later recoveries require newer ones; Intel's TCB info decides."
    )
    return explanation("TCB recovery", floors["recovery"], meaning, rows)


def _with_svn(version: str) -> str:
    found = releases.release_named(version)
    svn = f" (minor SVN {found.tcb_svn[0]})" if found and found.tcb_svn else ""
    return f"{version} or later{svn}"
