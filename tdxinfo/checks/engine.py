"""Runs the checks in order, and works out what a refusal, an unknown or a success means.

A check is a pure function from `Report` to `Verdict`; everything else about it is in its rule,
`tables/checks/ID.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from datetime import date
from typing import NamedTuple, TypeVar, cast

from tdxinfo.checks.policy import Policy, PolicyException
from tdxinfo.checks.recorder import Recorder
from tdxinfo.checks.rules import Rule, head_of_rule
from tdxinfo.decode import services
from tdxinfo.model.provenance import Attempt
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
from tdxinfo.report import UNKNOWN, Report

T = TypeVar("T")
Judge = Callable[[Report], Verdict]


class Check(NamedTuple):
    """A check: its rule and its function."""

    rule: Rule
    judge: Judge
    severity: Severity
    """That of the rule, unless a policy requires the check."""
    is_required: bool = False
    """A policy requires it: what would be a warning is a failure."""

    @property
    def id(self) -> str:
        return self.rule.id


class Result(NamedTuple):
    """What a check found, and the facts that it read."""

    check: Check
    verdict: Verdict
    evidence: tuple[str, ...] = ()
    failed_need: str = ""
    """The failed check that this one was not run for."""
    is_accepted: bool = False
    """A policy accepts what was found."""

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome

    @property
    def remedy(self) -> str:
        """What to do; only where there is something to do."""
        return self.verdict.remedy


class Selection(NamedTuple):
    """The checks that --only and --skip leave."""

    ids: tuple[str, ...]
    """The checks that the verdict is about, in order."""
    only: frozenset[str] = frozenset()
    """Those of --only: each counts, whatever its severity."""
    by_id: frozenset[str] = frozenset()
    """Those of --only that were named by id, not as part of a group."""


CHECKS: dict[str, Check] = {}

_ADVERSE = (Outcome.FAIL, Outcome.WARN)
_DOUBTFUL = (Outcome.UNKNOWN, Outcome.FAIL)


def check(check_id: str) -> Callable[[Judge], Judge]:
    """Declares a check. One without needs begins the chain."""

    def declare(judge: Judge) -> Judge:
        CHECKS[check_id] = new_check(check_id, judge)
        return judge

    return declare


def new_check(check_id: str, judge: Judge) -> Check:
    rule = head_of_rule(check_id)
    return Check(rule, judge, rule.severity)


def ids_by_alias() -> dict[str, str]:
    """The ids that checks had before, with those they have now."""
    return {old: check.id for check in CHECKS.values() for old in check.rule.aliases}


# --- the facts that a check reads ----------------------------------------------------------------


class MissingFact(Exception):
    """A fact that a check needs is unknown."""


def known(value: T | None) -> T:
    """The fact's value; ends the check as unknown when there is none.

    The fact is read inside the call, `known(report.host.keys.tdx_keyids)`: the last one that was
    read is the missing one.
    """
    if value is None or value == UNKNOWN:
        raise MissingFact
    return value


# --- running the checks --------------------------------------------------------------------------


def run_checks(
    report: Report,
    skip: Container[str] = (),
    policy: Policy | None = None,
    added: Iterable[Check] = (),
    today: date = date.min,
) -> list[Result]:
    """The results of all checks but those to skip, each after those it needs.

    A check to skip holds up no other. An applicability check that failed is among the results
    always. `added` are checks that only a policy has; `today` decides whether its exceptions still
    hold.
    """
    policy = policy or Policy()
    required = _current_ids(policy.checks.required)
    asked = [_as_required(check, required) for check in (*in_order(), *added)]
    alone = _run_alone(asked, report)
    results = _resolve(alone, policy, today, skip)
    return chosen_of(results, [r.check.id for r in results if r.check.id not in skip])


def chosen_of(results: list[Result], ids: Container[str]) -> list[Result]:
    """The results with these ids, and those that say that TDX does not apply to the machine."""
    return [result for result in results if result.check.id in ids or _rules_tdx_out(result)]


def run_some(report: Report, chosen: Iterable[Check]) -> list[Result]:
    """The results of these checks, which hold all that they need, each after those."""
    return _resolve(_run_alone(chosen, report), Policy(), date.min)


def _current_ids(names: Iterable[str]) -> frozenset[str]:
    former = ids_by_alias()
    return frozenset(former.get(name, name) for name in names)


def _resolve(
    alone: list[Result], policy: Policy, today: date, skip: Container[str] = ()
) -> list[Result]:
    """The results in the light of each other and of a policy."""
    former = ids_by_alias() if policy.exception else {}
    exceptions = {former.get(e.check, e.check): e for e in policy.exception}
    before = {result.check.id: result for result in alone}
    found: dict[str, Result] = {}
    for result in alone:
        resolved = _apply_proof(result, before)
        exception = exceptions.get(result.check.id)
        if exception:
            resolved = _apply_exception(resolved, exception, today)
        found[result.check.id] = _not_run(resolved, found, skip) or resolved
    return _without_what_does_not_apply(list(found.values()))


def _without_what_does_not_apply(results: list[Result]) -> list[Result]:
    """Where TDX does not apply to the machine, no other check has a meaning."""
    failed = [r.check.id for r in results if _rules_tdx_out(r)]
    if not failed:
        return results
    message = f"not run: {failed[0]} failed"
    return [
        result
        if result.check.severity is Severity.APPLICABILITY
        else Result(result.check, skipped(message), failed_need=failed[0])
        for result in results
    ]


def in_order() -> list[Check]:
    """All checks, in the order of declaration but never before one that they need."""
    placed: dict[str, Check] = {}

    def place(check_id: str) -> None:
        for need in CHECKS[check_id].rule.needs:
            if need not in placed:
                place(need)
        placed.setdefault(check_id, CHECKS[check_id])

    for check_id in CHECKS:
        place(check_id)
    return list(placed.values())


def deciding() -> list[Check]:
    """The checks that a verdict depends on, in order: the required ones, and what they need."""
    bearing: set[str] = set()

    def add(check: Check) -> None:
        if check.id not in bearing:
            bearing.add(check.id)
            for name in filter(None, (*check.rule.needs, check.rule.proof)):
                add(CHECKS[name])

    for check in CHECKS.values():
        if check.severity.decides:
            add(check)
    return [check for check in in_order() if check.id in bearing]


def _run_alone(checks: Iterable[Check], report: Report) -> list[Result]:
    """What each check says without regard to the others."""
    recorder = Recorder(report)
    return [_run(check, report, recorder) for check in checks]


def _run(check: Check, report: Report, recorder: Recorder) -> Result:
    """What the check alone says, and the facts that it read."""
    recorder.forget()
    try:
        verdict = check.judge(cast(Report, recorder))
    except MissingFact:
        verdict = _missing(recorder.last, report.attempts(recorder.last))
    if verdict.outcome in _ADVERSE:
        verdict = _apply_severity(check, verdict, report)
    own_names = services.with_names(verdict.remedy, report.host.platform.distribution)
    verdict = verdict._replace(remedy=own_names)
    return Result(check, verdict, tuple(recorder.facts))


def _missing(name: str, attempts: tuple[Attempt, ...]) -> Verdict:
    """Why the fact is unknown: of all sources the one that could be helped."""
    if not attempts:
        return unknown(f"{name} is unknown")
    first = next((attempt for attempt in attempts if attempt.remedy), attempts[0])
    return unknown(f"{name} is unknown: {first.message}", first.remedy)


def _apply_severity(check: Check, verdict: Verdict, report: Report) -> Verdict:
    """Adds the remedy and limits the outcome to the check's severity."""
    if not verdict.remedy:
        verdict = verdict._replace(remedy=_remedy(check.rule, report))
    if check.is_required and verdict.outcome is Outcome.WARN:
        verdict = verdict._replace(outcome=Outcome.FAIL)
    return _cap_severity(verdict, check.severity)


