"""What was asked once is remembered, refusals too."""

from __future__ import annotations

import pytest

from tdxinfo.errors import Absent, Denied, NotRecorded
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.live import LiveMachine
from tdxinfo.model.provenance import Origin


class Counting(Machine):
    """Answers with its own count of questions, and refuses what is called `denied`."""

    def __init__(self) -> None:
        super().__init__(Origin.of("live"))
        self.asked: list[str] = []

    def _read(self, path: str) -> bytes:
        self.asked.append(path)
        if "denied" in path:
            raise Denied("no", "Run as root.", 13)
        return str(len(self.asked)).encode()

    def _ask(self, key: str, live: object) -> Answer:
        self.asked.append(key)
        if "denied" in key:
            raise Denied("no", "Run as root.", 13)
        return len(self.asked)


def test_a_file_is_read_once() -> None:
    machine = Counting()
    assert [machine.read("/a"), machine.text("/a"), machine.read("/a")] == [b"1", "1", b"1"]
    assert machine.asked == ["/a"]


def test_a_question_is_asked_once() -> None:
    machine = Counting()
    assert [machine.ask("q", lambda system: 0), machine.ask("q", lambda system: 0)] == [1, 1]
    assert machine.asked == ["q"]


def test_a_refusal_is_remembered() -> None:
    machine = Counting()
    for _ in range(3):
        with pytest.raises(Denied) as refusal:
            machine.read("/denied")
        assert (refusal.value.message, refusal.value.remedy) == ("no", "Run as root.")
        with pytest.raises(Denied):
            machine.ask("denied", lambda system: 0)
    assert machine.asked == ["/denied", "denied"]


def test_a_file_and_a_question_of_the_same_name_are_two_things() -> None:
    machine = Counting()
    machine.read("/x")
    machine.ask("/x", lambda system: 0)
    assert machine.asked == ["/x", "/x"]


def test_none_is_remembered_like_any_value() -> None:
    machine, calls = Counting(), []
    for _ in range(2):
        assert machine.once("k", lambda: calls.append(1)) is None
    assert calls == [1]


def test_a_bug_is_not_remembered_as_an_answer() -> None:
    machine = Counting()
    with pytest.raises(ZeroDivisionError):
        machine.once("k", lambda: 1 // 0)
    assert machine.once("k", lambda: 5) == 5


def test_a_remembered_refusal_does_not_gather_traces() -> None:
    machine = Counting()

    def depth() -> int:
        try:
            machine.read("/denied")
        except Denied as refusal:
            trace, count = refusal.__traceback__, 0
            while trace:
                trace, count = trace.tb_next, count + 1
            return count
        raise AssertionError

    depth()
    assert depth() == depth()


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    class Broken(Counting):
        def _read(self, path: str) -> bytes:
            return b"a\xffb"

    assert Broken().text("/x") == "a�b"


def test_a_live_machine_asks_what_it_is_given() -> None:
    machine = LiveMachine()
    assert machine.ask("k", lambda system: 7) == 7
    assert machine.origin.kind == "live"


def test_not_recorded_is_a_kind_of_absent() -> None:
    assert issubclass(NotRecorded, Absent)
