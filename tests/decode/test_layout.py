"""Raw little-endian values, packed by hand."""

from __future__ import annotations

import struct

import pytest

from tdxinfo.decode import layout
from tdxinfo.errors import Malformed
from tdxinfo.model.values import CpuidConfig

NONE = 0xFFFFFFFF


def test_a_word_is_little_endian() -> None:
    # `hexdump -C …/metadata/1900000300000000` of a Dell R760.
    assert layout.word64(bytes.fromhex("0100007000000080")) == 0x8000000070000001


@pytest.mark.parametrize("length", [0, 1, 7, 9, 16])
def test_a_word_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(Malformed):
        layout.word64(bytes(length))


LEAVES = struct.pack("<6I", 1, NONE, 7, 0, 0x80000008, NONE)
VALUES = struct.pack("<12I", 0, 1, 2, 0x80000000, 4, 5, 6, 7, 8, 9, 10, NONE)


def test_cpuid_configuration_pairs_leaves_with_values() -> None:
    assert layout.cpuid_configs(struct.pack("<H", 3), LEAVES, VALUES) == (
        CpuidConfig(leaf=1, subleaf=None, eax=0, ebx=1, ecx=2, edx=0x80000000),
        CpuidConfig(leaf=7, subleaf=0, eax=4, ebx=5, ecx=6, edx=7),
        CpuidConfig(leaf=0x80000008, subleaf=None, eax=8, ebx=9, ecx=10, edx=NONE),
    )


def test_entries_behind_the_count_are_left_out() -> None:
    assert len(layout.cpuid_configs(struct.pack("<H", 1), LEAVES, VALUES)) == 1
    assert layout.cpuid_configs(struct.pack("<H", 0), LEAVES, VALUES) == ()
    assert layout.cpuid_configs(bytes(8), b"", b"") == ()


@pytest.mark.parametrize(
    ("count", "leaves", "values"),
    [
        (struct.pack("<H", 4), LEAVES, VALUES),
        (struct.pack("<H", 3), LEAVES[:-1], VALUES),
        (struct.pack("<H", 3), LEAVES, VALUES[:-1]),
        (struct.pack("<H", 0xFFFF), LEAVES, VALUES),
        (bytes(9), LEAVES, VALUES),
        (bytes(9), b"", b""),
        (b"\xff" * 8, LEAVES, VALUES),
    ],
)
def test_arrays_shorter_than_their_count_are_malformed(
    count: bytes, leaves: bytes, values: bytes
) -> None:
    with pytest.raises(Malformed):
        layout.cpuid_configs(count, leaves, values)
