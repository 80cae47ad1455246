"""A run of `check` as monitoring plugins answer: a line, performance data, more lines, a status.

The form is that of the Monitoring Plugins' guidelines, which Nagios, Icinga and others read.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import Result
from tdxinfo.model.verdict import HostVerdict, Outcome
from tdxinfo.render.safe import printable
from tdxinfo.render.summary import answer
from tdxinfo.report import Report


class PluginStatus(IntEnum):
    """The exit status of a plugin, which is the state of the service."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_STATUSES = {
    HostVerdict.READY: PluginStatus.OK,
    HostVerdict.PASSED: PluginStatus.OK,
    HostVerdict.NOT_READY: PluginStatus.CRITICAL,
    HostVerdict.FAILED: PluginStatus.CRITICAL,
    HostVerdict.UNDECIDED: PluginStatus.UNKNOWN,
    HostVerdict.NOT_APPLICABLE: PluginStatus.UNKNOWN,
}


def status_of(run: CheckRun) -> PluginStatus:
    """The verdict; where that is good, whether a check warns."""
    found = _STATUSES[run.verdict]
    has_warning = any(result.outcome is Outcome.WARN for result in run.results)
    return PluginStatus.WARNING if has_warning and found is PluginStatus.OK else found


def page(run: CheckRun) -> str:
    """The answer with performance data, then a line for each check that failed or warns."""
    data = " ".join(_performance(run.report))
    first = line(status_of(run), answer(run).sentence) + (f" | {data}" if data else "")
    more = (_finding(result) for result in run.results if result.outcome in _NAMED)
    return "".join(f"{text}\n" for text in (first, *more))


def line(status: PluginStatus, sentence: str) -> str:
    """The line that a monitoring system shows; a bar in it would begin the performance data."""
    return f"TDX {status.name} - {_plain(sentence)}"


_NAMED = {Outcome.FAIL: "failed", Outcome.WARN: "warning"}


def _finding(result: Result) -> str:
    remedy = f". {result.remedy}" if result.remedy else ""
    return _plain(f"{_NAMED[result.outcome]}: {result.check.id}: {result.verdict.message}{remedy}")


def _plain(text: str) -> str:
    return printable(text).replace("|", "/")


def _performance(report: Report) -> Iterator[str]:
    """label=value;warning;critical;minimum;maximum for each known number, without thresholds."""
    keys, memory = report.host.keys, report.host.memory
    tdmrs = None if memory.tdmrs is None else len(memory.tdmrs)
    for label, value, unit, most in (
        ("keyids_in_use", keys.guest_keyids_in_use, "", keys.guest_keyids),
        ("keyids", keys.guest_keyids, "", None),
        ("tdmrs", tdmrs, "", memory.max_tdmrs),
        ("pamt", memory.pamt_bytes, "B", None),
    ):
        if value is not None:
            yield f"{label}={value}{unit};;;0;{'' if most is None else most}".rstrip(";")
