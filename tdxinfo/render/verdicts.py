"""The page of `tdxinfo check`: the failing stage first, then the chain."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import Result, first_failure
from tdxinfo.model.verdict import HostVerdict, Outcome
from tdxinfo.render import words
from tdxinfo.render.safe import printable
from tdxinfo.render.summary import sentence
from tdxinfo.report import Report

_MARKS = {
    Outcome.PASS: ("✔", "+", "good"),
    Outcome.FAIL: ("✘", "x", "bad"),
    Outcome.WARN: ("!", "!", "doubtful"),
    Outcome.UNKNOWN: ("?", "?", "doubtful"),
    Outcome.SKIP: ("-", "-", "unknown"),
    Outcome.INFO: ("i", "i", "label"),
}
_STYLES = {
    HostVerdict.READY: "good",
    HostVerdict.NOT_READY: "bad",
    HostVerdict.UNDECIDED: "doubtful",
    HostVerdict.NOT_APPLICABLE: "doubtful",
}
_NAMED = (Outcome.FAIL, Outcome.WARN)
_MANY = 3
_MARGIN = 2
_TOLD = (Outcome.FAIL, Outcome.WARN)
_COUNTED = {
    Outcome.FAIL: "failed",
    Outcome.WARN: "to look at",
    Outcome.UNKNOWN: "unknown",
    Outcome.SKIP: "skipped",
}


class Options(NamedTuple):
    """What of the results is to be shown."""

    verbose: bool
    failed_only: bool


def print_verdict(console: Console, run: CheckRun, options: Options) -> None:
    verbose, failed_only, results = options.verbose, options.failed_only, run.results
    first = first_failure(results)
    console.print(_headline(run))
    if first and first.remedy:
        _indented(console, Text(printable(first.remedy)))
    if not failed_only:
        _print_tree(console, results)
    for result in results:
        asked = result.outcome is Outcome.INFO and not run.is_whole
        told = (result.outcome in _TOLD or result.is_accepted or asked) and result is not first
        if told or (verbose and not failed_only):
            _print_result(console, result, with_remedy=result is not first)
            if verbose:
                _print_evidence(console, run.report, result)
    if not verbose and not failed_only:
        _print_unknown(console, results, helpful_only=first is not None)
    counts = Counter(result.outcome for result in results)
    parts = [f"{counts[outcome]} {word}" for outcome, word in _COUNTED.items() if counts[outcome]]
    console.print(Text(", ".join([f"{counts[Outcome.PASS]} passed", *parts]), "unknown"))


def _headline(run: CheckRun) -> Text:
    word, why = sentence(run.results, run.verdict, run.is_whole)
    return Text(word, _STYLES[run.verdict]).append(printable(why), "")


def _print_unknown(console: Console, results: list[Result], helpful_only: bool) -> None:
    """The checks that could not run, by what would help; -v shows each reason.

    Once something failed, the rest only matters where there is a way to know more.
    """
    by_remedy: dict[str, list[str]] = {}
    for result in results:
        if result.outcome is Outcome.UNKNOWN and (result.remedy or not helpful_only):
            by_remedy.setdefault(result.remedy, []).append(result.check.id)
    for remedy, ids in by_remedy.items():
        line = Text().append(*_mark(console, Outcome.UNKNOWN)).append(f" {_short(ids)}: ")
        line.append(printable(remedy) if remedy else "not known here, -v tells why", "label")
        _indented(console, line)


def _short(ids: list[str]) -> str:
    """The ids; of a group with many its name and their number."""
    groups = Counter(check_id.partition(".")[0] for check_id in ids)
    shown = []
    for check_id in ids:
        group = check_id.partition(".")[0]
        shown.append(check_id if groups[group] < _MANY else f"{group} ({groups[group]})")
    return ", ".join(dict.fromkeys(shown))


def _print_tree(console: Console, results: list[Result]) -> None:
    """A line a group, in the order of the chain: who passed, by number; who did not, by name."""
    groups = list(dict.fromkeys(result.check.rule.group for result in results))
    width = max(map(len, groups), default=0)
    branches = ("├─", "└─") if console.encoding.startswith("utf") else ("|-", "`-")
    for group in groups:
        own = [result for result in results if result.check.rule.group == group]
        line = Text(branches[group == groups[-1]], "unknown").append(f" {group:{width}}", "label")
        for outcome in _MARKS:
            line.append_text(_branch(console, outcome, [r for r in own if r.outcome is outcome]))
        _indented(console, line)


def _branch(console: Console, outcome: Outcome, results: list[Result]) -> Text:
    """The outcome's mark, and those that have it: failures and warnings by name."""
    if not results:
        return Text()
    names = " ".join(result.check.id.partition(".")[2] for result in results)
    waits = outcome is Outcome.SKIP and any(result.failed_need for result in results)
    told = names if outcome in _NAMED else str(len(results)) + (" waiting" if waits else "")
    return Text("  ").append(*_mark(console, outcome)).append(f" {told}")


def _mark(console: Console, outcome: Outcome) -> tuple[str, str]:
    """The sign of an outcome; a terminal without UTF-8 gets one of ASCII."""
    sign, plain, style = _MARKS[outcome]
    return (sign if console.encoding.startswith("utf") else plain), style


def _print_result(console: Console, result: Result, with_remedy: bool) -> None:
    line = Text().append(*_mark(console, result.outcome)).append(" ")
    line.append(result.check.id, "title").append(f"  {result.check.rule.title}: ")
    line.append(printable(result.verdict.message))
    _indented(console, line)
    if result.remedy and with_remedy:
        _indented(console, Text(printable(result.remedy), "label"), 6)


def _print_evidence(console: Console, report: Report, result: Result) -> None:
    for name in result.evidence:
        origin = report.origin_of(name)
        from_where = f"  ({printable(origin)})" if origin else ""
        shown = f"{name} = {words.fact(report, name)}{from_where}"
        _indented(console, Text(shown, "unknown"), 6)


def _indented(console: Console, text: Text, columns: int = _MARGIN) -> None:
    console.print(Padding(text, (0, 0, 0, columns), expand=False))
