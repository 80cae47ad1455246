"""The JSON Schemas, and the models that they are made of."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from tdxinfo.cli.schema import MODELS, model_of
from tdxinfo.host import SECTIONS, fact_names
from tests.cli.command import ran
from tests.documents import fault
from tests.parts import one_in

Document = dict[str, Any]
Change = Callable[[Document], object]
READY = ("--json", "--from", "example:linux-7.3-emulated")


def set_fact(name: str, value: object) -> Change:
    section, _, field = name.partition(".")
    return lambda document: document["host"][section].update({field: value})


@cache
def schema_of(name: str) -> Document:
    """The JSON Schema of what the command prints."""
    return model_of(name).model_json_schema()


def accepts(name: str, document: Document) -> bool:
    """Whether the model takes the document."""
    try:
        model_of(name).model_validate_json(json.dumps(document))
    except ValidationError:
        return False
    return True


def assert_refused(name: str, document: Document, change: Change) -> None:
    """By schema and model alike, once it is changed and not before."""
    assert fault(name, document) == ""
    assert accepts(name, document)
    changed = copy.deepcopy(document)
    change(changed)
    assert fault(name, changed) != ""
    assert not accepts(name, changed)


@pytest.mark.parametrize("name", one_in(4, MODELS))
def test_a_schema_is_one_of_its_draft(name: str) -> None:
    schema = json.loads(ran("schema", name).out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


def test_a_schema_that_does_not_exist_is_named_with_those_that_do() -> None:
    refused = ran("schema", "nosuch")
    assert (refused.status, refused.out) == (2, "")
    names = ", ".join(MODELS)
    assert refused.err == (
        f"tdxinfo: There is no schema 'nosuch'. The names are {names}. "
        "Try `tdxinfo schema --help`.\n"
    )
    assert "Did you mean check?" in ran("schema", "chek").err


@pytest.mark.parametrize("name", MODELS)
def test_every_field_has_a_description(name: str) -> None:
    schema = schema_of(name)
    assert list(_without_description(schema)) == []


def _without_description(schema: Document) -> Iterator[str]:
    definitions = {"": schema, **schema.get("$defs", {})}
    for title, definition in definitions.items():
        for field, described in definition.get("properties", {}).items():
            if not described.get("description"):
                yield f"{title}.{field}"


def test_every_fact_may_be_unknown() -> None:
    for fact in fact_names():
        section, _, field = fact.partition(".")
        defined = schema_of("dump")["$defs"][section.title()]
        described = defined["properties"][field]
        may_be_null = {"type": "null"} in described.get("anyOf", ())
        assert may_be_null if field != "state" else "enum" in described, fact
        assert field not in defined.get("required", ()), fact


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
    properties = schema_of("dump")["$defs"][section.title()]["properties"]
    assert unit in properties[field]["description"]


def test_what_is_always_there_is_required() -> None:
    keys = {"schema_version", "tool", "origin", "host", "sources", "unavailable", "errors"}
    assert keys == set(schema_of("dump")["required"])
    more = {"verdict", "first_failure", "summary", "checks"}
    assert keys | more <= set(schema_of("check")["required"])


@pytest.mark.parametrize(
    "change",
    [
        set_fact("module.version", 1.5),
        set_fact("module.version", "1.x"),
        set_fact("module.version", " 1.5"),
        set_fact("module.features0", 0xFBF),
        set_fact("module.features0", "0xfbf"),
        set_fact("module.build_date", "yesterday"),
        set_fact("module.build_date", "20230323"),
        set_fact("module.build_date", 20230323),
        set_fact("module.state", "running"),
        set_fact("keys.tdx_keyids", "64"),
        set_fact("keys.tdx_keyids", -1),
        set_fact("keys.tdx_keyids", 1 << 32),
        set_fact("kvm.loaded", 1),
        set_fact("kvm.loaded", "yes"),
        set_fact("memory.cmrs", [{"base": 0, "end": 4096}]),
        set_fact("memory.cmrs", {}),
        set_fact("module.features", "NO_RBP_MOD"),
        lambda document: document.pop("host"),
        lambda document: document.pop("sources"),
        lambda document: document.pop("unavailable"),
        lambda document: document.pop("errors"),
        lambda document: document.update(schema_version="2.0"),
        lambda document: document.update(schema_version=1.0),
        lambda document: document.update(host=[]),
        lambda document: document["tool"].pop("version"),
        lambda document: document["origin"].update(kind=None),
        lambda document: document["sources"].update({"keys.tdx_keyids": "msr:0x87"}),
        lambda document: document["unavailable"].update({"keys.leaked": [{"origin": "x"}]}),
        lambda document: document.update(errors=["It failed."]),
    ],
)
def test_a_dump_that_breaks_the_promise_is_refused(change: Change) -> None:
    assert_refused("dump", ran("dump", *READY).json, change)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(verdict="maybe"),
        lambda document: document.pop("verdict"),
        lambda document: document.pop("checks"),
        lambda document: document.update(first_failure="the module"),
        lambda document: document["checks"][0].update(outcome="pass"),
        lambda document: document["checks"][0].pop("remedy"),
    ],
)
def test_a_check_report_that_breaks_the_promise_is_refused(change: Change) -> None:
    assert_refused("check", ran("check", *READY).json, change)


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
    ],
)
def test_a_line_of_a_fleet_that_breaks_the_promise_is_refused(change: Change) -> None:
    assert_refused("fleet", ran("fleet", READY[-1], "--json").json, change)


def test_a_line_about_what_could_not_be_read_is_described_too() -> None:
    line = ran("fleet", "example:nowhere", "--json").json
    assert fault("fleet", line) == ""
    assert line["error"]


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["helper"].update(loaded=True),
        lambda document: document["helper"].update(reason=None),
        lambda document: document["helper"].pop("kernel"),
        lambda document: document.pop("helper"),
    ],
)
def test_a_status_of_the_helper_that_breaks_the_promise_is_refused(change: Change) -> None:
    assert_refused("helper", ran("helper", "status", "--json").json, change)


def test_a_key_of_a_later_version_is_allowed_and_a_changed_one_is_not() -> None:
    document = ran("dump", *READY).json
    later = {**document, "schema_version": "1.1", "news": 1}
    later["host"]["module"]["colour"] = "blue"
    later["host"]["weather"] = {"wind": None}
    for section in SECTIONS:
        later["host"][section]["more"] = []
    published = Draft202012Validator(schema_of("dump"))
    assert published.is_valid(later)
    assert accepts("dump", later)
    later["host"]["module"]["version"] = {"major": 1}
    assert not published.is_valid(later)
    assert not accepts("dump", later)


@pytest.mark.parametrize("command", ["dump", "check", "explain", "diff", "fleet", "helper"])
def test_a_failed_run_has_a_document_of_its_own(command: str) -> None:
    failed = ran(command, "--json", "--nonsense")
    assert failed.status == 2
    assert fault("failure", failed.json) == ""
    assert_refused("failure", failed.json, lambda document: document.update(errors=[{}]))


@pytest.mark.parametrize(
    ("more", "change"),
    [
        ("--all-sources", lambda d: d["all_sources"]["keys.tdx_keyids"][0].pop("origin")),
        ("--fields", lambda d: d["fields"][0].update(value=5)),
        ("keys", lambda d: d["host"]["keys"].update(tdx_keyids="many")),
    ],
)
def test_a_dump_of_parts_or_with_more_is_described(more: str, change: Change) -> None:
    assert_refused("dump", ran("dump", more, *READY).json, change)


def test_a_document_without_a_schema_is_wrong_usage() -> None:
    refused = ran("schema", "capture")
    assert refused.status == 2
    assert "dump" in refused.err
