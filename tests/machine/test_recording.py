"""A capture answers as the recorded machine did, and is written safely."""

from __future__ import annotations

import errno
import os
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.errors import (
    AS_ROOT,
    REASONS,
    Absent,
    BadInput,
    Denied,
    Unavailable,
    from_oserror,
)
from tdxinfo.inputs.supplied import open_input
from tdxinfo.machine import KERNEL_LOG, Answer, Machine
from tdxinfo.machine.captured import CapturedMachine, open_folder
from tdxinfo.machine.recording import RecordingMachine, contents, root_would_add, write
from tdxinfo.machine.system import System
from tdxinfo.model.provenance import Origin
from tdxinfo.report import observe
from tests.builders import captured_machine
from tests.cli.command import ran

LOG = (
    "[    0.000000] Linux version 7.1.5 (x@y)\n"
    "[    5.205693] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
)
FILES: dict[str, str | bytes] = {
    "/proc/cpuinfo": "processor : 0\nvendor_id : GenuineIntel\n",
    "/sys/binary": b"\x00\x01\xff\xfe",
    "/sys/empty": "",
    "/sys/no newline": "0x0000000c",
}
ANSWERS: dict[str, Any] = {
    "msr/0x87/cpu0": "0x0000004000000040",
    "number": (1 << 63) - 1,
    "yes": True,
    "list": [[1, 2], [3]],
    "table": {"a": {"b": "c"}, "list": [1]},
    'odd "key"\n=': "ü",
}
REFUSED = {
    "/sys/denied": {
        "reason": "denied",
        "message": 'It "may" not\nbe read.',
        "remedy": "Run as root.",
        "errno": "EACCES",
    },
    "msr/0x1401/cpu0": {"reason": "unsupported", "message": "There is none."},
} | {f"refused/{reason}": {"reason": reason, "message": reason} for reason in REASONS}


def fail_if_live(system: object) -> int:
    raise AssertionError("the running system was asked")


def all_answers(machine: Machine) -> list[object]:
    """The machine's answers and errors, to the same questions each time."""
    found: list[object] = []
    for path in (*FILES, "/sys/denied", "/not/recorded"):
        found.append(answer_or_error(lambda path=path: machine.read(path)))
    for key in (*ANSWERS, *REFUSED, KERNEL_LOG, "not recorded"):
        found.append(answer_or_error(lambda key=key: machine.ask(key, fail_if_live)))
    return found


def answer_or_error(question: Any) -> object:
    """The answer, or all parts of the error, so that two can be compared."""
    try:
        return question()
    except Unavailable as refusal:
        return (refusal.reason, refusal.message, refusal.remedy, refusal.errno)


def as_is(text: str) -> str:
    return text


def recorded(machine: CapturedMachine) -> dict[str, bytes]:
    recording = RecordingMachine(machine)
    all_answers(recording)
    return contents(recording, "7.1.5", bytes, as_is)


def original() -> CapturedMachine:
    return captured_machine(FILES, ANSWERS, REFUSED, LOG)


@pytest.mark.parametrize(
    "name",
    ["capture", "capture.tar.gz", "capture.tgz", "capture.tar.xz", "capture.tar", "capture.zip"],
)
def test_what_was_read_and_refused_comes_back_the_same(tmp_path: Path, name: str) -> None:
    write(recorded(original()), str(tmp_path / name))
    replayed = open_input(str(tmp_path / name))
    assert isinstance(replayed, Machine)
    assert all_answers(replayed) == all_answers(original())


def test_a_recorded_machine_answers_like_the_one_behind_it() -> None:
    assert all_answers(RecordingMachine(original())) == all_answers(original())


def test_a_host_is_observed_the_same_from_its_capture(tmp_path: Path) -> None:
    recording = RecordingMachine(original())
    report = observe(recording)
    write(contents(recording, None, bytes, as_is), str(tmp_path / "c"))
    again = observe(open_folder(str(tmp_path / "c")))
    for name in ("keys.tdx_keyids", "platform.vendor", "kernel.release", "firmware.seamrr_enabled"):
        assert again.observed(name) == report.observed(name)


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENXIO, errno.EIO, 524])
def test_a_refusals_errno_comes_back(tmp_path: Path, number: int) -> None:
    class Refusing(Machine):
        def _read(self, path: str) -> bytes:
            raise Denied("no", "", number)

        def _ask(self, key: str, live: object) -> Answer:
            raise Denied("no", "", number)

    recording = RecordingMachine(Refusing(original().origin))
    answer_or_error(lambda: recording.read("/x"))
    write(contents(recording, None, bytes, as_is), str(tmp_path / "c"))
    replayed = open_folder(str(tmp_path / "c"))
    assert answer_or_error(lambda: replayed.read("/x")) == ("denied", "no", "", number)


