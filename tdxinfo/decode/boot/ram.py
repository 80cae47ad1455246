"""The memory map, from one boot's kernel log."""

from __future__ import annotations

from itertools import pairwise

from tdxinfo.decode.boot import Boot
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Absent, Malformed
from tdxinfo.model.values import MemoryRange, NodeMemory


def firmware_ram(boot: Boot) -> tuple[MemoryRange, ...]:
    """What the firmware's e820 table calls usable."""
    found = boot.named("firmware_ram")
    if not found:
        raise Absent("the kernel log has no memory map of the firmware")
    return tuple(MemoryRange.between(*_bounds(event)) for event in found)


def memory_regions(boot: Boot) -> tuple[NodeMemory, ...]:
    """The kernel's memblock, by NUMA node: the very list that TDMRs are made of.

    The kernel prints it in one piece, below a line of its own; without that line nobody knows
    what is missing above.
    """
    if not boot.has("node_ranges"):
        raise Absent("the kernel log does not list the memory by node")
    regions: list[NodeMemory] = []
    for event in boot.events[boot.indexes("node_ranges")[0] + 1 :]:
        if event.name != "node_range":
            break
        base, end = _bounds(event)
        regions.append(NodeMemory.between(base, end, node=int(event.values["node"])))
    if not regions:
        raise Absent("the kernel log's list of memory by node is empty")
    if any(after.base < before.end for before, after in pairwise(regions)):
        raise Malformed("the kernel log's list of memory by node is not in order")
    return tuple(regions)


def _bounds(event: Event) -> tuple[int, int]:
    """First byte and the one behind the last."""
    base, last = int(event.values["base"]), int(event.values["last"])
    if last < base:
        raise Malformed(f"the kernel log's range [{base:#x}-{last:#x}] ends before it begins")
    return base, last + 1


def node_spans(boot: Boot) -> tuple[NodeMemory, ...]:
    """Each node from its first memory to its last."""
    spans: dict[int, tuple[int, int]] = {}
    for region in memory_regions(boot):
        if region.node is not None:
            base, end = spans.get(region.node, (region.base, region.end))
            spans[region.node] = (min(base, region.base), max(end, region.end))
    return tuple(NodeMemory.between(base, end, node=node) for node, (base, end) in spans.items())
