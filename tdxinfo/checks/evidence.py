"""What a host printed, offers or answered goes before a rule by release number.

A check asks `shown()` for what it would conclude from a number. Only where nothing shows it,
`number()` gives the number, and only of kernels whose numbers are upstream's.
"""

from __future__ import annotations

from typing import Any

from tdxinfo import tables
from tdxinfo.decode import kernels
from tdxinfo.report import Report


def shown(report: Report, claim: str) -> str:
    """What proves the claim of `tables/evidence.toml`, as a clause; empty where nothing does."""
    for row in tables.load("evidence")["evidence"]:
        if row["claim"] == claim and _holds(report, row):
            return str(row["says"])
    return ""


def _holds(report: Report, row: dict[str, Any]) -> bool:
    section, _, field = row["fact"].partition(".")
    value = getattr(getattr(report.host, section), field)
    return value in row["values"] if "values" in row else value is not None


def number(report: Report) -> tuple[int, int] | None:
    """The kernel's version, where a rule may go by it; None for vendors' kernels."""
    return kernels.upstream_version(report.host.kernel.release)
