"""`import tdxinfo` in programs that are set up otherwise than tdxinfo itself: right answers or a
plain error, and everything is left as it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pydantic.main
import pytest

from tests.parts import one_in
from tests.recorded import folder_of

HOST = str(folder_of("emr-five-cmrs"))
FACTS = ("module", "keys", "memory.cmrs", "attestation", "kernel", "platform")

HEAD = f"""
import json, os, resource, signal, sys, threading, time
import tdxinfo
from tdxinfo.errors import BadInput
from tdxinfo.machine import confined
HOST, FACTS = {HOST!r}, {FACTS!r}
OUT = os.dup(3)
def known(report):
    document = json.loads(report.model_dump_json())
    sources = document["sources"]
    return {{
        name: document["host"][name.partition(".")[0]][name.partition(".")[2]] for name in sources
    }}
def answer():
    return known(tdxinfo.observe(HOST, FACTS))
def refused(work, limits=confined.Limits(memory=64 << 20, processor=1, time=20)):
    try:
        return confined.run(work, "it", limits)
    except BadInput as error:
        return str(error)
def say(**values):
    os.write(OUT, json.dumps(values).encode())
    os._exit(0)
"""


def program(code: str, *, closed: tuple[int, ...] = ()) -> Any:
    """What the program says over descriptor 3."""
    read, write = os.pipe()
    closing = "".join(f"os.close({number})\n" for number in closed)
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"{HEAD}{closing}{code}"],
            pass_fds=(write,) if write == 3 else (),
            preexec_fn=lambda: os.dup2(write, 3),
            close_fds=False,
            capture_output=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(write)
    with open(read, "rb") as file:
        said = file.read()
    assert said, done.stderr.decode()[-2000:]
    assert b"Traceback" not in done.stderr, done.stderr
    return json.loads(said)


@cache
def usual() -> Any:
    found = program("say(answer=answer())")["answer"]
    assert len(found) >= 20
    return found


IGNORED = "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
REAPED = """
def reap(number, frame):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
signal.signal(signal.SIGCHLD, reap)
"""


@pytest.mark.parametrize(
    "setup", one_in(2, [pytest.param(IGNORED, id="ignored"), pytest.param(REAPED, id="reaped")])
)
def test_where_nobody_keeps_the_ends_of_children_nothing_is_misreported(setup: str) -> None:
    said = program(
        setup
        + """
say(
    answer=answer(),
    died=refused(lambda: os.kill(os.getpid(), signal.SIGBUS)),
    spun=refused(lambda: [None for _ in iter(int, 1)]),
    handler=repr(signal.getsignal(signal.SIGCHLD)),
)
"""
    )
    assert said["answer"] == usual()
    died = "it cannot be read: the process that read it died."
    assert said["died"] in (died, "it is damaged: reading it ended with SIGBUS.")
    assert said["spun"] in (died, "it takes more than 1 s to read.", MEMORY)
    assert ("SIG_IGN" in said["handler"]) == (setup == IGNORED)


MEMORY = "it needs more than 64 MiB of memory."


@pytest.mark.parametrize("setup", ["", IGNORED, REAPED], ids=["kept", "ignored", "reaped"])
def test_the_number_of_a_child_that_ended_is_not_killed(setup: str) -> None:
    """It may be that of another process by then: here it is a stand-in."""
    said = program(
        setup
        + """
killed = []
child = confined._Child(lambda _: os._exit(0), confined.LIMITS)
child.give(None)
time.sleep(0.5)
before, os.kill = os.kill, lambda pid, number: killed.append(pid)
child.end()
say(killed=killed)
"""
    )
    assert said["killed"] == []


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize("setup", ["", IGNORED], ids=["kept", "ignored"])
def test_a_program_whose_end_is_unknown_gave_no_answer(
    tmp_path: Path, setup: str, status: int
) -> None:
    path = tmp_path / "journalctl"
    path.write_text(f"#!/bin/sh\necho text\nexit {status}\n")
    path.chmod(0o755)
    said = program(
        setup
        + f"""
from tdxinfo.errors import Unavailable
from tdxinfo.sources import programs
programs.DIRECTORIES = ({str(tmp_path)!r},)
try:
    say(answer=programs.output_of("journalctl", []))
except Unavailable as refusal:
    say(refused=str(refusal), reason=refusal.reason)
"""
    )
    if setup:
        assert said["reason"] == "unsupported"
        assert "SIGCHLD" in said["refused"]
    else:
        assert said == (
            {"answer": "text\n"}
            if not status
            else {"refused": "journalctl ended with status 3", "reason": "denied"}
        )


@pytest.mark.slow
def test_an_alarm_of_the_program_goes_off_all_the_same() -> None:
    """Where no thread can start, the same timer limits a read."""
    said = program(
        """
