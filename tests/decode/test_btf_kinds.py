"""BTF as Linux 7.2 writes it: 24 bits for parts, 7 for the kind, and the lengths of kinds."""

from __future__ import annotations

import struct

import pytest

from tdxinfo.decode.btf import STRUCT, Btf
from tdxinfo.errors import Malformed

INT, DATASEC = 1, 15
NAMES = b"\0u32\0s\0a\0"
U32, S, A = 1, 5, 7
KNOWN = [(0, 0), (4, 0), (0, 0), (12, 0), (0, 12), (0, 12), (0, 8)]
"""Bytes behind kinds 0 to 6, and for each of their parts: include/uapi/linux/btf.h of Linux 7.3."""


def info(kind: int, parts: int = 0) -> int:
    return kind << 24 | parts


def btf(words: list[int], layout: list[tuple[int, int]] | None = None) -> bytes:
    """The file, its header as long as that of 7.2 where there is a layout."""
    data = struct.pack(f"<{len(words)}I", *words)
    table = b"".join(struct.pack("<BBH", *lengths, 0) for lengths in layout or [])
    places = [0, len(data), len(data) + len(table), len(NAMES)]
    if layout is not None:
        places += [len(data), len(table)]
    size = 8 + 4 * len(places)
    return struct.pack(f"<HBBI{len(places)}I", 0xEB9F, 1, 0, size, *places) + data + table + NAMES


U32_TYPE = [U32, info(INT), 4, 32]
STRUCTURE = [S, info(STRUCT, 1), 4, A, 1, 0]


def members(types: Btf) -> list[str]:
    return [leaf.path for leaf in types.leaves(types.find("s"))]


def test_a_section_of_70_000_variables_is_passed_over() -> None:
    """More than 16 bits count: as those of 7.2 and later have it."""
    section = [0, info(DATASEC, 70_000), 0, *([1, 0, 4] * 70_000)]
    assert members(Btf(btf([*U32_TYPE, *section, *STRUCTURE], []))) == ["a"]


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_a_kind_that_is_not_known_is_passed_over_by_its_length(parts: int) -> None:
    layout = [*KNOWN, *[(0, 0)] * 33, (8, 4)]
    unknown = [0, info(40, parts), 0, 1, 2, *([7] * parts)]
    assert members(Btf(btf([*U32_TYPE, *unknown, *STRUCTURE], layout))) == ["a"]


def test_a_kind_of_more_than_five_bits_is_no_other_one() -> None:
    """Kind 36 has the lower bits of a structure, 4."""
    layout = [*KNOWN, *[(0, 0)] * 29, (0, 4)]
    words = [*U32_TYPE, S, info(36, 2), 4, 1, 2, *STRUCTURE]
    assert members(Btf(btf(words, layout))) == ["a"]


def test_a_kind_without_a_length_is_refused() -> None:
    for layout in (None, KNOWN):
        with pytest.raises(Malformed, match="unknown kind 40"):
            Btf(btf([*U32_TYPE, 0, info(40), 0, *STRUCTURE], layout))


def test_lengths_that_are_cut_are_refused() -> None:
    whole = bytearray(btf([*U32_TYPE, *STRUCTURE], KNOWN))
    struct.pack_into("<I", whole, 28, 4 * len(KNOWN) + 2)
    with pytest.raises(Malformed, match="cut short"):
        Btf(bytes(whole))


def test_a_header_of_older_kernels_has_no_lengths() -> None:
    assert members(Btf(btf([*U32_TYPE, *STRUCTURE]))) == ["a"]
