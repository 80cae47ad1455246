"""Logs of hosts in the field, with the facts and outcomes that each must give: `field.toml`.

For these and all recorded hosts, no two results of a report may contradict each other: the pairs
that would are in `contradictions.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.checks import evidence
from tdxinfo.checks.engine import CHECKS, Result, first_failure, run_checks, verdict_of
from tdxinfo.inputs.supplied import example_names, open_input, recognize
from tdxinfo.machine import Machine
from tdxinfo.model.values import ModuleVersion
from tdxinfo.report import Report, observe
from tests.builders import report_with
from tests.parts import one_in
from tests.recorded import NAMES, report_of, results_of

FOLDER = Path(__file__).parent
CASES: list[dict[str, Any]] = tomllib.loads((FOLDER / "field.toml").read_text())["case"]
PAIRS: list[dict[str, Any]] = tomllib.loads((FOLDER / "contradictions.toml").read_text())["pair"]
BY_NAME = {f"{case['kind']}: {case['name']}": case for case in CASES}
FACT_PREFIX = "host."
"""How a condition of contradictions.toml names a fact; other names are checks."""
LINES_OF_WHOLE_LOG = 220
"""Lines that a log must have to be taken for that of a whole boot."""
FILLER = (
    "[    0.9] pci 0000:00:00.0: [8086:3258] type 00 class 0x088000 conventional PCI endpoint\n"
)
PROGRAMS_RUN = "[    1.9] Freeing unused kernel image (initmem) memory: 3728K\n"
LATER = "[ 7207.1] usb 1-3: USB disconnect, device number 4\n"


def text_of(case: dict[str, Any]) -> str:
    """The case's log; a whole one has other lines before its last, and goes on for hours.

    One that is whole but for its `end` has the other lines alone.
    """
    lines: str = case["lines"].strip("\n") + "\n"
    if not case.get("whole"):
        return lines
    *first, last = lines.splitlines(keepends=True)
    end: str = case.get("end", PROGRAMS_RUN + LATER)
    return "".join(first) + FILLER * LINES_OF_WHOLE_LOG + last + end


@cache
def report_of_case(name: str) -> Report:
    machine = recognize(text_of(BY_NAME[name]).encode(), "a log")
    assert isinstance(machine, Machine)
    return observe(machine)


@cache
def results_of_case(name: str) -> list[Result]:
    return run_checks(report_of_case(name))


def message_and_remedy(result: Result) -> str:
    return f"{result.verdict.message} {result.remedy}"


@pytest.mark.parametrize("name", BY_NAME)
def test_a_log_of_the_field_gives_its_facts(name: str) -> None:
    report = report_of_case(name)
    values = report.host.model_dump(mode="json")
    for fact, wanted in BY_NAME[name].get("facts", {}).items():
        section, _, field = fact.partition(".")
        value = values[section][field] if report.is_known(fact) else "unknown"
        assert value == wanted, fact


@pytest.mark.parametrize("name", BY_NAME)
def test_a_log_of_the_field_gives_its_outcomes_and_messages(name: str) -> None:
    case, results = BY_NAME[name], results_of_case(name)
    found = {result.check.id: result.outcome.value for result in results}
    assert {i: found[i] for i in case.get("outcomes", {})} == case.get("outcomes", {})
    first = first_failure(results)
    if "first" in case:
        assert (first.check.id if first else "") == case["first"]
    if "verdict" in case:
        assert verdict_of(results).value == case["verdict"]
    for words in case.get("says", ()):
        assert first is not None
        assert words in message_and_remedy(first)
    for words in case.get("never", ()):
        assert not [r.check.id for r in results if words in message_and_remedy(r)]


# --- no contradictions ---------------------------------------------------------------------------


def holds(condition: dict[str, Any], report: Report, results: dict[str, Result]) -> bool:
    """Whether every check that it names has one of the outcomes, and every fact of the values."""
    return all(
        _value(report, name.removeprefix(FACT_PREFIX)) in wanted
        if name.startswith(FACT_PREFIX)
        else name in results and results[name].outcome.value in wanted
        for name, wanted in condition.items()
    )


def _value(report: Report, fact: str) -> object:
    return report.host.fact(fact) if report.is_known(fact) else "unknown"


def contradictions(report: Report, found: Iterable[Result] | None = None) -> list[str]:
    results = {result.check.id: result for result in found or run_checks(report)}
    return [
        pair["why"]
        for pair in PAIRS
        if holds(pair["one"], report, results) and holds(pair["other"], report, results)
    ]


@pytest.mark.parametrize("name", BY_NAME)
def test_no_two_findings_of_a_case_contradict_each_other(name: str) -> None:
    assert contradictions(report_of_case(name), results_of_case(name)) == []


@pytest.mark.parametrize("name", one_in(3, NAMES))
def test_no_two_findings_of_a_recorded_host_contradict_each_other(name: str) -> None:
    assert contradictions(report_of(name), results_of(name)) == []


@pytest.mark.parametrize("name", example_names())
def test_no_two_findings_of_an_example_contradict_each_other(name: str) -> None:
    machine = open_input(name)
    assert isinstance(machine, Machine)
    assert contradictions(observe(machine)) == []


CONTRADICTING_RULES: dict[str, dict[str, Any]] = {
    "a kernel that initialized the module can start it": {
        "kernel.release": "6.12.9",
        "kernel.generation": "detects",
    },
    "a kernel that initialized the module supports its line": {
        "kernel.release": "5.15.0-mvp11",
        "module.version": ModuleVersion(1, 5, 5),
    },
    "a kernel beside whose hibernation the module runs does not mind it": {
        "kernel.release": "6.17.1",
        "kernel.hibernation": True,
    },
    "a processor that runs the module has TDX": {"platform.family": 6, "platform.model": 106},
}
"""Hosts with an initialized module that a rule by version or model would call impossible."""


@pytest.mark.parametrize("why", CONTRADICTING_RULES)
def test_without_evidence_a_rule_by_number_contradicts_what_runs(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_with({"module.state": "initialized", **CONTRADICTING_RULES[why]})
    assert contradictions(report) == []
    monkeypatch.setattr(evidence, "proof_of", lambda report, claim: "")
    assert why in contradictions(report)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["why"])
def test_a_pair_names_checks_and_facts_that_there_are(pair: dict[str, Any]) -> None:
    from tdxinfo.host import fact_names

    names = {*pair["one"], *pair["other"]}
    assert names <= {*CHECKS, *(f"{FACT_PREFIX}{name}" for name in fact_names())}
    assert set(pair) == {"why", "one", "other"}
