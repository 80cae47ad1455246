"""The JSON Schemas: complete, open to later keys, and sharp."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tdxinfo import schemas
from tdxinfo.host import SECTIONS, fact_names
from tests.cli.command import ran
from tests.documents import fault

Document = dict[str, Any]
Change = Callable[[Document], object]
READY = ("--json", "--from", "example:linux-7.3-emulated")


def set_fact(name: str, value: object) -> Change:
    section, _, field = name.partition(".")
    return lambda document: document["host"][section].update({field: value})


def refused(command: str, change: Change) -> bool:
    document = copy.deepcopy(ran(command, *READY).json)
    assert fault(command, document) == ""
    change(document)
    return fault(command, document) != ""


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_schema_is_one_of_its_draft(name: str) -> None:
    schema = json.loads(ran("schema", name).out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("fact", fact_names())
def test_every_fact_has_its_type_and_its_meaning(fact: str) -> None:
    section, _, field = fact.partition(".")
    described = json.loads(schemas.text("dump"))["$defs"][section.title()]["properties"][field]
    assert described["description"]
    assert {"type": "null"} in described["anyOf"]


@pytest.mark.parametrize(
    ("fact", "unit"),
    [
        ("memory.cmr_bytes", "In bytes."),
        ("memory.pamt_bytes", "In bytes."),
        ("td.tdcs_base_size", "Bytes"),
    ],
)
def test_a_size_says_its_unit(fact: str, unit: str) -> None:
    section, _, field = fact.partition(".")
    properties = json.loads(schemas.text("dump"))["$defs"][section.title()]["properties"]
    assert unit in properties[field]["description"]


@pytest.mark.parametrize(
    "change",
    [
        set_fact("module.version", 1.5),
        set_fact("module.version", "1.5.6"),
        set_fact("module.features0", 0xFBF),
        set_fact("module.features0", "0xfbf"),
        set_fact("module.build_date", "20230323"),
        set_fact("module.state", "running"),
        set_fact("keys.tdx_keyids", "64"),
        set_fact("keys.tdx_keyids", -1),
        set_fact("kvm.loaded", 1),
        set_fact("memory.cmrs", [{"base": 0, "end": 4096}]),
        set_fact("keys.tdx_keyid", 64),
        lambda document: document.pop("unavailable"),
        lambda document: document.update(schema_version="2.0"),
        lambda document: document.update(verdict="ready"),
        lambda document: document["sources"].update({"Module version": {"origin": "x"}}),
        lambda document: document.update(errors=[{"message": "It failed."}]),
    ],
)
def test_a_dump_that_breaks_the_promise_is_refused(change: Change) -> None:
    assert refused("dump", change)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(verdict="maybe"),
        lambda document: document.pop("verdict"),
        lambda document: document["host"].pop("kvm"),
        lambda document: document["host"]["kvm"].pop("loaded"),
        lambda document: document["summary"].pop("SKIP"),
        lambda document: document["checks"][0].update(outcome="pass"),
        lambda document: document["checks"][0].pop("remedy"),
    ],
)
def test_a_check_report_that_breaks_the_promise_is_refused(change: Change) -> None:
    assert refused("check", change)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.update(verdict="maybe"),
        lambda line: line.update(first_failure="the module"),
        lambda line: line.update(place=None),
        lambda line: line.update(schema_version="2.0"),
        lambda line: line.update(error=["why"]),
        lambda line: line.pop("error"),
        lambda line: line["module"].pop("release"),
        lambda line: line["module"].update(features0="0xfbf"),
        lambda line: line["module"].update(state="running"),
        lambda line: line["module"].update(build=943),
    ],
)
def test_a_line_of_a_fleet_that_breaks_the_promise_is_refused(change: Change) -> None:
    line = ran("fleet", READY[-1], "--json").json
    assert fault("fleet", line) == ""
    change(line)
    assert fault("fleet", line) != ""


def test_a_line_about_what_could_not_be_read_is_described_too() -> None:
    line = ran("fleet", "example:nowhere", "--json").json
    assert fault("fleet", line) == ""
    assert line["error"]


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["helper"].pop("can_be_built"),
        lambda document: document["helper"].update(loaded=True),
        lambda document: document["helper"].update(reason=None),
        lambda document: document["helper"].update(kernels=1),
        lambda document: document.update(host={"module": {}}),
        lambda document: document.pop("helper"),
    ],
)
def test_a_status_of_the_helper_that_breaks_the_promise_is_refused(change: Change) -> None:
    document = ran("helper", "status", "--json").json
    assert fault("helper", document) == ""
    change(document)
    assert fault("helper", document) != ""


def test_a_key_of_a_later_version_is_allowed_and_a_changed_one_is_not() -> None:
    document = ran("dump", *READY).json
    later = {**document, "schema_version": "1.1", "news": 1}
    later["host"]["module"]["colour"] = "blue"
    later["host"]["weather"] = {"wind": None}
    for section in SECTIONS:
        later["host"][section]["more"] = []
    published = Draft202012Validator(json.loads(schemas.text("dump")))
    assert published.is_valid(later)
    later["host"]["module"]["version"] = {"major": 1}
    assert not published.is_valid(later)


@pytest.mark.parametrize("command", schemas.NAMES)
def test_a_failed_run_is_described_too(command: str) -> None:
    failed = ran(command, "--json", "--nonsense")
    assert failed.status == 2
    assert fault(command, {**failed.json, "errors": []}) != ""


@pytest.mark.parametrize(
    ("more", "change"),
    [
        ("--all-sources", lambda d: d["all_sources"]["keys.tdx_keyids"][0].pop("origin")),
        ("--fields", lambda d: d["fields"][0].update(value=5)),
        ("keys", lambda d: d["host"]["keys"].update(tdx_keyids="many")),
    ],
)
def test_a_dump_of_parts_or_with_more_is_described(more: str, change: Change) -> None:
    document = ran("dump", more, *READY).json
    assert fault("dump", document) == ""
    change(document)
    assert fault("dump", document) != ""


def test_a_document_without_a_schema_is_wrong_usage() -> None:
    told = ran("schema", "capture")
    assert told.status == 2
    assert "dump" in told.err
