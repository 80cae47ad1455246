"""Runs the checks in order, and adjusts each result to the others and to a policy.

A check is a pure function from `Report` to `Verdict`; everything else about it is in its rule,
`tables/checks/ID.toml`. A check is not run when one that it needs failed, is implied by a later one
that proves it, and has no meaning where TDX does not apply to the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from tdxinfo.checks.recorder import Recorder
from tdxinfo.checks.rules import Rule, head_of_rule
from tdxinfo.decode import services
from tdxinfo.model.provenance import Attempt
from tdxinfo.model.verdict import (
    Effect,
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

if TYPE_CHECKING:
    from tdxinfo.checks.policy import Policy, PolicyException

T = TypeVar("T")
CheckFunction = Callable[[Report], Verdict]


class Check(NamedTuple):
    """A check: its rule and its function."""

    rule: Rule
    function: CheckFunction
    severity: Severity
    """The rule's severity, unless a policy requires the check."""
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
    """The failed check because of which this one was not run."""
    is_accepted: bool = False
    """A policy accepts what was found."""

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome

    @property
    def remedy(self) -> str:
        """What to do; empty where there is nothing to do."""
        return self.verdict.remedy

    @property
    def effect(self) -> Effect:
        """What the remedy requires."""
        given = self.verdict.effect
        return self.check.rule.effect if given is None else given


class Selection(NamedTuple):
    """The checks that are selected by --only and --skip."""

    ids: tuple[str, ...]
    """The checks that the verdict is about, in order."""
    only: frozenset[str] = frozenset()
    """Those of --only: the verdict depends on each, whatever its severity."""
    by_id: frozenset[str] = frozenset()
    """Those of --only that were named by id, not as part of a group."""


CHECKS: dict[str, Check] = {}

_ADVERSE = (Outcome.FAIL, Outcome.WARN)
_CHANGED_BY_PROOF = (Outcome.UNKNOWN, Outcome.FAIL)


def check(check_id: str) -> Callable[[CheckFunction], CheckFunction]:
    """Declares the decorated function as the check with this id."""

    def declare(function: CheckFunction) -> CheckFunction:
        CHECKS[check_id] = new_check(check_id, function)
        return function

    return declare


def new_check(check_id: str, function: CheckFunction) -> Check:
    rule = head_of_rule(check_id)
    return Check(rule, function, rule.severity)


def ids_by_alias() -> dict[str, str]:
    """The ids that checks had before, with those they have now."""
    return {old: check.id for check in CHECKS.values() for old in check.rule.aliases}


# --- the facts that a check reads ----------------------------------------------------------------


class MissingFact(Exception):
    """A fact that a check needs is unknown."""


def known(value: T | None) -> T:
    """The fact's value; ends the check as unknown when there is none.

    The fact must be read inside the call, `known(report.host.keys.tdx_keyids)`: the recorder takes
    the fact that was read last for the missing one.
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

    A skipped check does not keep others from being run. An applicability check that failed is
    always among the results. `added` are the checks of a policy's own; `today` decides whether the
    policy's exceptions still hold.
    """
    required = _current_ids(policy.checks.required if policy else ())
    chosen = [_as_required(check, required) for check in (*in_order(), *added)]
    results = _resolve(_run_each(chosen, report), policy, today, skip)
    return select_results(results, [r.check.id for r in results if r.check.id not in skip])


def select_results(results: list[Result], ids: Container[str]) -> list[Result]:
    """The results with these ids, and any result that shows that TDX does not apply."""
    return [result for result in results if result.check.id in ids or _rules_tdx_out(result)]


def run_some(report: Report, chosen: Iterable[Check]) -> list[Result]:
    """The results of these checks. Each must come after those that it needs."""
    return _resolve(_run_each(chosen, report), None, date.min)


def _current_ids(names: Iterable[str]) -> frozenset[str]:
    """The ids that the checks with these ids or aliases have now."""
    current = ids_by_alias()
    return frozenset(current.get(name, name) for name in names)


def _resolve(
    results: list[Result], policy: Policy | None, today: date, skip: Container[str] = ()
) -> list[Result]:
    """The results after proofs, the policy's exceptions, failed needs and applicability."""
    given = policy.exception if policy else ()
    current = ids_by_alias() if given else {}
    exceptions = {current.get(e.check, e.check): e for e in given}
    own = {result.check.id: result for result in results}
    causes: dict[str, str] = {}  # by each check that blocks those that need it: what failed first
    resolved: list[Result] = []
    for check_id, result in own.items():
        changed = _apply_proof(result, own)
        exception = exceptions.get(check_id)
        if exception:
            changed = _apply_exception(changed, exception, today)
        changed = _not_run(changed, causes) or changed
        if _blocks(changed, skip):
            causes[check_id] = changed.failed_need or check_id
        resolved.append(changed)
    return _apply_applicability(resolved)


def _apply_applicability(results: list[Result]) -> list[Result]:
    """Skips all other checks where an applicability check failed: they have no meaning there."""
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


def deciding_checks() -> list[Check]:
    """The checks that a verdict depends on, in order: the required ones, their needs and proofs."""
    found: set[str] = set()

    def add(check: Check) -> None:
        if check.id not in found:
            found.add(check.id)
            for name in filter(None, (*check.rule.needs, check.rule.proof)):
                add(CHECKS[name])

    for check in CHECKS.values():
        if check.severity.decides:
            add(check)
    return [check for check in in_order() if check.id in found]


