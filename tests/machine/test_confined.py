"""Work in a child process ends, whatever it does, and its end is reported in one sentence."""

from __future__ import annotations

import errno
import gc
import mmap
import os
import re
import resource
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tdxinfo.errors import BadInput, Denied
from tdxinfo.machine import confined
from tdxinfo.machine.confined import Crash, Limits, Pool, run

QUICK = Limits(memory=64 << 20, processor=1, time=50)


def _spin() -> None:
    while True:
        pass


def _backtrack() -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")


def _swell() -> None:
    kept = []
    while True:
        kept.append(bytes(1 << 20))


def _take_more() -> int:
    """More than the limit, and less than the address space that libraries get besides."""
    return len(bytearray(b"x") * (200 << 20))


def _share() -> int:
    """Memory that two processes could share is no data of one, but takes address space."""
    kept = [mmap.mmap(-1, 16 << 20) for _ in range(64)]
    return len(kept)


def _sleep() -> None:
    time.sleep(600)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGBUS)


def _leave() -> None:
    os._exit(1)


@contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def test_the_result_comes_back_as_it_is() -> None:
    assert run(lambda: {"a": (1, b"\xff" * 3_000_000)}, "it") == {"a": (1, b"\xff" * 3_000_000)}
    assert run(lambda: None, "it") is None


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        pytest.param(_spin, "it takes more than 1 s to read.", marks=pytest.mark.slow),
        pytest.param(_backtrack, "it takes more than 1 s to read.", marks=pytest.mark.slow),
        (_swell, "it needs more than 64 MiB of memory."),
        (_take_more, "it needs more than 64 MiB of memory."),
        (_share, "it needs more than 64 MiB of memory."),
        (_die, "it is damaged: reading it ended with SIGBUS."),
        (_leave, "it needs more than 64 MiB of memory."),
        (
            os.abort,
            "it needs more than 64 MiB of memory, or is damaged: reading it ended with SIGABRT.",
        ),
    ],
)
def test_what_breaks_a_limit_is_bad_input_in_one_sentence(
    work: Callable[[], None], sentence: str
) -> None:
    with ends_within(60), pytest.raises(BadInput) as refusal:
        run(work, "it", QUICK)
    assert str(refusal.value) == sentence


def test_what_waits_for_ever_is_ended() -> None:
    with ends_within(30), pytest.raises(BadInput, match="takes more than"):
        run(_sleep, "it", Limits(time=0.2))


def test_a_refusal_comes_back_whole() -> None:
    def refuse() -> None:
        raise Denied("it may not be read", "Run as root.", 13)

    with pytest.raises(Denied) as refusal:
        run(refuse, "it")
    assert (str(refusal.value), refusal.value.remedy, refusal.value.errno) == (
        "it may not be read",
        "Run as root.",
        13,
    )


def test_a_bug_is_a_crash_with_its_trace() -> None:
    def fail() -> None:
        raise KeyError("key")

    with pytest.raises(Crash, match="KeyError") as crash:
        run(fail, "it")
    assert "in fail" in crash.value.trace


