"""Versions of the P-SEAMLDR, which loads the TDX module."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import releases
from tdxinfo.explain import advisories
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.model.values import ModuleVersion

_LOADER = re.compile(
    r"(?:intel\s+)?(?:(?:tdx\s+)?(?:p[-_ ]?|persistent\s+)?seam[-_ ]?(?:ldr|loader)|tdx\s+loader)"
    r"(?:[\s_:=]*version)?[\s_:=]*"
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
    version = ModuleVersion(int(match[1]), int(match[2]), int(match[3]) if match[3] else None)
    lines: dict[str, dict[str, Any]] = tables.load("modules")["loader"]
    known = lines.get(f"{version.major}.{version.minor}")
    if known is None:
        meaning = "tdxinfo knows no P-SEAMLDR of this line."
        rows = [("lines", ", ".join(lines)), ("table of", releases.as_of())]
    else:
        meaning = "A version of the P-SEAMLDR (TDX loader), which loads the TDX module."
        is_newer = (version.update or 0) > (ModuleVersion.parse(known["newest"]).update or 0)
        rows = [
            ("for", ", ".join(known["platforms"])),
            ("loads", ", ".join(_loaded_by(version))),
            ("needed by", ", ".join(_loaded_by(version, only=True))),
            *advisories.of_loader(version),
            ("newest known", f"{known['newest']} (table of {releases.as_of()})"),
            ("note", "This version is newer than this tdxinfo knows." if is_newer else ""),
        ]
    if is_file:
        meaning += " By its name this file holds the loader, not a TDX module."
    yield explanation("P-SEAMLDR version", str(version), meaning, rows)


def _loaded_by(loader: ModuleVersion, only: bool = False) -> Iterator[str]:
    """The releases that a P-SEAMLDR loads; with `only` those that need one of its line."""
    for release in releases.releases():
        needed = map(ModuleVersion.parse, release.min_seamldr)
        same_line = [
            one for one in needed if (one.major, one.minor) == (loader.major, loader.minor)
        ]
        is_needed = len(same_line) == len(release.min_seamldr) or not only
        if is_needed and any((one.update or 0) <= (loader.update or 0) for one in same_line):
            yield str(release.version)
