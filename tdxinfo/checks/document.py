"""A host with what the checks say of it, for those who show it."""

from __future__ import annotations

from typing import NamedTuple

from tdxinfo.checks.engine import Result, first_failure
from tdxinfo.host import as_json
from tdxinfo.model.verdict import HostVerdict, Outcome
from tdxinfo.report import CheckReport, CheckResult, Report


class CheckRun(NamedTuple):
    """A report with the results of the checks, for those who show them."""

    report: Report
    results: list[Result]
    verdict: HostVerdict
    is_whole: bool
    """All checks were run, so that they speak for the host."""
    time: float
    """When the host was judged, in seconds since 1970."""

    def document(self) -> CheckReport:
        first = first_failure(self.results)
        outcomes = [result.outcome for result in self.results]
        return CheckReport(
            **self.report.parts(),
            verdict=self.verdict,
            first_failure=first.check.id if first else None,
            summary={outcome: outcomes.count(outcome) for outcome in Outcome},
            checks=tuple(self._entry(result) for result in self.results),
        )

    def _entry(self, result: Result) -> CheckResult:
        host = self.report.host
        return CheckResult(
            id=result.check.id,
            group=result.check.rule.group,
            outcome=result.outcome,
            severity=result.check.severity,
            title=result.check.rule.title,
            message=result.verdict.message,
            remedy=result.remedy,
            evidence={name: as_json(name, host.fact(name)) for name in result.evidence},
            needs=result.check.rule.needs,
        )