def _remedy(rule: Rule, report: Report) -> str:
    """The rule's remedy, with this distribution's names and this maker's firmware menu."""
    platform = report.host.platform
    remedy = rule.remedy_for(platform.distribution)
    maker = platform.system or platform.system_vendor or ""
    own = next((name for name in rule.menus if name and maker.startswith(name)), "")
    if own:
        return f"{remedy} The menu on {own} machines: {rule.menus[own]}."
    if "" in rule.menus:
        return f"{remedy} The menu is often: {rule.menus['']}."
    return remedy


def _cap_severity(verdict: Verdict, severity: Severity) -> Verdict:
    """A check that only warns or informs does no more, whatever it found."""
    if severity is Severity.INFO:
        return verdict._replace(outcome=Outcome.INFO)
    if verdict.outcome is Outcome.FAIL and severity is Severity.WARN:
        return verdict._replace(outcome=Outcome.WARN)
    return verdict


def _as_required(check: Check, required: frozenset[str]) -> Check:
    """A check that a policy requires decides, whatever it does by default."""
    if check.id not in required or check.severity.decides:
        return check
    return check._replace(severity=Severity.FAIL, is_required=True)


def _apply_exception(result: Result, exception: PolicyException, today: date) -> Result:
    """What a policy accepts no longer counts, until the day that it names."""
    if result.outcome not in _ADVERSE:
        return result
    message = result.verdict.message
    if today > exception.until:
        message += f"; the exception in the policy ended on {exception.until}"
        return result._replace(verdict=result.verdict._replace(message=message))
    message += f"; accepted by the policy until {exception.until}: {exception.reason}"
    return result._replace(verdict=informed(message), is_accepted=True)


