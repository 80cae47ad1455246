"""Security advisories of Intel that concern TDX, and CVEs: by number, or in a question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tdxinfo import tables
from tdxinfo.decode import releases
from tdxinfo.decode.releases import Release
from tdxinfo.explain import tcb
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.model.values import ModuleVersion

_ADVISORY = re.compile(r"(?:intel[-\s]?)?[st]a[-\s]?(\d{5})", re.I)
_IN_WORDS = re.compile(
    r"\b(?:(?:intel[-\s]?)?sa[-\s]?\d{5}|intel[-\s]?ta[-\s]?\d{5}|cve-\d{4}-\d{4,6})\b", re.I
)
_CVE = re.compile(r"cve-\d{4}-\d{4,6}", re.I)
_RELEASE = re.compile(r"(?<![\w.])v?([12]\.[05]\.\d{1,2})(?![\w.]*\d)")
_MOST_WORDS = 16


class _Flaw(NamedTuple):
    """What an advisory's number or a CVE stands for."""

    advisory: dict[str, Any]
    cve: dict[str, Any]
    """Empty where the number is that of the advisory."""


def _flaw(text: str) -> _Flaw | None:
    match = _ADVISORY.fullmatch(text.strip())
    wanted = f"INTEL-SA-{match[1]}" if match else text.strip().upper()
    for row in tables.load("advisories")["advisory"]:
        if wanted == row.get("id"):
            return _Flaw(row, {})
        for cve in row.get("cve", ()):
            if wanted == cve["id"]:
                return _Flaw(row, cve)
    return None


def advisory(query: str) -> Iterator[Explanation]:
    """A security advisory of Intel by its number, or a CVE."""
    flaw = _flaw(query)
    if flaw:
        yield _of_cve(flaw) if flaw.cve else _of_advisory(flaw.advisory)
    elif _ADVISORY.fullmatch(query.strip()) or _CVE.fullmatch(query.strip()):
        yield _unknown(query.strip().upper())


def in_words(query: str) -> Iterator[Explanation]:
    """The advisories in a question, and whether the releases that it names have the fix:
    `is 1.5.16 affected by INTEL-SA-01397`.
    """
    found = _IN_WORDS.findall(query) if len(query.split()) <= _MOST_WORDS else []
    named = [releases.release_named(text) for text in _RELEASE.findall(query) if found]
    for text in dict.fromkeys(found):
        flaw = _flaw(text)
        if flaw:
            rows = [(str(one.version), _has_fix(one, flaw.advisory)) for one in named if one]
            yield from (meaning.with_first(rows) for meaning in advisory(text))


_IPU = re.compile(r"(?:intel\s+)?(?:ipu\s*(\d{4}\.\d)|(\d{4}\.\d)\s*ipu)", re.IGNORECASE)


def of_platform_update(query: str) -> Iterator[Explanation]:
    """The advisories of an Intel Platform Update, `IPU 2026.1`."""
    match = _IPU.fullmatch(query.strip())
    for row in tables.load("advisories")["advisory"] if match else ():
        if match and row.get("ipu") == (match[1] or match[2]):
            yield _of_advisory(row)


_ASKS_FOR_ALL = re.compile(
    r"\b(?:advisor(?:y|ies)|cves?|vulnerabilit(?:y|ies)|security\s(?:problems?|holes?|issues?|flaws?))\b",
    re.IGNORECASE,
)
_OF_TDX = re.compile(r"\b(?:tdx|seam\w*|tds?|trust domains?)\b", re.IGNORECASE)


def all_in_words(query: str) -> Iterator[Explanation]:
    """All advisories, for a question that names none, `which advisories concern the TDX module`."""
    is_asked = _ASKS_FOR_ALL.search(query) and _OF_TDX.search(query)
    names_one = _RELEASE.search(query) or _IN_WORDS.search(query)
    if not is_asked or names_one or len(query.split()) > _MOST_WORDS:
        return
    table = tables.load("advisories")
    rows = [
        (row["id"], f"{row['text']} {_fixed(row)}".strip())
        for row in reversed(table["advisory"])
        if "id" in row and "text" in row and (row["part"] == "module" or "module" not in query)
    ]
    meaning = (
        "Intel's advisories that concern TDX, as far as tdxinfo knows them: the list ends on "
        f"{table['as_of']}. `tdxinfo explain RELEASE` shows which fixes a TDX module lacks."
    )
    yield explanation("advisories", "advisories on TDX", meaning, rows)


def _fixed(row: dict[str, Any]) -> str:
    fixed = ", ".join(row.get("fixed", ()))
    return f"Fixed in {fixed}." if fixed else ""


_MOST_LETTERS = 400
"""Of a text in which a status is looked for."""
_NAMED_IDENTITY = re.compile(r"\bTDX_0\d\b(?:\W+(?:isv_?)?svn\W{1,3}\d{1,3}\b)?", re.IGNORECASE)
_NAMED_ADVISORY = re.compile(r"\bINTEL-SA-(\d{5})\b", re.IGNORECASE)


