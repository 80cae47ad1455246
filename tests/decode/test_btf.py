"""BTF built by gcc and pahole; offsets and sizes from the kernel's declarations."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo.decode.btf import STRUCT, Btf, Leaf, read_leaf
from tdxinfo.errors import Absent, Malformed
from tests.kernel_types.by_hand import INT, types
from tests.kernel_types.layouts import LAYOUTS, MISSING, btf_of

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {
        name: btf_of(source, tmp_path_factory.mktemp("btf")) for name, source in LAYOUTS.items()
    }


def leaves(data: bytes, name: str) -> dict[str, Leaf]:
    types = Btf(data)
    return {leaf.path: leaf for leaf in types.leaves(types.find(name))}


@pytest.mark.parametrize(
    ("layout", "size", "offsets"),
    [
        (
            "6.16",
            3136,
            {
                "features.tdx_features0": 0,
                "tdmr.max_tdmrs": 8,
                "td_ctrl.tdr_base_size": 18,
                "td_conf.attributes_fixed0": 24,
                "td_conf.num_cpuid_config": 56,
                "td_conf.max_vcpus_per_td": 58,
                "td_conf.cpuid_config_leaves": 64,
                "td_conf.cpuid_config_values": 1088,
            },
        ),
        (
            "7.1",
            3144,
            {
                "version.minor_version": 0,
                "features.tdx_features0": 8,
                "tdmr.max_tdmrs": 16,
                "td_ctrl.tdr_base_size": 26,
                "td_conf.attributes_fixed0": 32,
                "td_conf.num_cpuid_config": 64,
                "td_conf.cpuid_config_leaves": 72,
                "td_conf.cpuid_config_values": 1096,
            },
        ),
    ],
)
def test_the_kernels_structure_lies_as_in_its_source(
    built: dict[str, bytes], layout: str, size: int, offsets: dict[str, int]
) -> None:
    types = Btf(built[layout])
    assert types.size(types.find("tdx_sys_info")) == size
    found = leaves(built[layout], "tdx_sys_info")
    assert {path: found[path].bit_offset // 8 for path in offsets} == offsets
    assert found["td_conf.cpuid_config_values"].length == 256
    assert found["tdmr.max_tdmrs"].bit_size == 16


def test_the_list_and_its_entries_lie_as_in_the_source(built: dict[str, bytes]) -> None:
    types = Btf(built["7.2"])
    assert types.size(types.find("tdmr_info_list")) == 24
    assert leaves(built["7.2"], "tdmr_info")["pamt_4k_size"].bit_offset == 56 * 8
    assert leaves(built["7.2"], "tdx_module_state")["initialized"].bit_size == 8


ODD = """
typedef const volatile unsigned int word;
enum colour { RED = 1, BLUE = 7 };
union both { int whole; short halves[2]; };
struct odd {
    unsigned a : 3; int b : 5; unsigned long long : 0; word c;
    enum colour d; union both e; struct { long f; short i; } inner[2]; char *g; signed char h;
} variable;
"""


def test_bit_fields_unions_enums_and_arrays_of_structures_are_read(tmp_path: Path) -> None:
    found = leaves(btf_of(ODD, tmp_path), "odd")
    data = bytearray(72)
    data[0] = 0b11111_101
    struct.pack_into("<IIi", data, 8, 0xDEADBEEF, 7, -2)
    struct.pack_into("<qhxxxxxxqhxxxxxxQb", data, 24, -5, 3, 6, -4, 0xFFFF888000000000, -1)
    value = {path: read_leaf(bytes(data), leaf) for path, leaf in found.items()}
    assert value == {
        "a": 5,
        "b": -1,
        "c": 0xDEADBEEF,
        "d": 7,
        "e.whole": -2,
        "e.halves": [-2, -1],
        "inner[0].f": -5,
        "inner[0].i": 3,
        "inner[1].f": 6,
        "inner[1].i": -4,
        "g": 0xFFFF888000000000,
        "h": -1,
    }


MODULE = """
struct features { int later; } named_as_a_member;
struct of_module { struct tdx_sys_info whole; unsigned short own; struct list_head entries; };
struct of_module variable_of_module;
"""


def test_a_modules_types_stand_above_its_kernels(built: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "kernel.btf").write_bytes(built["7.2"])
    source = LAYOUTS["7.2"] + MODULE
    split = btf_of(source, tmp_path, base=tmp_path / "kernel.btf")
    assert len(split) < len(built["7.2"])
    with pytest.raises(Absent):  # its names count on from the kernel's
        leaves(split, "of_module")
    types = Btf(split, base=Btf(built["7.2"]))
    own = {leaf.path: leaf for leaf in types.leaves(types.find("of_module"))}
    assert types.size(types.find("features")) == 4  # the kernel has a member of that name
    assert own["whole.features.tdx_features0"].bit_offset == 8 * 8
    assert own["own"].bit_offset == 3144 * 8
    assert own["entries.next"].is_pointer
    assert types.size(types.find("of_module")) == 3144 + 8 + 16
    assert types.size(types.find("tdx_module_state")) == 8


RUNNING = Path("/sys/kernel/btf/vmlinux")


@pytest.mark.slow
@pytest.mark.skipif(not RUNNING.exists(), reason="this kernel has no BTF")
@pytest.mark.skipif(shutil.which("bpftool") is None, reason="not installed: bpftool")
def test_the_running_kernels_types_lie_where_bpftool_says() -> None:
    command = ["bpftool", "-j", "btf", "dump", "file", str(RUNNING)]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["types"]
    kinds = {entry["id"]: entry["kind"] for entry in listed}
    named = [entry for entry in listed if entry["kind"] == "STRUCT" and entry["name"] != "(anon)"]
    once = Counter(entry["name"] for entry in named)
    chosen = [entry for entry in named if once[entry["name"]] == 1][::20]
    types = Btf(RUNNING.read_bytes())
    compared = 0
    for entry in chosen:
        type_id = types.find(entry["name"], (STRUCT,))
        assert (type_id, types.size(type_id)) == (entry["id"], entry["size"])
        plain = {
            member["name"]: member["bits_offset"]
            for member in entry["members"]
            if kinds.get(member["type_id"]) in ("INT", "PTR", "ENUM")
        }
        try:
            value = {leaf.path: leaf for leaf in types.leaves(type_id)}
        except Malformed:
            assert entry["size"] > 512, "only a large structure has too many members"
            continue
        assert {name: value[name].bit_offset for name in plain if name != "(anon)"} == {
            name: at for name, at in plain.items() if name != "(anon)"
        }
        compared += len(plain)
    assert compared > 500


def test_a_type_that_is_not_there_is_absent(built: dict[str, bytes]) -> None:
    with pytest.raises(Absent):
        Btf(built["6.16"]).find("tdx_sys_info_handoff")


@pytest.mark.parametrize("data", [b"", b"\x9f\xeb\x01\0", b"x" * 100, b"\x9f\xeb\x02" + bytes(21)])
def test_what_is_no_btf_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        Btf(data)


@pytest.mark.parametrize("cut", [30, 100, 500, -1, -100])
def test_cut_btf_is_malformed(built: dict[str, bytes], cut: int) -> None:
    with pytest.raises(Malformed):
        Btf(built["7.2"][:cut])


def test_types_that_name_each_other_are_malformed() -> None:
    strings = b"\0ring\0"
    types = struct.pack("<III", 1, 8 << 24, 2) + struct.pack("<III", 1, 8 << 24, 1)
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    ring = Btf(header + types + strings)
    with pytest.raises(Malformed, match="circle"):
        ring.leaves(ring.find("ring", (8,)))


def test_arrays_and_pointers_have_the_size_of_what_is_in_them() -> None:
    pointer, array, larger = (0, 2 << 24, 1), (0, 3 << 24, 0, 2, 1, 3), (0, 3 << 24, 0, 3, 1, 5)
    made = types(*INT, *pointer, *array, *larger)
    assert [made.size(number) for number in (1, 2, 3, 4)] == [4, 8, 3 * 8, 5 * 3 * 8]


def test_an_array_has_4096_elements_at_most() -> None:
    (leaf,) = types(*INT, 0, 3 << 24, 0, 1, 1, 4096).leaves(2)
    assert (leaf.length, leaf.bit_size) == (4096, 32)


@pytest.mark.parametrize("outer", ["array", "structure"])
def test_types_lie_32_inside_each_other_at_most(outer: str) -> None:
    def nested(depth: int) -> Btf:
        inside = range(1, depth + 1)
        arrays = [word for number in inside for word in (0, 3 << 24, 0, number, 1, 1)]
        structures = [word for number in inside for word in (0, 4 << 24 | 1, 4, 0, number, 0)]
        return types(*INT, *(arrays if outer == "array" else structures))

    assert len(nested(32).leaves(33)) == 1
    with pytest.raises(Malformed, match="too deep"):
        nested(33).leaves(34)


def test_a_type_of_the_kernels_is_found_by_its_kind() -> None:
    kernel = types(*INT, 1, 8 << 24, 1, names=b"\0ring\0")
    module = Btf(struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 0, 0, 0), base=kernel)
    assert module.find("ring", (8,)) == 2
    with pytest.raises(Absent):
        module.find("ring")


def test_a_name_may_be_the_last_and_has_an_end() -> None:
    member = (1, 4 << 24 | 1, 4, 3, 2, 0)
    (leaf,) = types(*member, *INT, names=b"\0x\0last\0").leaves(1)
    assert leaf.path == "last"
    for names in (b"\0x\0last", b"\0x\0" + b"l" * 512 + b"\0"):
        with pytest.raises(Malformed, match="no name at 3"):
            types(*member, *INT, names=names).leaves(1)


def test_a_structure_inside_itself_is_malformed() -> None:
    strings = b"\0me\0"
    types = struct.pack("<III", 1, 4 << 24 | 1, 8) + struct.pack("<III", 1, 1, 0)
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    nested = Btf(header + types + strings)
    with pytest.raises(Malformed, match="too deep"):
        nested.leaves(nested.find("me"))


@given(place=st.integers(0, 1 << 16), byte=st.integers(0, 255))
def test_lying_btf_ends_in_a_clear_refusal(built: dict[str, bytes], place: int, byte: int) -> None:
    data = bytearray(built["7.2"])
    data[place % len(data)] = byte
    try:
        types = Btf(bytes(data))
        types.leaves(types.find("tdx_sys_info"))
    except (Malformed, Absent):
        return
