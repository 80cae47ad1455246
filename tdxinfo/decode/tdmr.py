"""Calculates the TDMRs that Linux builds for its memory, by the kernel's own algorithm.

The kernel covers its memory with TDMRs of whole GiB and allocates a PAMT for each. The holes in a
TDMR, and the parts of PAMTs inside it, become its reserved areas. Modules accept few reserved areas
in a TDMR, so a memory map with many holes exhausts them.

Source: construct_tdmrs() and what it calls in arch/x86/virt/vmx/tdx/tdx.c, the same from Linux 6.8
to 7.3; for the variant that finds holes between CMRs, the patch mailed as "v8 8.2/9" in 2024, which
vendors ship.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from tdxinfo.decode import pamt
from tdxinfo.errors import Malformed
from tdxinfo.model.memory import PlannedTdmr, TdmrPlan
from tdxinfo.model.units import PAGE, rounded_up
from tdxinfo.model.values import MemoryRange, NodeMemory, Tdmr

FIRST_MIB = 1 << 20
_GIB = 1 << 30
_MAX_STEPS = 1 << 22
"""Comparisons of a TDMR with a memory region: enough for 64 TDMRs and 32,000 regions."""
_PAMT_PAGES = (1 << 12, 1 << 21, 1 << 30)


class Limits(NamedTuple):
    """A module's limits for TDMRs. PAMT entry sizes are for 4 KiB, 2 MiB and 1 GiB pages."""

    max_tdmrs: int = 64
    max_reserved_per_tdmr: int = 16
    pamt_entry_sizes: tuple[int, int, int] = (16, 16, 16)
    bitmap_bits: int | None = None
    """With Dynamic PAMT, bits for each 4 KiB page instead of an entry; 0 where it is not known."""


USUAL = Limits()
"""The limits of all modules whose metadata is published: 1.0, 1.5 and 2.0."""


def total(ranges: Iterable[MemoryRange]) -> int:
    """The size of all ranges together, in bytes."""
    return sum(found.size for found in ranges)


def pamt_total(tdmrs: Sequence[Tdmr]) -> int | None:
    """The size of the TDMRs' PAMTs, in bytes; None where one of them is not known."""
    if any(tdmr.pamt is None for tdmr in tdmrs):
        return None
    return sum(total(tdmr.pamt or ()) for tdmr in tdmrs)


def regions_of(
    ram: Iterable[MemoryRange], nodes: Sequence[NodeMemory] | None = None
) -> tuple[NodeMemory, ...]:
    """The kernel's memory regions for this RAM: whole pages of one node, adjacent ones joined.

    `nodes` are the spans of NUMA nodes; if they overlap, regions have no node.
    """
    spans = sorted(nodes or (), key=lambda node: node.base)
    if any(after.base < before.end for before, after in pairwise(spans)):
        spans = []
    ends = [span.end for span in spans]
    return _joined(
        piece
        for found in whole_pages(ram)
        for piece in _by_node(found, islice(spans, bisect_right(ends, found.base), None))
    )


def whole_pages(ram: Iterable[MemoryRange]) -> Iterator[MemoryRange]:
    """The ranges by address, without the pages that are not whole in them."""
    for found in sorted(ram, key=lambda found: found.base):
        base, end = rounded_up(found.base, PAGE), found.end // PAGE * PAGE
        if base < end:
            yield MemoryRange.between(base, end)


def _by_node(found: MemoryRange, spans: Iterable[NodeMemory]) -> Iterator[NodeMemory]:
    """The range split by node; the parts outside all nodes have no node.

    The spans must be sorted, and none may end before the range begins.
    """
    at = found.base
    for span in spans:
        if span.base >= found.end:
            break
        base, end = max(at, span.base), min(found.end, span.end)
        if base >= end:
            continue
        if at < base:
            yield NodeMemory.between(at, base, node=None)
        yield NodeMemory.between(base, end, node=span.node)
        at = end
    if at < found.end:
        yield NodeMemory.between(at, found.end, node=None)


def _joined(regions: Iterable[NodeMemory]) -> tuple[NodeMemory, ...]:
    """The regions, with those joined that touch or overlap and have the same node."""
    joined: list[NodeMemory] = []
    for found in regions:
        before = joined[-1] if joined else None
        if before and found.base <= before.end and found.node == before.node:
            end = max(before.end, found.end)
            joined[-1] = NodeMemory.between(before.base, end, node=before.node)
        else:
            joined.append(found)
    return tuple(joined)


