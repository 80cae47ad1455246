"""`check --format nagios`, read by the Monitoring Plugins' guidelines."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import run_checks, verdict_of
from tdxinfo.render import nagios
from tests.builders import report_with
from tests.cli.command import ran, spawned

DATA = re.compile(
    r"([^=' ]{1,19})=(-?[\d.]+)([a-zA-Z%]*);([\d.:]*);([\d.:]*);([\d.]*)(?:;([\d.]*))?"
)
"""'label'=value[unit];[warning];[critical];[minimum];[maximum] of the guidelines."""


def read_as_nagios_does(output: str) -> tuple[str, dict[str, tuple[str, ...]], list[str]]:
    """The text of the first line, its performance data by label, and the further lines."""
    first, *more = output.splitlines()
    text, _, data = first.partition("|")
    found = {}
    for word in data.split():
        match = DATA.fullmatch(word)
        assert match, word
        found[match[1]] = match.groups()[1:]
    return text.strip(), found, more


def page_of(facts: dict[str, Any]) -> str:
    report = report_with(facts)
    results = run_checks(report)
    return nagios.page(CheckRun(report, results, verdict_of(results), 0.0))


@pytest.mark.parametrize(
    ("options", "status", "begin"),
    [
        (("--from", "example:linux-7.3-emulated"), 1, "TDX WARNING - Ready, with 1 warning: "),
        (
            ("--from", "example:linux-7.3-emulated", "--skip", "module.release"),
            0,
            "TDX OK - The selected checks passed",
        ),
        (("--from", "example:linux-7.3-emulated", "--strict"), 2, "TDX CRITICAL - Not ready: "),
        (("--from", "example:module-never-loaded"), 2, "TDX CRITICAL - Not ready: the TDX module"),
        (("--from", "example:emr-five-cmrs"), 3, "TDX UNKNOWN - Undecided: "),
        (("--from", "/none"), 3, "TDX UNKNOWN - /none cannot be read"),
        (("--only", "nothing"), 3, "TDX UNKNOWN - There is no check or group"),
        (("--bogus",), 3, "TDX UNKNOWN - No such option"),
    ],
)
def test_the_status_is_that_of_a_plugin(options: tuple[str, ...], status: int, begin: str) -> None:
    for spelling in (("--format", "nagios"), ("--format=nagios",)):
        result = ran("check", *options, *spelling)
        text, _, _ = read_as_nagios_does(result.out)
        assert (result.status, text[: len(begin)]) == (status, begin)


def test_where_tdx_does_not_apply_there_is_no_answer() -> None:
    page = page_of({"platform.vendor": "AuthenticAMD"})
    assert page.startswith("TDX UNKNOWN - Not applicable: ")


def test_a_crash_is_unknown_and_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(run: CheckRun) -> str:
        raise RuntimeError("a bug")

    monkeypatch.setattr(nagios, "page", crash)
    result = ran("check", "--format", "nagios", "--from", "example:emr-five-cmrs")
    assert result.status == 3
    assert result.out.startswith("TDX UNKNOWN - A bug in tdxinfo ended this run")


def test_output_that_cannot_be_written_is_unknown_too() -> None:
    with open("/dev/full", "wb") as full:
        done = spawned("check", "--format", "nagios", stdout=full)
    assert done.returncode == 3
    command = f"{sys.executable} -m tdxinfo check --format nagios >&-"
    assert (
        subprocess.run(["sh", "-c", command], check=False, stderr=subprocess.DEVNULL).returncode
        == 3
    )


def test_performance_data_are_numbers_of_the_host() -> None:
    page = page_of(
        {
            "keys.guest_keyids": 63,
            "keys.guest_keyids_in_use": 10,
            "memory.max_tdmrs": 64,
            "memory.pamt_bytes": 8_409_088,
        }
    )
    _, data, _ = read_as_nagios_does(page)
    assert data == {
        "keyids_in_use": ("10", "", "", "", "0", "63"),
        "keyids": ("63", "", "", "", "0", None),
        "pamt": ("8409088", "B", "", "", "0", None),
    }


def test_what_is_unknown_is_left_out_of_the_data() -> None:
    _, data, _ = read_as_nagios_does(page_of({}))
    assert data == {}
    assert "|" not in page_of({})


def test_failures_and_warnings_follow_with_what_to_do() -> None:
    result = ran("check", "--format", "nagios", "--from", "example:module-never-loaded")
    _, _, (line,) = read_as_nagios_does(result.out)
    assert line.startswith("failed: module.loaded: the TDX module is not loaded. Enable the SEAM")


def test_text_of_the_host_forges_neither_data_nor_a_line() -> None:
    page = page_of({"platform.vendor": "GenuineIntel", "module.release": "1.5|a=1\nTDX OK"})
    _, data, _ = read_as_nagios_does(page)
    assert "a" not in data
    assert not [line for line in page.splitlines()[1:] if line.startswith("TDX")]


def test_quiet_leaves_the_status_alone() -> None:
    result = ran("check", "-q", "--format", "nagios", "--from", "example:module-never-loaded")
    assert (result.status, result.out) == (2, "")
