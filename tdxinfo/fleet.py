"""Many hosts as one picture: each in a few words, and which of them are of the same kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tdxinfo.checks.engine import Check, deciding, first_failure, judge_briefly, verdict_of
from tdxinfo.errors import BadInput
from tdxinfo.host import Host
from tdxinfo.host.observe import glimpse
from tdxinfo.host.reported import Reported, glimpse_of_report
from tdxinfo.machine import Machine
from tdxinfo.machine.inputs import CrashDump, ReportInput
from tdxinfo.machine.many import Supplied
from tdxinfo.model.values import hex64
from tdxinfo.model.verdict import HostVerdict
from tdxinfo.sources.vmcore import machine_of

MOST_KINDS = 10_000
"""Kinds of host that are told apart; real fleets have some dozen."""

MOST_EXAMPLES = 3
"""Hosts of a kind whose names are kept."""

_CHECK_ID = re.compile(r"[a-z0-9]{1,32}\.[a-z0-9_]{1,64}", re.ASCII)
_LONGEST = 64
"""Characters that are kept of a name that a report brings along."""

_FACTS = ("module.state", "module.version", "module.release", "module.features0")


@dataclass(frozen=True, slots=True)
class Kind:
    """What hosts have in common that are of one kind. None is unknown, or that nothing failed."""

    verdict: HostVerdict
    first_failure: str | None
    state: str | None
    version: str | None
    release: str | None
    features0: str | None

    @property
    def module(self) -> str:
        """The module by the best name there is for it, and its state where it does not run."""
        told = self.release or self.version
        if told is None:
            return "unknown" if self.state in ("initialized", None) else self.state
        return told if self.state in ("initialized", "unknown", None) else f"{told} ({self.state})"


def kind_of(given: Supplied) -> Kind:
    """The host's kind: as a report of `check` says, or as judged here. Raises BadInput."""
    if isinstance(given.what, BadInput):
        raise given.what
    if isinstance(given.what, CrashDump):
        return _judged(glimpse(machine_of(given.what, None)))
    if isinstance(given.what, Machine):
        return _judged(glimpse(given.what))
    _refuse_failed_run(given.what)
    if "verdict" in given.what.data:
        return _reported(given.what)
    return _judged(glimpse_of_report(given.what))


def _judged(host: Host) -> Kind:
    results = judge_briefly(host, _deciding())
    first = first_failure(results)
    facts = {name: host.fact(name).value for name in _FACTS}
    return _kind(verdict_of(results), first.check.id if first else None, facts)


@cache
def _deciding() -> list[Check]:
    """Nothing of the others shows in a kind."""
    return deciding()


def _reported(given: ReportInput) -> Kind:
    """What the checks said where the report was made."""
    told = Reported(given)
    data, where = given.data, given.origin.path
    first = data.get("first_failure")
    try:
        verdict = HostVerdict(data["verdict"])
    except ValueError:
        raise BadInput(
            f"{where} is no valid report: its verdict is {data['verdict']!r:.40}."
        ) from None
    if first is not None and not (isinstance(first, str) and _CHECK_ID.fullmatch(first)):
        raise BadInput(f"{where} is no valid report: its first_failure is {first!r:.40}.")
    facts = {name: told.value(name) for name in _FACTS}
    return _kind(verdict, first, facts)


def _kind(verdict: HostVerdict, first: str | None, facts: Mapping[str, Any]) -> Kind:
    state, version, release, features0 = (facts[name] for name in _FACTS)
    return Kind(
        verdict,
        first,
        state,
        None if version is None else str(version),
        None if release is None else release[:_LONGEST],
        None if features0 is None else hex64(features0),
    )


def _refuse_failed_run(given: ReportInput) -> None:
    """A run that failed makes a report too, with nothing in it but why."""
    errors = given.data.get("errors")
    if errors and not given.data["host"]:
        first = errors[0] if isinstance(errors, list) else errors
        why = first.get("message") if isinstance(first, dict) else first
        raise BadInput(f"{given.origin.path} is the report of a run that failed: {why!s:.200}")


@dataclass
class Group:
    """The hosts of one kind: how many, and the names of some."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Fleet:
    """The kinds of host that were seen, in memory that does not grow with their number."""

    def __init__(self) -> None:
        self.kinds: dict[Kind, Group] = {}
        self.verdicts: Counter[HostVerdict] = Counter()
        self.refused = 0
        """Inputs that could not be read."""
        self.beyond = 0
        """Hosts of kinds beyond the most that are told apart."""

    @property
    def hosts(self) -> int:
        return self.verdicts.total()

    def add(self, name: str, kind: Kind) -> None:
        self.verdicts[kind.verdict] += 1
        if kind not in self.kinds and len(self.kinds) >= MOST_KINDS:
            self.beyond += 1
            return
        group = self.kinds.setdefault(kind, Group())
        group.count += 1
        if len(group.examples) < MOST_EXAMPLES:
            group.examples.append(name[:_LONGEST])

    def rarest_first(self) -> list[tuple[Kind, Group]]:
        """The kinds; of two as rare as each other the one that is worse off."""
        return sorted(
            self.kinds.items(), key=lambda row: (row[1].count, _WORST_FIRST.index(row[0].verdict))
        )

    def counts(self, of: str) -> list[tuple[str | None, int]]:
        """How many hosts have which value of a kind's attribute, the most common first."""
        found: Counter[str | None] = Counter()
        for kind, group in self.kinds.items():
            found[getattr(kind, of)] += group.count
        return found.most_common()


_WORST_FIRST = (
    HostVerdict.NOT_READY,
    HostVerdict.UNDECIDED,
    HostVerdict.NOT_APPLICABLE,
    HostVerdict.READY,
)
