"""What users reported: each problem has a check that answers it, on a host that has it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.engine import CHECKS, first_failure, run_checks
from tests.cli.command import ran
from tests.recorded import report_of

with (Path(__file__).parent / "problems.toml").open("rb") as file:
    PROBLEMS: list[dict[str, Any]] = tomllib.load(file)["problem"]

SHOWN = [problem for problem in PROBLEMS if "host" in problem]
NO_REMEDY = ("cpu.model", "cpu.seamrr")
"""Checks of the processor: nothing can add what it lacks."""
NAMES = [f"{problem['number']}-{problem['check']}" for problem in SHOWN]


def test_every_reported_problem_is_here_once() -> None:
    assert [problem["number"] for problem in PROBLEMS] == list(range(1, len(PROBLEMS) + 1))
    assert len(PROBLEMS) >= 70


@pytest.mark.parametrize("problem", SHOWN, ids=NAMES)
def test_the_check_says_on_the_host_what_is_wrong(problem: dict[str, Any]) -> None:
    results = run_checks(report_of(problem["host"]))
    (result,) = [result for result in results if result.check.id == problem["check"]]
    assert result.outcome.value == problem["outcome"], result.verdict.message
    assert problem.get("says", "") in f"{result.verdict.message} {result.remedy}"
    if result.outcome.value in ("FAIL", "WARN"):
        assert bool(result.remedy) == (problem["check"] not in NO_REMEDY)
    if problem.get("first"):
        first = first_failure(results)
        assert first is not None
        assert first.check.id == problem["check"]


@pytest.mark.parametrize(
    "problem", [p for p in PROBLEMS if "host" not in p], ids=lambda problem: problem["number"]
)
def test_what_no_host_can_show_has_a_reason_and_words_of_help(problem: dict[str, Any]) -> None:
    assert len(problem["no_host"]) > 20
    assert problem["check"] in CHECKS
    query, answer = problem.get("explain", (problem["check"], "what to do"))
    assert answer in ran("explain", query, "--from", "example:emr-five-cmrs").out


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem["number"])
def test_a_problem_says_where_it_was_reported(problem: dict[str, Any]) -> None:
    assert problem["reported"]
    assert ("host" in problem) != ("no_host" in problem)
    assert set(problem) <= {
        "number", "title", "reported", "check", "host", "outcome", "says", "first", "no_host",
        "explain",
    }  # fmt: skip
