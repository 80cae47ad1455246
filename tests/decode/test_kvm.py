"""KVM's capabilities, packed by hand as `struct kvm_tdx_capabilities` lies in memory."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from tdxinfo.decode import kvm
from tdxinfo.errors import Malformed
from tdxinfo.model.values import CpuidConfig


def packed(entries: Sequence[tuple[int, ...]], claimed: int | None = None) -> bytes:
    """supported_attrs, supported_xfam, four tdvmcallinfo words, 250 reserved, then the CPUID."""
    words = struct.pack("<6Q", 1 << 28, 0x602E7, 3, 2, 5, 1 << 63) + bytes(250 * 8)
    count = struct.pack("<II", len(entries) if claimed is None else claimed, 0)
    return words + count + b"".join(struct.pack("<10I", *entry, 0, 0, 0) for entry in entries)


ENTRIES = [
    (1, 0, 0, 0x0FFF3FFF, 0x00FF0000, 0x31044988, 0),
    (7, 0, 1, 0, 0xD02F, 0xFFFFFFFF, 1),
    (0x80000008, 0, 0, 0x00FF0000, 0, 0, 0),
]


def test_capabilities_are_read_member_by_member() -> None:
    assert kvm.parse_capabilities(packed(ENTRIES)) == {
        "supported_attrs": "0x0000000010000000",
        "supported_xfam": "0x00000000000602e7",
        "kernel_tdvmcallinfo_1_r11": "0x0000000000000003",
        "user_tdvmcallinfo_1_r11": "0x0000000000000002",
        "kernel_tdvmcallinfo_1_r12": "0x0000000000000005",
        "user_tdvmcallinfo_1_r12": "0x8000000000000000",
        "cpuid": [list(entry) for entry in ENTRIES],
    }


def test_capabilities_without_cpuid_entries_are_whole() -> None:
    assert kvm.parse_capabilities(packed([]))["cpuid"] == []


def test_room_behind_the_count_is_not_read() -> None:
    data = packed([*ENTRIES, (9,) * 7], claimed=3)
    assert kvm.parse_capabilities(data)["cpuid"] == [list(entry) for entry in ENTRIES]


@pytest.mark.parametrize("kept", [0, 1, 47, 2048, 2055])
def test_a_buffer_without_its_count_is_malformed(kept: int) -> None:
    with pytest.raises(Malformed):
        kvm.parse_capabilities(packed(ENTRIES)[:kept])


@pytest.mark.parametrize("claimed", [4, 1 << 31, (1 << 32) - 1])
def test_a_count_beyond_the_buffer_is_malformed(claimed: int) -> None:
    with pytest.raises(Malformed):
        kvm.parse_capabilities(packed(ENTRIES, claimed))


def test_a_last_entry_cut_short_is_malformed() -> None:
    with pytest.raises(Malformed):
        kvm.parse_capabilities(packed(ENTRIES)[:-1])


@pytest.mark.parametrize("entries", [0, 1, 128])
def test_a_buffer_says_how_much_room_it_has(entries: int) -> None:
    buffer = kvm.buffer_for(entries)
    assert len(buffer) == 2056 + 40 * entries
    assert struct.unpack_from("<II", buffer, 2048) == (entries, 0)
    assert not any(buffer[:2048])


def test_entries_become_configurations_without_their_flags() -> None:
    assert kvm.cpuid_configs([list(ENTRIES[1])]) == (
        CpuidConfig(leaf=7, subleaf=0, eax=0, ebx=0xD02F, ecx=0xFFFFFFFF, edx=1),
    )


@pytest.mark.parametrize("entries", [5, None, [[1, 2]], [5], [[1] * 8], "text", [None]])
def test_a_record_with_other_entries_is_malformed(entries: object) -> None:
    with pytest.raises(Malformed):
        kvm.cpuid_configs(entries)
