"""TDMRs as calculated, against those that kernels built and failures that hosts had."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo.checks.plan import describe
from tdxinfo.decode import tdmr
from tdxinfo.decode.tdmr import Limits
from tdxinfo.host import Host
from tdxinfo.host.observe import Answer, Observer
from tdxinfo.model.memory import TdmrPlan
from tdxinfo.model.values import MemoryRange, NodeMemory
from tests.recorded import open_host, report_of

PAGE, MIB, GIB = 1 << 12, 1 << 20, 1 << 30


def ranges(*bounds: tuple[int, int]) -> tuple[MemoryRange, ...]:
    return tuple(MemoryRange.between(base, end) for base, end in bounds)


def planned(
    memory: tuple[MemoryRange, ...],
    cmrs: tuple[MemoryRange, ...] | None = None,
    limits: Limits = tdmr.USUAL,
) -> TdmrPlan:
    made = tdmr.plan(memory, limits, cmrs)
    assert made
    return made


def host(name: str) -> Host:
    return report_of(name).host


# --- the failure of an Emerald Rapids host, from a kernel mail about it ------------------------

EXHAUSTED_AT = MemoryRange.between(0, 0x80000000)
"""The kernel said: TDMR [0x0, 0x80000000): reserved areas exhausted."""


def test_the_failure_of_a_real_host_is_predicted_from_its_memory_map() -> None:
    memory = host("emr-reserved-areas-exhausted").memory
    assert memory.firmware_ram
    made = planned(tdmr.regions_of(memory.firmware_ram))
    assert (made.outcome, made.limit, made.at) == ("exhausted", "reserved-areas", EXHAUSTED_AT)
    assert len(made.tdmrs[0].holes) == 17


def test_that_host_would_not_fail_with_holes_from_cmrs() -> None:
    memory = host("emr-reserved-areas-exhausted").memory
    assert memory.firmware_ram
    made = planned(tdmr.regions_of(memory.firmware_ram), memory.cmrs)
    assert made.outcome == "fits"
    assert made.tdmrs[0].holes == ranges((0, MIB), (0x6F800000, 0x80000000))


# --- TDMRs that kernels built, in QEMU with an emulated module ----------------------------------

BUILT = ("linux-7.3-four-nodes", "linux-7.3-reserved-areas-full", "linux-6.17-two-nodes")


@pytest.mark.parametrize("name", BUILT)
def test_the_tdmrs_that_a_kernel_built_are_those_calculated(name: str) -> None:
    memory = host(name).memory
    plan, built = memory.plan, memory.tdmrs
    assert plan
    assert built
    assert len(built) > 1
    assert [(t.base, t.end, t.reserved) for t in plan.tdmrs] == [
        (t.base, t.end, t.reserved) for t in built
    ]
    assert [t.pamt_bytes for t in plan.tdmrs] == [
        sum(area.size for area in t.pamt or ()) for t in built
    ]


@pytest.mark.parametrize("name", BUILT)
def test_the_kernel_took_each_pamt_from_the_node_that_was_calculated(name: str) -> None:
    memory = host(name).memory
    assert memory.plan
    for plan, built in zip(memory.plan.tdmrs, memory.tdmrs or (), strict=True):
        base = min(area.base for area in built.pamt or ())
        (node,) = (r.node for r in memory.regions or () if r.base <= base < r.end)
        assert plan.node == node


@pytest.mark.parametrize("name", BUILT)
def test_every_source_of_the_memory_map_leads_to_the_same_tdmrs(name: str) -> None:
    observer = Observer(open_host(name))
    built = observer.fact("memory.tdmrs").value
    places = observer.answers("memory.regions")
    found = [place for place in places if isinstance(place, Answer)]
    # What TDX was given, the log's list by node, System RAM, and the firmware's map.
    assert len(found) == 4
    options = "memmap=" in observer.fact("kernel.command_line").value
    # The firmware's map knows nothing of holes that options of the kernel make.
    for place in found[:3] if options else found:
        made = planned(place.value)
        assert [(t.base, t.end) for t in made.tdmrs] == [(t.base, t.end) for t in built]
        assert [t.holes for t in made.tdmrs] == [t.holes for t in planned(found[0].value).tdmrs]


@pytest.mark.parametrize("name", BUILT)
def test_what_can_be_said_before_the_pamts_have_a_source_holds_true_later(name: str) -> None:
    memory = host(name).memory
    before = planned(memory.regions or ())
    assert before.outcome == "fits"
    assert len(before.tdmrs) == len(memory.tdmrs or ())
    for early, built in zip(before.tdmrs, memory.tdmrs or (), strict=True):
        assert early.reserved is None
        assert len(early.holes) <= len(built.reserved or ()) <= early.reserved_most


def test_a_kernel_that_ran_out_by_holes_alone_was_bound_to() -> None:
    found = host("linux-6.17-reserved-areas-exhausted")
    made, failure = planned(found.memory.regions or ()), found.module.failure
    assert failure
    assert (made.outcome, made.at) == ("exhausted", failure.tdmr)


def test_a_kernel_that_ran_out_by_its_pamts_was_known_to_be_in_danger() -> None:
    found = host("linux-7.3-reserved-areas-exhausted")
    made, failure = planned(found.memory.regions or ()), found.module.failure
    assert failure
    assert (made.outcome, made.at) == ("uncertain", failure.tdmr)
    assert (len(made.tdmrs[0].holes), made.tdmrs[0].reserved_most) == (15, 17)


# --- PAMT that real hosts allocated -------------------------------------------------------------


def test_the_pamt_of_a_real_host_is_as_large_as_calculated() -> None:
    # canonical/tdx README, commit 1c3fa23: five CMRs and "4202516 KBs allocated for PAMT".
    cmrs = host("emr-five-cmrs").memory.cmrs
    assert cmrs
    assert sum(t.pamt_bytes for t in planned(cmrs).tdmrs) == 4202516 * 1024


@pytest.mark.parametrize(
    ("size", "entries", "expected"),
    [
        # An entry for each 4 KiB page, and a page each for the few entries of larger pages.
        (GIB, (16, 16, 16), (GIB // PAGE) * 16 + 2 * PAGE + PAGE),
        (GIB, (24, 16, 16), (GIB // PAGE) * 24 + 2 * PAGE + PAGE),
        (GIB, (16, 0, 0), (GIB // PAGE) * 16),
        (257 * GIB, (0, 0, 16), 2 * PAGE),
    ],
)
def test_each_part_of_a_pamt_takes_whole_pages(
    size: int, entries: tuple[int, int, int], expected: int
) -> None:
    assert tdmr.pamt_bytes(size, Limits(pamt_entry_sizes=entries)) == expected


# --- limits -------------------------------------------------------------------------------------


def test_more_regions_than_tdmrs_exhaust_them_at_the_first_that_is_left() -> None:
    apart = ranges(*((4 * n * GIB + GIB, (4 * n + 1) * GIB + MIB) for n in range(5)))
    made = planned(apart, limits=Limits(max_tdmrs=4))
    assert (made.outcome, made.limit) == ("exhausted", "tdmrs")
    assert made.at == MemoryRange.between(17 * GIB, 18 * GIB)
    assert planned(apart, limits=Limits(max_tdmrs=5)).outcome == "fits"


def test_pamts_that_find_no_free_area_anywhere_exhaust_them_for_certain() -> None:
    whole = ranges((GIB, 2 * GIB))
    assert planned(whole, limits=Limits(max_reserved_per_tdmr=1)).outcome == "fits"
    made = planned(whole, limits=Limits(max_reserved_per_tdmr=0))
    assert (made.outcome, made.at) == ("exhausted", None)


def test_a_pamt_is_not_expected_where_no_region_is_as_large() -> None:
    small, large = (0x100000, 0x200000), (4 * GIB, 8 * GIB)
    low, high = planned(ranges(small, large)).tdmrs
    assert low.reserved_most == len(low.holes)
    assert high.reserved_most == len(high.holes) + 2


def test_the_first_mib_is_a_hole_also_where_memory_reaches_over_it() -> None:
    (found,) = planned(ranges((0x1000, GIB))).tdmrs
    assert found.holes == ranges((0, MIB))


def test_a_pamt_across_two_tdmrs_takes_an_area_in_each() -> None:
    memory = ranges((MIB, GIB), (GIB, 2 * GIB))
    across = MemoryRange.between(GIB - 4 * MIB, GIB + 2 * PAGE)
    made = tdmr.plan(memory, pamts=(across,))
    assert made
    assert [found.reserved for found in made.tdmrs] == [
        ranges((0, MIB), (GIB - 4 * MIB, GIB)),
        ranges((GIB, GIB + 2 * PAGE)),
    ]


def test_no_memory_makes_no_plan() -> None:
    assert tdmr.plan(()) is None
    assert tdmr.plan(ranges((0, MIB))) is None


# --- regions ------------------------------------------------------------------------------------


def test_ram_becomes_regions_of_whole_pages_joined_where_they_meet() -> None:
    ram = ranges((0x1800, 0x5000), (0x5000, 0x7FFF), (0x9000, 0x9800), (0xA000, 0xB000))
    assert tdmr.regions_of(ram) == (
        NodeMemory.between(0x2000, 0x7000, node=None),
        NodeMemory.between(0xA000, 0xB000, node=None),
    )


def test_ram_is_cut_where_a_node_ends_and_not_where_spans_overlap() -> None:
    ram = ranges((0, 4 * GIB))
    first, second = NodeMemory.between(0, GIB, node=0), NodeMemory.between(GIB, 3 * GIB, node=1)
    assert [(r.base, r.end, r.node) for r in tdmr.regions_of(ram, (second, first))] == [
        (0, GIB, 0),
        (GIB, 3 * GIB, 1),
        (3 * GIB, 4 * GIB, None),
    ]
    overlapping = NodeMemory.between(0, 2 * GIB, node=0)
    assert tdmr.regions_of(ram, (overlapping, second)) == (
        NodeMemory.between(0, 4 * GIB, node=None),
    )


# --- what holds of every memory map --------------------------------------------------------------


@st.composite
def memory_maps(draw: st.DrawFn) -> tuple[MemoryRange, ...]:
    """Ascending regions of whole pages, some adjacent, some across a GiB."""
    sizes = st.one_of(st.integers(1, 600), st.integers(1, 3 << 18))
    at, found = draw(st.integers(0, 1 << 19)), []
    for _ in range(draw(st.integers(1, 12))):
        at += draw(st.one_of(st.just(0), sizes))
        size = draw(sizes)
        found.append(MemoryRange.between(at * PAGE, (at + size) * PAGE))
        at += size
    return tuple(found)


@given(memory_maps())
def test_tdmrs_cover_all_memory_in_whole_gib_and_apart(memory: tuple[MemoryRange, ...]) -> None:
    made = tdmr.plan(memory)
    if made is None:
        assert memory[-1].end <= MIB
        return
    assert all(t.base % GIB == t.end % GIB == 0 and t.size > 0 for t in made.tdmrs)
    assert all(before.end <= after.base for before, after in pairwise(made.tdmrs))
    for found in memory:
        if found.end > MIB:
            assert not list(tdmr.gaps(MemoryRange.between(found.base, found.end), made.tdmrs))


@given(memory_maps())
def test_a_tdmr_is_its_holes_and_its_memory_and_no_more(memory: tuple[MemoryRange, ...]) -> None:
    made = tdmr.plan(memory)
    for found in made.tdmrs if made else ():
        usable = sum(
            min(m.end, found.end) - max(m.base, found.base, MIB)
            for m in memory
            if min(m.end, found.end) > max(m.base, found.base, MIB)
        )
        assert sum(hole.size for hole in found.holes) + usable == found.size
        assert all(found.base <= hole.base < hole.end <= found.end for hole in found.holes)
        assert all(before.end < after.base for before, after in pairwise(found.holes))


@given(memory_maps(), st.data())
def test_reserved_areas_ascend_apart_within_the_bound(
    memory: tuple[MemoryRange, ...], data: st.DataObject
) -> None:
    before = tdmr.plan(memory)
    if before is None:
        return
    pamts: list[MemoryRange] = []
    for size in (found.pamt_bytes for found in before.tdmrs):
        free = [
            room
            for region in memory
            if region.end > MIB
            for room in tdmr.gaps(MemoryRange.between(max(region.base, MIB), region.end), pamts)
            # The kernel tries places in steps of the PAMT's size: a smaller room may have none.
            if room.size >= 2 * size
        ]
        if not free:
            return
        room = data.draw(st.sampled_from(free))
        base = room.base + data.draw(st.integers(0, (room.size - size) // PAGE)) * PAGE
        pamts = sorted([*pamts, MemoryRange.between(base, base + size)], key=lambda p: p.base)
    after = tdmr.plan(memory, pamts=pamts)
    assert after
    for early, late in zip(before.tdmrs, after.tdmrs, strict=True):
        reserved = late.reserved or ()
        assert all(b.end <= a.base for b, a in pairwise(reserved))
        assert all(late.base <= area.base < area.end <= late.end for area in reserved)
        assert len(early.holes) <= len(reserved) <= early.reserved_most
    if before.outcome != "uncertain":
        assert after.outcome == before.outcome


# --- the sentence --------------------------------------------------------------------------------


def test_memory_is_shown_with_what_it_takes_and_what_it_lacks() -> None:
    whole = ranges((GIB, 2 * GIB))
    apart = ranges((MIB, GIB), (4 * GIB, 4 * GIB + MIB))
    found = [
        describe(planned(memory, limits=Limits(*limits)))
        for memory, limits in [
            (whole, (4, 1)),
            (apart, (4, 16)),
            (apart, (1, 16)),
            (whole, (4, 0)),
            (apart, (4, 0)),
            (apart, (4, 2)),
        ]
    ]
    assert found == [
        "1 TDMR of 4, in each up to 1 of 1 reserved areas",
        "2 TDMRs of 4, in each up to 3 of 16 reserved areas",
        "1 TDMR is not enough: none is left for [0x100000000, 0x140000000)",
        "1 TDMR of 0 reserved areas have no room for all holes and PAMTs",
        "TDMR [0x0, 0x40000000) has 1 hole, and takes 0 reserved areas",
        "TDMR [0x0, 0x40000000) has 1 hole, 2 PAMTs may come to lie in it, "
        "and it takes 2 reserved areas",
    ]


def test_pamts_that_have_a_source_lie_there() -> None:
    pamt = MemoryRange.between(2 * MIB, 4 * MIB)
    made = tdmr.plan(ranges((MIB, GIB)), Limits(64, 1), pamts=(pamt,))
    assert made
    assert (made.outcome, made.at) == ("exhausted", MemoryRange.between(0, GIB))
    assert describe(made) == (
        "TDMR [0x0, 0x40000000) has 1 hole, 1 PAMT lie in it, and it takes 1 reserved areas"
    )


def test_a_plan_of_a_report_that_does_not_say_for_what_is_shown_all_the_same() -> None:
    made = planned(ranges((GIB, 2 * GIB))).model_copy(
        update={"outcome": "exhausted", "limit": "tdmrs"}
    )
    assert describe(made) == "1 TDMR is not enough: none is left for the rest"


def test_what_only_touches_a_tdmr_does_not_lie_in_it() -> None:
    memory = ranges((MIB, GIB), (GIB, 2 * GIB))
    made = tdmr.plan(memory, pamts=ranges((GIB, GIB + MIB)))
    assert made
    assert [found.reserved for found in made.tdmrs] == [
        ranges((0, MIB)), ranges((GIB, GIB + MIB))
    ]  # fmt: skip
    made = tdmr.plan(memory, pamts=ranges((GIB - MIB, GIB)))
    assert made
    assert made.tdmrs[1].reserved == ()


@pytest.mark.parametrize(
    ("memory", "at"),
    [
        (ranges((MIB, 2 * MIB), (GIB, 2 * GIB)), 0),
        (ranges((MIB, GIB), (GIB, GIB + MIB)), 1),
    ],
)
def test_no_pamt_is_expected_of_memory_beside_a_tdmr(
    memory: tuple[MemoryRange, ...], at: int
) -> None:
    found = planned(memory).tdmrs[at]
    assert found.reserved_most == len(found.holes)


@pytest.mark.parametrize(("lacking", "fits"), [(0, True), (PAGE, False)])
def test_a_pamt_fits_memory_that_is_as_large_and_no_smaller(lacking: int, fits: bool) -> None:
    pamt = tdmr.pamt_bytes(GIB, tdmr.USUAL)
    (found,) = planned(ranges((GIB, GIB + pamt - lacking))).tdmrs
    assert found.reserved_most == len(found.holes) + fits


def test_a_piece_between_two_nodes_belongs_to_none() -> None:
    nodes = (NodeMemory.between(PAGE, GIB, node=0), NodeMemory.between(2 * GIB, 3 * GIB, node=1))
    assert tdmr.regions_of(ranges((0, 3 * GIB)), nodes) == (
        NodeMemory.between(0, PAGE, node=None),
        NodeMemory.between(PAGE, GIB, node=0),
        NodeMemory.between(GIB, 2 * GIB, node=None),
        NodeMemory.between(2 * GIB, 3 * GIB, node=1),
    )


def test_a_node_that_begins_where_memory_ends_has_none_of_it() -> None:
    nodes = (NodeMemory.between(0, GIB, node=0), NodeMemory.between(GIB, 2 * GIB, node=1))
    assert tdmr.regions_of(ranges((0, GIB)), nodes) == nodes[:1]


def test_pieces_of_a_node_that_meet_are_one_of_that_node() -> None:
    nodes = (NodeMemory.between(0, 4 * GIB, node=2),)
    assert tdmr.regions_of(ranges((0, GIB), (GIB, 2 * GIB)), nodes) == (
        NodeMemory.between(0, 2 * GIB, node=2),
    )


@pytest.mark.parametrize(
    ("cmrs", "is_cut"),
    [
        ([], False),
        ([(0, GIB)], False),
        ([(MIB, GIB)], False),
        ([(MIB, GIB), (2 * GIB, 3 * GIB)], True),
    ],
)
def test_memory_that_ends_before_a_cmr_begins_is_cut(
    cmrs: list[tuple[int, int]], is_cut: bool
) -> None:
    assert tdmr.is_cut(ranges((0, GIB), (GIB, 2 * GIB)), ranges(*cmrs)) is is_cut
    assert tdmr.is_cut((), ranges(*cmrs)) is bool(cmrs)
