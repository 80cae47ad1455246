"""Sources are asked in order, once, until one answers; what they say is held to its type."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import ValidationError, create_model

from tdxinfo import host as catalogue
from tdxinfo.errors import Absent, Denied, Lost, Unavailable
from tdxinfo.host import SECTIONS, Host, as_json, fact_names
from tdxinfo.host.observe import Answer, Observer
from tdxinfo.host.section import From, Inferred, Section
from tdxinfo.machine import Answer as MachineAnswer
from tdxinfo.machine import Machine
from tdxinfo.machine.captured import CapturedMachine
from tdxinfo.model.provenance import Attempt, Origin
from tdxinfo.model.values import Count, MemoryRange, ModuleVersion
from tdxinfo.report import observe
from tests.builders import captured_machine, report_from_log


class Says:
    """A source that says one thing, and counts how often."""

    def __init__(self, origin: str, answer: Any) -> None:
        self._origin = origin
        self.answer = answer
        self.asked = 0

    @property
    def origin(self) -> str:
        return self._origin

    def read(self, machine: Machine) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def observer(monkeypatch: pytest.MonkeyPatch, **annotations: Any) -> Observer:
    """An observer of a catalogue with one section `s` of these facts."""
    fields: dict[str, Any] = {name: (kind, None) for name, kind in annotations.items()}
    section = create_model("S", __base__=Section, **fields)
    made = create_model("Made", __base__=Host, s=(section, section.model_construct()))
    monkeypatch.setitem(SECTIONS, "s", section)
    monkeypatch.setattr(catalogue, "Host", made)
    return Observer(captured_machine())


def test_the_first_source_that_answers_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = Says("a", Denied("no", "Run as root.")), Says("b", 2), Says("c", 3)
    seen = observer(monkeypatch, x=Annotated[Count | None, first, second, third]).fact("s.x")
    assert (seen.value, seen.origin) == (2, "b")
    assert seen.attempts == (
        Attempt(origin="a", reason="denied", message="no", remedy="Run as root."),
    )
    assert (first.asked, second.asked, third.asked) == (1, 1, 0)


def test_a_fact_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Says("a", 1)
    seen = observer(monkeypatch, x=Annotated[Count | None, source])
    assert seen.fact("s.x") is seen.fact("s.x")
    assert source.asked == 1


def test_a_fact_nobody_tells_keeps_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [Says("a", Absent("gone")), Says("b", Denied("no"))]
    seen = observer(monkeypatch, x=Annotated[Count | None, sources[0], sources[1]]).fact("s.x")
    assert (seen.value, seen.origin) == (None, "")
    assert [(a.origin, a.reason) for a in seen.attempts] == [("a", "absent"), ("b", "denied")]


def test_a_lost_state_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    older = Says("b", 2)
    seen = observer(
        monkeypatch, x=Annotated[Count | None, Says("a", Lost("lost", "Reboot.")), older]
    ).fact("s.x")
    assert (seen.value, seen.origin) == (None, "")
    assert older.asked == 0
    assert [a.reason for a in seen.attempts] == ["lost"]


@pytest.mark.parametrize("answer", [-1, 1 << 32, "many", [], object()])
def test_an_answer_out_of_range_is_malformed_and_the_next_is_asked(
    monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    seen = observer(monkeypatch, x=Annotated[Count | None, Says("a", answer), Says("b", 2)]).fact(
        "s.x"
    )
    assert (seen.value, seen.origin) == (2, "b")
    (attempt,) = seen.attempts
    assert attempt.reason == "malformed"
    assert "s.x" in attempt.message


def test_a_value_out_of_range_in_a_source_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    source = From(lambda: (MemoryRange.between(0, 1 << 70),))
    seen = observer(monkeypatch, x=Annotated[tuple[MemoryRange, ...] | None, source]).fact("s.x")
    assert (seen.value, seen.origin) == (None, "")
    assert seen.attempts[0].reason == "malformed"


def test_a_source_that_says_none_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = observer(monkeypatch, x=Annotated[Count | None, Says("a", None), Says("b", 2)]).fact(
        "s.x"
    )
    assert (seen.value, seen.origin) == (None, "a")


def test_a_bug_in_a_source_is_not_taken_for_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = observer(monkeypatch, x=Annotated[Count | None, Says("a", ZeroDivisionError())])
    with pytest.raises(ZeroDivisionError):
        seen.fact("s.x")


def double(ground: int) -> int:
    return 2 * ground


def add(left: int, right: int | None) -> int | None:
    return None if right is None else left + right


def test_a_fact_is_derived_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Says("a", 1)
    seen = observer(
        monkeypatch,
        x=Annotated[Count | None, one],
        y=Annotated[Count | None, From(double, "s.x")],
        z=Annotated[Count | None, Inferred(add, "s.y", "s.x")],
    )
    assert (seen.fact("s.y").value, seen.fact("s.y").origin) == (2, "derived:s.x")
    assert (seen.fact("s.z").value, seen.fact("s.z").origin) == (3, "inferred:s.y,s.x")
    assert one.asked == 1


def test_a_fact_whose_ground_is_unknown_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = observer(
        monkeypatch,
        x=Annotated[Count | None, Says("a", Denied("no"))],
        y=Annotated[Count | None, From(double, "s.x")],
    ).fact("s.y")
    assert (seen.value, seen.origin) == (None, "")
    assert seen.attempts[0].reason == "absent"
    assert "s.x" in seen.attempts[0].message


def test_a_ground_with_a_question_mark_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    grounds: list[object] = []

    def derive(left: int, right: int | None) -> int:
        grounds.append(right)
        return left

    seen = observer(
        monkeypatch,
        x=Annotated[Count | None, Says("a", 1)],
        u=Annotated[Count | None, Says("b", Absent("gone"))],
        y=Annotated[Count | None, From(derive, "s.x", "s.u?")],
    ).fact("s.y")
    assert (seen.value, seen.origin) == (1, "derived:s.x,s.u")
    assert grounds == [None]


def test_a_derivation_that_does_not_suffice_leaves_the_next_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = observer(
        monkeypatch,
        x=Annotated[Count | None, Says("a", 1)],
        u=Annotated[Count | None, Says("b", Absent("gone"))],
        y=Annotated[Count | None, From(add, "s.x", "s.u?"), Says("c", 9)],
    ).fact("s.y")
    assert (seen.value, seen.origin) == (9, "c")


def test_a_derived_value_is_held_to_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = observer(
        monkeypatch,
        x=Annotated[Count | None, Says("a", (1 << 32) - 1)],
        y=Annotated[Count | None, From(double, "s.x")],
    ).fact("s.y")
    assert seen.attempts[0].reason == "malformed"


def test_every_source_is_asked_when_all_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = Says("a", 1), Says("b", Denied("no")), Says("c", 3)
    value = observer(monkeypatch, x=Annotated[Count | None, *sources]).answers("s.x")
    assert [answer.origin for answer in value] == ["a", "b", "c"]
    assert [type(answer) for answer in value] == [Answer, Attempt, Answer]


def test_a_host_knows_the_facts_that_were_asked_for_and_no_others() -> None:
    report = observe(
        captured_machine({"/proc/cmdline": "ro\n", "/proc/sys/kernel/osrelease": "7\n"}),
        ["kernel.release"],
    )
    assert report.host.kernel.release == "7"
    assert not report.is_known("kernel.command_line")
    assert report.attempts("kernel.command_line") == ()


def test_a_report_of_one_fact_reads_what_that_needs() -> None:
    reads: list[str] = []

    def read(inner: str) -> bytes:
        reads.append(inner)
        return b"7.3.4\n"

    machine = CapturedMachine(Origin.of("capture", "a test"), read, {})
    assert observe(machine, []).host == Host()
    assert reads == []
    assert observe(machine, ["kernel.release"]).host.kernel.release == "7.3.4"
    # The log has the names of the host that are to be taken out of what is shown.
    assert reads == ["root/proc/sys/kernel/osrelease", "kernel.log"]


def test_an_unknown_state_is_called_unknown() -> None:
    report = observe(captured_machine())
    assert (report.host.module.state, report.is_known("module.state")) == ("unknown", False)


def test_facts_do_not_change() -> None:
    report = observe(captured_machine(), [])
    with pytest.raises(ValidationError, match="frozen"):
        report.host.module.version = None  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        report.host = Host()  # type: ignore[misc]


VERSION = "/sys/devices/faux/tdx_host/version"


def test_the_running_version_outweighs_the_boot_log() -> None:
    log = "[    5.3] virt/tdx: Module version: 1.5.24\n"
    report = observe(captured_machine({VERSION: "1.5.28\n"}, log=log))
    assert report.host.module.version == ModuleVersion(1, 5, 28)
    assert report.origin_of("module.version") == f"sysfs:{VERSION}"


def test_after_a_failed_update_the_boot_log_is_not_believed() -> None:
    log = "[    5.3] virt/tdx: Module version: 1.5.24\n[    5.4] virt/tdx: TDX-Module initialized\n"
    refused = {VERSION: {"reason": "unsupported", "message": "m", "errno": "ENXIO"}}
    report = observe(captured_machine(log=log, refused=refused))
    for name in ("module.version", "module.major", "module.update", "module.release"):
        assert not report.is_known(name), name
    assert report.host.fact("module.state") in ("failed", "unknown")


@pytest.mark.parametrize(
    "log",
    [
        "tdx: TDX CMR[ 0]: base 0xffffffffffffffff size 0xffffffffffffffff\n",
        "virt/tdx: BIOS enabled: private KeyID range [1, 99999999999999)\n",
        "virt/tdx: 99999999999999999 KB allocated for PAMT\n",
        "virt/tdx: Module version: 1.5.24\nvirt/tdx: module initialization failed (-99999999999)\n",
    ],
)
def test_a_log_with_impossible_numbers_makes_no_fact_of_them(log: str) -> None:
    report = report_from_log(log)
    for name in ("memory.cmrs", "keys.tdx_keyids", "memory.pamt_bytes", "module.failure"):
        assert report.host.fact(name) is None, name
        assert as_json(name, report.host.fact(name)) is None


@pytest.mark.parametrize(
    "cpuid",
    [
        [["a", "b", "c", "d", "e", "f", "g"]],
        [[1 << 40, 0, 0, 0, 0, 0, 0]],
        [[1, 0, 0, -1, 0, 0, 0]],
        [[1, 0, 0, 1.5, 0, 0, 0]],
        ["1234567"],
        5,
    ],
)
def test_a_record_with_impossible_cpuid_entries_makes_no_fact_of_them(cpuid: object) -> None:
    answers = {"kvm/vm_types": 0x20, "kvm/tdx_capabilities": {"cpuid": cpuid}}
    report = observe(captured_machine(answers=answers), ["kvm.cpuid_config"])
    assert not report.is_known("kvm.cpuid_config")
    assert report.attempts("kvm.cpuid_config")[0].reason == "malformed"


class CountingMachine(CapturedMachine):
    """Counts what reaches the outside."""

    def __init__(self, inner: CapturedMachine) -> None:
        super().__init__(inner.origin, inner._read_file, {})
        self.asked: list[str] = []

    def _read(self, path: str) -> bytes:
        self.asked.append(path)
        return super()._read(path)

    def _ask(self, key: str, live: Any) -> MachineAnswer:
        self.asked.append(key)
        return super()._ask(key, live)


def test_observing_a_whole_host_asks_for_each_thing_once() -> None:
    machine = CountingMachine(captured_machine())
    observe(machine)
    assert len(machine.asked) == len(set(machine.asked))
    assert "kernel-log" in machine.asked
    assert "/proc/cpuinfo" in machine.asked


def test_a_host_of_which_nothing_is_recorded_has_no_known_fact() -> None:
    report = observe(captured_machine())
    assert [name for name in fact_names() if report.is_known(name)] == []


def test_refusals_are_never_raised_to_the_caller() -> None:
    def refuse(inner: str) -> bytes:
        raise Unavailable("no")

    report = observe(CapturedMachine(captured_machine().origin, refuse, {}))
    assert not report.is_known("platform.vendor")


def test_the_catalogue_is_as_it_was() -> None:
    assert "s" not in catalogue.SECTIONS
    assert catalogue.Host is Host


KEYID_LOG = "[ 1.0] virt/tdx: BIOS enabled: private KeyID range [{}, 128)\n"


@pytest.mark.parametrize(("first", "count"), [(64, 0), (96, 2)])
def test_two_sources_that_tell_a_fact_differently_are_found(first: int, count: int) -> None:
    machine = captured_machine(
        answers={"msr/0x87/cpu0": "0x000000400000003f"}, log=KEYID_LOG.format(first)
    )
    found = observe(machine, ["kernel.disagreements"]).host.kernel.disagreements
    assert len([value for value in found or () if "keyids" in value]) == count


def test_a_fact_from_one_source_cannot_disagree() -> None:
    machine = captured_machine(answers={"msr/0x87/cpu0": "0x000000400000003f"})
    assert not observe(machine, ["kernel.disagreements"]).is_known("kernel.disagreements")


MACHINE_ID = "00000000-1111-2222-3333-444444444444"


def test_what_names_a_machine_is_left_out_of_lists_too() -> None:
    folder = {"list//boot/efi/EFI/TDX": ["TDX-SEAM.so", f"old-{MACHINE_ID}"]}
    found = observe(captured_machine(answers=folder), ["module.esp_files"]).host.module.esp_files
    assert found == ("TDX-SEAM.so", "old-<uuid>")


def test_what_names_a_machine_is_left_out_of_the_words_of_a_failure() -> None:
    line = f"virt/tdx: module initialization failed (-5) on {MACHINE_ID}\n"
    report = observe(captured_machine(log=f"[    0.000000] Linux version 6.14.0\n[    1.0] {line}"))
    assert MACHINE_ID not in report.model_dump_json()