def _apply_proof(result: Result, results: dict[str, Result]) -> Result:
    """Upgrades the result if a later check that depends on it passed.

    What could not be looked at is then implied. What seems to have failed is contradicted: one of
    the two sources is wrong.
    """
    proof = result.check.rule.proof
    if result.outcome not in _DOUBTFUL or proof not in results:
        return result
    if results[proof].outcome is not Outcome.PASS:
        return result
    if result.outcome is Outcome.UNKNOWN:
        return result._replace(verdict=passed(f"implied: {proof} passed"))
    message = f"{result.verdict.message}, but {proof} passed, which contradicts it"
    return result._replace(verdict=warned(message, result.remedy))


def _not_run(result: Result, before: dict[str, Result], skip: Container[str]) -> Result | None:
    """The result as skipped, where a check that it needs failed."""
    for need in result.check.rule.needs:
        if need in before and _blocks(before[need], skip):
            cause = before[need].failed_need or need
            return Result(result.check, skipped(f"not run: {cause} failed"), failed_need=cause)
    return None


def _blocks(result: Result, skip: Container[str]) -> bool:
    """Whether checks that need this one are not run. One that skipped itself does not apply."""
    if result.failed_need:
        return True
    is_left_out = result.check.id in skip and not _rules_tdx_out(result)
    return result.outcome is Outcome.FAIL and not is_left_out


def _rules_tdx_out(result: Result) -> bool:
    is_applicability = result.check.severity is Severity.APPLICABILITY
    return is_applicability and result.outcome is Outcome.FAIL


def first_failure(results: Iterable[Result]) -> Result | None:
    """The first check of the chain that failed."""
    return next((result for result in results if result.outcome is Outcome.FAIL), None)


def verdict_of(
    results: list[Result], strict: bool = False, selection: Selection | None = None
) -> HostVerdict:
    """What all results together say of the host, or selected ones of what they check."""
    outcomes = {result.outcome for result in results}
    if any(map(_rules_tdx_out, results)):
        return HostVerdict.NOT_APPLICABLE
    if Outcome.FAIL in outcomes or (strict and Outcome.WARN in outcomes):
        return HostVerdict.FAILED if selection else HostVerdict.NOT_READY
    if open_ones(results, selection):
        return HostVerdict.UNDECIDED
    return HostVerdict.PASSED if selection else HostVerdict.READY


def open_ones(results: list[Result], selection: Selection | None = None) -> list[Result]:
    """The results without which there is no verdict: nothing was found out, and it counts.

    A check of a group that does not apply to this kernel leaves nothing open, unless nothing else
    of the selection could be looked at.
    """
    only = selection.only if selection else frozenset()
    named = selection.by_id if selection else frozenset()
    if only and all(result.outcome is Outcome.SKIP for result in results):
        return results
    return [result for result in results if _is_open(result, only, named)]


def _is_open(result: Result, only: Container[str], named: Container[str]) -> bool:
    if result.outcome is Outcome.SKIP:
        is_blocked = result.failed_need != "" and result.check.id in only
        return is_blocked or result.check.id in named
    if result.outcome is not Outcome.UNKNOWN:
        return False
    return result.check.severity.decides or result.check.id in only
