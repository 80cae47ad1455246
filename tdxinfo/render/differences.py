"""What differs between two hosts, as JSON."""

from __future__ import annotations

from typing import Any

from tdxinfo.compare import Comparison, Difference, Entry, Kind
from tdxinfo.host import Host
from tdxinfo.model.observed import Observed
from tdxinfo.render.document import frame, plain


def diff_document(
    hosts: tuple[Host, Host], found: Comparison, left_out: list[str], is_different: bool
) -> dict[str, Any]:
    """Both origins, and each difference with what both sides tell, or why one does not."""
    unknown = {d.fact: d.a if d.kind is Kind.ONLY_B else d.b for d in _one_sided(found)}
    return {
        **frame(None),
        "unavailable": {
            fact: [attempt.as_dict() for attempt in side.attempts] for fact, side in unknown.items()
        },
        "a": hosts[0].origin.as_dict(),
        "b": hosts[1].origin.as_dict(),
        "different": is_different,
        "compared": found.compared,
        "differences": [_difference(difference) for difference in found.differences],
        "ignored": left_out,
    }


def _one_sided(found: Comparison) -> list[Difference]:
    return [*found.of(Kind.ONLY_A), *found.of(Kind.ONLY_B)]


def _difference(found: Difference) -> dict[str, Any]:
    return {
        "fact": found.fact,
        "kind": found.kind.value,
        "a": plain(found.fact, found.a.value),
        "b": plain(found.fact, found.b.value),
        "entries": [_entry(found, entry) for entry in found.entries],
        "follows_from": list(found.follows_from),
    }


def _entry(found: Difference, entry: Entry) -> dict[str, Any]:
    sides = {"a": _plain_entry(found.a, entry.a), "b": _plain_entry(found.b, entry.b)}
    return {"name": entry.name, "change": entry.change, **sides}


def _plain_entry(observed: Observed[Any], entry: Any) -> Any:
    """One entry of the fact's list in the plain types of JSON."""
    return entry if entry in (None, True) else plain(observed.name, (entry,))[0]
