"""Which released TDX module a host's facts point to. Always an inference, never a value read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from tdxinfo import tables
from tdxinfo.model.values import ModuleVersion


def matching_release(
    version: ModuleVersion, build_number: int | None, build_date: date | None
) -> str | None:
    """The release that the version and the build name, or None when they name no single one."""
    rows = tables.load("modules")["release"]
    found = [row["version"] for row in rows if _fits(row, version, build_number, build_date)]
    return found[0] if len(found) == 1 else None


def _fits(
    row: Mapping[str, Any],
    version: ModuleVersion,
    build_number: int | None,
    build_date: date | None,
) -> bool:
    known = ModuleVersion.parse(row["version"])
    pairs = (
        (version.major, known.major),
        (version.minor, known.minor),
        (version.update, known.update),
        (build_number, row.get("build_number")),
        (build_date, row.get("build_date")),
    )
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        return False
    # The line alone names no release: the update or the build must agree too.
    return any(None not in pair and pair[0] == pair[1] for pair in pairs[2:])
