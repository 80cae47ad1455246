"""Security advisories of Intel that concern TDX, by number, by CVE, or in a question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import releases
from tdxinfo.decode.releases import Release
from tdxinfo.explain import tcb
from tdxinfo.explain.meaning import Explanation, explanation

_ADVISORY = re.compile(r"(?:intel[-\s]?)?sa[-\s]?(\d{5})", re.I)
_IN_WORDS = re.compile(r"\b(?:(?:intel[-\s])?sa-?\d{5}|cve-\d{4}-\d{4,6})\b", re.I)
_RELEASE = re.compile(r"(?<![\w.])v?([12]\.[05]\.\d{1,2})(?![\w.]*\d)")
_MOST_WORDS = 16


def advisory(query: str) -> Iterator[Explanation]:
    """A security advisory of Intel by its number, or by a CVE."""
    match = _ADVISORY.fullmatch(query.strip())
    wanted = f"INTEL-SA-{match[1]}" if match else query.strip().upper()
    for row in tables.load("tcb")["advisory"]:
        if wanted == row["id"] or wanted in row.get("cves", ()):
            yield _advisory(row)


def in_words(query: str) -> Iterator[Explanation]:
    """The advisories in a question, and whether the releases that it names have the fix:
    `is 1.5.16 affected by INTEL-SA-01397`.
    """
    found = _IN_WORDS.findall(query) if len(query.split()) <= _MOST_WORDS else []
    named = [releases.release_named(text) for text in _RELEASE.findall(query) if found]
    for text in dict.fromkeys(found):
        for meaning in advisory(text):
            row = next(r for r in tables.load("tcb")["advisory"] if r["id"] == meaning.name)
            rows = [(str(one.version), _has_fix(one, row)) for one in named if one]
            yield meaning.with_first(rows)


_MOST_LETTERS = 400
"""Of a text in which a status is looked for."""
_NAMED_ADVISORY = re.compile(r"\bINTEL-SA-(\d{5})\b", re.IGNORECASE)


def with_status(query: str) -> Iterator[Explanation]:
    """The TCB status in a text, and the advisories there: `OutOfDate what to do`."""
    text = query[:_MOST_LETTERS]
    words = re.findall(r"[A-Za-z]+", text)
    known = {word: list(tcb.status(word)) for word in words if re.search(r"[a-z][A-Z]", word)}
    found = [meaning for meanings in known.values() for meaning in meanings]
    yield from found
    for number in _NAMED_ADVISORY.findall(text) if found else ():
        yield from advisory(f"SA-{number}")


def of_release(release: Release) -> list[tuple[str, str]]:
    """The known advisories of which a release has no fix, each with the release that has it."""
    found = [
        f"{row['id']} (fixed in {text})"
        for row in tables.load("tcb")["advisory"]
        for text in row.get("fixed", ())
        if releases.is_older(release.version, text)
    ]
    return [("without the fix of", ", ".join(found))]


def _has_fix(release: Release, row: dict[str, Any]) -> str:
    """Whether a release is older than the fix of its line."""
    for text in row.get("fixed", ()):
        fixed = releases.release_named(text)
        if fixed and fixed.line == release.line:
            is_older = releases.is_older(release.version, text)
            return f"older than the fix, {text}: update" if is_older else f"not older than {text}"
    return "tdxinfo does not know in which release of this line it is fixed"


def _advisory(row: dict[str, Any]) -> Explanation:
    fixed = ", ".join(f"{version} and later of its line" for version in row.get("fixed", ()))
    rows = [
        ("fixed in", fixed),
        ("what to do", "Update the TDX module to one of these or a newer one." if fixed else ""),
        ("CVEs", ", ".join(row.get("cves", ()))),
        ("published", row.get("published", "")),
        ("basis", row["basis"]),
    ]
    about = "concerns the TDX module" if row.get("fixed") else "is named with TDX's TCB"
    meaning = (
        f"A security advisory of Intel that {about}. This list does not say whether a "
        "module is safe to run."
    )
    return explanation("advisory", row["id"], meaning, rows)


def names() -> Iterator[str]:
    yield from (row["id"] for row in tables.load("tcb")["advisory"])