def plan(
    regions: Sequence[MemoryRange],
    limits: Limits = USUAL,
    cmrs: Sequence[MemoryRange] | None = None,
    pamts: Sequence[MemoryRange] | None = None,
) -> TdmrPlan | None:
    """The TDMRs that a kernel with these memory regions builds; None without memory.

    With `cmrs`, holes are the gaps between CMRs, else between regions. `pamts` is the address range
    of each TDMR's PAMT, where known. Raises Malformed for more regions than any host has.
    """
    memory = memory_of(regions)
    if not memory:
        return None
    covered = _cover(memory)
    holes = memory if cmrs is None else cmrs
    if min(len(covered), limits.max_tdmrs) * (len(covered) + len(memory)) > _MAX_STEPS:
        raise Malformed(f"the memory is in {len(memory)} pieces, too many to plan TDMRs for")
    built = [
        _planned(tdmr, holes, limits, _node_of(tdmr, memory))
        for tdmr in covered[: limits.max_tdmrs]
    ]
    if pamts is None:
        choices = [pamt.choices(tdmr.pamt_bytes, tdmr.node, memory) for tdmr in built]
        tdmrs = tuple(_with_bound(tdmr, choices) for tdmr in built)
    else:
        tdmrs = tuple(_with_pamts(tdmr, pamts) for tdmr in built)
    return _with_outcome(
        TdmrPlan(
            holes_from="memory" if cmrs is None else "cmrs",
            outcome="fits",
            limit=None,
            at=None,
            max_tdmrs=limits.max_tdmrs,
            max_reserved_per_tdmr=limits.max_reserved_per_tdmr,
            tdmrs=tdmrs,
        ),
        covered,
    )


def plan_by_memory(
    regions: Sequence[MemoryRange],
    tdmrs: Sequence[Tdmr] | None,
    dynamic_pamt: bool | None,
    bitmap_bits: int | None,
    *limits: int,
) -> TdmrPlan | None:
    """The plan of a kernel that finds holes between memory regions.

    PAMT addresses are taken from `tdmrs`, if the kernel has built them. `limits` are the module's:
    TDMRs, reserved areas, three PAMT entry sizes; without them the usual ones.
    """
    known = _limits(dynamic_pamt, bitmap_bits, *limits)
    return plan(regions, known, pamts=_pamt_ranges(tdmrs))


def plan_by_cmrs(
    cmrs: Sequence[MemoryRange],
    regions: Sequence[MemoryRange],
    tdmrs: Sequence[Tdmr] | None,
    dynamic_pamt: bool | None,
    bitmap_bits: int | None,
    *limits: int,
) -> TdmrPlan | None:
    """The plan of a kernel that finds holes between CMRs; arguments as in `plan_by_memory`."""
    known = _limits(dynamic_pamt, bitmap_bits, *limits)
    return plan(regions, known, cmrs, _pamt_ranges(tdmrs))


def _limits(dynamic_pamt: bool | None, bitmap_bits: int | None, *known: int) -> Limits:
    """The limits of this module; the usual ones where they are not known."""
    limits = USUAL
    if known:
        max_tdmrs, max_reserved, for_4k, for_2m, for_1g = known
        limits = Limits(max_tdmrs, max_reserved, (for_4k, for_2m, for_1g))
    return limits._replace(bitmap_bits=bitmap_bits or 0) if dynamic_pamt else limits


def _pamt_ranges(tdmrs: Sequence[Tdmr] | None) -> list[MemoryRange] | None:
    """The address range of each TDMR's PAMT; None unless all are known."""
    pamts = [found.pamt for found in tdmrs or ()]
    if not pamts or not all(pamts):
        return None
    return [
        MemoryRange.between(min(area.base for area in pamt), max(area.end for area in pamt))
        for pamt in pamts
        if pamt
    ]


def planned_pamt(
    plan: TdmrPlan,
    regions: Sequence[MemoryRange],
    cmrs: Sequence[MemoryRange] | None,
    dynamic_pamt: bool | None,
    bitmap_bits: int | None,
) -> int | None:
    """The size of the plan's PAMTs in bytes; None where it cannot be calculated.

    That is so if the plan has too few TDMRs, if the end of the memory map is missing, or with
    Dynamic PAMT if the module does not report its bits for each page.
    """
    is_incomplete = plan.limit == "tdmrs" or is_cut(regions, cmrs or ())
    if is_incomplete or (dynamic_pamt and not bitmap_bits):
        return None
    return sum(found.pamt_bytes for found in plan.tdmrs)


def memory_of(regions: Iterable[MemoryRange]) -> list[NodeMemory]:
    """The memory that the kernel uses for TDX: the regions without the first MiB."""
    return [
        NodeMemory.between(base, found.end, node=getattr(found, "node", None))
        for found in regions
        if found.end > (base := max(found.base, FIRST_MIB))
    ]


def above_first_mib(found: MemoryRange) -> MemoryRange:
    """The range without the first MiB, which is never convertible and not used by the kernel."""
    return MemoryRange.between(max(found.base, FIRST_MIB), found.end)


def _cover(memory: Iterable[MemoryRange]) -> list[MemoryRange]:
    """TDMRs of whole GiB over all memory: one for each region, from the end of the one before."""
    covered: list[MemoryRange] = []
    for found in memory:
        base, end = found.base // _GIB * _GIB, rounded_up(found.end, _GIB)
        if covered:
            base = max(base, covered[-1].end)
        if base < end:
            covered.append(MemoryRange.between(base, end))
    return covered


