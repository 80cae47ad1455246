"""The chain of checks: who waits for whom, and what a refusal, an unknown or a success means.

A check is a pure function from `Host` to `Verdict`; everything else about it stands in its file,
`tables/checks/ID.toml`. To judge, only the head of that file is read, before the prose.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

from tdxinfo import tables
from tdxinfo.errors import Absent
from tdxinfo.host import Host
from tdxinfo.model.observed import Observed
from tdxinfo.model.verdict import (
    HostVerdict,
    Outcome,
    Severity,
    Verdict,
    informed,
    passed,
    skipped,
    unknown,
    warned,
)

T = TypeVar("T")
Judge = Callable[[Host], Verdict]


class Check(NamedTuple):
    """A declared check. `needs` must not have failed; a pass of `proof` implies one of this."""

    id: str
    title: str
    severity: Severity
    remedy: str
    menus: Mapping[str, str]
    """Where the firmware's setup has the option, by the machine's maker; "" stands for others."""
    needs: tuple[str, ...]
    proof: str
    aliases: tuple[str, ...]
    """Ids that the check had before."""
    judge: Judge
    is_required: bool = False
    """A policy asks for it: what would be a warning is a failure."""

    @property
    def group(self) -> str:
        return self.id.partition(".")[0]


class Result(NamedTuple):
    """What a check found, and the facts it looked at."""

    check: Check
    verdict: Verdict
    evidence: dict[str, Observed[Any]]
    waits_for: str = ""
    """The failed check that this one was skipped for."""
    is_accepted: bool = False
    """A policy accepts what was found."""

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome

    @property
    def remedy(self) -> str:
        """What to do; only where there is something to do."""
        return self.verdict.remedy


class Judged(NamedTuple):
    """A host with what the checks say of it, for those who hand that on."""

    host: Host
    results: list[Result]
    verdict: HostVerdict
    when: float
    """Seconds since 1970."""
    hours: int | None = None
    """How long it is to be believed, or None for always."""


class Accepted(NamedTuple):
    """A finding that does not count, for a reason, up to and including a day."""

    reason: str
    until: date


class Terms(NamedTuple):
    """What a policy changes: checks of its own, what must pass, what is accepted."""

    added: tuple[Check, ...] = ()
    required: frozenset[str] = frozenset()
    accepted: Mapping[str, Accepted] = MappingProxyType({})
    today: date = date.min


CHECKS: dict[str, Check] = {}

_BLOCKING = (Outcome.FAIL, Outcome.SKIP)
_ADVERSE = (Outcome.FAIL, Outcome.WARN)
_DOUBTFUL = (Outcome.UNKNOWN, Outcome.FAIL)


def check(check_id: str) -> Callable[[Judge], Judge]:
    """Declares a check. One without needs of its own stands at the beginning of the chain."""

    def declare(judge: Judge) -> Judge:
        CHECKS[check_id] = declared(check_id, judge)
        return judge

    return declare


def declared(check_id: str, judge: Judge) -> Check:
    """The check of this id as its file tells it."""
    head = tables.head(f"checks/{check_id}")
    return Check(
        check_id,
        head["title"],
        Severity(head["severity"]),
        head.get("remedy", ""),
        head.get("menus", {}),
        tuple(head.get("needs", ())),
        head.get("proof", ""),
        tuple(head.get("aliases", ())),
        judge,
    )


def by_alias() -> dict[str, str]:
    """The ids that checks had before, with those they have now."""
    return {old: check.id for check in CHECKS.values() for old in check.aliases}


class NotKnown(Exception):  # it ends a check, it is no error
    """A fact that a check needs is unknown."""

    def __init__(self, observed: Observed[Any]) -> None:
        super().__init__(observed.name)
        self.observed = observed


def known(observed: Observed[T]) -> T:
    """The fact's value; ends the check as unknown when there is none."""
    if not observed.is_known or observed.value is None:
        raise NotKnown(observed)
    return observed.value


