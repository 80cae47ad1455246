"""Every folder in tests/hosts is a machine: observed, judged, compared with what it must show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import first_failure, run_checks, verdict_of
from tdxinfo.fleet import kind_of
from tdxinfo.host import SECTIONS, fact_names
from tdxinfo.inputs.many import Supplied
from tdxinfo.inputs.supplied import parse_report
from tdxinfo.machine.captured import open_folder
from tdxinfo.model.verdict import Outcome
from tdxinfo.report import Report, observe
from tests.documents import fault

HOSTS = Path(__file__).parent / "hosts"
NAMES = sorted(path.parent.name for path in HOSTS.glob("*/expect.json"))


def report_of(name: str) -> Report:
    return observe(open_folder(str(HOSTS / name)))


def expected(name: str) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads((HOSTS / name / "expect.json").read_text())
    return whole


def known_facts(report: Report) -> dict[str, dict[str, Any]]:
    """All facts that are known, by section; a known "there is none" is null."""
    values = report.host.model_dump(mode="json")
    found: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for name in fact_names():
        section, _, field = name.partition(".")
        if report.is_known(name):
            found[section][field] = values[section][field]
    return {section: facts for section, facts in found.items() if facts}


def test_there_are_hosts() -> None:
    assert len(NAMES) >= 16


@pytest.mark.parametrize("name", NAMES)
def test_a_host_shows_what_its_record_tells_and_no_more(name: str) -> None:
    assert known_facts(report_of(name)) == expected(name)["host"]


@pytest.mark.parametrize("name", NAMES)
def test_a_host_is_judged_as_expected(name: str) -> None:
    from tdxinfo import checks  # noqa: F401  # declares them

    results = run_checks(report_of(name))
    first = first_failure(results)
    outcomes: dict[str, list[str]] = {outcome.value: [] for outcome in Outcome}
    for result in results:
        outcomes[result.outcome.value].append(result.check.id)
    wanted = expected(name)
    assert {
        "verdict": verdict_of(results).value,
        "first_failure": first.check.id if first else None,
        "outcomes": {outcome: sorted(ids) for outcome, ids in outcomes.items() if ids},
    } == {
        "verdict": wanted["verdict"],
        "first_failure": wanted["first_failure"],
        "outcomes": {outcome: sorted(ids) for outcome, ids in wanted["outcomes"].items() if ids},
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_fleet_tells_of_a_host_what_its_record_tells(name: str) -> None:
    kind = kind_of(Supplied(name, name, open_folder(str(HOSTS / name))))
    wanted = expected(name)
    module = wanted["host"].get("module", {})
    assert (kind.verdict, kind.first_failure) == (wanted["verdict"], wanted["first_failure"])
    assert (kind.version, kind.release) == (module.get("version"), module.get("release"))
    assert kind.features0 == module.get("features0")
    assert kind.state == module.get("state", "unknown")


@pytest.mark.parametrize("name", NAMES)
def test_a_fleet_tells_of_a_report_what_all_checks_together_say(name: str) -> None:
    report = parse_report(report_of(name).model_dump_json().encode(), name)
    kind = kind_of(Supplied(name, name, report))
    results = run_checks(report)
    first = first_failure(results)
    assert (kind.verdict, kind.first_failure) == (verdict_of(results), first and first.check.id)


@pytest.mark.parametrize("name", NAMES)
def test_a_hosts_documents_are_what_their_schemas_promise(name: str) -> None:
    report = report_of(name)
    assert fault("dump", json.loads(report.model_dump_json())) == ""
    results = run_checks(report)
    run = CheckRun(report, results, verdict_of(results), time=0)
    assert fault("check", json.loads(run.document().model_dump_json())) == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_hosts_report_comes_back_from_its_text_as_it_was(name: str) -> None:
    report = report_of(name)
    again = parse_report(report.model_dump_json().encode(), name)
    for fact in fact_names():
        assert again.observed(fact) == report.observed(fact), fact


@pytest.mark.parametrize("name", NAMES)
def test_a_host_says_where_it_comes_from(name: str) -> None:
    assert open_folder(str(HOSTS / name)).origin.note
