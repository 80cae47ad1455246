"""The native helper's file in debugfs: its values, and what an empty file means."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tdxinfo.errors import Denied, from_oserror
from tdxinfo.host import fact_names
from tdxinfo.host.observe import Observer
from tdxinfo.machine import FILE_LIMIT
from tdxinfo.machine.bounded import read_file
from tdxinfo.machine.captured import from_memory, open_record
from tdxinfo.machine.live import LiveMachine
from tdxinfo.machine.recording import RecordingMachine, contents
from tdxinfo.machine.system import System
from tdxinfo.model.provenance import Attempt
from tdxinfo.model.values import MemoryRange, ModuleVersion
from tdxinfo.report import Report, observe
from tdxinfo.sources import helper
from tests.builders import captured_machine
from tests.metadata_lines import lines_of, profile_names

FACT = "module.build_number"


@pytest.fixture
def debugfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The helper's files elsewhere: loaded, debugfs mounted, and an empty folder in it."""
    loaded, mounted = tmp_path / "module", tmp_path / "debugfs"
    loaded.mkdir()
    mounted.mkdir()
    monkeypatch.setattr(helper, "LOADED", str(loaded))
    monkeypatch.setattr(helper, "DEBUGFS", str(mounted))
    monkeypatch.setattr(helper, "FIELDS", str(mounted / "fields"))
    monkeypatch.setattr(helper, "INFO", str(mounted / "info"))
    monkeypatch.setattr(System, "is_mount", lambda system, path: path == str(mounted))
    return mounted


def write_fields(debugfs: Path, profile: str) -> None:
    (debugfs / "fields").write_text("\n".join(lines_of(profile)) + "\n")


def refusal(fact: str = FACT) -> Attempt:
    """Why the helper has no value of the fact."""
    attempts = Observer(LiveMachine()).fact(fact).attempts
    return next(attempt for attempt in attempts if attempt.origin.startswith("helper:"))


def failing(path: str, error: Callable[[str], Exception]) -> Callable[..., bytes]:
    """A reader that fails for this path only."""

    def read(system: System, asked: str, limit: int = FILE_LIMIT) -> bytes:
        if asked == path:
            raise error(asked)
        return read_file(asked, limit)

    return read


def system_error(number: int) -> Callable[[str], Exception]:
    return lambda path: from_oserror(OSError(number, os.strerror(number)), path)


def test_every_field_comes_from_the_helper(debugfs: Path) -> None:
    write_fields(debugfs, "1.5.08-emr")
    report = observe(LiveMachine())
    assert report.host.module.version == ModuleVersion(1, 5, 8)
    assert report.origin_of("module.version") == "helper:MAJOR_VERSION,MINOR_VERSION,UPDATE_VERSION"
    assert report.host.module.build_number == 784
    assert report.origin_of("module.build_number") == "helper:BUILD_NUM"
    assert report.origin_of("memory.cmrs") == "helper:CMR_BASE,CMR_SIZE"
    assert report.origin_of("td.cpuid_config") == "helper:CPUID_CONFIG_LEAVES,CPUID_CONFIG_VALUES"


def test_the_cmrs_end_at_the_first_without_size(debugfs: Path) -> None:
    write_fields(debugfs, "1.5.05-spr")
    assert observe(LiveMachine(), ["memory.cmrs"]).host.memory.cmrs == (
        MemoryRange.between(0x100000, 0x77800000),
        MemoryRange.between(0x100000000, 0x2060000000 + 0xE000000),
        MemoryRange.between(0x2080000000, 0x4070000000),
    )


def facts_by(key: str, lines: list[str]) -> tuple[Report, list[str]]:
    report = observe(captured_machine(answers={key: lines}))
    names = [
        name
        for section in ("module", "memory", "td")
        for name in fact_names(section)
        if report.origin_of(name).startswith(("helper:", "metadata:"))
    ]
    return report, names


@pytest.mark.parametrize("profile", profile_names())
def test_the_helper_and_a_dump_tell_the_same_facts(profile: str) -> None:
    by_helper, names = facts_by("helper/fields", lines_of(profile))
    by_dump, dumped = facts_by("metadata", lines_of(profile))
    assert names == dumped
    assert len(names) > 30
    for name in names:
        assert by_helper.host.fact(name) == by_dump.host.fact(name)
        assert by_helper.origin_of(name) == by_dump.origin_of(name).replace("metadata:", "helper:")