def is_absent(observed: Observed[Any]) -> bool:
    """Whether every place was asked and said that there is none; a denial says no such thing."""
    reasons = {attempt.reason for attempt in observed.attempts}
    return not observed.is_known and reasons == {Absent.reason}


class _Witness:
    """A host, or a section of it, that remembers the facts it was asked for."""

    def __init__(self, inner: object, seen: dict[str, Observed[Any]]) -> None:
        self._inner = inner
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if isinstance(found, Observed):
            self._seen[found.name] = found
            return found
        return found if callable(found) else _Witness(found, self._seen)


def judge_host(
    host: Host, left_out: Container[str] = (), terms: Terms | None = None
) -> list[Result]:
    """The results of the checks, each after those it needs; nothing waits for one left out."""
    terms = terms or Terms()
    chosen = [check for check in (*in_order(), *terms.added) if check.id not in left_out]
    alone = [_witnessed(_as_required(check, terms), host) for check in chosen]
    return _together(alone, terms)


def judge_briefly(host: Host, chosen: Iterable[Check]) -> list[Result]:
    """As `judge_host`, of these checks in this order, and without the evidence."""
    return _together([Result(check, _judged(check, host, host), {}) for check in chosen], Terms())


def _together(alone: list[Result], terms: Terms) -> list[Result]:
    """The results in the light of each other and of a policy."""
    judged = {result.check.id: result for result in alone}
    found: dict[str, Result] = {}
    for result in alone:
        settled = _settled(result, judged)
        if terms.accepted:
            settled = _as_accepted(settled, terms)
        found[result.check.id] = _waiting(settled, found) or settled
    return list(found.values())


def in_order() -> list[Check]:
    """All checks, in the order of declaration but never before one that they need."""
    placed: dict[str, Check] = {}

    def place(check_id: str) -> None:
        for need in CHECKS[check_id].needs:
            if need not in placed:
                place(need)
        placed.setdefault(check_id, CHECKS[check_id])

    for check_id in CHECKS:
        place(check_id)
    return list(placed.values())


def deciding() -> list[Check]:
    """The checks that a verdict hangs on, in order: those that decide, and what bears on them."""
    bearing: set[str] = set()

    def add(check: Check) -> None:
        if check.id not in bearing:
            bearing.add(check.id)
            for name in filter(None, (*check.needs, check.proof)):
                add(CHECKS[name])

    for check in CHECKS.values():
        if check.severity.decides:
            add(check)
    return [check for check in in_order() if check.id in bearing]


def _witnessed(declared: Check, host: Host) -> Result:
    """What the check alone says, and the facts it looked at."""
    seen: dict[str, Observed[Any]] = {}
    witness = cast(Host, _Witness(host, seen))
    return Result(declared, _judged(declared, witness, host), seen)


def _judged(declared: Check, shown: Host, host: Host) -> Verdict:
    """What the check alone says of the host as it is shown; the host itself tells the way out."""
    try:
        verdict = declared.judge(shown)
    except NotKnown as end:
        return _unknown(end.observed)
    return _weighed(declared, verdict, host) if verdict.outcome in _ADVERSE else verdict


def _weighed(declared: Check, verdict: Verdict, host: Host) -> Verdict:
    """What is wrong with the way out, and as grave as the check can be."""
    if not verdict.remedy:
        verdict = verdict._replace(remedy=_way_out(declared, host))
    if declared.is_required and verdict.outcome is Outcome.WARN:
        verdict = verdict._replace(outcome=Outcome.FAIL)
    return _no_graver(verdict, declared.severity)


def _way_out(declared: Check, host: Host) -> str:
    """The check's remedy, with the menu of this maker's firmware."""
    remedy = declared.remedy
    maker = host.platform.system.value or host.platform.system_vendor.value or ""
    own = next((name for name in declared.menus if name and maker.startswith(name)), "")
    if own:
        return f"{remedy} On {own} machines: {declared.menus[own]}."
    if "" in declared.menus:
        return f"{remedy} Often it is: {declared.menus['']}."
    return remedy


