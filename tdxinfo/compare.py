"""What differs between two hosts, or one host at two times: a pure function of both.

A fact that only one host has is not a change: perhaps the other was not read as root. It is listed
separately. A part of a value that is None is unknown and equals everything: module 1.5, whose
update is unknown, equals 1.5.06.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import JsonValue

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import Result, first_failure, run_checks, verdict_of
from tdxinfo.decode import bits
from tdxinfo.host import as_json, bitmap_of, fact_names, volatile_facts
from tdxinfo.host.observe import Observed
from tdxinfo.host.section import From, Inferred
from tdxinfo.model.base import Frozen, Value
from tdxinfo.model.provenance import Origin
from tdxinfo.model.values import ModuleVersion, Tdmr
from tdxinfo.model.verdict import HostVerdict, Outcome
from tdxinfo.report import CheckId, CheckReport, Document, Report, frame


class Kind(StrEnum):
    CHANGED = "changed"
    """Both know it, with different values."""
    ONLY_A = "only-a"
    ONLY_B = "only-b"


@dataclass(frozen=True, slots=True)
class Entry:
    """A part of a fact that differs: a named bit, a name, a memory range, a CPUID leaf.

    `a` and `b` are its value on each side: True for a name or a bit, None where it is missing.
    """

    name: str
    a: Any
    b: Any

    @property
    def change(self) -> str:
        if self.a is None:
            return "added"
        return "gone" if self.b is None else "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact that is not the same on both sides."""

    fact: str
    kind: Kind
    a: Observed
    b: Observed
    entries: tuple[Entry, ...]
    """The parts that differ, if both sides know the fact and it is a list or a bitmap."""
    follows_from: tuple[str, ...] = ()
    """Differences of the same kind that this one was derived from."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences in the order of the catalogue, and how many facts both hosts know."""

    differences: tuple[Difference, ...]
    compared: int

    def of(self, kind: Kind) -> list[Difference]:
        return [found for found in self.differences if found.kind is kind]


def compare(a: Report, b: Report, names: Iterable[str]) -> Comparison:
    """The differences between the two hosts in the named facts."""
    differences: dict[str, Difference] = {}
    compared = 0
    for name in names:
        one, other = a.observed(name), b.observed(name)
        compared += bool(one.origin and other.origin)
        difference = _difference(name, one, other)
        if difference:
            differences[name] = difference
    with_causes = (_with_causes(found, differences) for found in differences.values())
    return Comparison(tuple(with_causes), compared)


def _difference(name: str, a: Observed, b: Observed) -> Difference | None:
    if not (a.origin and b.origin):
        kind = Kind.ONLY_A if a.origin else Kind.ONLY_B
        return Difference(name, kind, a, b, ()) if a.origin or b.origin else None
    if _agree(a.value, b.value):
        return None
    return Difference(name, Kind.CHANGED, a, b, tuple(_entries(name, a.value, b.value)))


def _with_causes(found: Difference, others: dict[str, Difference]) -> Difference:
    causes = [
        name
        for name in _derived_from_on_both(found)
        if name in others and others[name].kind is found.kind
    ]
    return replace(found, follows_from=tuple(causes))


def _derived_from_on_both(found: Difference) -> list[str]:
    """The facts that this one was derived from, on each side that knows it."""
    sides = [_derived_from(side.origin) for side in (found.a, found.b) if side.origin]
    return [name for name in sides[0] if all(name in side for side in sides)]


def _derived_from(origin: str) -> list[str]:
    kind, _, names = origin.partition(":")
    return names.split(",") if kind in (From.kind, Inferred.kind) else []


def _agree(a: Any, b: Any) -> bool:
    """Whether two values are equal in all parts that both know; lists may differ in order."""
    if _is_list(a) and _is_list(b):
        return len(a) == len(b) and not _changed_entries(_by_name(a), _by_name(b))
    if isinstance(a, Value | ModuleVersion) and type(a) is type(b):
        parts = zip(_compared_parts(a), _compared_parts(b), strict=True)
        return all(one is None or other is None or _agree(one, other) for one, other in parts)
    return bool(a == b)


def _compared_parts(value: Any) -> list[Any]:
    """The parts of a value that are compared.

    PAMTs are compared by size: the kernel allocates them at other addresses at each boot.
    """
    if isinstance(value, ModuleVersion):
        return [value.major, value.minor, value.update]
    parts = dict(value)
    if isinstance(value, Tdmr) and value.pamt is not None:
        parts["pamt"] = [area.size for area in value.pamt]
    return list(parts.values())


def _entries(name: str, a: Any, b: Any) -> list[Entry]:
    one, other = (_parts(value, bitmap_of(name)) for value in (a, b))
    return _changed_entries(one, other)


def _parts(value: Any, bitmap: str | None) -> dict[str, Any]:
    """The parts of a bitmap or a list by their names; other values have none."""
    if bitmap and isinstance(value, int):
        return dict.fromkeys(bits.names_of(bitmap, value), True)
    return _by_name(value) if _is_list(value) else {}


def _by_name(listed: tuple[Any, ...]) -> dict[str, Any]:
    """The entries of a list by their keys."""
    return {e: True for e in listed if isinstance(e, str)} or {e.key: e for e in listed}


def _is_list(value: Any) -> bool:
    """Whether the value is a list of entries in any order. A tuple of numbers is one value."""
    return isinstance(value, tuple) and not any(isinstance(entry, int) for entry in value)


