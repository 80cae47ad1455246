"""Module releases, by version, MRSEAM or security version; versions of the P-SEAMLDR."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import bits, releases
from tdxinfo.decode.releases import Release
from tdxinfo.explain import advisories, module_updates, tcb
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import readings
from tdxinfo.model.values import ModuleVersion, decimal_date, hex64

_PREFIX = re.compile(
    r"(?:intel[-_\s]+)?(?:tdx[-_ ]?)?(?:seam[-_ ]?)?(?:(?:module|release|version)[-_ :=]*)*"
    r"v?(?=\d+\.)"
    r"|mr_?seam[\s:=]+",
    re.IGNORECASE,
)
_MODULE = re.compile("tdx|seam|module", re.IGNORECASE)
_ENDING = re.compile(
    r"(?:\.(?:blob|bin|so|sigstruct|so\.sigstruct|zip|tar\.gz|tgz)|-(?:build|release))$",
    re.IGNORECASE,
)
"""Of a file that is called after its release."""
_MRSEAM_DIGITS = 96
_BASES = {
    "sigstruct": "processors, date and security version from the signed sigstruct",
    "page": "from the release page, not verified",
    "recalled": "the list of processors is not verified",
}


def release(query: str) -> Iterator[Explanation]:
    """A release by its version in any form, or by its MRSEAM."""
    prefix = _PREFIX.match(query.strip())
    word = _ENDING.sub("", query.strip()[prefix.end() if prefix else 0 :])
    found = releases.release_named(word) or releases.release_named(_as_mrseam(word))
    if found:
        yield of_release(found)
    elif len(_as_mrseam(word)) == _MRSEAM_DIGITS:
        yield _unknown_mrseam(_as_mrseam(word))
    else:
        yield from _of_part(query.strip())
        yield from _not_in_table(word, is_of_module=bool(prefix and _MODULE.search(prefix[0])))


def build(query: str) -> Iterator[Explanation]:
    """The releases of a build number, which kernels print in decimal or in hex."""
    for reading in readings(query):
        found = [r for r in releases.releases() if r.build_number == reading.value]
        yield from map(of_release, found)
        others = [row for row in _unreleased() if row["build_number"] == reading.value]
        yield from map(_unreleased_build, others)
        if found or others:
            return


def build_asked(query: str) -> Iterator[Explanation]:
    """The releases of a build number, or that no module has it."""
    found = list(build(query))
    yield from found
    if not found and readings(query):
        rows = [("table of", releases.as_of())]
        meaning = "No module that tdxinfo knows has this build number."
        yield explanation("module build", f"build {readings(query)[0].value}", meaning, rows)


def day(query: str) -> Iterator[Explanation]:
    """The releases of a build date: 20250325, 2025-03-25, or in hex as kernels print, 0134fed5."""
    days = dict(_days(query.strip()))
    iso = {one.isoformat() for one in days}
    found = [(of_release(r), r.build_date) for r in releases.releases() if r.build_date in days]
    others = [row for row in _unreleased() if row.get("build_date") in iso]
    found += [(_unreleased_build(row), date.fromisoformat(row["build_date"])) for row in others]
    for meaning, built in found:
        yield meaning.with_details([("read as", days.get(built, "") if built else "")])


def day_asked(query: str) -> Iterator[Explanation]:
    """The releases of a build date, or of the days around it: release pages differ by days."""
    found = list(day(query))
    yield from found
    for asked in dict(_days(query.strip())) if not found else ():
        near = [
            f"{one.version} ({one.build_date})"
            for one in releases.releases()
            if one.build_date and abs((one.build_date - asked).days) <= _FEW_DAYS
        ]
        meaning = (
            "No module that tdxinfo knows was built on this day; release pages differ by days."
        )
        rows = [("near it", ", ".join(near)), ("table of", releases.as_of())]
        if near:
            yield explanation("module build", f"build date {asked}", meaning, rows)


_WITH_DAY = re.compile(
    r"(?:tdx[\s_-]?module\s)?(\d\.\d\.\d{2}\S*?),?\s\(?(?:of|from|built|build[\s_]date)?[\s:=]*"
    r"(20\d{6}|20\d\d-\d\d-\d\d)\)?", re.I)  # fmt: skip


def release_with_day(query: str) -> Iterator[Explanation]:
    """A release with a day, `1.5.13 20250210`, and how the day compares with its build date."""
    match = _WITH_DAY.fullmatch(query.strip())
    found = releases.release_named(match[1]) if match else None
    if match and found and found.build_date:
        built = found.build_date
        yield from (of_release(found, [("date", _compared(built, d))]) for d, _ in _days(match[2]))


def _compared(built: date, asked: date) -> str:
    if built == asked:
        return f"{asked}, as the module itself and kernels report it"
    if abs((built - asked).days) <= _FEW_DAYS:
        return (
            f"{asked} is no sign of another build: {_OWN} {built}, and release pages differ by days"
        )
    return f"{asked} is not its date: {_OWN} {built}"


_OWN = "the module itself and kernels report"
_FEW_DAYS = 21


def seen_build(line: str, number: int | None) -> Iterator[Explanation]:
    """A build of a line that is no public release; where the table lacks it, the line."""
    seen = [r for r in _unreleased() if (r["line"], r["build_number"]) == (line, number)]
    yield from map(_unreleased_build, seen)
    yield from () if seen else _not_in_table(line, is_of_module=True)


def _unreleased() -> list[dict[str, Any]]:
    """Builds that hosts have shown and that are no public releases."""
    found: list[dict[str, Any]] = tables.load("modules")["unreleased"]
    return found


def _unreleased_build(row: dict[str, Any]) -> Explanation:
    meaning = "A build of the TDX module that hosts have shown and that is not a public release."
    rows = [
        ("line", row["line"]),
        ("build date", row.get("build_date", "")),
        ("release before it", _release_before(row)),
        ("note", row.get("note") or tables.load("modules")["line_note"].get(row["line"], "")),
        ("what to do", _instead_of(row)),
        ("table of", releases.as_of()),
    ]
    return explanation("module build", f"{row['line']} build {row['build_number']}", meaning, rows)


def _instead_of(row: dict[str, Any]) -> str:
    """The releases to update to; of a build without NO_RBP_MOD the first that has it."""
    of_line = [r for r in releases.releases() if "{}.{}".format(*r.line) == row["line"]]
    newest = of_line[-1].version if row["line"] != "1.0" else "1.5 or later"
    features0 = int(row["features0"], 16) if "features0" in row else None
    lacks = _no_rbp_mod(features0).startswith("no")
    having = [str(r.version) for r in of_line if _no_rbp_mod(r.features0) == "yes"][:1]
    first = f" {having[0]} is the first release with NO_RBP_MOD." if lacks and having else ""
    return f"Update to a public release: {newest}{_newest_for(row['line'])}.{first}"


def _newest_for(line: str) -> str:
    return f", the newest known of its line ({_table()})" if line != "1.0" else ""


def _release_before(row: dict[str, Any]) -> str:
    """The public release of the line with the next lower build number."""
    of_line = [r for r in releases.releases() if "{}.{}".format(*r.line) == row["line"]]
    older = [r for r in of_line if r.build_number and r.build_number < row["build_number"]]
    before = max(older, key=lambda r: r.build_number or 0, default=None)
    return f"{before.version}, build {before.build_number}" if before else ""


def _days(word: str) -> Iterator[tuple[date, str]]:
    """The days that a word can mean, each with how its number was read where it is in hex."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", word):
        with suppress(ValueError):
            yield date.fromisoformat(word), ""
    for reading in readings(word):
        text = f"{reading.value:#x} = {reading.value}, the day as the decimal number yyyymmdd"
        with suppress(ValueError, OverflowError):
            yield decimal_date(reading.value), text if reading.base == "hex" else ""


