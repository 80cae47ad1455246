"""Reads that end: in bytes, in time, and of regular files only."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import NoReturn

import pytest

from tdxinfo.errors import Absent, Denied, Malformed, TimedOut, from_oserror
from tdxinfo.machine import kinds, live
from tdxinfo.machine.bounded import read_descriptor, read_file, within
from tdxinfo.machine.live import LiveMachine
from tdxinfo.machine.system import System
from tdxinfo.report import observe
from tests.pipes import trickle


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_a_file_up_to_the_limit_is_read_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * size)
    assert read_file(str(path), 100) == b"x" * size


def test_a_file_above_the_limit_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 101)
    with pytest.raises(Malformed):
        read_file(str(path), 100)


def test_a_file_that_never_ends_is_malformed() -> None:
    fd = os.open("/dev/zero", os.O_RDONLY)
    try:
        with pytest.raises(Malformed):
            read_descriptor(fd, 3 << 20, "/dev/zero")
    finally:
        os.close(fd)


def test_a_file_that_comes_in_pieces_is_read_whole() -> None:
    out = trickle(b"a", b"b", b"c")
    try:
        assert read_descriptor(out, 10, "a pipe") == b"abc"
    finally:
        os.close(out)


def test_a_fifo_without_a_writer_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    start = time.monotonic()
    with pytest.raises(Malformed):
        read_file(str(path), 100)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/", "/proc/self"])
def test_devices_and_folders_are_no_files(path: str) -> None:
    with pytest.raises(Malformed):
        read_file(path, 100)


def test_a_missing_file_is_absent(tmp_path: Path) -> None:
    with pytest.raises(Absent) as refusal:
        read_file(str(tmp_path / "no"), 100)
    assert "does not exist" in refusal.value.message


def test_a_path_through_a_file_is_absent(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(Absent):
        read_file(str(tmp_path / "f" / "x"), 100)


def test_every_outcome_closes_the_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 101)
    before = descriptors()
    for path in (tmp_path / "f", tmp_path, tmp_path / "no"):
        with pytest.raises((Malformed, Absent)):
            read_file(str(path), 100)
    assert descriptors() == before


def test_work_that_ends_in_time_gives_its_value() -> None:
    assert within(5, "x", lambda: 7) == 7


def test_work_that_gives_none_has_answered() -> None:
    assert within(5, "x", lambda: None) is None


def test_work_that_takes_too_long_is_timed_out() -> None:
    start = time.monotonic()
    with pytest.raises(TimedOut) as refusal:
        within(0.05, "the driver", lambda: time.sleep(30))
    assert time.monotonic() - start < 10
    assert "the driver" in refusal.value.message


def test_work_that_waits_for_nothing_but_the_kernel_is_timed_out_early() -> None:
    start = time.monotonic()
    with pytest.raises(TimedOut) as refusal:
        within(30, "the driver", lambda: time.sleep(30), idle=0.2)
    assert time.monotonic() - start < 10
    assert refusal.value.message == "the driver did not answer within 0.2 s"


def test_work_that_uses_the_processor_has_all_its_time() -> None:
    end = time.monotonic() + 1

    def busy() -> int:
        while time.monotonic() < end:
            pass
        return 7

    assert within(30, "the walk", busy, idle=0.3) == 7


def test_what_the_work_raises_is_raised() -> None:
    def refuse() -> None:
        raise Denied("no")

    with pytest.raises(Denied):
        within(5, "x", refuse)


def test_a_live_file_that_does_not_answer_is_timed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "KINDS", (kinds.Kind("file", ("",), 0.05),))
    monkeypatch.setattr(System, "read", lambda system, path: time.sleep(3))
    with pytest.raises(TimedOut):
        LiveMachine().read("/sys/slow")


def test_a_live_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"Y\n")
    assert LiveMachine().read(str(tmp_path / "f")) == b"Y\n"


@pytest.mark.parametrize("user", [0, 1000])
def test_a_denial_is_one_for_root_too_but_with_another_remedy(
    monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    refusal = from_oserror(PermissionError(13, "Permission denied"), "/dev/x")
    assert isinstance(refusal, Denied)
    assert (refusal.remedy == "Run as root.") == (user != 0)
    assert refusal.errno == 13


def test_a_system_that_answers_nothing_ends_the_run_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first questions have their time; when that is used up, the others have a moment."""
    goes_on = threading.Event()

    def hangs(*arguments: object, **named: object) -> NoReturn:
        goes_on.wait()
        raise Absent("the test is over")

    for method in ("read", "open", "names", "status", "target"):
        monkeypatch.setattr(System, method, hangs)
    monkeypatch.setattr(live, "TIMEOUT", 1.0)
    monkeypatch.setattr(kinds, "KINDS", (kinds.Kind("file", ("",), 60, idle=0.5),))
    start = time.monotonic()
    try:
        report = observe(LiveMachine())
    finally:
        goes_on.set()
    assert time.monotonic() - start < 45
    reasons = {a.reason for attempts in report.unavailable.values() for a in attempts}
    assert "timed-out" in reasons


def test_only_what_waits_for_another_process_may_wait_longer_than_others() -> None:
    assert {kind.begins for kind in kinds.KINDS if kind.idle > 3} == {("kernel-log",), ("pccs/",)}


def test_where_earlier_reads_hang_none_is_done_without_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: object) -> None:
        raise RuntimeError("can't start new thread")

    goes_on = threading.Event()
    try:
        with pytest.raises(TimedOut):
            within(0.05, "the driver", goes_on.wait)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(TimedOut, match="earlier reads hang"):
            within(5, "the next", lambda: 7)
    finally:
        goes_on.set()


def test_a_thread_of_a_program_can_set_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: object) -> None:
        raise RuntimeError("can't start new thread")

    def ask() -> None:
        may_ask.wait(10)
        try:
            answers.append(within(5, "it", lambda: "read"))
        except TimedOut as error:
            answers.append(str(error))

    answers: list[str] = []
    may_ask = threading.Event()
    thread = threading.Thread(target=ask)
    thread.start()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    may_ask.set()
    thread.join(20)
    # The reason may also be that reads of earlier tests hang.
    assert [answer.partition(":")[0] for answer in answers] == ["it was not read"]
