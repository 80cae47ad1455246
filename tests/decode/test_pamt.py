"""Where a PAMT may lie, by the PAMTs of real kernels and by the kernel's own steps."""

from __future__ import annotations

import pytest

from tdxinfo.decode import pamt, tdmr
from tdxinfo.model.values import MemoryRange, NodeMemory
from tdxinfo.report import observe
from tests.recorded import open_host

GIB, MIB = 1 << 30, 1 << 20
BUILT = (
    "linux-6.17-two-nodes",
    "linux-7.3-four-nodes",
    "linux-7.3-reserved-areas-full",
    "vm-many-tdmrs-2.0-at-boot",
    "vm-many-tdmrs-2.0-by-kvm",
    "vm-ready-1.5-at-boot",
    "vm-ready-1.5-by-kvm",
)
"""Hosts on which a real kernel placed PAMTs."""


def node(base: int, end: int, number: int | None) -> NodeMemory:
    return NodeMemory.between(base, end, node=number)


@pytest.mark.parametrize("name", BUILT)
def test_each_pamt_of_a_real_kernel_lies_where_it_may(name: str) -> None:
    found = observe(open_host(name), ["memory.tdmrs", "memory.regions"]).host.memory
    memory = tdmr.memory_of(found.regions or ())
    assert found.tdmrs
    for built in found.tdmrs:
        areas = built.pamt or ()
        base, size = min(area.base for area in areas), sum(area.size for area in areas)
        own = next(part.node for part in memory if part.end > built.base)
        assert any(p.base <= base < p.end for p in pamt.choices(size, own, memory))
        if base >= 4 * GIB:
            (where,) = (part for part in memory if part.base <= base < part.end)
            first = min(
                max(part.base, 4 * GIB)
                for part in memory
                if part.node == where.node and part.end > 4 * GIB
            )
            assert pamt.first_place(first, base, size) == base


LOW, HIGH = node(MIB, 2 * GIB, 0), node(4 * GIB, 8 * GIB, 0)
OTHER = node(8 * GIB, 16 * GIB, 1)
SIZE = 8 * MIB + 5 * 4096


def test_the_memory_above_4_gib_of_the_own_node_comes_first() -> None:
    assert pamt.choices(SIZE, 0, [LOW, HIGH, OTHER]) == [MemoryRange.between(4 * GIB, 8 * GIB)]
    assert pamt.choices(SIZE, 1, [LOW, HIGH, OTHER]) == [MemoryRange.between(8 * GIB, 16 * GIB)]


def test_then_the_memory_below_and_then_other_nodes() -> None:
    assert pamt.choices(SIZE, 0, [LOW, OTHER]) == [MemoryRange.between(MIB, 2 * GIB)]
    small = node(4 * GIB, 4 * GIB + MIB, 0)
    assert pamt.choices(SIZE, 0, [small, OTHER]) == [MemoryRange.between(8 * GIB, 16 * GIB)]


def test_where_nodes_are_not_known_any_memory_counts() -> None:
    anywhere = [node(MIB, 2 * GIB, None), node(4 * GIB, 8 * GIB, None)]
    assert len(pamt.choices(SIZE, None, anywhere)) == 2
    assert len(pamt.choices(SIZE, 0, [LOW, HIGH, node(8 * GIB, 9 * GIB, None)])) == 3


def test_a_piece_that_is_large_enough_may_have_no_source_in_step() -> None:
    """Pages are tried in steps of the size: a piece of one and a half may fall between two."""
    size = 4 * MIB
    first = pamt.first_place(4 * GIB, 4 * GIB, size)
    between = node(first + size // 2, first + 2 * size - 4096, 0)
    assert pamt.choices(size, 0, [node(4 * GIB, 4 * GIB + 4096, 0), between]) == []


def test_a_low_tdmr_full_of_holes_fits_where_its_pamt_lies_above() -> None:
    low = [node(n * 64 * MIB + MIB, n * 64 * MIB + 60 * MIB, 0) for n in range(14)]
    low.append(node(GIB, 2 * GIB, 0))
    with_high = [*low, node(4 * GIB, 8 * GIB, 0)]
    alone, beside = tdmr.plan(low), tdmr.plan(with_high)
    assert alone is not None
    assert beside is not None
    assert (alone.outcome, beside.outcome) == ("uncertain", "fits")


def test_the_first_mib_does_not_choose_the_node() -> None:
    made = tdmr.plan([node(0x1000, 0x9F000, 3), node(MIB, GIB, 1)])
    assert made is not None
    assert made.tdmrs[0].node == 1


@pytest.mark.parametrize(
    ("bits", "size"),
    [
        (None, 8 * MIB + 4096 * 4 + 4096),
        (1, 65536 + 4096 * 4 + 4096),
        (2, 131072 + 4096 * 4 + 4096),
        (0, 4096 * 4 + 4096),
    ],
)
def test_dynamic_pamt_has_a_bitmap_for_pages_of_4_kib(bits: int | None, size: int) -> None:
    limits = tdmr.USUAL._replace(bitmap_bits=bits)
    assert tdmr.pamt_bytes(2 * GIB, limits) == size