def with_status(query: str) -> Iterator[Explanation]:
    """The TCB status in a text, with the module's identity and the advisories there:
    `TDX_01 isvsvn 4 OutOfDate INTEL-SA-01099`.
    """
    text = query[:_MOST_LETTERS]
    words = re.findall(r"[A-Za-z]+", text)
    known = {word: list(tcb.status(word)) for word in words if re.search(r"[a-z][A-Z]", word)}
    found = [meaning for meanings in known.values() for meaning in meanings]
    for identity in _NAMED_IDENTITY.findall(text) if found else ():
        yield from tcb.level(identity)
    yield from found
    for number in _NAMED_ADVISORY.findall(text) if found else ():
        yield from advisory(f"SA-{number}")


def of_release(release: Release) -> list[tuple[str, str]]:
    """The known advisories of which a release has no fix, each with the release that has it, and
    those of which it is the first release with the fix.
    """
    fixes = [
        (row, text)
        for row in tables.load("advisories")["advisory"]
        for text in row.get("fixed", ())
    ]
    missing = [
        f"{row['id']} (fixed in {text})"
        for row, text in fixes
        if releases.is_older(release.version, text)
    ]
    before = [one for one in releases.releases() if one.line == release.line]
    older = before[: before.index(release)] if release in before else []
    is_first = [
        f"{row['id']} ({', '.join(cve['id'] for cve in row.get('cve', ()))})"
        for row, text in fixes
        if _is_of_line(text, release)
        and not releases.is_older(release.version, text)
        and all(releases.is_older(one.version, text) for one in older)
    ]
    return [
        ("first with the fix of", ", ".join(is_first)),
        ("without the fix of", ", ".join(missing)),
    ]


def of_loader(version: ModuleVersion) -> list[tuple[str, str]]:
    """The known advisories of which a SEAM loader has no fix."""
    missing = [
        f"{row['id']} (fixed in {row['loader']}): update the firmware"
        for row in tables.load("advisories")["advisory"]
        if "loader" in row
        and version.update is not None
        and releases.is_older(version, row["loader"])
    ]
    return [("without the fix of", ", ".join(missing))]


def _is_of_line(text: str, release: Release) -> bool:
    version = ModuleVersion.parse(text)
    return (version.major, version.minor) == release.line


def of_recovery(number: str) -> str:
    """The advisories that the TCB info of a recovery names, by its number."""
    named = re.compile(rf"\bTCB evaluation data {number}\b")
    found = tables.load("advisories")["advisory"]
    return ", ".join(row["id"] for row in found if named.search(row.get("named", "")))


def _has_fix(release: Release, row: dict[str, Any]) -> str:
    """Whether a release is older than the fix of its line."""
    for text in row.get("fixed", ()):
        if _is_of_line(text, release):
            is_older = releases.is_older(release.version, text)
            return f"older than the fix, {text}: update" if is_older else f"not older than {text}"
    return "tdxinfo does not know in which release of this line it is fixed"


def _of_cve(flaw: _Flaw) -> Explanation:
    row, cve = flaw
    rows = [
        ("severity", _severity(cve)),
        *_remedy(row),
        ("advisory", row.get("id", "its number is unknown")),
        *_origin(row),
    ]
    return explanation("CVE", cve["id"], cve["text"], rows)


def _of_advisory(row: dict[str, Any]) -> Explanation:
    cves = [(cve["id"], f"{cve['text']} Severity: {_severity(cve)}.") for cve in row.get("cve", ())]
    rows = [("severity", row.get("severity", "")), *_remedy(row), *cves, *_origin(row)]
    named = "A security advisory of Intel that is named with TDX's TCB."
    return explanation("advisory", row["id"], row.get("text", named), rows)


def _unknown(name: str) -> Explanation:
    """A number that the list does not have: it may concern TDX, or not."""
    kind = "CVE" if _CVE.fullmatch(name) else "advisory"
    meaning = (
        "tdxinfo does not have it in its list of what concerns TDX, which ends on "
        f"{tables.load('advisories')['as_of']}: it may be newer, or concern something else."
    )
    rows = [("what to do", "Look it up in Intel's Security Center, or in the CVE's own record.")]
    return explanation(kind, name, meaning, rows)


def _severity(cve: dict[str, Any]) -> str:
    return f"{cve['severity']} (CVSS {cve['cvss']})" if "severity" in cve else ""


def _remedy(row: dict[str, Any]) -> list[tuple[str, str]]:
    """What has the flaw, which versions have the fix, and what to do."""
    part = tables.load("advisories")["part"].get(row.get("part"), {})
    fixed = ", ".join(map(_and_later, row.get("fixed", ())))
    remedy = "Update the TDX module to one of these or a newer one." if fixed else ""
    return [
        ("concerns", part.get("text", "")),
        ("affected", row.get("affected", "")),
        ("fixed in", fixed),
        ("what to do", remedy or part.get("remedy", "")),
    ]


def _and_later(version: str) -> str:
    """A release with its security version, by which a TCB status names it, and those after it."""
    svn = releases.release_tcb_svn(version)
    return f"{version}{f' (minor SVN {svn[0]})' if svn else ''} and later of its line"


def _origin(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("published", row.get("published", "")),
        ("part of", f"IPU {row['ipu']} (Intel Platform Update)" if "ipu" in row else ""),
        ("named in", row.get("named", "")),
        ("basis", row.get("basis", "Intel's advisory")),
        ("note", "This list does not say whether a host is safe."),
    ]


def names() -> Iterator[str]:
    for row in tables.load("advisories")["advisory"]:
        yield from (row["id"],) if "id" in row else ()
        yield from (cve["id"] for cve in row.get("cve", ()))
