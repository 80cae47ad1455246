"""A report with the results of its checks, and the document that `check --json` prints."""

from typing import NamedTuple

from pydantic import JsonValue

from tdxinfo.checks.engine import Result, Selection, first_failure
from tdxinfo.model.verdict import HostVerdict, Outcome
from tdxinfo.report import CheckReport, CheckResult, Report


class CheckRun(NamedTuple):
    """A report with the results of its checks: the input of all that prints them."""

    report: Report
    results: list[Result]
    verdict: HostVerdict
    time: float
    """When the host was judged, in seconds since 1970."""
    selection: Selection | None = None
    """The checks that were selected; None for all."""
    blockers: tuple[Result, ...] = ()
    """The failed checks outside the selection, because of which selected checks were not run."""

    @property
    def is_whole(self) -> bool:
        """Whether all checks were run, so that they answer for the host."""
        return self.selection is None

    def document(self) -> CheckReport:
        facts = self.report.host.model_dump(mode="json")
        first = first_failure(self.results)
        outcomes = [result.outcome for result in self.results]
        judged = {
            "verdict": self.verdict,
            "selection": self.selection.ids if self.selection else None,
            "first_failure": first.check.id if first else None,
            "summary": {outcome: outcomes.count(outcome) for outcome in Outcome},
            "checks": tuple(_entry(result, facts) for result in self.results),
        }
        # A report of `check` that is judged anew has these parts already.
        return CheckReport(**{**self.report.parts(), **judged})


def blockers_of(results: list[Result], chosen: list[Result]) -> tuple[Result, ...]:
    """The failed checks that are not among the chosen, and because of which some were not run."""
    causes = {result.failed_need for result in chosen} - {result.check.id for result in chosen}
    return tuple(result for result in results if result.check.id in causes)


def _entry(result: Result, facts: dict[str, dict[str, JsonValue]]) -> CheckResult:
    named = ((name, *name.partition(".")[::2]) for name in result.evidence)
    return CheckResult(
        id=result.check.id,
        group=result.check.rule.group,
        outcome=result.outcome,
        severity=result.check.severity,
        title=result.check.rule.title,
        message=result.verdict.message,
        remedy=result.remedy,
        evidence={name: facts[section][field] for name, section, field in named},
        needs=result.check.rule.needs,
    )
