"""Every file and every other answer that tdxinfo reads, with every fault that it can have.

What is read is found by observing all facts of recorded hosts; nothing is listed here. A question
is the path of a file or the key of an answer. A fault may change only facts whose sources ask this
question, and only to "unknown" for the reason of the fault.
"""

from __future__ import annotations

import errno
import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import run_checks, verdict_of
from tdxinfo.errors import REASONS, Unavailable
from tdxinfo.host import fact_names
from tdxinfo.host.observe import Observed, Observer
from tdxinfo.machine import FILE_LIMIT, Answer, Live, Machine
from tdxinfo.machine.bounded import read_file, within
from tdxinfo.machine.captured import open_folder
from tdxinfo.report import report_of
from tests.parts import one_in
from tests.recorded import folder_of

EXAMPLES = Path(__file__).parent.parent / "tdxinfo" / "examples"
BASES = (
    EXAMPLES / "linux-7.3-emulated",
    folder_of("mvp-6.2-sysfs"),
    folder_of("icelake-no-tdx"),
    folder_of("linux-7.2-ready-to-attest"),
)
TIMEOUT = 0.05
"""Seconds for the file that blocks for ever; the others may take as long as they need."""


class Watched(Machine):
    """A recorded host that stores the questions that it was asked."""

    def __init__(self, inner: Machine) -> None:
        super().__init__(inner.origin)
        self._inner = inner
        self.files: set[str] = set()
        self.keys: set[str] = set()

    def _read(self, path: str) -> bytes:
        self.files.add(path)
        return self._inner.read(path)

    def _ask(self, key: str, live: Live) -> Answer:
        self.keys.add(key)
        return self._inner.ask(key, live)


class Faulty(Watched):
    """The host with a fault in the answer to one question."""

    def __init__(self, inner: Machine, question: str, fault: Callable[[], Any]) -> None:
        super().__init__(inner)
        self._question = question
        self._fault = fault
        self.reads = 0

    def _read(self, path: str) -> bytes:
        return self._faulty() if path == self._question else self._inner.read(path)

    def _ask(self, key: str, live: Live) -> Answer:
        return self._faulty() if key == self._question else self._inner.ask(key, live)

    def _faulty(self) -> Any:
        self.reads += 1
        return self._fault()


@cache
def base(folder: Path) -> Machine:
    return open_folder(str(folder))


@cache
def questions_by_fact(folder: Path) -> dict[str, frozenset[str]]:
    """For each fact the questions that its sources ask."""
    found: dict[str, frozenset[str]] = {}
    for name in fact_names():
        watched = Watched(base(folder))
        Observer(watched).answers(name)
        found[name] = frozenset(watched.files | watched.keys)
    return found