from tdxinfo.errors import TimedOut
from tdxinfo.machine.bounded import within
alarms = []
signal.signal(signal.SIGALRM, lambda number, frame: alarms.append(time.monotonic()))
def refuse(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
def late():
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        time.sleep(0.01)
    return "read"
start = time.monotonic()
signal.setitimer(signal.ITIMER_REAL, 0.3, 5)
first = within(10, "it", late)
time.sleep(0.3)
try:
    second = within(0.3, "it", late)
except TimedOut as error:
    second = str(error)
say(
    answers=[first, second],
    after=[alarm - start for alarm in alarms],
    left=signal.getitimer(signal.ITIMER_REAL),
)
"""
    )
    assert said["answers"] == ["read", "it did not answer within 0.3 s"]
    assert len(said["after"]) == 1
    assert 0.3 <= said["after"][0] < 5
    assert said["left"][1] == 5
    assert 0 < said["left"][0] < 5


@pytest.mark.slow
def test_signals_of_the_program_do_nothing_in_a_child() -> None:
    """Neither its handlers, nor what it blocks, nor the descriptor that wakes its event loop."""
    said = program(
        """
import socket
here, there = socket.socketpair()
there.setblocking(False)
here.settimeout(0.3)
signal.set_wakeup_fd(there.fileno())
for number in (signal.SIGUSR1, signal.SIGALRM, signal.SIGTERM, signal.SIGXCPU):
    signal.signal(number, lambda number, frame: None)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGXCPU, signal.SIGUSR1])
def signalled():
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(5)
    return "stayed"
died = refused(signalled)
try:
    woken = here.recv(1).hex()
except TimeoutError:
    woken = ""
say(
    died=died,
    woken=woken,
    spun=refused(lambda: [None for _ in iter(int, 1)], confined.Limits(processor=1, time=20)),
    answer=answer(),
    blocked=sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
    is_kept=callable(signal.getsignal(signal.SIGUSR1)),
)
"""
    )
    assert said["died"] == "it is damaged: reading it ended with SIGUSR1."
    assert said["woken"] == ""
    assert said["spun"] in (
        "it takes more than 1 s to read.",
        "it needs more than 320 MiB of memory.",
    )
    assert said["answer"] == usual()
    assert len(said["blocked"]) == 2
    assert said["is_kept"]


def test_many_threads_get_the_same_answer() -> None:
    said = program(
        """
