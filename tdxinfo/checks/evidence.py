"""Evidence from the host itself, which overrides rules by the kernel's release number.

A check first asks `proof_of()` whether a fact proves a claim of `tables/evidence.toml`. Only
without proof does it apply its rule to `upstream_version()`, which vendors' kernels do not have.
"""

from __future__ import annotations

from typing import Any

from tdxinfo import tables
from tdxinfo.decode import kernels
from tdxinfo.report import Report


def proof_of(report: Report, claim: str) -> str:
    """What proves the claim of `tables/evidence.toml`, as a clause; empty without proof."""
    for row in tables.load("evidence")["evidence"]:
        if row["claim"] == claim and _holds(report, row):
            return str(row["says"])
    return ""


def _holds(report: Report, row: dict[str, Any]) -> bool:
    section, _, field = row["fact"].partition(".")
    value = getattr(getattr(report.host, section), field)
    return value in row["values"] if "values" in row else value is not None


def upstream_version(report: Report) -> tuple[int, int] | None:
    """The version of an upstream kernel; None for vendors' kernels."""
    return kernels.upstream_version(report.host.kernel.release)
