"""Versions of the P-SEAMLDR, which loads the TDX module."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import releases
from tdxinfo.decode.releases import Release
from tdxinfo.explain import advisories
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.model.values import ModuleVersion

_LOADER = re.compile(
    r"(?:(?:min(?:imum|imal)?|needs?|required?s?|intel)[\s:=]+)*"
    r"(?:(?:tdx[-_\s]*)?(?:n?p[-_ ]?|(?:non-)?persistent\s+)?seam[-_ ]?(?:ldr|loader)"
    r"|tdx[-_\s]*loader|(?P<bare>loader))"
    r"(?:\s*\((?:p-)?seam\s?(?:ldr|loader)\))?(?:[\s_:=-]*version)?[\s_:=-]*"
    r"v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?:\.\d{1,5}){0,2}",
    re.IGNORECASE,
)


_FILE = re.compile(
    r"(?=[\w.-]{0,40}seam_?(?:ldr|loader))[\w.-]{0,60}\.(?:bin|so|acm|fv|blob)", re.I
)
"""The name of a file that holds the loader."""
_NUMBERS = re.compile(r"(?<!\d)(\d)\.(\d)(?:\.(\d{1,3}))?(?:\.\d{1,5}){0,2}(?!\d)")


def loader(query: str) -> Iterator[Explanation]:
    """A version of the P-SEAMLDR: `TDX loader 1.5.02`, `seamldr_version: 2.0.01`, or the name of
    its file, `SEAM_1.5.02.00_SEAMLDR_PW_signed.bin`.
    """
    name = query.strip().rpartition("/")[2]
    is_file = _FILE.fullmatch(name) is not None
    match = _NUMBERS.search(name) if is_file else _LOADER.fullmatch(query.strip())
    if match is None:
        return
    major, minor, update = match.groups()[-3:]
    version = ModuleVersion(int(major), int(minor), int(update) if update else None)
    lines: dict[str, dict[str, Any]] = tables.load("modules")["loader"]
    known = lines.get(f"{version.major}.{version.minor}")
    if match.groupdict().get("bare") and not (known and update):
        return
    if known is None:
        meaning = "tdxinfo knows no P-SEAMLDR of this line."
        rows = [("lines", ", ".join(lines)), ("table of", releases.as_of())]
    else:
        meaning = "A version of the P-SEAMLDR (TDX loader), which loads the TDX module."
        meaning += " It has versions of its own, and comes with the firmware."
        newest = ModuleVersion.parse(known["newest"]).update or 0
        is_newer = (version.update or newest) > newest
        is_older = version.update is not None and version.update < newest
        rows = [
            ("for", ", ".join(known["platforms"])),
            ("loads", ", ".join(_loaded_by(version))),
            ("is the minimum of", _minimum_of(version)),
            *advisories.of_loader(version),
            ("newest known", f"{known['newest']} (table of {releases.as_of()})"),
            ("what to do", _UPDATE if is_older else ""),
            ("note", "This version is newer than this tdxinfo knows." if is_newer else ""),
        ]
    if is_file:
        meaning += " By its name this file holds the loader, not a TDX module."
    yield explanation("P-SEAMLDR version", str(version), meaning, rows)


_UPDATE = "It loads the modules above; a newer one comes with an update of the firmware."


def _minimum_of(loader: ModuleVersion) -> str:
    """The releases that name a P-SEAMLDR as the oldest of its line, by the line of the module."""
    platforms: list[str] = tables.load("modules")["loader"][f"{loader.major}.{loader.minor}"][
        "platforms"
    ]
    found = [one for one in releases.releases() if str(loader) in one.min_seamldr]
    lines = {"{}.{}".format(*one.line): one for one in found}
    return "; ".join(
        f"modules of {line} for {'/'.join(_shared(found, line, platforms))}: "
        + ", ".join(str(one.version) for one in found if "{}.{}".format(*one.line) == line)
        for line in lines
    )


def _shared(found: list[Release], line: str, platforms: list[str]) -> list[str]:
    """The loader's processors on which releases of a line load."""
    of_line = [one for one in found if "{}.{}".format(*one.line) == line]
    return [name for name in platforms if any(_is_for(one, name) for one in of_line)]


def _is_for(release: Release, name: str) -> bool:
    return any(platform.startswith(name) for platform in release.platforms)


def _loaded_by(loader: ModuleVersion) -> Iterator[str]:
    """The releases that a P-SEAMLDR loads."""
    for release in releases.releases():
        needed = map(ModuleVersion.parse, release.min_seamldr)
        same_line = [
            one for one in needed if (one.major, one.minor) == (loader.major, loader.minor)
        ]
        if any((one.update or 0) <= (loader.update or 0) for one in same_line):
            yield str(release.version)
