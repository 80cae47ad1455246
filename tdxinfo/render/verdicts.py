"""The page of `tdxinfo check`: the failing stage first, then the chain."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from tdxinfo.checks.engine import Result, first_failure
from tdxinfo.model.verdict import HostVerdict, Outcome
from tdxinfo.render import words
from tdxinfo.render.safe import printable

_MARKS = {
    Outcome.PASS: ("✔", "+", "good"),
    Outcome.FAIL: ("✘", "x", "bad"),
    Outcome.WARN: ("!", "!", "doubtful"),
    Outcome.UNKNOWN: ("?", "?", "doubtful"),
    Outcome.SKIP: ("-", "-", "unknown"),
    Outcome.INFO: ("i", "i", "label"),
}
_WORDS = {
    HostVerdict.READY: ("Ready", "good"),
    HostVerdict.NOT_READY: ("Not ready", "bad"),
    HostVerdict.UNDECIDED: ("Undecided", "doubtful"),
    HostVerdict.NOT_APPLICABLE: ("Not applicable", "doubtful"),
}
_GAP = "   "
_MARGIN = 2
_TOLD = (Outcome.FAIL, Outcome.WARN)
_COUNTED = {
    Outcome.FAIL: "failed",
    Outcome.WARN: "to look at",
    Outcome.UNKNOWN: "unknown",
    Outcome.SKIP: "skipped",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the results is to be shown."""

    verbose: bool
    failed_only: bool
    is_whole: bool
    """All checks were asked for, so that they speak for the host."""


def print_verdict(
    console: Console, results: list[Result], verdict: HostVerdict, wanted: Wanted
) -> None:
    verbose, failed_only = wanted.verbose, wanted.failed_only
    first = first_failure(results)
    console.print(_headline(results, verdict, first, wanted.is_whole))
    if first and first.remedy:
        _indented(console, Text(printable(first.remedy)))
    if not failed_only:
        _indented(console, _groups(console, results))
    for result in results:
        told = result.outcome in _TOLD and result is not first
        if told or (verbose and not failed_only):
            _print_result(console, result, verbose, with_remedy=result is not first)
    if not verbose and not failed_only:
        _print_unknown(console, results, helpful_only=first is not None)
    counts = Counter(result.outcome for result in results)
    parts = [f"{counts[outcome]} {word}" for outcome, word in _COUNTED.items() if counts[outcome]]
    console.print(Text(", ".join([f"{counts[Outcome.PASS]} passed", *parts]), "unknown"))


def _headline(
    results: list[Result], verdict: HostVerdict, first: Result | None, is_whole: bool
) -> Text:
    word, style = _WORDS[verdict]
    line = Text(word, style)
    if first:
        return line.append(f": {printable(first.verdict.message)} ({first.check.id}).", "")
    if verdict is HostVerdict.UNDECIDED:
        count = sum(
            result.outcome is Outcome.UNKNOWN and result.check.severity.decides
            for result in results
        )
        return line.append(f": nothing failed, but {count} deciding checks could not look.", "")
    if verdict is HostVerdict.NOT_READY:
        return line.append(": there are warnings, which --strict takes for failures.", "")
    if not is_whole:
        return Text("Passed", style).append(": nothing is wrong with what was asked for.", "")
    return line.append(": this host can run trust domains.", "")


def _print_unknown(console: Console, results: list[Result], helpful_only: bool) -> None:
    """Who could not look, by what would help; -v tells each reason.

    Once something failed, the rest only matters where there is a way to know more.
    """
    by_remedy: dict[str, list[str]] = {}
    for result in results:
        if result.outcome is Outcome.UNKNOWN and (result.remedy or not helpful_only):
            by_remedy.setdefault(result.remedy, []).append(result.check.id)
    for remedy, ids in by_remedy.items():
        line = Text().append(*_mark(console, Outcome.UNKNOWN)).append(f" {', '.join(ids)}: ")
        line.append(printable(remedy) if remedy else "not known here, -v tells why", "label")
        _indented(console, line)


def _groups(console: Console, results: list[Result]) -> Text:
    """Marks and counts for each group, as many groups in a line as fit."""
    page = Text()
    used = 0
    for group in dict.fromkeys(result.check.group for result in results):
        counts = Counter(result.outcome for result in results if result.check.group == group)
        words = Text(group, "label")
        for outcome in _MARKS:
            if counts[outcome]:
                words.append(" ").append(*_mark(console, outcome)).append(f" {counts[outcome]}")
        fits = used + len(_GAP) + len(words) <= console.width - _MARGIN
        page.append((_GAP if fits else "\n") if used else "").append(words)
        used = used + len(_GAP) + len(words) if used and fits else len(words)
    return page


def _mark(console: Console, outcome: Outcome) -> tuple[str, str]:
    """The sign of an outcome; a terminal without UTF-8 gets one of ASCII."""
    sign, plain, style = _MARKS[outcome]
    return (sign if console.encoding.startswith("utf") else plain), style


def _print_result(console: Console, result: Result, verbose: bool, with_remedy: bool) -> None:
    line = Text().append(*_mark(console, result.outcome)).append(" ")
    line.append(result.check.id, "title").append(f"  {result.check.title}: ")
    line.append(printable(result.verdict.message))
    _indented(console, line)
    if result.remedy and with_remedy:
        _indented(console, Text(printable(result.remedy), "label"), 6)
    if verbose:
        for name, seen in result.evidence.items():
            from_where = f"  ({printable(seen.origin)})" if seen.is_known else ""
            _indented(console, Text(f"{name} = {words.value(seen)}{from_where}", "unknown"), 6)


def _indented(console: Console, text: Text, columns: int = _MARGIN) -> None:
    console.print(Padding(text, (0, 0, 0, columns), expand=False))