def _changed_entries(a: dict[str, Any], b: dict[str, Any]) -> list[Entry]:
    """The entries that are missing on one side, or differ."""
    return [
        Entry(name, a.get(name), b.get(name))
        for name in (a | b)
        if name not in a or name not in b or not _agree(a[name], b[name])
    ]


# --- since an earlier run of check ---------------------------------------------------------------


class Since(NamedTuple):
    """What changed since an earlier report of `check` on the same host."""

    verdict: HostVerdict
    """The earlier verdict."""
    checks: list[tuple[Outcome | None, Result]]
    """The checks with another outcome, each with the earlier one; None where it was not run."""
    facts: Comparison
    """The facts that are not the same, without the volatile ones."""
    is_change: bool
    """Whether anything changed."""


def since(before: CheckReport, run: CheckRun) -> Since:
    """What changed from the earlier report to this run."""
    outcomes = {check.id: check.outcome for check in before.checks}
    checks = [
        (outcomes.get(result.check.id), result)
        for result in run.results
        if outcomes.get(result.check.id) is not result.outcome
    ]
    volatile = volatile_facts()
    facts = compare(before, run.report, [n for n in fact_names() if n not in volatile])
    is_change = before.verdict is not run.verdict or bool(checks or facts.differences)
    return Since(before.verdict, checks, facts, is_change)


# --- the document --------------------------------------------------------------------------------


class ChangedEntry(Frozen):
    """A part of a fact that differs: a named bit, a name, a memory range, a CPUID leaf."""

    name: str
    """Its key: it differs from that of the other parts."""
    change: str
    """added, gone or changed, from A to B."""
    a: JsonValue
    """The part in A; true for a name or a bit; null where it is not there."""
    b: JsonValue
    """The part in B; true for a name or a bit; null where it is not there."""


class ChangedFact(Frozen):
    """A fact that is not the same in A and B."""

    fact: str
    """Its full name."""
    kind: Kind
    """changed, only-a or only-b."""
    a: JsonValue
    """Its value in A; null where it is unknown."""
    b: JsonValue
    """Its value in B; null where it is unknown."""
    entries: tuple[ChangedEntry, ...]
    """The parts that differ, of a list or a bitmap that both have."""
    follows_from: tuple[str, ...]
    """Changed facts that this one is derived from."""


class SideVerdict(Frozen):
    """The answer of `check` about one of the two hosts."""

    verdict: HostVerdict
    """The verdict."""
    first_failure: CheckId | None
    """The first check that failed; null where none did."""


class Verdicts(Frozen):
    """The answers of `check` about both hosts."""

    a: SideVerdict
    """The verdict on A."""
    b: SideVerdict
    """The verdict on B."""

    @property
    def differ(self) -> bool:
        """Whether the verdicts differ; False if one of them is undecided."""
        decided = HostVerdict.UNDECIDED not in (self.a.verdict, self.b.verdict)
        return decided and self.a != self.b


def verdicts_of(a: Report, b: Report) -> Verdicts:
    """The verdicts of two whole reports."""
    return Verdicts(a=_verdict_of_side(a), b=_verdict_of_side(b))


def _verdict_of_side(report: Report) -> SideVerdict:
    results = run_checks(report)
    first = first_failure(results)
    return SideVerdict(verdict=verdict_of(results), first_failure=first.check.id if first else None)


class DiffReport(Document):
    """What differs between two hosts, or one host at two times."""

    a: Origin
    """The first host."""
    b: Origin
    """The second host."""
    verdicts: Verdicts
    """The answers of `check` about both."""
    different: bool
    """Whether they differ."""
    compared: int
    """How many facts both hosts have."""
    differences: tuple[ChangedFact, ...]
    """The facts that are not the same."""
    ignored: tuple[str, ...]
    """The facts that were not compared."""


def diff_report(  # noqa: PLR0913  # each is a part of the document
    a: Report,
    b: Report,
    found: Comparison,
    verdicts: Verdicts,
    *,
    ignored: list[str],
    different: bool,
) -> DiffReport:
    one_sided = [*found.of(Kind.ONLY_A), *found.of(Kind.ONLY_B)]
    unknown = {d.fact: d.a if d.kind is Kind.ONLY_B else d.b for d in one_sided}
    return DiffReport(
        **frame(unavailable={fact: side.attempts for fact, side in unknown.items()}),
        a=a.subject,
        b=b.subject,
        verdicts=verdicts,
        different=different,
        compared=found.compared,
        differences=tuple(_changed_fact(difference) for difference in found.differences),
        ignored=tuple(ignored),
    )


def _changed_fact(found: Difference) -> ChangedFact:
    return ChangedFact(
        fact=found.fact,
        kind=found.kind,
        a=as_json(found.fact, found.a.value),
        b=as_json(found.fact, found.b.value),
        entries=tuple(
            ChangedEntry(
                name=entry.name,
                change=entry.change,
                a=_entry_as_json(found.fact, entry.a),
                b=_entry_as_json(found.fact, entry.b),
            )
            for entry in found.entries
        ),
        follows_from=found.follows_from,
    )


def _entry_as_json(name: str, entry: Any) -> JsonValue:
    """One entry of the fact's list in the plain types of JSON."""
    if entry is None or entry is True:
        return entry
    listed: list[JsonValue] = as_json(name, (entry,))
    return listed[0]
