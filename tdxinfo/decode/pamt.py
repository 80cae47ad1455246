"""Where the kernel may put the PAMT of a TDMR.

Source: tdmr_set_up_pamt() in arch/x86/virt/vmx/tdx/tdx.c and alloc_contig_pages() in
mm/page_alloc.c of Linux 7.3. The PAMTs of the real kernels in tests/hosts lie where this has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tdxinfo.model.units import PAGE
from tdxinfo.model.values import MemoryRange, NodeMemory

_ZONE_NORMAL = 1 << 32
"""Where it begins; the kernel asks it first, then the zones below."""


def choices(size: int, node: int | None, memory: Sequence[NodeMemory]) -> list[MemoryRange]:
    """The pieces of memory that the kernel may put a PAMT of this size into.

    It asks the zones of the TDMR's node first, ZONE_NORMAL before the others, then those of other
    nodes, and takes a piece of the first zone that has one. Where nodes are not known all count.
    """
    if node is None or any(found.node is None for found in memory):
        return [piece for _, piece in _pieces_for(size, memory)]
    for own in (True, False):
        near = [found for found in memory if (found.node == node) is own]
        by_zone: dict[int, list[MemoryRange]] = {}
        for zone, piece in _pieces_for(size, near):
            by_zone.setdefault(zone if own else 0, []).append(piece)
        if by_zone:
            return by_zone[min(by_zone)]
    return []


def _pieces_for(size: int, memory: Sequence[NodeMemory]) -> Iterator[tuple[int, MemoryRange]]:
    """The parts of memory with room for a PAMT: 0 with those in ZONE_NORMAL, 1 with others.

    How the memory below is split into zones is a matter of the kernel's configuration, and with it
    where a PAMT may begin.
    """
    starts: dict[int | None, int] = {}
    for found in memory:
        base = max(found.base, _ZONE_NORMAL)
        if base < found.end:
            start = starts.setdefault(found.node, base)
            if first_place(start, base, size) + size <= found.end:
                yield 0, MemoryRange.between(base, found.end)
        end = min(found.end, _ZONE_NORMAL)
        if found.base + size <= end:
            yield 1, MemoryRange.between(found.base, end)


def first_place(zone_start: int, base: int, size: int) -> int:
    """The first address from `base` on where alloc_contig_pages() tries a piece of this size.

    It begins at ALIGN(zone_start_pfn, pages), whose mask is meant for powers of two, and goes on in
    steps of the size.
    """
    pages = size // PAGE
    first = ((zone_start // PAGE + pages - 1) & ~(pages - 1)) * PAGE
    return first + max(0, -(-(base - first) // size)) * size
