"""RAM that lies in no CMR, and who made it RAM."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import NamedTuple

import pytest

from tdxinfo.decode import convertible
from tdxinfo.decode.convertible import FIRMWARE, options, outside
from tdxinfo.model.memory import NamedRange
from tdxinfo.model.values import MemoryRange, Tdmr
from tests.parts import one_in
from tests.recorded import NAMES, report_of

MIB, GIB = 1 << 20, 1 << 30


class Causes(NamedTuple):
    added: tuple[NamedRange, ...] | None
    command_line: str | None
    firmware: tuple[MemoryRange, ...] | None


NOTHING = Causes(None, None, None)


def ranges(*bounds: tuple[int, int]) -> tuple[MemoryRange, ...]:
    return tuple(MemoryRange.between(base, end) for base, end in bounds)


CMRS = ranges((MIB, 2 * GIB), (4 * GIB, 8 * GIB))


def bounds(ram: tuple[MemoryRange, ...], causes: Causes = NOTHING) -> list[tuple[int, int]]:
    return [(found.base, found.end) for found in outside(ram, CMRS, *causes)]


def cause(causes: Causes) -> str | None:
    (found,) = outside(ranges((8 * GIB, 9 * GIB)), CMRS, *causes)
    return found.name


def test_ram_within_cmrs_and_below_a_mib_is_not_outside() -> None:
    assert bounds(ranges((0, 2 * GIB), (5 * GIB, 8 * GIB))) == []


def test_only_the_pieces_outside_are_shown() -> None:
    assert bounds(ranges((GIB, 5 * GIB))) == [(2 * GIB, 4 * GIB)]
    assert bounds(ranges((7 * GIB, 9 * GIB))) == [(8 * GIB, 9 * GIB)]
    # RAM that two adjacent CMRs share is covered.
    both = outside(ranges((MIB, 3 * GIB)), ranges((MIB, GIB), (GIB, 3 * GIB)))
    assert both == ()


def test_ram_that_a_driver_added_is_looked_at_too() -> None:
    added = NamedRange.between(16 * GIB, 17 * GIB, name="CXL Window 0, added by kmem")
    assert outside(ranges((MIB, GIB)), CMRS, added=(added,)) == (added,)


def test_the_surest_cause_is_named() -> None:
    piece = ranges((8 * GIB, 9 * GIB))
    option = "ro memmap=1G@8G quiet"
    assert cause(NOTHING) is None
    assert cause(Causes((), "ro quiet", ())) is None
    assert cause(Causes((), "ro quiet", piece)) == FIRMWARE
    assert cause(Causes((), option, piece)) == "memmap=1G@8G"
    assert cause(Causes((), "memmap=1G@20G", piece)) == FIRMWARE


@pytest.mark.parametrize(
    ("command_line", "expected"),
    [
        # Linux, Documentation/admin-guide/kernel-parameters.txt: memmap=, efi_fake_mem=.
        ("memmap=64K@0x18690000", [(0x18690000, 0x186A0000)]),
        ("quiet memmap=1g@4g", [(4 * GIB, 5 * GIB)]),
        ("memmap=08@0x10M", [(16 * MIB, 16 * MIB + 8)]),
        ("memmap=077777@4G", [(4 * GIB, 4 * GIB + 0o77777)]),
        ("memmap=010@0x10M", [(16 * MIB, 16 * MIB + 8)]),
        ("memmap=1G@4G,2G@8G", [(4 * GIB, 5 * GIB), (8 * GIB, 10 * GIB)]),
        ("memmap=1G%4G+1", [(4 * GIB, 5 * GIB)]),
        ("memmap=1G%4G-2+1", [(4 * GIB, 5 * GIB)]),
        ("efi_fake_mem=2G@4G:0x10000", [(4 * GIB, 6 * GIB)]),
        # These take memory away, or give it another type.
        ("memmap=1G$4G memmap=1G#4G memmap=1G!4G", []),
        ("memmap=1G%4G+2 memmap=1G%4G-1", []),
        ("memmap=exactmap memmap=4G mem=4G", []),
        ("xmemmap=1G@4G", []),
        ("memmap= memmap=@ memmap=G@G", []),
    ],
)
def test_options_that_make_ram_are_read_as_the_kernel_reads_them(
    command_line: str, expected: list[tuple[int, int]]
) -> None:
    assert [(found.base, found.end) for found in options(command_line)] == expected


def test_what_only_touches_a_piece_did_not_make_it() -> None:
    assert cause(Causes((), "memmap=1G@7G memmap=1G@9G", ranges((9 * GIB, 10 * GIB)))) is None
    assert cause(Causes((), None, ranges((9 * GIB - 1, 10 * GIB)))) == FIRMWARE


def test_an_option_is_quoted_with_its_own_range() -> None:
    line = "memmap=exactmap,1G@4G,x,2G%8G+2,1G@20G efi_fake_mem=1G@30G:0x10000"
    assert [found.name for found in options(line)] == [
        "memmap=1G@4G",
        "memmap=1G@20G",
        "efi_fake_mem=1G@30G:0x10000",
    ]


def test_ram_that_ends_with_the_first_mib_is_left_out() -> None:
    assert outside(ranges((0, MIB)), ()) == ()


def built(base: int, end: int, *reserved: tuple[int, int]) -> Tdmr:
    areas = tuple(MemoryRange.between(*area) for area in reserved)
    return Tdmr(base=base, end=end, size=end - base, pamt=None, reserved=areas)


def test_what_a_module_took_is_its_tdmrs_without_their_reserved_areas() -> None:
    tdmrs = (
        built(0, 2 * GIB, (0x70000000, 2 * GIB), (0, 0x100000)),
        built(4 * GIB, 5 * GIB),
        built(5 * GIB, 6 * GIB, (5 * GIB, 5 * GIB + 0x1000)),
    )
    assert convertible.of_tdmrs("initialized", tdmrs) == (
        MemoryRange.between(0x100000, 0x70000000),
        MemoryRange.between(4 * GIB, 5 * GIB),
        MemoryRange.between(5 * GIB + 0x1000, 6 * GIB),
    )


def test_a_module_that_does_not_run_proves_no_memory() -> None:
    for state in ("failed", "not-loaded", "not-attempted", "unknown"):
        assert convertible.of_tdmrs(state, (built(0, GIB),)) is None
        assert convertible.of_memory(state, "memory", SYSTEM_RAM) is None


def test_tdmrs_whose_reserved_areas_are_not_known_prove_nothing() -> None:
    unknown = Tdmr(base=0, end=GIB, size=GIB, pamt=None, reserved=None)
    assert convertible.of_tdmrs("initialized", (unknown,)) is None
    assert convertible.of_tdmrs("initialized", ()) is None


SYSTEM_RAM = (
    MemoryRange.between(0x1000, 0x9F000),
    MemoryRange.between(0x100000, 0x77800123),
    MemoryRange.between(4 * GIB, 8 * GIB),
    MemoryRange.between(8 * GIB, 9 * GIB),
)


def test_all_memory_of_a_kernel_that_reserves_gaps_of_memory_alone_was_taken() -> None:
    """In whole pages, above the first MiB."""
    assert convertible.of_memory("initialized", "memory", SYSTEM_RAM) == (
        MemoryRange.between(0x100000, 0x77800000),
        MemoryRange.between(4 * GIB, 9 * GIB),
    )


def test_a_kernel_that_reserves_gaps_between_cmrs_may_have_left_memory_out() -> None:
    assert convertible.of_memory("initialized", "cmrs", SYSTEM_RAM) is None


@pytest.mark.parametrize("name", one_in(4, NAMES))
def test_a_recorded_hosts_convertible_memory_is_its_tdmrs_less_their_reserved_areas(
    name: str,
) -> None:
    memory = report_of(name).host.memory
    if memory.convertible_at_least is None or not memory.tdmrs:
        return
    if any(tdmr.reserved is None for tdmr in memory.tdmrs):
        return
    taken = sum(t.size for t in memory.tdmrs) - sum(
        area.size for t in memory.tdmrs for area in t.reserved or ()
    )
    assert memory.convertible_at_least_bytes == taken
    for cmr_free in gaps_between(memory.cmrs):
        for piece in memory.convertible_at_least:
            assert piece.end <= cmr_free.base or piece.base >= cmr_free.end


def gaps_between(cmrs: tuple[MemoryRange, ...] | None) -> list[MemoryRange]:
    found = cmrs or ()
    return [
        MemoryRange.between(before.end, after.base)
        for before, after in pairwise(found)
        if before.end < after.base
    ]


def test_many_pieces_and_many_causes_take_no_product_of_both() -> None:
    """Three lists of 8192 ranges: 64 million comparisons would take half a minute."""
    ram = ranges(*((base, base + MIB) for base in range(8 * GIB, 24 * GIB, 2 * MIB)))
    firmware = ranges(*((base, base + MIB) for base in range(9 * GIB, 25 * GIB, 2 * MIB)))
    start = time.process_time()
    found = outside(ram, CMRS, None, None, firmware)
    assert time.process_time() - start < 5
    assert [piece.name for piece in found] == [None] * 512 + [FIRMWARE] * 7680
    assert all(before.end < after.base for before, after in pairwise(found))


def test_memory_of_less_than_a_page_is_not_convertible() -> None:
    less = MemoryRange.between(GIB + 0x100, GIB + 0xF00)
    whole = MemoryRange.between(2 * GIB, 3 * GIB)
    assert convertible.of_memory("initialized", "memory", (less, whole)) == (whole,)


def test_an_option_beyond_64_bits_names_no_range() -> None:
    assert list(convertible.options("memmap=99999999999999999999E@1G,1G@4G")) == [
        NamedRange.between(4 * GIB, 5 * GIB, name="memmap=1G@4G")
    ]
