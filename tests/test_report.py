"""The document is the model: what is printed is what is read again."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

import tdxinfo
from tdxinfo.host import UNKNOWN_HOST
from tdxinfo.inputs.supplied import example_names
from tdxinfo.report import CheckReport, Report, report_of
from tests import recorded
from tests.builders import report_from_log, report_with
from tests.parts import one_in
from tests.recorded import NAMES, folder_of

SUBJECTS = [*example_names(), *NAMES]


def report_by_api(subject: str) -> Report:
    """The report of an example or of a recorded host, as a program gets it."""
    return tdxinfo.observe(str(folder_of(subject)) if subject in NAMES else subject)


@pytest.mark.parametrize("subject", one_in(12, SUBJECTS))
def test_what_is_printed_is_read_again(subject: str) -> None:
    report = recorded.report_of(subject) if subject in NAMES else report_by_api(subject)
    printed = report.model_dump_json()
    read = Report.model_validate_json(printed)
    assert json.loads(read.model_dump_json()) == json.loads(printed)
    assert read.host == report.host
    judged = tdxinfo.check(report)
    again = CheckReport.model_validate_json(judged.model_dump_json())
    assert again == judged
    assert [c.outcome for c in tdxinfo.check(read).checks] == [c.outcome for c in judged.checks]


@pytest.mark.parametrize("subject", one_in(50, SUBJECTS))
def test_a_second_look_at_a_host_finds_the_same(subject: str) -> None:
    first = recorded.report_of(subject) if subject in NAMES else report_by_api(subject)
    assert report_by_api(subject).host == first.host


def test_a_partial_dump_holds_the_facts_that_were_asked_for() -> None:
    report = tdxinfo.observe("example:emr-five-cmrs", ["keys", "memory.cmrs"])
    printed = json.loads(report.model_dump_json())
    assert set(printed["host"]) == {"keys", "memory"}
    assert set(printed["host"]["memory"]) == {"cmrs"}
    read = Report.model_validate_json(report.model_dump_json())
    assert json.loads(read.model_dump_json()) == printed


def test_a_fact_is_a_plain_value_with_its_origin_beside_it() -> None:
    report = tdxinfo.observe("example:emr-five-cmrs")
    assert str(report.host.module.version) == "1.5"
    assert report.sources["module.version"].origin == "klog:module_version"
    assert report.origin_of("module.version") == "klog:module_version"
    assert report.host.module.features0 is None
    assert report.origin_of("module.features0") == ""
    assert {attempt.reason for attempt in report.attempts("module.features0")}


def test_a_fact_does_not_change() -> None:
    report = tdxinfo.observe("example:emr-five-cmrs")
    for model, name in ((report, "host"), (report.host, "keys"), (report.host.keys, "leaked")):
        with pytest.raises(ValidationError):
            setattr(model, name, None)


def test_a_value_of_no_source_comes_from_the_report() -> None:
    report = report_with({"keys.tdx_keyids": 64})
    bare = report.model_copy(update={"sources": {}})
    assert bare.origin_of("keys.tdx_keyids") == "report"
    assert bare.is_known("keys.tdx_keyids")
    assert not bare.is_known("module.state")


def test_nothing_observed_is_a_report_too() -> None:
    report = report_of({}, report_from_log("").subject)
    assert report.host == UNKNOWN_HOST
    assert json.loads(report.model_dump_json())["host"] == {}


def test_what_a_terminal_would_obey_is_escaped() -> None:
    printed = report_with({"kernel.command_line": "quiet\x7f \x1b[2J é"}).model_dump_json()
    assert printed.isascii()
    assert printed.isprintable() or "\n" in printed
    assert "\x7f" not in printed
    assert Report.model_validate_json(printed).host.kernel.command_line == "quiet\x7f \x1b[2J é"


def test_a_dump_imports_pydantic_and_an_import_of_tdxinfo_does_not() -> None:
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, tdxinfo; early = 'pydantic' in sys.modules\n"
            "from tdxinfo.cli import run\n"
            "run(['--from', 'example:emr-five-cmrs', 'dump', '--json'])\n"
            "sys.exit(early or 'pydantic.main' not in sys.modules)",
        ],
        stdout=subprocess.DEVNULL,
        check=False,
    )
    assert result.returncode == 0


def test_the_report_of_a_failed_run_has_no_subject() -> None:
    failed = report_with({}).model_copy(update={"origin": None})
    with pytest.raises(ValueError, match="failed"):
        _ = failed.subject