def _as_mrseam(word: str) -> str:
    """A measurement without 0x, colons and blanks; empty for other text."""
    digits = re.sub(r"^0x|[\s:]", "", word.lower())
    return digits if re.fullmatch(r"[0-9a-f]{96}", digits) else ""


_NAMED_MRSEAM = re.compile(r"mr_?seam[\s:=]*", re.IGNORECASE)
_LEFT_OUT = re.compile(r"\.{2,3}|\u2026|\*")
_FEW, _ENOUGH = 4, 6
"""Digits that a part of an MRSEAM has at least: where something says that it is one, and else."""


def _of_part(query: str) -> Iterator[Explanation]:
    """The releases of the first or last digits of an MRSEAM, or of both: `49b66faa...54d6a8b1`."""
    text = _NAMED_MRSEAM.sub("", query.lower(), count=1)
    pieces = [re.sub(r"[\s:]", "", piece) for piece in _LEFT_OUT.split(text.removeprefix("0x"))]
    digits = "".join(pieces)
    least = _FEW if text != query.lower() or len(pieces) == 2 else _ENOUGH
    if len(pieces) > 2 or len(digits) < least or not re.fullmatch(r"[0-9a-f]+", digits):
        return
    found = [one for one in releases.releases() if _has_parts(one.mrseam, pieces)]
    for one in found:
        yield of_release(one).with_details([("read as", "a part of the MRSEAM")])
    if not found and text != query.lower():
        meaning = f"No release that tdxinfo knows has an MRSEAM with these digits ({_table()})."
        yield explanation("measurement", digits, meaning)


def _has_parts(mrseam: str, pieces: list[str]) -> bool:
    ends = mrseam.startswith(pieces[0]), mrseam.endswith(pieces[-1])
    return bool(mrseam) and (all(ends) if len(pieces) == 2 else any(ends))


def _unknown_mrseam(digits: str) -> Explanation:
    meaning = (
        "A measurement of 384 bits; no release that tdxinfo knows of has it as its MRSEAM "
        f"({_table()})."
    )
    return explanation("measurement", digits, meaning)