def test_a_child_leaves_neither_a_process_nor_a_descriptor(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for work in (_die, lambda: 1):
        with suppress(BadInput):
            run(work, "it", QUICK)
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert capfd.readouterr() == ("", "")


def test_a_pool_gives_each_result_in_its_source_and_goes_on_after_what_broke() -> None:
    def work(number: int) -> int:
        broken = {2: _die, 4: _swell, 5: _spin}.get(number)
        if broken:
            broken()
        if number == 7:
            raise BadInput("7 is not a number here.")
        return number * number

    found = []
    with ends_within(60), Pool(work, 2, QUICK) as pool:
        slots = [pool.submit(f"number {number}", number) for number in range(10)]
        for slot in slots:
            try:
                found.append(str(pool.result(slot)))
            except BadInput as error:
                found.append(str(error))
    assert found[2].startswith("number 2 is damaged")
    assert found[4].startswith("number 4 needs more than")
    assert found[5].startswith("number 5 takes more than")
    assert found[7] == "7 is not a number here."
    assert [found[n] for n in (0, 1, 3, 6, 8, 9)] == ["0", "1", "9", "36", "64", "81"]


def test_a_pool_leaves_no_process() -> None:
    def same(number: int) -> int:
        return number

    with Pool(same, 3) as pool:
        assert [pool.result(pool.submit("x", number)) for number in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_child_of_a_thread_is_no_reason_to_warn() -> None:
    """Sources run in threads; Python 3.12 and later warn of fork() there."""
    from tdxinfo.machine.bounded import within

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert within(20, "it", lambda: run(lambda: 7, "it")) == 7


LIMITED = """
import os, resource
from tdxinfo.machine.confined import run
resource.setrlimit(resource.{kind}, ({limit}, {limit}))
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
print(run(lambda: "read", "it"))
"""


@pytest.mark.parametrize(
    ("kind", "limit"), [("RLIMIT_AS", 400 << 20), ("RLIMIT_DATA", 200 << 20), ("RLIMIT_CPU", 8)]
)
def test_limits_of_the_caller_stay_as_they_are(kind: str, limit: int) -> None:
    code = LIMITED.format(kind=kind, limit=limit)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("read\n", "")


def test_a_child_that_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that a driver blocks: it ends when the driver lets go of it."""
    kept: list[int] = []
    end = os.kill
    with monkeypatch.context() as changed, ends_within(20):
        changed.setattr(os, "kill", lambda pid, number: kept.append(pid))
        with pytest.raises(BadInput, match="takes more than"):
            run(_sleep, "it", Limits(time=0.2))
    end(kept[0], signal.SIGKILL)
    os.waitpid(kept[0], 0)


def _prints() -> tuple[int, int]:
    os.write(2, b"printed by a library\n")
    return resource.getrlimit(resource.RLIMIT_CORE)


def test_a_child_prints_nothing_and_leaves_no_core(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(_prints, "it") == (0, 0)
    assert capfd.readouterr() == ("", "")


def test_a_child_that_dies_leaves_no_trace_where_its_parent_traces(tmp_path: Path) -> None:
    code = """
import faulthandler, sys
from tests.machine.test_confined import _die
from tdxinfo.errors import BadInput
from tdxinfo.machine.confined import run
with open(sys.argv[1], "wb") as trace:
    faulthandler.enable(trace)
    try:
        run(_die, "it")
    except BadInput as error:
        print(error)
"""
    trace = tmp_path / "trace"
    command = [sys.executable, "-c", code, str(trace)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("it is damaged: reading it ended with SIGBUS.\n", "")
    assert trace.read_bytes() == b""


def test_a_pools_child_is_replaced_after_so_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "_PIECES_PER_CHILD", 2)

    def which(number: int) -> int:
        return os.getpid()

    with Pool(which, 1) as pool:
        found = [pool.result(pool.submit("it", number)) for number in range(6)]
    assert [found.count(pid) for pid in dict.fromkeys(found)] == [2, 2, 2]


def test_what_a_piece_leaves_in_cycles_is_freed_before_the_next() -> None:
    """Else the memory of many logs adds up until a later one breaks the limit."""

    def leave(number: int) -> int:
        cycle: list[object] = [b"x" * (8 << 20)]
        cycle.append(cycle)
        return number

    with Pool(leave, 1, QUICK) as pool:
        assert [pool.result(pool.submit("it", number)) for number in range(20)] == [*range(20)]


def _refuse() -> int:
    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")


@pytest.mark.parametrize("can_fork", [True, False])
def test_sockets_are_closed_and_not_left_to_be_collected(
    monkeypatch: pytest.MonkeyPatch, can_fork: bool
) -> None:
    with warnings.catch_warnings(record=True) as left, monkeypatch.context() as changed:
        warnings.simplefilter("always")
        if can_fork:
            assert run(lambda: 7, "it") == 7
        else:
            changed.setattr(os, "fork", _refuse)
            with pytest.raises(BadInput, match=r"^No process can be started to read it: Resource"):
                run(lambda: 7, "it")
        gc.collect()
    assert [str(one.message) for one in left if one.category is ResourceWarning] == []
