"""Values as a person reads them."""

from __future__ import annotations

from typing import Any

from tdxinfo.model.observed import Observed
from tdxinfo.model.units import counted, size, span
from tdxinfo.render.document import plain
from tdxinfo.render.safe import printable


def value(observed: Observed[Any]) -> str:
    """The fact's value in a line, or why there is none."""
    if not observed.is_known:
        return f"unknown: {reason(observed)}"
    return of_plain(plain(observed.name, observed.value), observed.name)


def of_plain(told: Any, name: str = "") -> str:
    """A value in JSON's types as a person reads it."""
    if told is None:
        return "none"
    if isinstance(told, bool):
        return "yes" if told else "no"
    if isinstance(told, int):
        return f"{told} ({size(told)})" if name.endswith("_bytes") else str(told)
    if isinstance(told, dict):
        parts = [f"{key} {of_plain(v)}" for key, v in told.items() if v is not None]
        is_range = list(told)[:3] == ["base", "end", "size"]
        return ", ".join([span(told["base"], told["end"]), *parts[3:]] if is_range else parts)
    if isinstance(told, list):
        return _listed(told)
    return printable(str(told)) or "(empty)"


def _listed(told: list[Any]) -> str:
    if not told:
        return "none"
    if isinstance(told[0], dict):
        return counted(len(told), "entry").replace("entrys", "entries")
    return ", ".join(map(of_plain, told))


def reason(observed: Observed[Any]) -> str:
    """The most telling of the refusals: a denial before an absence."""
    if not observed.attempts:
        return "no interface of today's kernels shows it"
    asked = [a for a in observed.attempts if ":" in a.origin and not _is_reasoned(a.origin)]
    ranked = sorted(asked or observed.attempts, key=lambda a: _RANKS.get(a.reason, len(_RANKS)))
    return printable(ranked[0].message)


_RANKS = {
    reason: rank
    for rank, reason in enumerate(
        ("lost", "inconsistent", "malformed", "timed-out", "denied", "unsupported")
    )
}


def _is_reasoned(origin: str) -> bool:
    """Derived from facts that were not known either, which explains nothing."""
    return origin.startswith(("derived:", "inferred:"))