def _not_in_table(word: str, is_of_module: bool) -> Iterator[Explanation]:
    match = re.fullmatch(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?:\.\d+){0,2}", word)
    if match is None:
        return
    major, minor = int(match[1]), int(match[2])
    # A bare number beyond the next major version is that of a kernel, of QEMU or of libvirt.
    is_beyond = major > max(r.line for r in releases.releases())[0] + 1
    if is_beyond and (not is_of_module or match[3] is None):
        return
    version = ModuleVersion(major, minor, int(match[3]) if match[3] else None)
    of_line = [r for r in releases.releases() if r.line == (major, minor)]
    build = int(word.rpartition(".")[2]) if word.count(".") == 4 else None
    seen = [
        r for r in _unreleased() if (r["line"], r["build_number"]) == (f"{major}.{minor}", build)
    ]
    if seen:
        yield _unreleased_build(seen[0])
        return
    newest = releases.newer_than_known(version)
    if match[3] is None and of_line:
        yield _line(of_line)
    elif newest:
        meaning = f"Newer than this tdxinfo knows ({newest.version}, {_month()})."
        yield explanation("module release", str(version), meaning)
    elif not of_line:
        lines = sorted({r.line for r in releases.releases()})
        known = ", ".join(f"{first}.{second}" for first, second in lines)
        rows = [("lines", known), ("table of", releases.as_of())]
        yield explanation("module version", str(version), _UNKNOWN_VERSION, rows)
    else:
        around = ", ".join(str(r.version) for r in of_line)
        meaning = _UNKNOWN_VERSION
        rows = [("releases of the line", around), ("table of", releases.as_of())]
        yield explanation("module version", str(version), meaning, rows)


_UNKNOWN_VERSION = "tdxinfo knows no public release with this version."


def _table() -> str:
    return f"table of {releases.as_of()}"


def _month() -> str:
    return releases.as_of()[:7]


def _line(of_line: list[Release]) -> Explanation:
    newest = of_line[-1]
    processors = sorted({name for release in of_line for name in release.platforms})
    rows = [
        ("releases", ", ".join(str(release.version) for release in of_line)),
        ("for", ", ".join(processors)),
        ("newest known", f"{newest.version} ({_table()})"),
        ("note", _note(newest)),
    ]
    line = f"{newest.version.major}.{newest.version.minor}"
    meaning = "A line of the TDX module. An update stays within its line."
    return explanation("module line", line, meaning, rows)


def of_release(release: Release, first: Iterable[tuple[str, str]] = ()) -> Explanation:
    """A release, with what was asked for of it first."""
    newest = releases.newest_of_line(release)
    is_newest = newest == release
    corrupts = releases.corrupts_builds(release) and "while a TD is built" not in dict(first)
    rows = [
        *first,
        ("build", _build(release)),
        ("for", ", ".join(release.platforms)),
        ("NO_RBP_MOD", _no_rbp_mod(release.features0)),
        ("missing", _missing(release.features0)),
        ("TEE_TCB_SVN", _svn(release)),
        *tcb.of_release(release),
        *advisories.of_release(release),
        ("newest known", "" if is_newest else f"{newest.version} ({_table()})"),
        ("P-SEAMLDR", ", or ".join(f"{version} or later" for version in release.min_seamldr)),
        ("features", hex64(release.features0) if release.features0 is not None else ""),
        (
            "update from",
            f"{release.update_from} or later, at run time" if release.update_from else "",
        ),
        ("update to", module_updates.targets(release)),
        ("while a TD is built", module_updates.during_a_build(release) if corrupts else ""),
        ("newer releases add", " ".join(releases.added_features(release, newest))),
        ("MRSEAM", release.mrseam),
        ("note", _note(release)),
        ("basis", _BASES.get(release.basis, "")),
    ]
    meaning = "A release of the TDX module. This table does not say whether it is safe to run."
    if is_newest:
        meaning += f" It is the newest of its line that tdxinfo knows of ({_month()})."
    return explanation("module release", str(release.version), meaning, rows)


def _note(release: Release) -> str:
    """What holds for all releases of its line."""
    notes: dict[str, str] = tables.load("modules")["line_note"]
    return notes.get(f"{release.version.major}.{release.version.minor}", "")


def _missing(features0: int | None) -> str:
    """The other features without which kernels refuse the module or TDX."""
    rows = tables.load("features")["TDX_FEATURES0"]["fields"] if features0 is not None else ()
    return "; ".join(
        f"{row['name']}, without which {row['required']}"
        for row in rows
        if "required" in row and row["name"] != "NO_RBP_MOD"
        if not bits.is_set("TDX_FEATURES0", row["name"], features0 or 0)
    )


def _no_rbp_mod(features0: int | None) -> str:
    """Whether a module has NO_RBP_MOD; empty where its features are not known."""
    if features0 is None:
        return ""
    has_it = bits.is_set("TDX_FEATURES0", "NO_RBP_MOD", features0)
    return "yes" if has_it else "no: Linux 6.14 and later refuse the module"


def _build(release: Release) -> str:
    return ", ".join(str(part) for part in (release.build_number, release.build_date) if part)


def _svn(release: Release) -> str:
    if release.tcb_svn is None:
        return ""
    minor, major = release.tcb_svn
    return f"bytes 0 and 1: {minor}, {major} (SVN {major << 8 | minor:#x})"


def names() -> Iterator[str]:
    yield from (str(release.version) for release in releases.releases())
