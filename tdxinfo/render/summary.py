"""The answer of `check` in a sentence, for every format that begins with it."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import Result, first_failure, unresolved
from tdxinfo.checks.units import counted
from tdxinfo.errors import AS_ROOT
from tdxinfo.model.verdict import HostVerdict, Outcome

WORDS = {
    HostVerdict.READY: "Ready",
    HostVerdict.NOT_READY: "Not ready",
    HostVerdict.UNDECIDED: "Undecided",
    HostVerdict.NOT_APPLICABLE: "Not applicable",
    HostVerdict.PASSED: "Passed",
    HostVerdict.FAILED: "Failed",
}
_MAX_NAMED = 3
"""Checks that the first line names; the others are counted."""


class Answer(NamedTuple):
    """The first line of `check`."""

    word: str
    rest: str
    named: Result | None = None
    """The result whose message the line holds, so that nothing below repeats it."""
    advice: str = ""
    """What to do next where the host is undecided; the line holds it already."""

    @property
    def sentence(self) -> str:
        return self.word + self.rest


def answer(run: CheckRun) -> Answer:
    """The verdict in a word, and why: the first failure, or the warning that matters most."""
    first = first_failure(run.results)
    if first:
        return Answer(WORDS[run.verdict], f": {_finding(first)}.", first)
    warnings = sorted(
        (result for result in run.results if result.outcome is Outcome.WARN),
        key=lambda result: not result.check.rule.stops_tds,
    )
    if run.verdict is HostVerdict.UNDECIDED:
        return _undecided(run, warnings)
    if run.verdict in (HostVerdict.NOT_READY, HostVerdict.FAILED):
        count = f"{counted(len(warnings), 'warning')} {_agree(warnings, 'counts', 'count')}"
        why = f": {count} as failures (--strict): {_finding(warnings[0])}."
        return Answer(WORDS[run.verdict], why, warnings[0])
    if run.verdict is HostVerdict.PASSED:
        return _passed(run, warnings)
    return _ready(warnings)


def _ready(warnings: list[Result]) -> Answer:
    if not warnings:
        return Answer("Ready", ": this host can run trust domains.")
    first = warnings[0]
    if first.check.rule.stops_tds:
        more = f", and {counted(len(warnings) - 1, 'more warning')}" if warnings[1:] else ""
        return Answer("The kernel side is ready", f", but {_finding(first)}{more}.", first)
    return Answer("Ready", f"{_with(warnings)}.", first)


def _passed(run: CheckRun, warnings: list[Result]) -> Answer:
    notes = [result for result in run.results if result.outcome is Outcome.INFO and result.remedy]
    if warnings:
        return Answer("The selected checks passed", f"{_with(warnings)}.", warnings[0])
    if notes:
        more = f", and {counted(len(notes) - 1, 'more note')}" if notes[1:] else ""
        return Answer("The selected checks passed", f", but {_finding(notes[0])}{more}.", notes[0])
    return Answer("The selected checks passed", ".")


def _undecided(run: CheckRun, warnings: list[Result]) -> Answer:
    waiting = unresolved(run.results, run.selection)
    warned = f"; {counted(len(warnings), 'warning')}" if warnings else ""
    if run.blockers:
        return _blocked(run, waiting, warned)
    kind = "selected" if run.selection and run.selection.only else "required"
    advice = next_step(run, waiting)
    why = f": no check failed, but {counted(len(waiting), f'{kind} check')} could not run"
    return Answer("Undecided", f"{why}: {_names(waiting)}{warned}. Next: {advice}", None, advice)


def _blocked(run: CheckRun, waiting: list[Result], warned: str) -> Answer:
    """The answer where a check that is not selected failed, and selected ones need it."""
    cause = run.blockers[0]
    blocked = [result for result in run.results if result.failed_need == cause.check.id]
    others = [result for result in waiting if result not in blocked]
    were = _agree(blocked, "was", "were")
    more = f"; {len(others)} more could not run" if others else ""
    why = (
        f": {counted(len(blocked), 'selected check')} {were} not run ({_names(blocked)}), because "
        f"{cause.check.id} failed: {cause.verdict.message}{more}{warned}"
    )
    advice = _lowered(cause.remedy) if cause.remedy else next_step(run, waiting)
    return Answer("Undecided", f"{why}. Next: {advice}", None, advice)


def _names(results: list[Result]) -> str:
    named = [result.check.id for result in results[:_MAX_NAMED]]
    left = len(results) - len(named)
    return ", ".join(named) + (f" and {left} more" if left else "")


def next_step(run: CheckRun, waiting: list[Result]) -> str:
    """What would let the checks run: the way that helps most of them."""
    remedies = Counter(result.remedy for result in waiting if result.remedy)
    subject = run.report.subject
    if remedies and subject.kind == "live":
        most = remedies.most_common(1)[0][0]
        return "run it as root." if most == AS_ROOT else _lowered(most)
    if subject.kind == "live":
        return "`tdxinfo check -v` shows the reason of each."
    if subject.kind == "kernel-log" and run.report.host.kernel.log_complete is False:
        whole = "give it the whole log of the boot (`journalctl -k -b`)"
        return f"{whole}, or run it as root on the host itself."
    if subject.kind in ("capture", "example") and remedies[AS_ROOT]:
        return "record the host again as root (`tdxinfo capture`)."
    if subject.kind in ("capture", "example") and remedies:
        return _lowered(remedies.most_common(1)[0][0])
    return "run it as root on the host itself, or ask for a `tdxinfo capture` of the host."


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _with(warnings: list[Result]) -> str:
    return f", with {counted(len(warnings), 'warning')}: {_finding(warnings[0])}"


def _finding(result: Result) -> str:
    return f"{result.verdict.message} ({result.check.id})"


def _agree(found: list[Result], one: str, several: str) -> str:
    return one if len(found) == 1 else several