import warnings
warnings.simplefilter("error")
answers, before = [], list(warnings.filters)
threads = [threading.Thread(target=lambda: answers.append(answer())) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
foreign = [f for f in warnings.filters if f not in before and "confined" not in str(f[3])]
filters, fork, same = warnings.filters, os.fork, []
def watched():
    same.append(warnings.filters is filters)
    return fork()
os.fork = watched
say(answers=answers, foreign=len(foreign), last=answer(), same=same)
"""
    )
    assert said["answers"] == [usual()] * 8
    assert said["foreign"] == 0
    assert said["same"] == [True], "other threads' filters were exchanged meanwhile"


@pytest.mark.parametrize(
    "closed", one_in(3, [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)]), ids=str
)
def test_without_standard_streams_the_answers_are_the_same(closed: tuple[int, ...]) -> None:
    said = program(
        """
def noisy():
    os.write(1, b"printed by a library") if open(os.devnull, "rb") else None
    return "read"
try:
    live = known(tdxinfo.observe(None, ["kernel.release"]))
except BaseException as error:
    live = repr(error)
say(answer=answer(), live=live, noisy=refused(lambda: os.path.exists("/proc") and "read"))
""",
        closed=closed,
    )
    assert said["answer"] == usual()
    assert said["live"] == {"kernel.release": os.uname().release}
    assert said["noisy"] == "read"


def test_what_a_program_prints_is_not_sent_to_the_child() -> None:
    said = program(
        """
kept = confined._Child(lambda piece: piece, confined.LIMITS)
os.write(1, b"x" * 100) if kept.fileno() == 1 else None
numbers = [kept.fileno()]
kept.give("read")
say(answer=kept.result("it"), least=min(numbers))
""",
        closed=(0, 1, 2),
    )
    assert said["answer"] == "read"
    assert said["least"] > 2


@pytest.mark.parametrize("more", one_in(10, range(10)))
def test_with_few_descriptors_it_is_the_answer_or_an_error(more: int) -> None:
    """What cannot be opened is unknown, and not absent."""
    said = program(
        f"""
answer(), tdxinfo.observe(None, ["kernel"])  # loads what is imported late
used = max(map(int, os.listdir("/proc/self/fd")))
resource.setrlimit(resource.RLIMIT_NOFILE, (used + {more}, used + {more}))
before = len(os.listdir("/proc/self/fd")) if {more} > 3 else None
try:
    recorded = answer()
except BadInput as error:
    recorded = str(error)
report = tdxinfo.observe(None, ["kernel", "memory.available_bytes"])
reasons = [(a.reason, a.message) for tried in report.unavailable.values() for a in tried]
after = len(os.listdir("/proc/self/fd")) if {more} > 3 else None
say(recorded=recorded, live=known(report), reasons=reasons, leaked=before != after)
"""
    )
    if isinstance(said["recorded"], str):
        assert "Too many open files" in said["recorded"]
    else:
        assert said["recorded"] == usual()
    assert said["live"].get("kernel.release", os.uname().release) == os.uname().release
    if "kernel.release" not in said["live"]:
        assert any("Too many open files" in message for _, message in said["reasons"])
    assert not said["leaked"]


@pytest.mark.slow
def test_a_process_that_was_forked_meanwhile_does_not_hold_the_answer() -> None:
    """It has a copy of the child's end of the connection, which therefore stays open."""
    said = program(
        """
forked = []
fork = os.fork
def forks_twice():
    other = fork()
    if not other:
        time.sleep(60)
        os._exit(0)
    forked.append(other)
    return fork()
os.fork = forks_twice
start = time.monotonic()
died = refused(lambda: os._exit(1), confined.Limits(memory=64 << 20, time=None))
taken = time.monotonic() - start
os.kill(forked[0], signal.SIGKILL)
say(died=died, taken=taken)
"""
    )
    assert said["died"] == MEMORY
    assert said["taken"] < 20


def test_a_forked_program_asks_again() -> None:
    said = program(
        """
first = answer()
child = os.fork()
if not child:
    os._exit(0 if answer() == first else 1)
say(first=first, status=os.waitpid(child, 0)[1])
"""
    )
    assert said == {"first": usual(), "status": 0}


@pytest.mark.slow
@pytest.mark.parametrize("setup", ["import socket\nsocket.setdefaulttimeout(0.0001)\n"])
def test_time_limits_of_the_programs_sockets_do_not_count(setup: str) -> None:
    said = program(
        setup
        + """
large = confined._Child(lambda piece: len(piece), confined.LIMITS)
large.give(b"x" * (64 << 20))
say(answer=answer(), sent=large.result("it"))
"""
    )
    assert said == {"answer": usual(), "sent": 64 << 20}


@pytest.mark.slow
def test_threads_that_read_this_host_and_a_record_take_turns() -> None:
    """A child that is forked while another thread loads a module waits for it for ever."""
    said = program(
        """
import tdxinfo.api
at_once, most, observe_machine = [], [], tdxinfo.api.observe_machine
def watched(machine, names):
    at_once.append(1)
    time.sleep(0.05)
    most.append(len(at_once))
    at_once.pop()
    return observe_machine(machine, names)
tdxinfo.api.observe_machine = watched
answers = []
def ask(number):
    answers.append(answer() if number % 2 else known(tdxinfo.observe(None, ["kernel.release"])))
threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
say(answers=answers, most=max(most))
"""
    )
    release = {"kernel.release": os.uname().release}
    assert [found for found in said["answers"] if found not in (usual(), release)] == []
    assert len(said["answers"]) == 12
    assert said["most"] == 1


@pytest.mark.slow
def test_a_process_that_is_forked_meanwhile_has_its_own_turn() -> None:
    said = program(
        """
import tdxinfo.api
tdxinfo.observe(HOST, ["kernel.release"])
observe_machine = tdxinfo.api.observe_machine
begun = threading.Event()
def slow(machine, names):
    begun.set()
    time.sleep(3)
    return observe_machine(machine, names)
tdxinfo.api.observe_machine = slow
thread = threading.Thread(target=lambda: tdxinfo.observe(None, ["kernel.release"]))
thread.start()
begun.wait()
child = os.fork()
if not child:
    tdxinfo.api.observe_machine = observe_machine
    os._exit(len(known(tdxinfo.observe(None, ["kernel.release"]))))
end = time.monotonic() + 20
while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < end:
    time.sleep(0.1)
if not ended[0]:
    os.kill(child, signal.SIGKILL)
thread.join()
say(known=os.waitstatus_to_exitcode(ended[1]) if ended[0] else None)
"""
    )
    assert said["known"] == 1


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(pydantic.main, "_rebuild_lock"), reason="this pydantic builds models without a lock"
)
def test_a_program_that_builds_a_model_of_its_own_does_not_stop_a_child() -> None:
    said = program(
        """
import pydantic.main
held, go_on = threading.Event(), threading.Event()
def build():
    with pydantic.main._rebuild_lock:
        held.set()
        go_on.wait(1)
class Late(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(defer_build=True)
    number: int
thread = threading.Thread(target=build)
thread.start()
held.wait()
say(answer=refused(lambda: Late(number=7).number, confined.Limits(time=10)))
"""
    )
    assert said["answer"] == 7
