"""A small kernel in files: symbols, real BTF and an ELF core, read as the live kernel is."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo.errors import Absent, Denied, Malformed
from tdxinfo.host.observe import Answer, Observer
from tdxinfo.machine.captured import open_folder
from tdxinfo.machine.live import LiveMachine
from tdxinfo.machine.recording import RecordingMachine, contents, write
from tdxinfo.machine.system import System
from tdxinfo.report import Report, observe
from tdxinfo.sources import kcore, kmem, kobjects
from tdxinfo.sources.elements import elements_of
from tests.builders import captured_machine
from tests.kernel_types.cores import BASE, GIB, HEAP, STRIDE, TDMRS, core, sysinfo
from tests.kernel_types.layouts import LAYOUTS, MISSING, btf_of
from tests.parts import one_in

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


class Kernel:
    """The three files of a kernel in a folder; its variables may be changed before `make`."""

    def __init__(self, folder: Path, layout: str) -> None:
        self.folder = folder
        self.types = btf_of(LAYOUTS[layout], folder)
        self.variables: dict[str, bytes] = {
            "tdx_sysinfo": sysinfo(),
            "tdx_tdmr_list": struct.pack("<Qiii4x", HEAP, 2, STRIDE, 64),
            "tdx_module_state": struct.pack("<??2xi", True, True, 0),
            "tdx_nr_guest_keyids": struct.pack("<I", 63),
            "tdx_global_keyid": struct.pack("<I", 64),
        }
        self.heap = TDMRS
        self.hidden = False
        self.twins: dict[str, tuple[int, bytes]] = {}
        """Other variables of the same name: before it (0) or after it (1), and their bytes."""

    def make(self) -> None:
        data, lines = b"", ["ffffffff81000000 T _text", f"{BASE + 8:016x} b tdx_sysinfo_other"]
        for name, value in self.variables.items():
            same = [value]
            if name in self.twins:
                place, other = self.twins[name]
                same.insert(place, other)
            for content in same:
                address = 0 if self.hidden else BASE + len(data)
                lines.append(f"{address:016x} b {name}")
                data += content.ljust(-len(content) % 8 + len(content), b"\0")
        lines.append(f"{BASE + len(data):016x} B _end")
        (self.folder / "kallsyms").write_text("\n".join(lines) + "\n")
        (self.folder / "vmlinux").write_bytes(self.types)
        (self.folder / "kcore").write_bytes(core((BASE, data), (HEAP, self.heap)))


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Kernel]:
    monkeypatch.setattr(kcore, "SYMBOLS", str(tmp_path / "kallsyms"))
    monkeypatch.setattr(kcore, "TYPES", str(tmp_path / "vmlinux"))
    monkeypatch.setattr(kcore, "MEMORY", str(tmp_path / "kcore"))
    return lambda layout: Kernel(tmp_path, layout)


NAMES = ("module.state", "module.version", "module.features0", "keys.tdx_keyids", "memory.tdmrs",
         "memory.max_tdmrs", "memory.pamt_bytes", "td.max_vcpus", "td.cpuid_config",
         "td.attributes_fixed0", "td.tdcs_base_size", "module.no_rbp_mod")  # fmt: skip


def observed() -> Report:
    return observe(LiveMachine(), NAMES)


def values(report: Report) -> dict[str, Any]:
    return {name: report.host.fact(name) for name in NAMES}


def test_what_the_kernel_holds_is_read_exactly(kernel: Callable[[str], Kernel]) -> None:
    kernel("7.2").make()
    report = observed()
    assert str(report.host.module.version) == "1.5.24"
    assert report.origin_of("module.version") == "kmem:tdx_sysinfo.version"
    assert report.host.module.state == "initialized"
    assert report.host.module.features0 == 0x140FBF
    assert report.host.module.no_rbp_mod is True
    assert report.host.keys.tdx_keyids == 64
    assert report.host.memory.max_tdmrs == 64
    assert (report.host.td.max_vcpus, report.host.td.tdcs_base_size) == (576, 20480)
    assert report.host.td.attributes_fixed0 == 0x8000000070000001
    first, second = report.host.td.cpuid_config or ()
    assert (first.leaf, first.subleaf, first.ebx, first.ecx) == (1, None, 0xFF0000, 0x1044D88)
    assert (second.leaf, second.subleaf, second.eax, second.edx) == (4, 0, 7, 1)


def test_two_tdmrs_with_reserved_areas_come_back(kernel: Callable[[str], Kernel]) -> None:
    kernel("7.2").make()
    first, second = observed().host.memory.tdmrs or ()
    assert (first.base, first.end) == (0, 2 * GIB)
    assert [(r.base, r.end) for r in first.reserved or ()] == [(0, 0x100000), (0x78000000, 2 * GIB)]
    assert [r.size for r in first.pamt or ()] == [4096, 8192, 65536]
    assert (second.base, second.reserved) == (4 * GIB, ())
    assert observed().host.memory.pamt_bytes == 2 * (4096 + 8192 + 65536)


def memblock(after: int, base: int, end: int, node: int) -> bytes:
    """`struct tdx_memblock` by the offsets of its declaration."""
    padding = 0xFFFF8881
    return struct.pack("<QQQQiI", after, 0xDEAD, base >> 12, end >> 12, node, padding)


def with_memory(made: Kernel, last_leads_to: int) -> None:
    """Two blocks in a list whose head stands where `Kernel.make` puts the first variable."""
    first = HEAP + len(made.heap)
    made.variables = {"tdx_memlist": struct.pack("<QQ", first, first + 40), **made.variables}
    made.heap += memblock(first + 40, 0x100000, 2 * GIB, 0)
    made.heap += memblock(last_leads_to, 4 * GIB, 8 * GIB, 1)


def memory_by_node() -> list[tuple[int, int, int | None]]:
    memory = observe(LiveMachine(), ["memory.tdx_memory"]).host.memory
    return [(block.base, block.end, block.node) for block in memory.tdx_memory or ()]


def test_the_memory_given_to_tdx_is_shown_by_node(kernel: Callable[[str], Kernel]) -> None:
    made = kernel("7.2")
    with_memory(made, last_leads_to=BASE)
    made.make()
    assert memory_by_node() == [(0x100000, 2 * GIB, 0), (4 * GIB, 8 * GIB, 1)]


@pytest.mark.parametrize("lie", one_in(2, [HEAP + len(TDMRS), HEAP + len(TDMRS) + 40, 0, 0x1234]))
def test_a_list_that_never_ends_or_leads_nowhere_is_refused(
    kernel: Callable[[str], Kernel], lie: int
) -> None:
    made = kernel("7.2")
    with_memory(made, last_leads_to=lie)
    made.make()
    assert memory_by_node() == []
    found = observe(LiveMachine(), ["memory.tdx_memory", "module.features0"])
    assert found.attempts("memory.tdx_memory")
    assert found.host.module.features0 == 0x140FBF


def pool(made: Kernel, entry: int) -> None:
    made.variables["tdx_guest_keyid_start"] = struct.pack("<I", 65)
    made.variables["tdx_guest_keyid_pool"] = struct.pack("<IIQ", 0, 4, entry)


def keyids_in_use() -> int | None:
    fact = observe(LiveMachine(), ["keys.guest_keyids_in_use"]).observed("keys.guest_keyids_in_use")
    return fact.value if fact.origin == "kmem:tdx_guest_keyid_pool" else None


def test_no_keyid_in_use_is_a_number(kernel: Callable[[str], Kernel]) -> None:
    made = kernel("7.2")
    pool(made, 0)
    made.make()
    assert keyids_in_use() == 0


def test_keyids_in_use_are_counted_in_a_bitmap(kernel: Callable[[str], Kernel]) -> None:
    made = kernel("7.2")
    pool(made, HEAP + len(made.heap))
    made.heap += struct.pack("<16Q", 0, 0b1011 << 1, *bytes(14))
    made.make()
    assert keyids_in_use() == 3


def test_keyids_in_use_are_counted_below_a_node(kernel: Callable[[str], Kernel]) -> None:
    made = kernel("7.2")
    place = HEAP + len(made.heap)
    pool(made, place | 2)
    made.variables["tdx_guest_keyid_start"] = struct.pack("<I", 1024)
    made.heap += struct.pack("<4B4x4Q64Q3Q", 0, 0, 2, 1, 0, 0, 0, 0,
                             0, 0b110 << 1 | 1, *bytes(62), 0, 0, 0)  # fmt: skip
    made.make()
    assert keyids_in_use() == 2


@pytest.mark.parametrize("entry", [HEAP | 2, 0xDEAD0000, 0xDEAD0002, 1 << 1 | 1])
def test_a_pool_that_lies_is_refused(kernel: Callable[[str], Kernel], entry: int) -> None:
    made = kernel("7.2")
    pool(made, entry)
    made.make()
    assert keyids_in_use() is None


def test_a_record_tells_no_address_of_the_kernels_memory(kernel: Callable[[str], Kernel]) -> None:
    made = kernel("7.2")
    with_memory(made, last_leads_to=BASE)
    made.make()
    recorded = str(kmem._live(System()))
    for address in (HEAP, BASE, 0xDEAD, HEAP + len(TDMRS) + 40):
        assert struct.pack("<Q", address).hex() not in recorded
    assert "8188ffff" not in recorded, "what lay in the padding is part of an address"


def test_a_layout_without_a_version_tells_the_rest(kernel: Callable[[str], Kernel]) -> None:
    made = kernel("6.16")
    made.variables["tdx_sysinfo"] = sysinfo()[8:]
    del made.variables["tdx_module_state"]
    made.variables["tdx_module_status"] = struct.pack("<I", 1)
    made.make()
    report = observed()
    assert report.host.module.features0 == 0x140FBF
    assert report.host.td.max_vcpus == 576
    assert "no version.major_version" in " ".join(
        a.message for a in report.attempts("module.version")
    )


@pytest.mark.parametrize(("status", "state"), [(1, "initialized"), (2, "failed"), (0, None)])
def test_the_status_of_older_kernels_tells_the_state(
    kernel: Callable[[str], Kernel], status: int, state: str | None
) -> None:
    made = kernel("6.16")
    made.variables = {"tdx_module_status": struct.pack("<I", status)}
    made.make()
    found = observed().observed("module.state")
    assert (found.value if found.origin.startswith("kmem") else None) == state


def test_nothing_is_shown_while_the_module_is_not_initialized(
    kernel: Callable[[str], Kernel],
) -> None:
    made = kernel("7.2")
    made.variables["tdx_module_state"] = struct.pack("<??2xi", False, True, -19)
    made.make()
    report = observed()
    assert report.host.module.features0 is None
    value = {attempt.origin: attempt.message for attempt in report.attempts("module.features0")}
    assert "not initialized" in value["kmem:tdx_sysinfo.features.tdx_features0"]
    assert report.host.memory.tdmrs is None


@pytest.mark.parametrize(("vcpus", "features0"), [(576, 0x140FBF), (0, None)])
def test_after_a_failure_what_was_read_whole_is_shown(
    kernel: Callable[[str], Kernel], vcpus: int, features0: int | None
) -> None:
    made = kernel("6.16")
    read = bytearray(sysinfo()[8:])
    struct.pack_into("<H", read, 58, vcpus)
    del made.variables["tdx_module_state"]
    made.variables |= {"tdx_module_status": struct.pack("<I", 2), "tdx_sysinfo": bytes(read)}
    made.make()
    assert observed().host.module.features0 == features0


def test_after_an_update_only_the_version_is_current(tmp_path: Path) -> None:
    recorded = captured_machine(
        answers={kmem.KEY: {
            "tdx_module_initialized": 1,
            "tdx_sysinfo": {"data": sysinfo().hex(), "layout": [
                "version.minor_version 0 16 1 0", "version.major_version 16 16 1 0",
                "version.update_version 32 16 1 0", "features.tdx_features0 64 64 1 0"]},
        }},
        log="[ 1.0] virt/tdx: Module version: 1.5.20\n[ 2.0] virt/tdx: TDX-Module initialized\n",
    )  # fmt: skip
    report = observe(recorded, NAMES)
    assert str(report.host.module.version) == "1.5.24"
    assert report.host.module.features0 is None
    assert "updated since" in " ".join(a.message for a in report.attempts("module.features0"))


def test_what_was_read_before_an_update_is_not_shown_beside_its_version(tmp_path: Path) -> None:
    def features(running: str) -> Any:
        recorded = captured_machine(
            {"/sys/devices/faux/tdx_host/version": f"{running}\n"},
            answers={kmem.KEY: {
                "tdx_module_initialized": 1,
                "tdx_sysinfo": {"data": sysinfo().hex(), "layout": [
                    "version.minor_version 0 16 1 0", "version.major_version 16 16 1 0",
                    "version.update_version 32 16 1 0", "features.tdx_features0 64 64 1 0"]},
            }},
            log="[ 1.0] virt/tdx: TDX-Module initialized\n",
        )  # fmt: skip
        report = observe(recorded, NAMES)
        assert str(report.host.module.version) == running
        return report.host.module.features0

    assert features("1.5.24") is not None
    assert features("1.5.25") is None


def test_a_capture_replays_the_kernels_memory(
    kernel: Callable[[str], Kernel], tmp_path: Path
) -> None:
    kernel("7.2").make()
    recording = RecordingMachine(LiveMachine())
    report = observe(recording, NAMES)
    write(contents(recording, None, bytes, str), str(tmp_path / "capture"))
    (tmp_path / "kcore").unlink()
    assert values(observe(open_folder(str(tmp_path / "capture")), NAMES)) == values(report)


def test_every_member_is_listed_by_its_field_and_unknown_ones_raw(
    kernel: Callable[[str], Kernel],
) -> None:
    made = kernel("7.2")
    source = LAYOUTS["7.2"].replace(
        "struct tdx_sys_info_td_conf td_conf;", "struct tdx_sys_info_td_conf td_conf; u64 later;"
    )
    made.types = btf_of(source, made.folder)
    made.variables["tdx_sysinfo"] = sysinfo() + struct.pack("<Q", 0xABC)
    made.make()
    rows = {(row.name, row.index): row for row in elements_of(LiveMachine())}
    assert rows[("TDX_FEATURES0", None)].id == "0x0a00000300000008"
    assert rows[("TDX_FEATURES0", None)].value == "0x0000000000140fbf"
    assert rows[("CPUID_CONFIG_VALUES", 1)].value == "0x0000000001044d88"
    assert rows[("later", None)].value == "0x0000000000000abc"
    assert rows[("later", None)].id is None
    assert rows[("later", None)].origin == "kmem:tdx_sysinfo.later"


# --- kinds of refusals --------------------------------------------------------------------------


def refusal() -> Exception:
    try:
        kmem._live(System())
    except (Absent, Denied, Malformed) as error:
        return error
    raise AssertionError("the kernel's memory was read")


def test_a_kernel_without_the_symbols_is_shown(kernel: Callable[[str], Kernel]) -> None:
    made = kernel("7.2")
    made.variables = {}
    made.make()
    assert isinstance(refusal(), Absent)
    assert "CONFIG_KALLSYMS_ALL" in str(refusal())


def test_hidden_addresses_are_shown(kernel: Callable[[str], Kernel]) -> None:
    made = kernel("7.2")
    made.hidden = True
    made.make()
    assert isinstance(refusal(), Denied)
    assert "kptr_restrict" in str(refusal())


@pytest.mark.parametrize(
    ("capabilities", "why"), [("000001fffffdffff", "CAP_SYS_RAWIO"), ("000001ffffffffff", "locked")]
)
def test_lockdown_and_a_missing_capability_are_kept_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capabilities: str, why: str
) -> None:
    """/proc/kcore gives EPERM for both; 1 << 17 is CAP_SYS_RAWIO in linux/capability.h."""
    (tmp_path / "status").write_text(f"Name:\tpython3\nCapEff:\t{capabilities}\nThreads:\t1\n")
    monkeypatch.setattr(kcore, "OWN_STATUS", str(tmp_path / "status"))
    refused = kcore._not_opened(System(), Denied("no", errno=errno.EPERM))
    assert isinstance(refused, Denied)
    assert why in refused.message


def test_a_kernel_without_kcore_is_shown(kernel: Callable[[str], Kernel], tmp_path: Path) -> None:
    kernel("7.2").make()
    (tmp_path / "kcore").unlink()
    assert isinstance(refusal(), Absent)
    assert "CONFIG_PROC_KCORE" in str(refusal())


def test_a_kernel_without_btf_is_shown(kernel: Callable[[str], Kernel], tmp_path: Path) -> None:
    kernel("7.2").make()
    (tmp_path / "vmlinux").unlink()
    report = observed()
    assert "built without BTF" in " ".join(a.message for a in report.attempts("module.features0"))
    assert report.host.keys.tdx_keyids == 64


@pytest.mark.parametrize(
    "listed",
    [
        struct.pack("<Qiii4x", 0xDEAD0000, 2, STRIDE, 64),
        struct.pack("<Qiii4x", HEAP, 100000, STRIDE, 64),
        struct.pack("<Qiii4x", HEAP, 2, -1, 64),
        struct.pack("<Qiii4x", HEAP, 3, STRIDE, 64),
    ],
)
def test_a_lying_list_makes_only_the_tdmrs_unknown(
    kernel: Callable[[str], Kernel], listed: bytes
) -> None:
    made = kernel("7.2")
    made.variables["tdx_tdmr_list"] = listed
    made.make()
    report = observed()
    assert report.host.memory.tdmrs is None
    assert report.host.module.features0 == 0x140FBF


@pytest.mark.parametrize(
    "state",
    [
        {"tdx_module_state": struct.pack("<??2xi", False, True, 0)},
        {"tdx_module_initialized": b"\0"},
        {"tdx_module_status": struct.pack("<I", 2)},
    ],
)
def test_tdmrs_of_a_failed_initialization_are_freed_memory_and_not_read(
    kernel: Callable[[str], Kernel], state: dict[str, bytes]
) -> None:
    made = kernel("7.2")
    del made.variables["tdx_module_state"]
    made.variables |= state
    made.make()
    assert observed().host.memory.tdmrs is None
    value: Any = kmem._live(System())
    assert "freed" in value["tdmrs"]["refused"]["message"]


@pytest.mark.parametrize(
    "data", [b"", b"\x7fELF\x02", b"x" * 200, core((BASE, bytes(8)))[:100], core((BASE, b"1"))]
)
def test_a_torn_core_is_refused(
    kernel: Callable[[str], Kernel], tmp_path: Path, data: bytes
) -> None:
    kernel("7.2").make()
    (tmp_path / "kcore").write_bytes(data)
    assert isinstance(refusal(), Malformed)


def test_a_recorded_layout_that_lies_is_malformed() -> None:
    lying = {
        "tdx_module_initialized": 1,
        "tdx_sysinfo": {"data": "00", "layout": ["features.tdx_features0 0 64 1 0"]},
    }
    report = observe(captured_machine(answers={kmem.KEY: lying}), ["module.features0"])
    assert "malformed" in {attempt.reason for attempt in report.attempts("module.features0")}


PATHS = [
    "version.major_version",
    "version.minor_version",
    "version.update_version",
    "td_conf.num_cpuid_config",
    "td_conf.cpuid_config_leaves",
    "td_conf.cpuid_config_values",
]
HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 40) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
LINES = st.lists(
    st.builds(
        "{} {} {} {} {}".format,
        st.sampled_from(["initialized", "base", "size", "nr_consumed_tdmrs", *PATHS]),
        st.integers(0, 70), st.integers(0, 70), st.integers(0, 3), st.integers(0, 1),
    ) | st.text(max_size=10),
    max_size=6,
)  # fmt: skip
RECORDS = HOSTILE | st.fixed_dictionaries(
    {"data": st.binary(max_size=32).map(bytes.hex) | HOSTILE, "layout": LINES | HOSTILE}
)


@given(st.dictionaries(st.sampled_from([*kobjects.VARIABLES, kobjects.TDMRS]), RECORDS) | HOSTILE)
def test_a_hostile_record_makes_facts_unknown_and_no_trace(record: Any) -> None:
    observe(captured_machine(answers={kmem.KEY: record}), NAMES)


# --- variables of one name, and values that none has --------------------------------------------

POINTER = struct.pack("<Q", 0xFFFFFFFF83B00000)


@pytest.mark.parametrize("order", ["the pointer first", "the pointer last"])
def test_of_two_variables_of_one_name_the_one_that_is_long_enough_is_read(
    kernel: Callable[[str], Kernel], order: str
) -> None:
    """kvm_intel, where it is built in, has a pointer called tdx_sysinfo."""
    made = kernel("7.2")
    place = 0 if "first" in order else 1
    made.twins = {"tdx_sysinfo": (place, POINTER)}
    made.make()
    report = observed()
    assert str(report.host.module.version) == "1.5.24"
    assert report.host.module.features0 == 0x140FBF


def test_of_two_variables_of_one_length_none_is_read(kernel: Callable[[str], Kernel]) -> None:
    made = kernel("7.2")
    made.twins = {"tdx_sysinfo": (1, sysinfo())}
    made.make()
    report = observed()
    assert report.host.module.features0 is None
    messages = " ".join(a.message for a in report.attempts("module.features0"))
    assert "2 variables called tdx_sysinfo" in messages
    assert report.host.keys.tdx_keyids == 64, "others are read all the same"


def test_a_variable_that_is_too_short_is_another_one(kernel: Callable[[str], Kernel]) -> None:
    made = kernel("7.2")
    made.variables = {"tdx_sysinfo": POINTER, **{
        name: value for name, value in made.variables.items() if name != "tdx_sysinfo"
    }}  # fmt: skip
    made.make()
    assert observed().host.module.features0 is None


@pytest.mark.parametrize(
    ("offset", "value"),
    [(16, 0), (18, 0), (20, 0), (22, 0), (24, 0), (16, 5000), (2, 1000), (0, 0xFFFF)],
)
def test_what_no_module_says_of_itself_is_refused(
    kernel: Callable[[str], Kernel], offset: int, value: int
) -> None:
    made = kernel("7.2")
    data = bytearray(sysinfo())
    struct.pack_into("<H", data, offset, value)
    made.variables["tdx_sysinfo"] = bytes(data)
    made.make()
    report = observed()
    assert report.host.module.features0 is None
    assert "which no TDX module has" in " ".join(
        attempt.message for attempt in report.attempts("module.features0")
    )


def test_a_number_that_is_no_keyid_is_refused() -> None:
    recorded = captured_machine(answers={kmem.KEY: {"tdx_nr_guest_keyids": 0x83B00000}})
    report = observe(recorded, ("keys.guest_keyids",))
    assert report.host.keys.guest_keyids is None


STATE = ["initialized 0 8 1 0", "sysinit_done 8 8 1 0", "sysinit_ret 32 32 1 1"]


@pytest.mark.parametrize(
    ("done", "result", "state"),
    [
        (True, -95, "failed"),
        (True, -13, "failed"),
        (True, -5, "failed"),
        (True, -19, "not-loaded"),
        (False, 0, "failed"),
        (True, 0, "failed"),
    ],
)
def test_how_the_first_call_ended_tells_the_state(done: bool, result: int, state: str) -> None:
    data = struct.pack("<??2xi", False, done, result).hex()
    recorded = captured_machine(
        answers={kmem.KEY: {"tdx_module_state": {"data": data, "layout": STATE}}},
        log="[ 0.2] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n",
    )
    report = observe(recorded, ("module.state", "module.sysinit_result"))
    assert report.host.module.state == state
    assert report.host.module.sysinit_result == result


def test_a_kernel_that_refused_tdx_made_no_call_and_failed_at_nothing() -> None:
    data = struct.pack("<??2xi", False, False, 0).hex()
    recorded = captured_machine(
        answers={kmem.KEY: {"tdx_module_state": {"data": data, "layout": STATE}}},
        log="[ 0.2] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
        "[ 0.2] virt/tdx: initialization failed: Hibernation support is enabled\n",
    )
    answers = Observer(recorded).answers("module.state")
    values = {answer.value for answer in answers if isinstance(answer, Answer)}
    assert values == {"not-attempted"}


def test_a_kernel_that_found_no_tdx_made_no_call_and_failed_at_nothing() -> None:
    data = struct.pack("<??2xi", False, False, 0).hex()
    recorded = captured_machine(
        answers={kmem.KEY: {"tdx_module_state": {"data": data, "layout": STATE}}}
    )
    assert observe(recorded, ("module.state",)).host.module.state == "unknown"


@pytest.mark.parametrize(("vcpus", "features0"), [(576, 0x140FBF), (0, None)])
def test_after_a_failure_of_7_1_what_was_read_whole_is_shown(
    kernel: Callable[[str], Kernel], vcpus: int, features0: int | None
) -> None:
    made = kernel("7.1")
    read = bytearray(sysinfo())
    struct.pack_into("<H", read, 66, vcpus)
    del made.variables["tdx_module_state"]
    made.variables |= {"tdx_module_initialized": b"\0", "tdx_sysinfo": bytes(read)}
    made.make()
    assert observed().host.module.features0 == features0


# --- sources that outlive a module ---------------------------------------------------------------

ABSENT = {"/sys/devices/faux/tdx_host/version": {"reason": "absent", "message": "does not exist"}}
RUNS = struct.pack("<??2xi", True, True, 0).hex()
OUTLIVES: dict[str, dict[str, Any]] = {
    "kernel memory": {"answers": {kmem.KEY: {"tdx_module_state": {"data": RUNS, "layout": STATE}}}},
    "KVM": {"answers": {"kvm/vm_types": 33, "kvm/tdx_capabilities": {"supported_attrs": "0x0"}}},
    "the cgroup": {"files": {"/sys/fs/cgroup/misc.capacity": "tdx 63\n"}},
    "KVM's parameter": {"files": {"/sys/module/kvm_intel/parameters/tdx": "Y\n"}},
    "the log": {"log": "[ 1.0] virt/tdx: TDX-Module initialized\n"},
}


@pytest.mark.parametrize("what", OUTLIVES)
@pytest.mark.parametrize(
    ("release", "refused", "state"),
    [
        ("7.2.13", ABSENT, "unknown"),
        ("7.3.4-amd64", ABSENT, "unknown"),
        ("7.1.9", ABSENT, "initialized"),
        ("6.17.13", ABSENT, "initialized"),
        ("6.17.13", {}, "initialized"),
    ],
)
def test_from_7_2_on_what_outlives_a_module_proves_none_where_its_driver_is_silent(
    what: str, release: str, refused: dict[str, Any], state: str
) -> None:
    host = OUTLIVES[what]
    files = {"/proc/sys/kernel/osrelease": release, **host.get("files", {})}
    recorded = captured_machine(**{**host, "files": files, "refused": refused})
    report = observe(recorded, ("module.state",))
    assert report.host.module.state == state
    if state == "unknown":
        assert any("modprobe tdx_host" in a.remedy for a in report.attempts("module.state")) or (
            what == "KVM's parameter"
        )


@pytest.mark.parametrize(
    ("what", "state"),
    [
        ("kernel memory", "initialized"),  # an update that fails leaves zeros there
        ("the log", "initialized"),  # and a line here
        ("KVM", "unknown"),
        ("the cgroup", "unknown"),
        ("KVM's parameter", "unknown"),
    ],
)
def test_a_drivers_file_that_was_not_recorded_proves_no_more_than_one_that_is_missing(
    what: str, state: str
) -> None:
    host = OUTLIVES[what]
    files = {"/proc/sys/kernel/osrelease": "7.2.13", **host.get("files", {})}
    report = observe(captured_machine(**{**host, "files": files}), ("module.state",))
    assert report.host.module.state == state
    if state == "unknown":
        assert any("is not in the record" in a.message for a in report.attempts("module.state"))
