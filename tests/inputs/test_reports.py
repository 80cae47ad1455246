"""A JSON report is read back as it was, or refused with the place that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo.errors import BadInput
from tdxinfo.inputs.supplied import parse_report
from tdxinfo.model.provenance import Attempt, Origin
from tdxinfo.model.values import MemoryRange, ModuleVersion
from tdxinfo.report import CheckReport, Report
from tests.inputs.written import REPORT, line, report

DENIED = {"origin": "msr:0x87", "reason": "denied", "message": "no", "remedy": "Run as root."}


def parsed(**parts: Any) -> Report:
    return parse_report(report(**parts), "node7.json")


def test_values_become_their_types_with_the_source_that_has_them() -> None:
    area = {"base": 4096, "end": 12288, "size": 8192}
    found = parsed(
        host={"module": {"version": "1.5.06", "features0": "0x0000000000000fbf"}}
        | {"memory": {"cmrs": [area]}},
        sources={"module.version": {"origin": "sysfs:/x"}},
    )
    assert found.host.module.version == ModuleVersion(1, 5, 6)
    assert found.origin_of("module.version") == "sysfs:/x"
    assert found.host.module.features0 == 0xFBF
    assert found.host.memory.cmrs == (MemoryRange.between(4096, 12288),)
    assert found.origin == Origin.of("report", "node7.json")


def test_a_value_without_a_source_is_known_and_null_is_not() -> None:
    found = parsed(host={"keys": {"tdx_keyids": 64, "mktme_keyids": None}})
    assert found.is_known("keys.tdx_keyids")
    assert found.origin_of("keys.tdx_keyids") == "report"
    assert not found.is_known("keys.mktme_keyids")
    assert not found.is_known("module.version")
    assert not found.is_known("kvm.loaded")


def test_the_value_that_stands_for_unknown_is_not_known_either() -> None:
    found = parsed(host={"module": {"state": "unknown"}})
    assert (found.host.module.state, found.is_known("module.state")) == ("unknown", False)


def test_a_source_makes_null_the_knowledge_that_there_is_none() -> None:
    found = parsed(sources={"memory.plan": {"origin": "derived:memory.cmrs"}})
    assert found.is_known("memory.plan")


def test_refusals_are_read_in_order_also_with_a_reason_of_a_later_version() -> None:
    later = {"origin": "x", "reason": "eclipsed", "message": "the moon is before it", "remedy": ""}
    value = {"keys.tdx_keyids": [DENIED, later], "keys.leaked": []}
    found = parsed(unavailable=value)
    assert found.attempts("keys.tdx_keyids") == (
        Attempt(origin="msr:0x87", reason="denied", message="no", remedy="Run as root."),
        Attempt(origin="x", reason="eclipsed", message="the moon is before it", remedy=""),
    )
    assert not found.is_absent("keys.tdx_keyids")
    assert found.attempts("keys.leaked") == ()


def test_keys_of_a_later_version_are_passed_over() -> None:
    found = parsed(
        weather={"wind": None},
        host={"keys": {"tdx_keyids": 2, "colour": "blue"}, "sky": 1},
        sources={"keys.tdx_keyids": {"origin": "x", "since": 5}, "sky.blue": {"origin": "y"}},
        unavailable={"keys.leaked": [{**DENIED, "errno": 13}]},
    )
    assert found.host.keys.tdx_keyids == 2
    assert found.origin_of("keys.tdx_keyids") == "x"
    assert found.attempts("keys.leaked")[0].reason == "denied"


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"host": {"keys": None}}, "host.keys"),
        ({"host": {"keys": {"tdx_keyids": -1}}}, "host.keys.tdx_keyids"),
        ({"host": {"keys": {"tdx_keyids": "many"}}}, "host.keys.tdx_keyids"),
        ({"host": {"module": {"state": "running"}}}, "host.module.state"),
        ({"host": {"module": {"state": None}}}, "host.module.state"),
        ({"host": {"module": {"version": "one"}}}, "host.module.version"),
        ({"host": {"memory": {"cmrs": [{"base": 1}]}}}, "host.memory.cmrs.0.end"),
        ({"sources": []}, "sources"),
        ({"sources": {"keys.leaked": {}}}, "sources.keys.leaked.origin"),
        ({"sources": {"keys.leaked": None}}, "sources.keys.leaked"),
        ({"sources": {"keys.leaked": {"origin": 5}}}, "sources.keys.leaked.origin"),
        ({"unavailable": {"keys.leaked": DENIED}}, "unavailable.keys.leaked"),
        ({"unavailable": {"keys.leaked": {}}}, "unavailable.keys.leaked"),
        ({"unavailable": {"keys.leaked": [{}]}}, "unavailable.keys.leaked.0.origin"),
        ({"unavailable": {"keys.leaked": ["no"]}}, "unavailable.keys.leaked.0"),
        (
            {"unavailable": {"keys.leaked": [{**DENIED, "remedy": None}]}},
            "unavailable.keys.leaked.0.remedy",
        ),
    ],
)
def test_a_report_that_is_none_is_refused_with_the_place(parts: dict[str, Any], place: str) -> None:
    with pytest.raises(BadInput, match=rf"^node7\.json is not a valid report: {place}: ."):
        parsed(**parts)


def test_text_that_no_program_could_show_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^node7\.json begins like JSON, but is not complete: ."):
        parsed(sources={"keys.leaked": {"origin": "\udc80"}})


@pytest.mark.parametrize("missing", sorted(REPORT))
def test_what_every_report_has_may_not_be_missing(missing: str) -> None:
    rest = {key: value for key, value in REPORT.items() if key != missing}
    with pytest.raises(BadInput, match=rf"not a report of tdxinfo: it has no {missing}\.$"):
        parse_report(line(rest), "node7.json")


def test_the_report_of_check_is_read_as_one_and_a_host_by_that_name_is_not() -> None:
    judged = parsed(verdict="ready", first_failure=None, summary={}, checks=[])
    assert isinstance(judged, CheckReport)
    assert parsed(name="verdict").name == "verdict"


@pytest.mark.parametrize("version", ["2.0", None, "", "10.0"])
def test_keys_that_mean_something_else_are_not_read(version: str | None) -> None:
    with pytest.raises(BadInput, match=r"^node7\.json has schema version .*, and this tdxinfo"):
        parsed(schema_version=version)
