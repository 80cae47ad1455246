"""The results of all checks as JSON, beside the facts they stand on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tdxinfo.checks.engine import Result, first_failure
from tdxinfo.host import Host
from tdxinfo.model.verdict import Outcome
from tdxinfo.render.document import dump_document, plain


def check_document(host: Host, names: Iterable[str], results: list[Result], verdict: str) -> Any:
    """The facts, and what the checks say of them."""
    first = first_failure(results)
    outcomes = [result.outcome for result in results]
    return {
        **dump_document(host, names),
        "verdict": verdict,
        "first_failure": first.check.id if first else None,
        "summary": {outcome.value: outcomes.count(outcome) for outcome in Outcome},
        "checks": [_check(result) for result in results],
    }


def _check(result: Result) -> dict[str, Any]:
    evidence = {name: plain(name, seen.value) for name, seen in result.evidence.items()}
    return {
        "id": result.check.id,
        "group": result.check.group,
        "outcome": result.outcome.value,
        "severity": result.check.severity.value,
        "title": result.check.title,
        "message": result.verdict.message,
        "remedy": result.remedy,
        "evidence": evidence,
        "needs": list(result.check.needs),
    }
