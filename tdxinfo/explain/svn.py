"""Security versions of modules: `SVN 0x10d`, `tee_tcb_svn=0d01...`, `[13, 1]`, `SVN: 01/0C`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tdxinfo.decode import releases
from tdxinfo.decode.releases import Release
from tdxinfo.explain import advisories, tcb
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import readings

_SVN = re.compile(
    r"(?:(?:the|tdx|intel|my|our)\s+){0,3}"
    r"(?:tee[_ ]?tcb[_ ]?svn|tcb[_ ]?svn|(?:tdx )?module[_ ]svn|seam[_ ]?svn|isv[_ ]?svn|svn)"
    r"[\s:=]*(?:is\s)?(.+)",
    re.IGNORECASE,
)
_NEEDS = re.compile(
    r"(\w{1,6})[\s,;(]+(?:is\s)?(?:needs?|needed|required|requires|expected|minimum|min|but|<|vs)[\s:=]+(\w{1,6})\)?"
)
"""An SVN, and the one that is required."""
_BYTES = re.compile(r"[0-9a-f]{32}")
_FIRST_BYTES = re.compile(r"0[0-9a-f]{3}(?:[0-9a-f]{2})*(?:\.{2,3}|\u2026)?")
_SINGLE_BYTES = re.compile(
    r"[\[({]?(?:0x)?[0-9a-f]{2}(?:(?:\s+|,\s*|(?=:.*:):|(?<!^..):)(?:0x)?[0-9a-f]{2}){1,15}[\])}]?"
    r"(?:\s*(?:\.{2,3}|\u2026))?"
)
_PAIR = re.compile(r"[\[({]?\s*(\d{1,3})\s*[,. ]\s*(\d{1,3})(?:\s*,\s*\d{1,3})*\s*[\])}]?")
_HALVES = re.compile(r"(?:0x)?([0-9a-f]{1,2})\s?[/:-]\s?(?:0x)?([0-9a-f]{1,2})", re.IGNORECASE)
_IN_WORDS = (
    re.compile(r"minor(?:\s*svn)?[\s:=]*(\w{1,4})[\s,;]+major(?:\s*svn)?[\s:=]*(\w{1,4})", re.I),
    re.compile(r"major(?:\s*svn)?[\s:=]*(\w{1,4})[\s,;]+minor(?:\s*svn)?[\s:=]*(\w{1,4})", re.I),
)


def security_version(query: str) -> Iterator[Explanation]:
    """A module's security version, with what Intel's TCB info and a TCB recovery say of it."""
    match = _SVN.fullmatch(query.strip())
    text = (match[1] if match else query).strip().lower()
    needs = _NEEDS.fullmatch(text) if match else None
    parts = (needs[1], needs[2]) if needs else (text,)
    asked = [one for part in parts for one in _parse(part, is_named=match is not None)]
    for minor, major in asked or _in_words(query):
        known = releases.with_tcb_svn(minor, major)
        names = ", ".join(str(release.version) for release in known)
        rows = [
            ("releases", names or f"none that tdxinfo knows of (table of {releases.as_of()})"),
            ("SVN", f"{major << 8 | minor:#x}"),
            *tcb.against_floor(minor, major),
            *_of_releases(known),
        ]
        meaning = "The module's security version: bytes 0 (minor) and 1 (major) of TEE_TCB_SVN."
        yield explanation("module security version", f"{minor}, {major}", meaning, rows)


def _of_releases(known: Sequence[Release]) -> list[tuple[str, str]]:
    """What the releases of a security version lack, and the newest of their line."""
    if not known:
        return []
    newest = releases.newest_of_line(known[-1])
    svn = f"SVN {newest.tcb_svn[0]}, {newest.tcb_svn[1]}; " if newest.tcb_svn else ""
    text = f"{newest.version} ({svn}table of {releases.as_of()})"
    return [
        *advisories.of_release(known[-1]),
        ("newest known", text if newest != known[-1] else ""),
    ]


def _parse(text: str, is_named: bool) -> list[tuple[int, int]]:
    """Minor and major SVN of 16 bytes as a quote has them, of a pair, or of one number."""
    digits = re.sub(r"^0x|[\s:]", "", text)
    if _BYTES.fullmatch(digits):
        return [(int(digits[0:2], 16), int(digits[2:4], 16))]
    if is_named and _SINGLE_BYTES.fullmatch(text) and re.search(r"\b0[0-9a-f]|[a-f]", text):
        # Bytes of TEE_TCB_SVN one by one, in the order of a quote.
        first = re.findall(r"[0-9a-f]{2}(?![x0-9a-f])", text)
        return [(int(first[0], 16), int(first[1], 16))]
    is_range = text[:1] == "[" and text[-1:] == ")"
    pair = None if is_range else _PAIR.fullmatch(text)
    if pair and (is_named or text[:1] in "[("):
        return [_known_order(int(pair[1]), int(pair[2]))]
    halves = _HALVES.fullmatch(text) if is_named else None
    if halves:
        return _of_halves(halves[1], halves[2])
    if is_named and _FIRST_BYTES.fullmatch(text):
        # The first bytes of TEE_TCB_SVN, as they stand in a quote.
        return [(int(text[:2], 16), int(text[2:4], 16))]
    return _of_number(text) if is_named else []


def _of_number(text: str) -> list[tuple[int, int]]:
    """A number below 256 is a minor one, which each line of releases may have."""
    for reading in readings(text):
        if reading.value >> 8:
            return [_known_order(reading.value & 0xFF, reading.value >> 8 & 0xFF)]
        found = [
            (reading.value, major)
            for major in sorted(_majors())
            if releases.with_tcb_svn(reading.value, major)
        ]
        if found:
            return found
    return []


def _known_order(minor: int, major: int) -> tuple[int, int]:
    """Minor and major SVN, or the other way round where a release has only that."""
    is_swapped = not releases.with_tcb_svn(minor, major) and releases.with_tcb_svn(major, minor)
    return (major, minor) if is_swapped else (minor, major)


def _majors() -> set[int]:
    return {release.tcb_svn[1] for release in releases.releases() if release.tcb_svn}


def _of_halves(first: str, second: str) -> list[tuple[int, int]]:
    """Major and minor SVN with a sign between them, `01/0C`, or the other way round, `13/1`.

    Two digits each, or a letter, are hex as tools print bytes; that which a release has is meant.
    """
    is_hex = (len(first) == len(second) == 2) or not (first + second).isdigit()
    left, right = (int(digits, 16 if is_hex else 10) for digits in (first, second))
    pairs = [(right, left), (left, right)]
    known = [pair for pair in pairs if releases.with_tcb_svn(*pair)]
    return known[:1] or [pair for pair in pairs if pair[1] in _majors()][:1]


def _in_words(query: str) -> list[tuple[int, int]]:
    """`minor svn 12 major 1`, in either order."""
    for is_swapped, pattern in enumerate(_IN_WORDS):
        match = pattern.fullmatch(query.strip())
        if match and re.search("svn", query, re.IGNORECASE):
            found = [readings(match[1])[:1], readings(match[2])[:1]]
            values = [one[0].value for one in found if one]
            values = values[::-1] if is_swapped else values
            return [(values[0], values[1])] if len(values) == 2 else []
    return []