def _planned(
    tdmr: MemoryRange, parts: Iterable[MemoryRange], limits: Limits, node: int | None
) -> PlannedTdmr:
    """A TDMR with its holes, the gaps between `parts`; its reserved areas are set later."""
    holes = tuple(gaps(tdmr, parts))
    return PlannedTdmr(
        base=tdmr.base,
        end=tdmr.end,
        size=tdmr.size,
        pamt_bytes=pamt_bytes(tdmr.size, limits),
        node=node,
        holes=holes,
        reserved_most=len(holes),
        reserved=None,
    )


def _node_of(tdmr: MemoryRange, memory: Iterable[NodeMemory]) -> int | None:
    """The node of the first region that ends above the TDMR's base."""
    found = next((region for region in memory if region.end > tdmr.base), None)
    return found.node if found else None


def gaps(whole: MemoryRange, parts: Iterable[MemoryRange]) -> Iterator[MemoryRange]:
    """The gaps between the parts, which must be sorted, within the range `whole`."""
    at = whole.base
    for part in parts:
        if part.end <= at:
            continue
        if part.base >= whole.end:
            break
        if part.base > at:
            yield MemoryRange.between(at, part.base)
        at = part.end
    if at < whole.end:
        yield MemoryRange.between(at, whole.end)


def pamt_bytes(size: int, limits: Limits) -> int:
    """Bytes of the PAMT of a TDMR of this size.

    It has an entry for each page of 4 KiB, 2 MiB and 1 GiB, each of the three tables rounded up to
    4 KiB. Dynamic PAMT has a bitmap instead of the table for 4 KiB pages.
    """
    entries = zip(_PAMT_PAGES, limits.pamt_entry_sizes, strict=True)
    sizes = [size // page * entry for page, entry in entries]
    if limits.bitmap_bits is not None:
        sizes[0] = rounded_up(size // PAGE * limits.bitmap_bits, 8) // 8
    return sum(rounded_up(length, PAGE) for length in sizes)


def _with_bound(tdmr: PlannedTdmr, choices: Iterable[Sequence[MemoryRange]]) -> PlannedTdmr:
    """The TDMR with an upper bound of reserved areas: every PAMT that can be inside it is."""
    pamts = sum(
        any(piece.base < tdmr.end and piece.end > tdmr.base for piece in pieces)
        for pieces in choices
    )
    return tdmr.model_copy(update={"reserved_most": len(tdmr.holes) + pamts})


def _with_pamts(tdmr: PlannedTdmr, pamts: Iterable[MemoryRange]) -> PlannedTdmr:
    """The TDMR with its reserved areas by address: its holes, and the parts of PAMTs inside it."""
    pieces = [
        MemoryRange.between(max(pamt.base, tdmr.base), min(pamt.end, tdmr.end))
        for pamt in pamts
        if pamt.base < tdmr.end and pamt.end > tdmr.base
    ]
    reserved = sorted([*tdmr.holes, *pieces], key=lambda area: area.base)
    return tdmr.model_copy(update={"reserved_most": len(reserved), "reserved": tuple(reserved)})


def _with_outcome(plan: TdmrPlan, covered: Sequence[MemoryRange]) -> TdmrPlan:
    """The plan with its outcome: the first limit at which the kernel would stop, if any."""
    if len(covered) > plan.max_tdmrs:
        return plan.model_copy(
            update={"outcome": "exhausted", "limit": "tdmrs", "at": covered[plan.max_tdmrs]}
        )
    limit = plan.max_reserved_per_tdmr
    too_many = [tdmr for tdmr in plan.tdmrs if len(tdmr.reserved or tdmr.holes) > limit]
    # Each TDMR's PAMT takes at least one more reserved area, in this TDMR or in another.
    spare = sum(limit - len(tdmr.holes) for tdmr in plan.tdmrs)
    if too_many or spare < len(plan.tdmrs):
        at = _bounds(too_many[0]) if too_many else None
        return plan.model_copy(update={"outcome": "exhausted", "limit": "reserved-areas", "at": at})
    uncertain = [tdmr for tdmr in plan.tdmrs if tdmr.reserved_most > limit]
    if uncertain:
        at = _bounds(uncertain[0])
        return plan.model_copy(update={"outcome": "uncertain", "limit": "reserved-areas", "at": at})
    return plan


def _bounds(tdmr: MemoryRange) -> MemoryRange:
    return MemoryRange.between(tdmr.base, tdmr.end)


def is_cut(regions: Sequence[MemoryRange], cmrs: Sequence[MemoryRange]) -> bool:
    """Whether the end of the memory map is missing: a CMR is above the last region."""
    last = max((found.end for found in regions), default=0)
    return any(cmr.base >= last for cmr in cmrs)