def _run_each(checks: Iterable[Check], report: Report) -> list[Result]:
    """The result of each check on its own, before the others are considered."""
    recorder = Recorder(report)
    return [_run(check, report, recorder) for check in checks]


def _run(check: Check, report: Report, recorder: Recorder) -> Result:
    """The check's own result, with the facts that it read."""
    try:
        verdict = check.function(cast(Report, recorder))
    except MissingFact:
        verdict = _missing(recorder.last, report.attempts(recorder.last))
    if verdict.outcome in _ADVERSE:
        verdict = _apply_severity(check, verdict, report)
    if verdict.remedy:
        remedy = services.with_names(verdict.remedy, report.host.platform.distribution)
        verdict = verdict._replace(remedy=remedy)
    return Result(check, verdict, recorder.taken())


def _missing(name: str, attempts: tuple[Attempt, ...]) -> Verdict:
    """Unknown, for the reason of the first source that has a remedy, else of the first source."""
    if not attempts:
        return unknown(f"{name} is unknown")
    with_remedy = [attempt for attempt in attempts if attempt.remedy]
    attempt = (with_remedy or attempts)[0]
    return unknown(f"{name} is unknown: {attempt.message}", attempt.remedy)


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
    known_maker = next((name for name in rule.menus if name and maker.startswith(name)), "")
    if known_maker:
        return f"{remedy} The menu on {known_maker} machines: {rule.menus[known_maker]}."
    if "" in rule.menus:
        return f"{remedy} The menu is often: {rule.menus['']}."
    return remedy


def _cap_severity(verdict: Verdict, severity: Severity) -> Verdict:
    """The verdict with at most the outcome that the severity allows: WARN or INFO."""
    if severity is Severity.INFO:
        return verdict._replace(outcome=Outcome.INFO)
    if verdict.outcome is Outcome.FAIL and severity is Severity.WARN:
        return verdict._replace(outcome=Outcome.WARN)
    return verdict


def _as_required(check: Check, required: frozenset[str]) -> Check:
    """The check with severity FAIL, if a policy requires it."""
    if check.id not in required or check.severity.decides:
        return check
    return check._replace(severity=Severity.FAIL, is_required=True)


def _apply_exception(result: Result, exception: PolicyException, today: date) -> Result:
    """Makes what was found an INFO, if the policy's exception has not ended."""
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

    An UNKNOWN becomes an implied PASS. A FAIL becomes a WARN: the two contradict each other, so one
    of their sources is wrong.
    """
    if result.outcome not in _CHANGED_BY_PROOF:
        return result
    proof = result.check.rule.proof
    if proof not in results or results[proof].outcome is not Outcome.PASS:
        return result
    if result.outcome is Outcome.UNKNOWN:
        return result._replace(verdict=passed(f"implied: {proof} passed"))
    message = f"{result.verdict.message}, but {proof} passed, which contradicts it"
    return result._replace(verdict=warned(message, result.remedy, result.effect))


def _not_run(result: Result, causes: dict[str, str]) -> Result | None:
    """A skipped result in place of this one, if a check that it needs failed; else None."""
    for need in result.check.rule.needs:
        if need in causes:
            cause = causes[need]
            return Result(result.check, skipped(f"not run: {cause} failed"), failed_need=cause)
    return None


def _blocks(result: Result, skip: Container[str]) -> bool:
    """Whether checks that need this one are not run; a check that does not apply blocks none."""
    if result.failed_need:
        return True
    if result.outcome is not Outcome.FAIL:
        return False
    return result.check.id not in skip or _rules_tdx_out(result)


def _rules_tdx_out(result: Result) -> bool:
    """Whether the result shows that TDX does not apply to the machine."""
    failed = result.outcome is Outcome.FAIL
    return failed and result.check.severity is Severity.APPLICABILITY


def first_failure(results: Iterable[Result]) -> Result | None:
    """The first check that failed, in the order of the checks."""
    return next((result for result in results if result.outcome is Outcome.FAIL), None)


def verdict_of(
    results: list[Result], strict: bool = False, selection: Selection | None = None
) -> HostVerdict:
    """The verdict on the host; with a selection, only on what the selected checks look at."""
    outcomes = {result.outcome for result in results}
    if Outcome.FAIL in outcomes and any(map(_rules_tdx_out, results)):
        return HostVerdict.NOT_APPLICABLE
    if Outcome.FAIL in outcomes or (strict and Outcome.WARN in outcomes):
        return HostVerdict.FAILED if selection else HostVerdict.NOT_READY
    if unresolved(results, selection):
        return HostVerdict.UNDECIDED
    return HostVerdict.PASSED if selection else HostVerdict.READY


def unresolved(results: list[Result], selection: Selection | None = None) -> list[Result]:
    """The results that keep the verdict undecided: a check that it depends on could not be run.

    A check that --only selects by its group may be skipped because it does not apply to this
    kernel, unless every selected check was skipped.
    """
    only = selection.only if selection else frozenset()
    named = selection.by_id if selection else frozenset()
    if only and all(result.outcome is Outcome.SKIP for result in results):
        return results
    return [result for result in results if _is_unresolved(result, only, named)]


def _is_unresolved(result: Result, only: Container[str], named: Container[str]) -> bool:
    if result.outcome is Outcome.SKIP:
        is_blocked = result.failed_need != "" and result.check.id in only
        return is_blocked or result.check.id in named
    if result.outcome is not Outcome.UNKNOWN:
        return False
    return result.check.severity.decides or result.check.id in only
