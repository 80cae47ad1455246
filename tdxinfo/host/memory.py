"""Memory: what can be made private, what the kernel made of it, what TDX costs."""

from typing import Annotated

from tdxinfo.decode import convertible, kernels, lines, tdmr
from tdxinfo.host.section import From, Inferred, Section
from tdxinfo.model.memory import HolesFrom, NamedRange, TdmrPlan
from tdxinfo.model.observed import Observed
from tdxinfo.model.values import Count, MemoryRange, NodeMemory, Size, Tdmr
from tdxinfo.sources import metadata
from tdxinfo.sources.files import File
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.kmem import Kmem, KmemMemory, KmemTdmrs
from tdxinfo.sources.kobjects import SYSINFO
from tdxinfo.sources.memmap import FirmwareMemmap


def _sum(ranges: tuple[MemoryRange, ...]) -> int:
    return sum(found.size for found in ranges)


def _pamt(tdmrs: tuple[Tdmr, ...]) -> int | None:
    """None where the TDMRs' PAMTs were not told."""
    if any(tdmr.pamt is None for tdmr in tdmrs):
        return None
    return sum(area.size for tdmr in tdmrs for area in tdmr.pamt or ())


def _brings_online(text: str) -> bool:
    """`offline`, or one of several ways to go online."""
    return text.strip() != "offline"


def _same(found: tuple[NodeMemory, ...]) -> tuple[NodeMemory, ...]:
    return found


def _regions(
    ram: tuple[MemoryRange, ...], nodes: tuple[NodeMemory, ...] | None
) -> tuple[NodeMemory, ...]:
    return tdmr.regions_of(ram, nodes or ())


def _plan(
    regions: tuple[NodeMemory, ...], tdmrs: tuple[Tdmr, ...] | None, *limits: int
) -> TdmrPlan | None:
    return tdmr.plan(regions, _limits(*limits), pamts=_pamt_places(tdmrs))


def _plan_by_cmrs(
    cmrs: tuple[MemoryRange, ...],
    regions: tuple[NodeMemory, ...],
    tdmrs: tuple[Tdmr, ...] | None,
    *limits: int,
) -> TdmrPlan | None:
    return tdmr.plan(regions, _limits(*limits), cmrs, _pamt_places(tdmrs))


def _limits(*told: int) -> tdmr.Limits:
    """The limits in the order of `_LIMITS`; the usual ones where none were told."""
    if not told:
        return tdmr.USUAL
    max_tdmrs, max_reserved, for_4k, for_2m, for_1g = told
    return tdmr.Limits(max_tdmrs, max_reserved, (for_4k, for_2m, for_1g))


def _pamt_places(tdmrs: tuple[Tdmr, ...] | None) -> list[MemoryRange] | None:
    """Where each TDMR's PAMT lies; None where that was not told of all."""
    pamts = [found.pamt for found in tdmrs or ()]
    if not pamts or not all(pamts):
        return None
    return [
        MemoryRange.between(min(area.base for area in pamt), max(area.end for area in pamt))
        for pamt in pamts
        if pamt
    ]


def _planned_pamt(
    plan: TdmrPlan, regions: tuple[NodeMemory, ...], cmrs: tuple[MemoryRange, ...] | None
) -> int | None:
    """None where the plan, or the memory that is known, is not the whole."""
    if plan.limit == "tdmrs" or tdmr.is_cut(regions, cmrs or ()):
        return None
    return sum(found.pamt_bytes for found in plan.tdmrs)


def _difference(allocated: int, expected: int) -> int:
    return allocated - expected


def _outside(
    ram: tuple[MemoryRange, ...],
    cmrs: tuple[MemoryRange, ...],
    added: tuple[NamedRange, ...] | None,
    command_line: str | None,
    firmware: tuple[MemoryRange, ...] | None,
) -> tuple[NamedRange, ...]:
    return convertible.outside(ram, cmrs, convertible.Causes(added, command_line, firmware))


_MEMORY = ("memory.regions", "memory.tdmrs?")
_LIMITS = (
    "memory.max_tdmrs",
    "memory.max_reserved_per_tdmr",
    "memory.pamt_4k_entry_size",
    "memory.pamt_2m_entry_size",
    "memory.pamt_1g_entry_size",
)
_CAUSES = ("memory.added_ram?", "kernel.command_line?", "memory.firmware_ram?")


