"""`tdxinfo check --since FILE`: only what changed, for cron."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.command import Ran, ran, spawned
from tests.recorded import folder_of

BEFORE = "linux-7.2-ready"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A capture of a host, to be changed."""
    made = tmp_path / "host"
    shutil.copytree(folder_of(BEFORE), made)
    return made


def since(host: Path, *options: str) -> Ran:
    return ran("check", "--from", str(host), "--since", str(host.parent / "state.json"), *options)


def test_the_first_run_shows_the_page_and_writes_the_report(host: Path) -> None:
    first = since(host)
    plain = ran("check", "--from", str(host))
    assert (first.status, first.out, first.err) == (plain.status, plain.out, "")
    state = host.parent / "state.json"
    assert state.stat().st_mode & 0o777 == 0o644
    written = json.loads(state.read_text())
    assert written["verdict"] == ran("check", "--json", "--from", str(host)).json["verdict"]


def test_nothing_is_printed_where_nothing_changed(host: Path) -> None:
    status = since(host).status
    for _ in range(2):
        again = since(host)
        assert (again.status, again.out, again.err) == (status, "", "")


def test_volatile_facts_are_no_change(host: Path) -> None:
    since(host)
    usage = host / "root/sys/fs/cgroup/misc.current"
    assert "tdx 5\n" in usage.read_text()
    usage.write_text("tdx 7\n")
    assert since(host).out == ""


def test_what_changed_is_printed_once_and_the_status_is_that_of_check(host: Path) -> None:
    since(host)
    (host / "root/sys/module/kvm_intel/parameters/tdx").write_text("N\n")
    changed = since(host)
    assert changed.status == ran("check", "--from", str(host)).status == 3
    assert changed.out.splitlines()[0].startswith("Undecided: ")
    assert "Before: ready." in " ".join(changed.out.split())
    assert "warning: kvm.tdx_enabled (before: passed)" in changed.out
    assert "module.version" not in changed.out
    again = since(host)
    assert (again.status, again.out) == (3, "")


def test_a_fact_that_changed_is_shown_with_both_values(host: Path) -> None:
    since(host)
    version = host / "root/sys/devices/faux/tdx_host/version"
    assert version.read_text() == "1.5.24\n"
    version.write_text("1.5.25\n")
    lines = [line.split() for line in since(host).out.splitlines()]
    assert ["module.version", "1.5.24", "1.5.25"] in lines


def test_quiet_updates_the_file_and_prints_nothing(host: Path) -> None:
    since(host)
    (host / "root/sys/module/kvm_intel/parameters/tdx").write_text("N\n")
    assert since(host, "-q").out == ""
    assert since(host).out == ""


@pytest.mark.parametrize("content", ["", "{", "[]", "hello", '{"schema_version": "1.0"}', "dump"])
def test_a_file_that_is_no_report_of_check_is_refused_and_kept(host: Path, content: str) -> None:
    state = host.parent / "state.json"
    dump = ran("dump", "--json", "--from", str(host)).out
    state.write_text(dump if content == "dump" else content)
    kept = state.read_text()
    done = since(host)
    assert (done.status, done.out) == (2, "")
    assert str(state) in done.err
    assert ("begins like JSON" in done.err) == (content == "{")
    assert state.read_text() == kept


def test_no_device_and_no_link_is_replaced(host: Path) -> None:
    link = host.parent / "state.json"
    target = host.parent / "target"
    target.write_text("precious")
    link.symlink_to(target)
    assert since(host).status == 2
    assert target.read_text() == "precious"
    done = ran("check", "--from", str(host), "--since", "/dev/null")
    assert done.status == 2
    assert os.path.exists("/dev/null")


def test_another_selection_is_no_change_of_the_host(host: Path) -> None:
    since(host)
    done = since(host, "--only", "kvm")
    assert done.status == 2
    assert "written with another selection of checks" in done.err


def test_what_was_not_printed_is_not_taken_for_seen(host: Path) -> None:
    """The reader of the output went away: the next run shows the change."""
    since(host)
    (host / "root/sys/module/kvm_intel/parameters/tdx").write_text("N\n")
    command = ("check", "--from", str(host), "--since", str(host.parent / "state.json"))
    with open("/dev/full", "wb") as full:
        assert spawned(*command, stdout=full).returncode == 2
    assert "kvm.tdx_enabled" in since(host).out


@pytest.mark.parametrize("options", [("--json",), ("--format", "nagios"), ("--steps",)])
def test_it_has_a_page_of_its_own(host: Path, options: tuple[str, ...]) -> None:
    assert since(host, *options).status in (2, 3)
    assert not (host.parent / "state.json").exists()