def _no_graver(verdict: Verdict, severity: Severity) -> Verdict:
    """A check that only warns or informs does no more, whatever it found."""
    if severity is Severity.INFO:
        return verdict._replace(outcome=Outcome.INFO)
    if verdict.outcome is Outcome.FAIL and severity is Severity.WARN:
        return verdict._replace(outcome=Outcome.WARN)
    return verdict


def _as_required(check: Check, terms: Terms) -> Check:
    """A check that a policy requires decides, whatever it does by default."""
    is_raised = check.id in terms.required and not check.severity.decides
    return check._replace(severity=Severity.FAIL, is_required=True) if is_raised else check


def _as_accepted(result: Result, terms: Terms) -> Result:
    """What a policy accepts no longer counts, until the day that it names."""
    accepted = terms.accepted.get(result.check.id)
    if accepted is None or result.outcome not in _ADVERSE:
        return result
    verdict = result.verdict
    if terms.today > accepted.until:
        told = f"{verdict.message}; the policy accepted it until {accepted.until}, which is over"
        return result._replace(verdict=verdict._replace(message=told))
    told = f"{verdict.message}; accepted until {accepted.until}: {accepted.reason}"
    return result._replace(verdict=informed(told), is_accepted=True)


def _settled(result: Result, judged: dict[str, Result]) -> Result:
    """The result in the light of a later success that could not be without this one.

    What could not be looked at is then implied; what seems to have failed is contradicted, and
    somebody should look which of the two places is wrong.
    """
    proof = result.check.proof
    if result.outcome not in _DOUBTFUL or proof not in judged:
        return result
    if judged[proof].outcome is not Outcome.PASS:
        return result
    if result.outcome is Outcome.UNKNOWN:
        return result._replace(verdict=passed(f"not looked at, but implied by {proof}"))
    told = f"{result.verdict.message}, against {proof}"
    return result._replace(verdict=warned(told, result.remedy))


def _waiting(result: Result, before: dict[str, Result]) -> Result | None:
    """The result as skipped, where a check that it needs failed."""
    for need in result.check.needs:
        if need in before and before[need].outcome in _BLOCKING and not _is_exempt(before[need]):
            cause = before[need].waits_for or need
            return Result(result.check, skipped(f"waits for {cause}"), {}, waits_for=cause)
    return None


def _is_exempt(result: Result) -> bool:
    """A check that skipped itself, since it does not apply, holds nobody up."""
    return result.outcome is Outcome.SKIP and not result.waits_for


def _unknown(observed: Observed[Any]) -> Verdict:
    """Why the fact is not known: of all places the one that could be helped."""
    if not observed.attempts:
        return unknown(f"{observed.name} is not known")
    first = next((a for a in observed.attempts if a.remedy), observed.attempts[0])
    return unknown(f"{observed.name} is not known: {first.message}", first.remedy)


def first_failure(results: Iterable[Result]) -> Result | None:
    """The first check of the chain that failed."""
    return next((result for result in results if result.outcome is Outcome.FAIL), None)


def verdict_of(results: list[Result], strict: bool = False) -> HostVerdict:
    """What all results together say of the host."""
    failed = [result.check.severity for result in results if result.outcome is Outcome.FAIL]
    if Severity.APPLICABILITY in failed:
        return HostVerdict.NOT_APPLICABLE
    if failed or (strict and any(result.outcome is Outcome.WARN for result in results)):
        return HostVerdict.NOT_READY
    unknown_ones = (result for result in results if result.outcome is Outcome.UNKNOWN)
    if any(result.check.severity.decides for result in unknown_ones):
        return HostVerdict.UNDECIDED
    return HostVerdict.READY