class Memory(Section):
    cmrs: Annotated[Observed[tuple[MemoryRange, ...]], *metadata.cmrs(), KernelLog("cmrs")]
    """Convertible Memory Regions: the memory that TDs can use."""

    cmr_bytes: Annotated[Observed[Size], From(_sum, "memory.cmrs")]
    """Size of all CMRs together."""

    tdmrs: Annotated[Observed[tuple[Tdmr, ...]], KmemTdmrs(), KernelLog("tdmrs")]
    """TD Memory Regions that the kernel made of its memory."""

    tdx_memory: Annotated[Observed[tuple[NodeMemory, ...]], KmemMemory()]
    """Memory that the kernel gave to TDX, by NUMA node; only of it can TDs have private pages."""

    max_tdmrs: Annotated[
        Observed[Count],
        *metadata.word("MAX_TDMRS"),
        Kmem(SYSINFO, "tdmr.max_tdmrs"),
        KernelLog("max_tdmrs"),
    ]
    """TDMRs the module takes at most."""

    max_reserved_per_tdmr: Annotated[
        Observed[Count],
        *metadata.word("MAX_RESERVED_PER_TDMR"),
        Kmem(SYSINFO, "tdmr.max_reserved_per_tdmr"),
    ]
    """Reserved areas the module takes in one TDMR at most."""

    pamt_4k_entry_size: Annotated[
        Observed[Count],
        *metadata.word("PAMT_4K_ENTRY_SIZE"),
        Kmem(SYSINFO, "tdmr.pamt_4k_entry_size"),
    ]
    """Bytes of a PAMT entry for a 4 KiB page."""

    pamt_2m_entry_size: Annotated[
        Observed[Count],
        *metadata.word("PAMT_2M_ENTRY_SIZE"),
        Kmem(SYSINFO, "tdmr.pamt_2m_entry_size"),
    ]
    """Bytes of a PAMT entry for a 2 MiB page."""

    pamt_1g_entry_size: Annotated[
        Observed[Count],
        *metadata.word("PAMT_1G_ENTRY_SIZE"),
        Kmem(SYSINFO, "tdmr.pamt_1g_entry_size"),
    ]
    """Bytes of a PAMT entry for a 1 GiB page."""

    pamt_bytes: Annotated[Observed[Size], From(_pamt, "memory.tdmrs"), KernelLog("pamt_bytes")]
    """Memory that the Physical Address Metadata Tables take from the host."""

    tdmrs_used: Annotated[Observed[Count], From(len, "memory.tdmrs"), KernelLog("tdmrs_used")]
    """TDMRs in use."""

    pamt_on_other_node: Annotated[Observed[bool], KernelLog("pamt_on_other_node")]
    """A PAMT lies on another NUMA node than the memory that it describes."""

    added_memory_online: Annotated[
        Observed[bool], File("/sys/devices/system/memory/auto_online_blocks", _brings_online)
    ]
    """Memory that is added while the kernel runs goes online by itself, or tries to."""

    system_ram: Annotated[Observed[tuple[MemoryRange, ...]], File("/proc/iomem", lines.system_ram)]
    """System RAM as the kernel sees it."""

    system_ram_bytes: Annotated[Observed[Size], From(_sum, "memory.system_ram")]
    """Size of all System RAM together."""

    firmware_ram: Annotated[
        Observed[tuple[MemoryRange, ...]], KernelLog("firmware_ram"), FirmwareMemmap()
    ]
    """What the firmware's memory map (e820) calls usable."""

    added_ram: Annotated[Observed[tuple[NamedRange, ...]], File("/proc/iomem", lines.added_ram)]
    """System RAM that a driver added at run time, as persistent or CXL memory."""

    nodes: Annotated[
        Observed[tuple[NodeMemory, ...]],
        KernelLog("node_spans"),
        File("/proc/zoneinfo", lines.node_spans),
    ]
    """Each NUMA node, from its first memory to its last."""

    regions: Annotated[
        Observed[tuple[NodeMemory, ...]],
        From(_same, "memory.tdx_memory"),
        KernelLog("memory_regions"),
        Inferred(_regions, "memory.system_ram", "memory.nodes?"),
        Inferred(_regions, "memory.firmware_ram", "memory.nodes?"),
    ]
    """Memory as TDMRs are made of it, by NUMA node: the kernel's memblock, whose holes count.
    Inferred from System RAM it may show more holes than memblock has, from the firmware's map also
    fewer."""

    ram_outside_cmrs: Annotated[
        Observed[tuple[NamedRange, ...]],
        From(_outside, "memory.system_ram", "memory.cmrs", *_CAUSES),
        From(_outside, "memory.regions", "memory.cmrs", *_CAUSES),
    ]
    """RAM above 1 MiB that lies in no CMR, with the option, driver or map that made it RAM."""

    holes_from: Annotated[Observed[HolesFrom], Inferred(kernels.holes_from, "kernel.release")]
    """What this kernel takes for holes of a TDMR: gaps in its memory, or gaps between CMRs."""

    plan: Annotated[
        Observed[TdmrPlan],
        From(_plan, *_MEMORY, *_LIMITS),
        Inferred(_plan, *_MEMORY),
    ]
    """The TDMRs that Linux makes of this memory, and whether the module's limits suffice. Inferred
    with the limits that all modules known so far have, where this module's are not known."""

    plan_by_cmrs: Annotated[
        Observed[TdmrPlan],
        From(_plan_by_cmrs, "memory.cmrs", *_MEMORY, *_LIMITS),
        Inferred(_plan_by_cmrs, "memory.cmrs", *_MEMORY),
    ]
    """The same by a kernel that takes holes from gaps between CMRs, as some vendors' do."""

    pamt_expected_bytes: Annotated[
        Observed[Size], From(_planned_pamt, "memory.plan", "memory.regions", "memory.cmrs?")
    ]
    """What the Physical Address Metadata Tables take by calculation."""

    pamt_difference_bytes: Annotated[
        Observed[int], From(_difference, "memory.pamt_bytes", "memory.pamt_expected_bytes")
    ]
    """What they really take, less that."""
