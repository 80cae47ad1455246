"""Which released TDX module a host's facts point to. Always an inference, never a value read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import NamedTuple

from tdxinfo import tables
from tdxinfo.decode import bits, cpuinfo
from tdxinfo.model.values import ModuleVersion


class Release(NamedTuple):
    """A row of `tables/modules.toml`; what is not publicly known is None or empty."""

    version: ModuleVersion
    build_number: int | None
    build_date: date | None
    features0: int | None
    other_features0: int | None
    """What a second source says, where the two differ."""
    platforms: tuple[str, ...]
    mrseam: str
    basis: str

    @property
    def line(self) -> tuple[int, int]:
        return self.version.major, self.version.minor


@cache
def releases() -> tuple[Release, ...]:
    """All known releases, oldest first within each line."""
    return tuple(
        Release(
            ModuleVersion.parse(row["version"]),
            row.get("build_number"),
            _day(row, "build_date"),
            _word(row, "features0"),
            _word(row, "other_features0"),
            tuple(row.get("platforms", ())),
            row.get("mrseam", ""),
            row.get("basis", ""),
        )
        for row in tables.load("modules")["release"]
    )


def _word(row: Mapping[str, str], key: str) -> int | None:
    return int(row[key], 16) if key in row else None


def _day(row: Mapping[str, str], key: str) -> date | None:
    return date.fromisoformat(row[key]) if key in row else None


def matching_release(
    version: ModuleVersion, build_number: int | None, build_date: date | None
) -> str | None:
    """The release that the version and the build name, or None when they name no single one."""
    found = [r for r in releases() if _fits(r, version, build_number, build_date)]
    return str(found[0].version) if len(found) == 1 else None


def _fits(
    release: Release, version: ModuleVersion, build_number: int | None, build_date: date | None
) -> bool:
    pairs = (
        (version.major, release.version.major),
        (version.minor, release.version.minor),
        (version.update, release.version.update),
        (build_number, release.build_number),
        (build_date, release.build_date),
    )
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        return False
    # The line alone names no release: the update or the build must agree too.
    return any(None not in pair and pair[0] == pair[1] for pair in pairs[2:])


def release_named(text: str) -> Release | None:
    """The release by its version, or by the MRSEAM that its binary measures to."""
    wanted = text.strip().lower()
    return next((r for r in releases() if wanted in (str(r.version), r.mrseam or None)), None)


def newest_of_line(release: Release) -> Release:
    """The newest known release of the same line; updates of other lines do not compare."""
    return [r for r in releases() if r.line == release.line][-1]


def newest_release(version: str) -> str | None:
    """The newest known release of the line that a release is of."""
    release = release_named(version)
    return str(newest_of_line(release).version) if release else None


def fits_processor(version: str, family: int, model: int) -> bool | None:
    """Whether the release is made for this processor; None where either is not known."""
    release, processor = release_named(version), _processor(family, model)
    if release is None or not release.platforms or processor is None:
        return None
    return processor in release.platforms


def newest_for_processor(version: str, family: int, model: int) -> str | None:
    """The newest known release of the same line that is made for this processor."""
    release, processor = release_named(version), _processor(family, model)
    if release is None or processor is None:
        return None
    fitting = [r for r in releases() if r.line == release.line and processor in r.platforms]
    return str(fitting[-1].version) if fitting else None


def _processor(family: int, model: int) -> str | None:
    """The processor's name in the table of releases."""
    row = cpuinfo.cpu_row(family, model) or {}
    return row.get("releases")


def added_features(old: Release, new: Release) -> list[str]:
    """Names of the features that `new` has and `old` lacks; empty where either is not known."""
    if old.features0 is None or new.features0 is None:
        return []
    return bits.names_of("TDX_FEATURES0", new.features0 & ~old.features0)
