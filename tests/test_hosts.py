"""Every folder in tests/hosts is a machine: observed, judged, compared with what it must show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tdxinfo.host.reported import host_of_report
from tdxinfo.render.document import dump_document, plain
from tdxinfo.render.judgement import check_document

from tdxinfo.checks.engine import Outcome, first_failure, run_checks, verdict_of
from tdxinfo.fleet import kind_of
from tdxinfo.host import SECTIONS, Host, fact_names
from tdxinfo.inputs.many import Supplied
from tdxinfo.inputs.supplied import ReportInput
from tdxinfo.machine.captured import open_folder
from tdxinfo.model.provenance import Origin
from tdxinfo.report import observe
from tests.documents import fault

HOSTS = Path(__file__).parent / "hosts"
NAMES = sorted(path.parent.name for path in HOSTS.glob("*/expect.json"))


def host_of(name: str) -> Host:
    return observe(open_folder(str(HOSTS / name)))


def expected(name: str) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads((HOSTS / name / "expect.json").read_text())
    return whole


def known_facts(host: Host) -> dict[str, dict[str, Any]]:
    """All facts that are known, by section; a known "there is none" is null."""
    found: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for name in fact_names():
        section, _, field = name.partition(".")
        if host.fact(name).is_known:
            found[section][field] = plain(name, host.fact(name).value)
    return {section: facts for section, facts in found.items() if facts}


def test_there_are_hosts() -> None:
    assert len(NAMES) >= 16


@pytest.mark.parametrize("name", NAMES)
def test_a_host_shows_what_its_record_tells_and_no_more(name: str) -> None:
    assert known_facts(host_of(name)) == expected(name)["host"]


@pytest.mark.parametrize("name", NAMES)
def test_a_host_is_judged_as_expected(name: str) -> None:
    from tdxinfo import checks  # noqa: F401  # declares them

    results = run_checks(host_of(name))
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
    dumped = json.loads(json.dumps(dump_document(host_of(name), fact_names())))
    report = ReportInput(Origin.of("report", name), dumped)
    kind = kind_of(Supplied(name, name, report))
    results = run_checks(host_of_report(report))
    first = first_failure(results)
    assert (kind.verdict, kind.first_failure) == (verdict_of(results), first and first.check.id)


@pytest.mark.parametrize("name", NAMES)
def test_a_hosts_documents_are_what_their_schemas_promise(name: str) -> None:
    host = host_of(name)
    assert fault("dump", dump_document(host, fact_names())) == ""
    results = run_checks(host)
    judged = check_document(host, fact_names(), results, verdict_of(results).value)
    assert fault("check", judged) == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_host_says_where_it_comes_from(name: str) -> None:
    assert open_folder(str(HOSTS / name)).origin.note
