"""The page of `tdxinfo check`: the answer, what to do, the groups, and what did not pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import Result
from tdxinfo.checks.units import counted
from tdxinfo.model.verdict import HostVerdict, Outcome
from tdxinfo.render import layout, words
from tdxinfo.render.safe import printable
from tdxinfo.render.steps import steps
from tdxinfo.render.summary import Answer, answer
from tdxinfo.report import Report

STYLES = {
    HostVerdict.READY: "good",
    HostVerdict.NOT_READY: "bad",
    HostVerdict.UNDECIDED: "doubtful",
    HostVerdict.NOT_APPLICABLE: "doubtful",
    HostVerdict.PASSED: "good",
    HostVerdict.FAILED: "bad",
}
OUTCOMES = {
    Outcome.FAIL: ("failed", "bad"),
    Outcome.WARN: ("warning", "doubtful"),
    Outcome.PASS: ("passed", "good"),
    Outcome.UNKNOWN: ("unknown", "doubtful"),
    Outcome.SKIP: ("not run", "unknown"),
    Outcome.INFO: ("note", "label"),
}
"""Each outcome's word and style, in the order in which a line counts them."""
_NAMED = (Outcome.FAIL, Outcome.WARN)
_MANY = 3
"""From this many unknown checks of a group on, their number is printed instead of their ids."""


class Options(NamedTuple):
    """What of the results is to be shown."""

    verbose: bool
    failed_only: bool
    steps: bool = False
    """Show only what to do, as numbered steps."""


def print_verdict(console: Console, run: CheckRun, options: Options) -> None:
    head = answer(run)
    first_line = Text(head.word, STYLES[run.verdict]).append(printable(head.rest), "")
    layout.paragraph(console, first_line, 0, 2)
    if run.verdict is HostVerdict.NOT_APPLICABLE and not options.verbose:
        return
    if options.steps:
        _print_steps(console, [*run.blockers, *run.results])
        return
    if head.named and head.named.remedy:
        layout.paragraph(console, printable(head.named.remedy), 2, 2, "label")
    if not options.failed_only:
        layout.grid(console, _groups(run.results))
    said = {head.named.verdict.message, head.named.remedy} if head.named else set()
    for result in run.results:
        if _is_shown(run, result, options) and (result is not head.named or options.verbose):
            _print_result(console, result, said)
            if options.verbose:
                _print_evidence(console, run.report, result)
    if not options.verbose and not options.failed_only:
        _print_unknown(console, run.results, head)
    layout.paragraph(console, _totals(run.results), 0, 2, "unknown")


def _print_steps(console: Console, results: list[Result]) -> None:
    found = steps(results)
    if not found:
        layout.paragraph(console, "No step is known.", 2, 2)
    for number, step in enumerate(found, 1):
        layout.paragraph(console, f"{number}. {printable(step)}", 2, 5)


def _is_shown(run: CheckRun, result: Result, options: Options) -> bool:
    is_note = result.outcome is Outcome.INFO and not run.is_whole
    is_adverse = result.outcome in _NAMED or result.is_accepted
    return is_adverse or ((options.verbose or is_note) and not options.failed_only)


def _groups(results: list[Result]) -> Iterator[tuple[str, Text]]:
    """A line for each group: ids of checks that failed or warn, numbers of the others."""
    for group in dict.fromkeys(result.check.rule.group for result in results):
        own = [result for result in results if result.check.rule.group == group]
        line = Text()
        for outcome in OUTCOMES:
            found = [result for result in own if result.outcome is outcome]
            if found:
                line.append(", " if line else "").append_text(_counted(outcome, found))
        yield group, line


def _counted(outcome: Outcome, results: list[Result]) -> Text:
    word, style = OUTCOMES[outcome]
    if outcome in _NAMED:
        ids = " ".join(result.check.id.partition(".")[2] for result in results)
        return Text(f"{word}: {ids}", style)
    return Text(_number(outcome, len(results)), "" if outcome is Outcome.PASS else "unknown")


def _number(outcome: Outcome, count: int) -> str:
    word = OUTCOMES[outcome][0]
    return counted(count, word) if outcome in (Outcome.WARN, Outcome.INFO) else f"{count} {word}"


def _totals(results: list[Result]) -> str:
    found = Counter(result.outcome for result in results)
    order = (Outcome.PASS, *(outcome for outcome in OUTCOMES if outcome is not Outcome.PASS))
    parts = [_number(outcome, found[outcome]) for outcome in order if found[outcome]]
    return f"{counted(len(results), 'check')}: {', '.join(parts)}."


def _print_unknown(console: Console, results: list[Result], head: Answer) -> None:
    """The unknown checks, those with the same remedy in one line; -v shows each reason.

    After a failure only those with a remedy are shown.
    """
    by_remedy: dict[str, list[str]] = {}
    has_failed = any(result.outcome is Outcome.FAIL for result in results)
    for result in results:
        if result.outcome is Outcome.UNKNOWN and (result.remedy or not has_failed):
            by_remedy.setdefault(result.remedy, []).append(result.check.id)
    for remedy, ids in by_remedy.items():
        line = Text("unknown: ", OUTCOMES[Outcome.UNKNOWN][1]).append(_short(ids), "")
        if remedy and remedy.lower() != head.advice.lower():
            line.append(f". {printable(remedy)}", "label")
        elif not remedy:
            line.append(" (-v shows why)", "unknown")
        layout.paragraph(console, line, 2, 4)


def _short(ids: list[str]) -> str:
    """The ids; of a group with many its name and their number."""
    groups = Counter(check_id.partition(".")[0] for check_id in ids)
    shown = []
    for check_id in ids:
        group = check_id.partition(".")[0]
        many = f"{counted(groups[group], 'check')} of {group}"
        shown.append(check_id if groups[group] < _MANY else many)
    return ", ".join(dict.fromkeys(shown))


def _print_result(console: Console, result: Result, said: set[str]) -> None:
    """The check, and of its message and remedy what was not printed before."""
    word, style = OUTCOMES[result.outcome]
    line = Text(f"{word}: ", style).append(result.check.id, "title")
    message = "as above" if result.verdict.message in said else result.verdict.message
    layout.paragraph(console, line.append(f": {printable(message)}", ""), 2, 4)
    if result.remedy and result.remedy not in said:
        layout.paragraph(console, printable(result.remedy), 4, 4, "label")
    if result.outcome in _NAMED:
        said |= {result.verdict.message, result.remedy}


def _print_evidence(console: Console, report: Report, result: Result) -> None:
    for name in result.evidence:
        origin = report.origin_of(name)
        from_where = f"  ({printable(origin)})" if origin else ""
        shown = f"{name} = {words.fact(report, name)}{from_where}"
        layout.paragraph(console, shown, 6, 8, "unknown")
