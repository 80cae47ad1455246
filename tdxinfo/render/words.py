"""Values as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tdxinfo.checks.units import counted, size, span
from tdxinfo.host import as_json
from tdxinfo.model.provenance import Attempt
from tdxinfo.render.safe import printable
from tdxinfo.report import Report


def fact(report: Report, name: str) -> str:
    """The fact's value in a line, or why there is none."""
    if not report.is_known(name):
        return f"unknown: {reason(report, name)}"
    return value(name, report.host.fact(name))


def value(name: str, found: object) -> str:
    """A value of this fact in a line."""
    return of_plain(as_json(name, found), name)


def of_plain(value: Any, name: str = "") -> str:
    """A value in JSON's types as a person reads it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value} ({size(value)})" if name.endswith("_bytes") else str(value)
    if isinstance(value, dict):
        parts = [f"{key} {of_plain(v)}" for key, v in value.items() if v is not None]
        is_range = list(value)[:3] == ["base", "end", "size"]
        return ", ".join([span(value["base"], value["end"]), *parts[3:]] if is_range else parts)
    if isinstance(value, list):
        return _listed(value)
    return printable(str(value)) or "(empty)"


def _listed(value: list[Any]) -> str:
    if not value:
        return "none"
    if isinstance(value[0], dict):
        return counted(len(value), "entry").replace("entrys", "entries")
    return ", ".join(map(of_plain, value))


def reason(report: Report, name: str) -> str:
    """Why the fact is unknown."""
    return reason_of(report.attempts(name))


def reason_of(attempts: Sequence[Attempt]) -> str:
    """The message of the attempt that explains most, in the order of _RANKS."""
    if not attempts:
        return "no interface of current kernels shows it"
    asked = [a for a in attempts if ":" in a.origin and not _is_reasoned(a.origin)]
    ranked = sorted(asked or attempts, key=lambda a: _RANKS.get(a.reason, len(_RANKS)))
    return printable(ranked[0].message)


_RANKS = {
    reason: rank
    for rank, reason in enumerate(
        ("lost", "inconsistent", "malformed", "timed-out", "denied", "unsupported")
    )
}


def _is_reasoned(origin: str) -> bool:
    """Whether the source derives from other facts: that those are unknown explains nothing."""
    return origin.startswith(("derived:", "inferred:"))
