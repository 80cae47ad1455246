"""Reports of `check` for other programs and other people: JUnit and Markdown."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import run_checks, verdict_of
from tdxinfo.model.verdict import HostVerdict
from tdxinfo.render import junit, markdown
from tests.builders import report_with
from tests.checks.test_engine import READY
from tests.cli.command import ran
from tests.parts import one_in
from tests.recorded import NAMES, check_run_of


def check_run(strict: bool = False, **changes: object) -> CheckRun:
    facts = {**READY, **{name.replace("__", "."): value for name, value in changes.items()}}
    report = report_with({name: value for name, value in facts.items() if value is not None})
    results = run_checks(report)
    return CheckRun(report, results, verdict_of(results, strict), 0.0)


# --- JUnit ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(4, NAMES))
def test_a_hosts_results_are_xml_that_counts_itself(name: str) -> None:
    run = check_run_of(name)
    root = ElementTree.fromstring(junit.page(run))
    cases = root.findall(".//testcase")
    assert len({case.get("name") for case in cases}) == len(cases)
    for element in (root, *root.findall("testsuite")):
        own = element.findall(".//testcase")
        assert element.get("tests") == str(len(own))
        for attribute, tag in (("failures", "failure"), ("errors", "error")):
            counted = sum(case.find(tag) is not None for case in own)
            assert element.get(attribute) == str(counted)
    assert (int(root.get("failures", 0)) > 0) == (run.verdict is HostVerdict.NOT_READY)


def test_a_failure_tells_what_to_do() -> None:
    root = ElementTree.fromstring(junit.page(check_run(keys__tdx_keyids=0, module__state=None)))
    failure = root.find(".//testcase[@name='keys.tdx_share']/failure")
    assert failure is not None
    assert failure.get("message") == "all KeyIDs belong to MKTME, none to TDX"
    assert "key split" in (failure.text or "")


def test_a_warning_is_a_failure_only_where_it_decides() -> None:
    change = {"firmware__sgx_enabled": False}
    assert 'failures="0"' in junit.page(check_run(**change)).splitlines()[1]
    strict = ElementTree.fromstring(junit.page(check_run(strict=True, **change)))
    assert strict.find(".//testcase[@name='firmware.sgx']/failure") is not None


def test_hostile_text_stays_text_in_xml() -> None:
    hostile = 'x"><evil/>&\x00\x1b]0;y'
    page = junit.page(check_run(platform__vendor=hostile, module__state=None))
    root = ElementTree.fromstring(page.encode())
    assert root.find(".//evil") is None
    assert "\x1b" not in page


# --- Markdown ---------------------------------------------------------------------------------


def test_the_report_begins_with_the_failing_stage_and_what_to_do() -> None:
    lines = ran(
        "check", "--format", "markdown", "--from", "example:module-never-loaded"
    ).out.splitlines()
    assert lines[0] == ("## Not ready: the TDX module is not loaded \\(module.loaded\\).")
    assert lines[2] == "### What to do"
    assert lines[4].startswith("1. Enable the SEAM loader")


@pytest.mark.parametrize(
    ("name", "counted"),
    [("linux-7.3-emulated", "32 unknown"), ("no-rbp-mod-refused", "49 more unknown")],
)
def test_more_are_unknown_only_where_some_are_listed(name: str, counted: str) -> None:
    page = ran("check", "--format", "markdown", "--from", f"example:{name}").out
    assert f"<summary>{counted}</summary>" in page
    assert ("| UNKNOWN |" in page) == ("more" in counted)


HOSTILE = "a|b <img src=x> @someone #12 [x](http://y) **b** \x1b[31m"


def test_what_was_read_cannot_become_markup() -> None:
    value = markdown.page(check_run(firmware__package_differences=(HOSTILE,), module__state=None))
    assert "<img" not in value
    assert "\x1b" not in value
    assert not re.search(r"@\w", re.sub("`[^`]*`", "", value))
    assert not re.search(r"(?<!\\)\*\*b", value)
    (row,) = [
        line for line in value.splitlines() if line.startswith("| FAIL | firmware.packages_agree")
    ]
    assert len(re.findall(r"(?<!\\)\|", row)) == 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Run `modprobe msr`.", "Run `modprobe msr`."),
        ("a ` b", "a \\` b"),
        ("`a|b`", "`a\\|b`"),
        ("", ""),
    ],
)
def test_commands_stay_commands(text: str, shown: str) -> None:
    assert markdown.escaped(text) == shown


def test_the_report_names_no_machine() -> None:
    facts = {
        "platform.vendor": "on 00000000-1111-2222-3333-444444444444 at 10.1.2.3 of myhost",
        "module.failure": None,
    }
    report = report_with({**READY, **facts})
    results = run_checks(report)
    from functools import partial

    from tdxinfo.machine.identity import text_without_identity

    clean = partial(text_without_identity, host_names=("myhost",))
    value = markdown.page(CheckRun(report, results, verdict_of(results), 0.0), clean)
    assert "4444" not in value
    assert "10.1.2.3" not in value
    assert "myhost" not in value


@pytest.mark.parametrize("name", one_in(4, NAMES))
def test_every_table_of_a_report_has_its_columns(name: str) -> None:
    for line in markdown.page(check_run_of(name)).splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 4)


# --- which command has which format -----------------------------------------------------------


@pytest.mark.parametrize("name", ["junit", "markdown"])
def test_a_command_without_the_format_says_which_it_has(name: str) -> None:
    result = ran("dump", "--format", name, "--from", "example:emr-five-cmrs")
    assert result.status == 2
    assert f"'{name}' is not one of" in result.err
    assert "json" in result.err