def test_the_helper_is_asked_before_all_others() -> None:
    machine = captured_machine(
        answers={
            "helper/fields": lines_of("1.5.25-emr"),
            "metadata": lines_of("1.5.05-spr"),
        },
        files={"/sys/devices/faux/tdx_host/version": "1.5.01\n"},
    )
    version = Observer(machine).fact("module.version")
    assert version.value == ModuleVersion(1, 5, 25)
    assert version.attempts == ()


def test_a_capture_keeps_the_helpers_lines(debugfs: Path) -> None:
    write_fields(debugfs, "2.0.18-gnr")
    machine = RecordingMachine(LiveMachine())
    Observer(machine).answers(FACT)
    files = contents(machine, "7.3.4", bytes, str)
    (debugfs / "fields").unlink()
    replayed = open_record(from_memory(files), "capture", "a test")
    assert observe(replayed, [FACT]).origin_of(FACT) == "helper:BUILD_NUM"


def test_a_helper_that_is_not_loaded_is_absent_with_the_way_to_load_it(debugfs: Path) -> None:
    Path(helper.LOADED).rmdir()
    value = refusal()
    assert value.reason == "absent"
    assert value.message == "the native helper tdx_sysrd is not loaded"
    assert value.remedy == "Run `tdxinfo helper build` and `tdxinfo helper load`."


def test_a_debugfs_that_is_not_mounted_is_shown_and_not_mounted(
    debugfs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(System, "is_mount", lambda system, path: False)
    value = refusal()
    assert value.reason == "absent"
    assert "debugfs is not mounted" in value.message
    assert value.remedy == f"Run `mount -t debugfs debugfs {debugfs}`."


def test_a_loaded_helper_without_its_file_is_absent(debugfs: Path) -> None:
    value = refusal()
    assert value.reason == "absent"
    assert str(debugfs / "fields") in value.message


def test_without_root_the_remedy_is_root(debugfs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: str) -> Exception:
        return Denied(f"{path} may not be read by this user", "Run as root.", errno.EACCES)

    monkeypatch.setattr(System, "read", failing(helper.FIELDS, denied))
    value = refusal()
    assert (value.reason, value.remedy) == ("denied", "Run as root.")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.EBUSY, "Try again."), (errno.EAGAIN, "Try again."), (errno.EIO, "")],
)
def test_a_helper_that_refuses_is_quoted(
    debugfs: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    (debugfs / "info").write_text("version: 1.0\nreads: no\nreason: the TDX module is busy\n")
    monkeypatch.setattr(System, "read", failing(helper.FIELDS, system_error(number)))
    value = refusal()
    assert value.reason == "unsupported"
    assert value.message == "tdx_sysrd cannot read the TDX module: the TDX module is busy"
    assert value.remedy == remedy


def test_a_helper_that_gives_no_reason_is_shown_by_its_error(
    debugfs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(System, "read", failing(helper.FIELDS, system_error(errno.ENXIO)))
    value = refusal()
    assert os.strerror(errno.ENXIO) in value.message
    assert "tdxinfo check" in value.remedy


def test_lines_in_another_form_are_malformed(debugfs: Path) -> None:
    (debugfs / "fields").write_text("nothing of the kind\n")
    assert refusal().reason == "malformed"


def test_a_field_that_the_module_withholds_is_absent_and_the_others_are_not(debugfs: Path) -> None:
    lines = lines_of("1.5.08-emr")
    at = next(i for i, line in enumerate(lines) if line.startswith("8900000100000000"))
    withheld = f"8900000100000000 {0:016x} c0000c0000000000"
    (debugfs / "fields").write_text("\n".join([*lines[:at], withheld]) + "\n")
    assert refusal("module.handoff_version").message == (
        "this module has no MODULE_HV: it is older than the field"
    )
    assert observe(LiveMachine(), [FACT]).host.module.build_number == 784


def test_what_the_helper_says_of_itself_is_read_by_key(debugfs: Path) -> None:
    (debugfs / "info").write_text("version: 1.0\nreads: no\nreason: a: b\n")
    assert helper.info(LiveMachine()) == {"version": "1.0", "reads": "no", "reason": "a: b"}
