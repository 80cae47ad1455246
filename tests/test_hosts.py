"""Every host in tests/hosts gives the facts, the verdict and the outcomes of its expect.json."""

from __future__ import annotations

import json
from functools import cache

import pytest

from tdxinfo.checks.engine import first_failure, run_checks, verdict_of
from tdxinfo.fleet import kind_of
from tdxinfo.host import fact_names
from tdxinfo.inputs.many import Supplied
from tdxinfo.inputs.supplied import parse_report
from tdxinfo.report import Report
from tests.documents import fault
from tests.parts import one_in
from tests.recorded import (
    NAMES,
    check_run_of,
    differences_from_base,
    expected,
    open_host,
    report_of,
    shown,
)


@cache
def reparsed(name: str) -> Report:
    """The host's report, read from its JSON."""
    return parse_report(report_of(name).model_dump_json().encode(), name)


def test_there_are_hosts() -> None:
    assert len(NAMES) >= 16


@pytest.mark.parametrize("name", NAMES)
def test_a_host_shows_what_its_record_holds_and_no_more(name: str) -> None:
    assert shown(report_of(name)) == expected(name)


@pytest.mark.parametrize("name", one_in(4, NAMES))
def test_a_fleet_shows_what_the_hosts_record_holds(name: str) -> None:
    kind = kind_of(Supplied(name, name, open_host(name)))
    wanted = expected(name)
    module = wanted["host"].get("module", {})
    assert (kind.verdict, kind.first_failure) == (wanted["verdict"], wanted["first_failure"])
    assert (kind.version, kind.release) == (module.get("version"), module.get("release"))
    assert kind.features0 == module.get("features0")
    assert kind.state == module.get("state", "unknown")


@pytest.mark.parametrize("name", one_in(4, NAMES))
def test_a_fleet_has_the_same_verdict_as_all_checks(name: str) -> None:
    kind = kind_of(Supplied(name, name, reparsed(name)))
    results = run_checks(reparsed(name))
    first = first_failure(results)
    assert (kind.verdict, kind.first_failure) == (verdict_of(results), first and first.check.id)


@pytest.mark.parametrize("name", one_in(4, NAMES))
def test_a_hosts_documents_are_what_their_schemas_promise(name: str) -> None:
    report = report_of(name)
    assert fault("dump", json.loads(report.model_dump_json())) == ""
    document = check_run_of(name).document()
    assert fault("check", json.loads(document.model_dump_json())) == ""


@pytest.mark.parametrize("name", one_in(4, NAMES))
def test_a_hosts_report_comes_back_from_its_text_as_it_was(name: str) -> None:
    for fact in fact_names():
        assert reparsed(name).observed(fact) == report_of(name).observed(fact), fact


@pytest.mark.parametrize("name", NAMES)
def test_a_host_says_where_it_comes_from(name: str) -> None:
    assert open_host(name).origin.note, "about.toml has no `provenance`"


@pytest.mark.parametrize("name", one_in(4, NAMES))
def test_what_is_unknown_of_a_host_has_a_reason(name: str) -> None:
    document = report_of(name).model_dump(mode="json")
    for section, fields in document["host"].items():
        for field, value in fields.items():
            fact = f"{section}.{field}"
            if value is None and fact not in document["sources"]:
                refused = document["unavailable"].get(fact, [])
                assert refused, fact
                assert all(len(attempt["message"]) > 8 for attempt in refused), fact


# --- hosts that differ from another in a few files ----------------------------------------------

BASE = {
    "host": {"keys": {"max_keyids": 63, "tdx_keyids": 31}, "kvm": {"loaded": True}},
    "verdict": "ready",
    "first_failure": None,
    "outcomes": {"PASS": ["cpu.vendor", "kvm.loaded"], "UNKNOWN": ["keys.enough"]},
}
OTHER = {
    "host": {"keys": {"max_keyids": 63, "tdx_keyids": 1}},
    "verdict": "not-ready",
    "first_failure": "keys.enough",
    "outcomes": {"PASS": ["cpu.vendor"], "FAIL": ["keys.enough"], "UNKNOWN": ["kvm.loaded"]},
}


def test_the_expectation_of_a_host_with_a_base_has_only_what_differs() -> None:
    assert differences_from_base(BASE, BASE) == {}
    assert differences_from_base(OTHER, BASE) == {
        "host": {"keys": {"tdx_keyids": 1}},
        "unknown": ["kvm.loaded"],
        "verdict": "not-ready",
        "first_failure": "keys.enough",
        "outcomes": {"FAIL": ["keys.enough"], "UNKNOWN": ["kvm.loaded"]},
    }
