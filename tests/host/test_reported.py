"""A JSON report is read back as its host, or refused with the place that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from tdxinfo.host.reported import glimpse_of_report, host_of_report

from tdxinfo.errors import BadInput
from tdxinfo.inputs.supplied import ReportInput
from tdxinfo.model.provenance import Attempt, Origin
from tdxinfo.model.values import MemoryRange, ModuleVersion

DENIED = {"origin": "msr:0x87", "reason": "denied", "message": "no", "remedy": "Run as root."}


def report(**parts: Any) -> ReportInput:
    return ReportInput(
        Origin.of("report", "node7.json"), {"schema_version": "1.0", "host": {}, **parts}
    )


def test_values_become_their_types_with_the_place_that_told_them() -> None:
    area = {"base": 4096, "end": 12288, "size": 8192}
    host = host_of_report(
        report(
            host={"module": {"version": "1.5.06", "features0": "0x0000000000000fbf"}}
            | {"memory": {"cmrs": [area]}},
            sources={"module.version": {"origin": "sysfs:/x"}},
        )
    )
    assert host.module.version.value == ModuleVersion(1, 5, 6)
    assert (host.module.version.origin, host.module.version.name) == ("sysfs:/x", "module.version")
    assert host.module.features0.value == 0xFBF
    assert host.memory.cmrs.value == (MemoryRange(4096, 12288, 8192),)
    assert host.origin == Origin.of("report", "node7.json")


def test_a_value_without_a_source_is_known_and_null_is_not() -> None:
    host = host_of_report(report(host={"keys": {"tdx_keyids": 64, "mktme_keyids": None}}))
    assert (host.keys.tdx_keyids.is_known, host.keys.tdx_keyids.origin) == (True, "report")
    assert not host.keys.mktme_keyids.is_known
    assert not host.module.version.is_known
    assert not host.kvm.loaded.is_known


@pytest.mark.parametrize("state", ["unknown", None])
def test_the_value_that_stands_for_unknown_is_not_known_either(state: str | None) -> None:
    host = host_of_report(report(host={"module": {"state": state}}))
    assert (host.module.state.value, host.module.state.is_known) == (state, False)


def test_a_source_makes_null_the_knowledge_that_there_is_none() -> None:
    told = {"memory.plan": {"origin": "derived:memory.cmrs"}}
    assert host_of_report(report(sources=told)).memory.plan.is_known


def test_refusals_are_read_in_order_and_a_later_reason_counts_as_unsupported() -> None:
    later = {"origin": "x", "reason": "eclipsed", "message": "the moon is before it", "remedy": ""}
    told = {"keys.tdx_keyids": [DENIED, later], "keys.leaked": []}
    host = host_of_report(report(unavailable=told))
    assert host.keys.tdx_keyids.attempts == (
        Attempt("msr:0x87", "denied", "no", "Run as root."),
        Attempt("x", "unsupported", "the moon is before it", ""),
    )
    assert host.keys.leaked.attempts == ()


def test_keys_of_a_later_version_are_passed_over() -> None:
    host = host_of_report(
        report(
            weather={"wind": None},
            host={"keys": {"tdx_keyids": 2, "colour": "blue"}, "sky": 1},
            sources={"keys.tdx_keyids": {"origin": "x", "since": 5}, "sky.blue": {"origin": "y"}},
            unavailable={"keys.leaked": [{**DENIED, "errno": 13}]},
        )
    )
    assert host.keys.tdx_keyids.value == 2
    assert host.keys.leaked.attempts[0].reason == "denied"


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"host": {"keys": None}}, "host.keys"),
        ({"host": {"keys": {"tdx_keyids": -1}}}, "host.keys.tdx_keyids"),
        ({"host": {"keys": {"tdx_keyids": "many"}}}, "host.keys.tdx_keyids"),
        ({"host": {"module": {"state": "running"}}}, "host.module.state"),
        ({"host": {"module": {"version": "one"}}}, "host.module.version"),
        ({"host": {"memory": {"cmrs": [{"base": 1}]}}}, "host.memory.cmrs"),
        ({"sources": []}, "sources"),
        ({"sources": {"keys.leaked": {}}}, "sources.keys.leaked"),
        ({"sources": {"keys.leaked": None}}, "sources.keys.leaked"),
        ({"sources": {"keys.leaked": {"origin": 5}}}, "sources.keys.leaked"),
        ({"sources": {"keys.leaked": {"origin": "\udc80"}}}, "sources.keys.leaked"),
        ({"unavailable": {"keys.leaked": DENIED}}, "unavailable.keys.leaked"),
        ({"unavailable": {"keys.leaked": {}}}, "unavailable.keys.leaked"),
        ({"unavailable": {"keys.leaked": [{}]}}, "unavailable.keys.leaked"),
        ({"unavailable": {"keys.leaked": ["no"]}}, "unavailable.keys.leaked"),
        ({"unavailable": {"keys.leaked": [{**DENIED, "remedy": None}]}}, "unavailable.keys.leaked"),
    ],
)
def test_a_report_that_is_none_is_refused_with_the_place(parts: dict[str, Any], place: str) -> None:
    with pytest.raises(BadInput, match=rf"^node7\.json is no valid report: {place}: ."):
        host_of_report(report(**parts))


def test_a_glimpse_sees_what_is_wrong_only_where_it_looks() -> None:
    host = glimpse_of_report(report(host={"keys": {"tdx_keyids": 64, "leaked": "many"}}))
    assert host.keys.tdx_keyids.value == 64
    with pytest.raises(BadInput, match=r"host\.keys\.leaked: ."):
        host.keys.leaked  # noqa: B018  # the look is what fails


@pytest.mark.parametrize("version", ["2.0", None, "", "10.0"])
def test_keys_that_mean_something_else_are_not_read(version: str | None) -> None:
    with pytest.raises(BadInput, match=r"^node7\.json has schema version .*, and this tdxinfo"):
        host_of_report(report(schema_version=version))