def test_a_capture_of_a_capture_keeps_its_provenance(tmp_path: Path) -> None:
    first = captured_machine()
    first.origin = Origin(kind="capture", path="x", note="made up", recorded="2026")
    write(contents(RecordingMachine(first), None, bytes, as_is), str(tmp_path / "c"))
    assert open_folder(str(tmp_path / "c")).origin.note == "made up"


def test_two_recordings_of_the_same_differ_only_in_the_time() -> None:
    first, second = recorded(original()), recorded(original())
    assert list(first) == list(second)
    assert {k: v for k, v in first.items() if k != "about.toml"} == {
        k: v for k, v in second.items() if k != "about.toml"
    }


@pytest.mark.parametrize("name", ["there", "there.tar.gz"])
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_exists_is_not_overwritten(tmp_path: Path, name: str, kind: str) -> None:
    place = tmp_path / name
    if kind == "file":
        place.write_text("mine")
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("nowhere")
    with pytest.raises(BadInput, match="exists already"):
        write({"about.toml": b"format = 1\n"}, str(place))
    assert os.listdir(tmp_path) == [name]
    assert kind != "file" or place.read_text() == "mine"


@pytest.mark.parametrize("parent", ["missing", "file"])
def test_a_parent_that_is_no_folder_is_bad_input(tmp_path: Path, parent: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput):
        write({"about.toml": b""}, str(tmp_path / parent / "c"))
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_parent_without_permission_is_bad_input(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(BadInput):
        write({"about.toml": b""}, str(tmp_path / "c"))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("name", ["c", "c.tar.gz", "c.zip"])
def test_a_write_that_fails_or_is_interrupted_leaves_nothing(
    tmp_path: Path, name: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises((BadInput, KeyboardInterrupt)):
        write({"about.toml": b"", "root/x": b""}, str(tmp_path / name))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["c", "c.tar.gz", "c.tar.xz", "c.zip"])
def test_a_capture_is_for_its_owner_alone(tmp_path: Path, name: str) -> None:
    before = os.umask(0)
    try:
        write({"about.toml": b"format = 1\n", "root/proc/x": b"1"}, str(tmp_path / name))
    finally:
        os.umask(before)
    for path in (tmp_path / name, *(tmp_path / name).rglob("*")):
        assert path.stat().st_mode & 0o077 == 0


def test_what_root_would_add_is_one_sentence_made_of_what_was_denied() -> None:
    refusals: dict[str, Unavailable] = {
        "kernel-log": Denied("no", AS_ROOT),
        "msr/0x87/cpu0": Denied("no", AS_ROOT),
        "msr/0x981/cpu0": Denied("no", AS_ROOT),
        "/proc/iomem": Denied("no", AS_ROOT),
        "kernel-memory": Denied("no", "Boot without lockdown=confidentiality."),
        "/sys/x": Absent("no"),
    }
    assert root_would_add(refusals) == (
        "A capture by root would also have: /proc/iomem, the kernel log, MSRs."
    )
    assert root_would_add({"/sys/x": Absent("no")}) == ""


def test_a_capture_describes_what_root_would_add(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is made by a user, and of a folder where nothing is denied."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(System, "read", denied)
    sentence = "A capture by root would also have: "
    live = ran("capture", str(tmp_path / "live.tar"))
    assert live.err.startswith(sentence)
    assert "/proc/cpuinfo" in live.err.splitlines()[0]
    with tarfile.open(tmp_path / "live.tar") as archive:
        member = archive.extractfile("live/about.toml")
        assert member is not None
        about = tomllib.load(member)
    assert about["as_root"] == live.err.splitlines()[0]
    whole = ran("--from", "example:linux-7.3-emulated", "capture", str(tmp_path / "other.tar"))
    assert sentence not in whole.err
    assert b"as_root" not in (tmp_path / "other.tar").read_bytes()


def denied(system: System, path: str, limit: int = 0) -> bytes:
    raise from_oserror(PermissionError(13, "Permission denied"), path)


def test_a_whole_write_leaves_nothing_beside(tmp_path: Path) -> None:
    write({"about.toml": b"format = 1\n", "root/proc/x": b"1"}, str(tmp_path / "c"))
    assert os.listdir(tmp_path) == ["c"]
    assert (tmp_path / "c/root/proc/x").read_bytes() == b"1"