@cache
def questions(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """All paths and all keys that the sources ask the host for."""
    watched = Watched(base(folder))
    observer = Observer(watched)
    for name in fact_names():
        observer.answers(name)
    return frozenset(watched.files), frozenset(watched.keys)


@cache
def values(folder: Path) -> dict[str, Any]:
    observer = Observer(base(folder))
    return {name: observer.value(name) for name in fact_names()}


# --- faults of files ----------------------------------------------------------------------------


@dataclass(frozen=True)
class FileFault:
    """How a file is made wrong, and the reason to expect; none where there may be a value."""

    make: Callable[[Path, bytes], object] = lambda path, data: path.write_bytes(data)
    reason: str = ""
    system: Callable[[], AbstractContextManager[object]] = nullcontext
    """What the system does while the file is read."""
    timeout: float = 60


def _failing(call: str, number: int) -> Callable[[], AbstractContextManager[object]]:
    error = OSError(number, os.strerror(number))
    return lambda: mock.patch(f"tdxinfo.machine.bounded.os.{call}", side_effect=error)


def _reads(read: Callable[[int, int], bytes]) -> Callable[[], AbstractContextManager[object]]:
    return lambda: mock.patch("tdxinfo.machine.bounded.os.read", read)


@contextmanager
def _blocking() -> Iterator[None]:
    """Reads do not come back before the test goes on."""
    goes_on = threading.Event()

    def read(_fd: int, _size: int) -> bytes:
        goes_on.wait()
        return b""

    with mock.patch("tdxinfo.machine.bounded.os.read", read):
        try:
            yield
        finally:
            goes_on.set()


def _garbage(path: Path, data: bytes) -> None:
    path.write_bytes(random.Random(len(data)).randbytes(600))


def _sparse(path: Path, data: bytes) -> None:
    path.write_bytes(b"")
    os.truncate(path, 100 << 20)


FILE_FAULTS = {
    "absent": FileFault(lambda path, data: None, "absent"),
    "EACCES": FileFault(system=_failing("open", errno.EACCES), reason="denied"),
    "EPERM": FileFault(system=_failing("open", errno.EPERM), reason="denied"),
    "EIO": FileFault(system=_failing("read", errno.EIO), reason="unsupported"),
    "ENXIO": FileFault(system=_failing("read", errno.ENXIO), reason="unsupported"),
    "empty": FileFault(lambda path, data: path.write_bytes(b"")),
    "truncated": FileFault(lambda path, data: path.write_bytes(data[: len(data) // 2])),
    "garbage": FileFault(_garbage),
    "not UTF-8": FileFault(lambda path, data: path.write_bytes(b"\xff\xfe" + data + b"\x80\n")),
    "100 MB": FileFault(_sparse, "malformed"),
    "endless": FileFault(system=_reads(lambda fd, size: b"7" * size), reason="malformed"),
    "blocks for ever": FileFault(system=_blocking, reason="timed-out", timeout=TIMEOUT),
    "directory": FileFault(lambda path, data: path.mkdir(), "malformed"),
    "dangling link": FileFault(lambda path, data: path.symlink_to("nowhere"), "absent"),
    "looping link": FileFault(lambda path, data: path.symlink_to(path.name), "unsupported"),
    "device": FileFault(lambda path, data: path.symlink_to("/dev/zero"), "malformed"),
}


def _content(folder: Path, question: str) -> bytes:
    try:
        return base(folder).read(question)
    except Unavailable:
        return b"1\n"


def _file_cases() -> Iterator[Any]:
    for folder in BASES:
        for question in sorted(questions(folder)[0]):
            yield pytest.param(folder, question, id=f"{folder.name}:{question}")


@pytest.mark.parametrize(("folder", "question"), one_in(160, _file_cases()))
def test_a_faulty_file_makes_only_its_own_facts_unknown(
    folder: Path, question: str, tmp_path: Path
) -> None:
    for number, (name, fault) in enumerate(FILE_FAULTS.items()):
        path = tmp_path / str(number)
        fault.make(path, _content(folder, question))

        def read(path: Path = path, fault: FileFault = fault) -> bytes:
            with fault.system():
                return within(fault.timeout, path.name, lambda: read_file(str(path), FILE_LIMIT))

        result = observe_with(folder, question, read)
        assert result.reads <= 1, f"{question} was read {result.reads} times"
        result.assert_only_own_facts_changed(name)
        if fault.reason:
            result.assert_reason(name, fault.reason)


# --- faults of everything else ------------------------------------------------------------------


def _raising(kind: type[Unavailable]) -> Callable[[], Any]:
    def refuse() -> Any:
        raise kind("the test refuses", "Do nothing.")

    return refuse


def _given(answer: Any) -> Any:
    return answer


WRONG_ANSWERS: tuple[Any, ...] = (
    "", "garbage \x00\x1b[31m\ufffd", "0x" + "f" * 40, "7" * 100_000, -1, 1 << 70, True, [], {},
    [[]], [1, "a", {}], {"data": 1}, {"": {"": []}}, {"0": "zz"}, [None] * 3, ["0 0 0"] * 5000,
)  # fmt: skip


def _key_cases() -> Iterator[Any]:
    for folder in BASES:
        for question in sorted(questions(folder)[1]):
            yield pytest.param(folder, question, id=f"{folder.name}:{question}")


@pytest.mark.parametrize(("folder", "question"), one_in(160, _key_cases()))
def test_a_faulty_answer_makes_only_its_own_facts_unknown(folder: Path, question: str) -> None:
    for reason, kind in REASONS.items():
        observe_with(folder, question, _raising(kind)).assert_only_own_facts_changed(reason)
    for answer in WRONG_ANSWERS:
        result = observe_with(folder, question, partial(_given, answer))
        result.assert_only_own_facts_changed(repr(answer)[:40])


# --- what must hold -----------------------------------------------------------------------------


@dataclass
class FaultResult:
    """The facts of a host with a fault in the answer to one question."""

    folder: Path
    question: str
    facts: dict[str, Observed]
    reads: int

    def assert_only_own_facts_changed(self, fault: str) -> None:
        """The report is complete, and only facts whose sources ask the question have changed."""
        report = report_of(self.facts, base(self.folder).origin)
        document = json.loads(report.model_dump_json())
        assert set(document["host"])
        results = run_checks(report)
        run = CheckRun(report, results, verdict_of(results), time=0)
        json.loads(run.document().model_dump_json())
        changed = {
            name for name, value in values(self.folder).items() if self.facts[name].value != value
        }
        asked = questions_by_fact(self.folder)
        unrelated = {name for name in changed if self.question not in asked[name]}
        assert not unrelated, f"{fault} in {self.question} changed {sorted(unrelated)}"

    def assert_reason(self, fault: str, reason: str) -> None:
        """Every source of the question gives the reason; one may also take it for absent."""
        reasons = {
            attempt.reason
            for fact in self.facts.values()
            for attempt in fact.attempts
            if attempt.origin.endswith(f":{self.question}")
        }
        assert reasons <= {reason, "lost", "absent"}, f"{fault} in {self.question} gave {reasons}"


def observe_with(folder: Path, question: str, fault: Callable[[], Any]) -> FaultResult:
    machine = Faulty(base(folder), question, fault)
    observer = Observer(machine)
    facts = {name: observer.fact(name) for name in fact_names()}
    return FaultResult(folder, question, facts, machine.reads)
