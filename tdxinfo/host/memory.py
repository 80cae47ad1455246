"""Memory: what TDs can use, how the kernel divides it, what TDX costs."""

import operator
from typing import Annotated

from pydantic import Field

from tdxinfo.decode import capacity, convertible, kernels, lines, tdmr
from tdxinfo.decode.boot import module as boot_module
from tdxinfo.decode.boot import ram as boot_ram
from tdxinfo.host.section import From, Inferred, Section
from tdxinfo.model.memory import HolesFrom, NamedRange, TdmrPlan
from tdxinfo.model.values import (
    MAX_CMRS,
    MAX_NODES,
    MAX_RANGES,
    MAX_TDMRS,
    Count,
    MemoryRange,
    NodeMemory,
    Size,
    Tdmr,
)
from tdxinfo.sources import metadata
from tdxinfo.sources.files import File
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.kmem import Kmem, KmemMemory, KmemTdmrs
from tdxinfo.sources.kobjects import SYSINFO
from tdxinfo.sources.memmap import FirmwareMemmap

_MEMORY = (
    "memory.regions",
    "memory.tdmrs?",
    "memory.dynamic_pamt?",
    "memory.pamt_page_bitmap_entry_bits?",
)
_LIMITS = (
    "memory.max_tdmrs",
    "memory.max_reserved_per_tdmr",
    "memory.pamt_4k_entry_size",
    "memory.pamt_2m_entry_size",
    "memory.pamt_1g_entry_size",
)
_CAUSES = ("memory.added_ram?", "kernel.command_line?", "memory.firmware_ram?")


Cmrs = Annotated[tuple[MemoryRange, ...], Field(max_length=MAX_CMRS)]
Tdmrs = Annotated[tuple[Tdmr, ...], Field(max_length=MAX_TDMRS)]
Nodes = Annotated[tuple[NodeMemory, ...], Field(max_length=MAX_NODES)]
Ranges = Annotated[tuple[MemoryRange, ...], Field(max_length=MAX_RANGES)]
Regions = Annotated[tuple[NodeMemory, ...], Field(max_length=MAX_RANGES)]
NamedRanges = Annotated[tuple[NamedRange, ...], Field(max_length=MAX_RANGES)]


class Memory(Section, frozen=True):
    volatile = ("available_bytes", "td_available_bytes")

    cmrs: Annotated[
        Cmrs | None,
        *metadata.cmrs(),
        KernelLog(boot_module.cmrs),
    ] = None
    """Convertible Memory Regions: the memory that TDs can use."""

    cmr_bytes: Annotated[Size | None, From(tdmr.total, "memory.cmrs")] = None
    """Size of all CMRs together."""

    tdmrs: Annotated[
        Tdmrs | None,
        KmemTdmrs(),
        KernelLog(boot_module.tdmrs),
    ] = None
    """TD Memory Regions that the kernel made of its memory."""

    tdx_memory: Annotated[tuple[NodeMemory, ...] | None, KmemMemory()] = None
    """Memory that the kernel gave to TDX, by NUMA node: only this can be private memory of TDs."""

    max_tdmrs: Annotated[
        Count | None,
        *metadata.word("MAX_TDMRS"),
        Kmem(SYSINFO, "tdmr.max_tdmrs"),
        KernelLog(boot_module.max_tdmrs),
    ] = None
    """Maximum number of TDMRs that the module supports."""

    max_reserved_per_tdmr: Annotated[
        Count | None,
        *metadata.word("MAX_RESERVED_PER_TDMR"),
        Kmem(SYSINFO, "tdmr.max_reserved_per_tdmr"),
    ] = None
    """Maximum number of reserved areas that the module supports in one TDMR."""

    pamt_4k_entry_size: Annotated[
        Count | None,
        *metadata.word("PAMT_4K_ENTRY_SIZE"),
        Kmem(SYSINFO, "tdmr.pamt_4k_entry_size"),
    ] = None
    """Bytes of a PAMT entry for a 4 KiB page."""

    pamt_2m_entry_size: Annotated[
        Count | None,
        *metadata.word("PAMT_2M_ENTRY_SIZE"),
        Kmem(SYSINFO, "tdmr.pamt_2m_entry_size"),
    ] = None
    """Bytes of a PAMT entry for a 2 MiB page."""

    pamt_1g_entry_size: Annotated[
        Count | None,
        *metadata.word("PAMT_1G_ENTRY_SIZE"),
        Kmem(SYSINFO, "tdmr.pamt_1g_entry_size"),
    ] = None
    """Bytes of a PAMT entry for a 1 GiB page."""

    pamt_page_bitmap_entry_bits: Annotated[
        Count | None,
        *metadata.word("PAMT_PAGE_BITMAP_ENTRY_BITS"),
        Kmem(SYSINFO, "tdmr.pamt_page_bitmap_entry_bits"),
    ] = None
    """With Dynamic PAMT, bits that the PAMT has for each 4 KiB page."""

    dynamic_pamt: Annotated[bool | None, KernelLog(boot_module.dynamic_pamt)] = None
    """The kernel adds PAMT pages only where TDs have memory (Dynamic PAMT)."""

    extension_bytes: Annotated[Size | None, KernelLog(boot_module.extension_bytes)] = None
    """Memory that extensions of the TDX module take from the host."""

    pamt_bytes: Annotated[
        Size | None, From(tdmr.pamt_total, "memory.tdmrs"), KernelLog(boot_module.pamt_bytes)
    ] = None
    """Memory that the Physical Address Metadata Tables take from the host."""

    tdmrs_used: Annotated[
        Count | None, From(len, "memory.tdmrs"), KernelLog(boot_module.tdmrs_used)
    ] = None
    """TDMRs in use."""

    pamt_on_other_node: Annotated[bool | None, KernelLog(boot_module.pamt_on_other_node)] = None
    """A PAMT lies on another NUMA node than the memory that it describes."""

    added_memory_online: Annotated[
        bool | None, File("/sys/devices/system/memory/auto_online_blocks", lines.brings_online)
    ] = None
    """The kernel tries to bring memory online that is added while it runs."""

    system_ram: Annotated[tuple[MemoryRange, ...] | None, File("/proc/iomem", lines.system_ram)] = (
        None
    )
    """System RAM as the kernel sees it."""

    system_ram_bytes: Annotated[Size | None, From(tdmr.total, "memory.system_ram")] = None
    """Size of all System RAM together."""

    firmware_ram: Annotated[
        Ranges | None,
        KernelLog(boot_ram.firmware_ram),
        FirmwareMemmap(),
    ] = None
    """Memory that the firmware's memory map (e820) lists as usable."""

    added_ram: Annotated[tuple[NamedRange, ...] | None, File("/proc/iomem", lines.added_ram)] = None
    """System RAM that a driver added at run time, such as persistent or CXL memory."""

    nodes: Annotated[
        Nodes | None,
        KernelLog(boot_ram.node_spans),
        File("/proc/zoneinfo", lines.node_spans),
    ] = None
    """Each NUMA node, from its first memory to its last."""

    regions: Annotated[
        Regions | None,
        From(tuple, "memory.tdx_memory"),
        KernelLog(boot_ram.memory_regions),
        Inferred(tdmr.regions_of, "memory.system_ram", "memory.nodes?"),
        Inferred(tdmr.regions_of, "memory.firmware_ram", "memory.nodes?"),
    ] = None
    """The memory of which the kernel makes TDMRs, by NUMA node: its memblock. Inferred from System
    RAM, it may show more holes than memblock has; from the firmware's map, more or fewer."""

    boot_memory: Annotated[tuple[NodeMemory, ...] | None, KernelLog(boot_ram.memory_regions)] = None
    """The kernel's own list of memory (memblock) when it booted, by NUMA node."""

    convertible_at_least: Annotated[
        tuple[MemoryRange, ...] | None,
        Inferred(convertible.of_tdmrs, "module.state", "memory.tdmrs"),
        *(
            Inferred(convertible.of_memory, "module.state", "memory.holes_from", memory)
            for memory in ("memory.tdx_memory", "memory.boot_memory", "memory.system_ram")
        ),
    ] = None
    """Memory that is certainly convertible: the TDX module accepted it, and it accepts only memory
    in CMRs. Known where the module is initialized; more memory may be convertible."""

    convertible_at_least_bytes: Annotated[
        Size | None, From(tdmr.total, "memory.convertible_at_least")
    ] = None
    """Size of the memory that is certainly convertible."""

    ram_outside_cmrs: Annotated[
        NamedRanges | None,
        From(convertible.outside, "memory.system_ram", "memory.cmrs", *_CAUSES),
        From(convertible.outside, "memory.regions", "memory.cmrs", *_CAUSES),
    ] = None
    """RAM above 1 MiB that lies in no CMR, with the option, driver or map that made it RAM."""

    holes_from: Annotated[HolesFrom | None, Inferred(kernels.holes_from, "kernel.release")] = None
    """What this kernel regards as holes in a TDMR: gaps in its memory, or gaps between CMRs."""

    plan: Annotated[
        TdmrPlan | None,
        From(tdmr.plan_by_memory, *_MEMORY, *_LIMITS),
        Inferred(tdmr.plan_by_memory, *_MEMORY),
    ] = None
    """The TDMRs that Linux makes of this memory, and whether the module's limits suffice. Inferred
    with the limits that all modules known so far have, where this module's are unknown."""

    plan_by_cmrs: Annotated[
        TdmrPlan | None,
        From(tdmr.plan_by_cmrs, "memory.cmrs", *_MEMORY, *_LIMITS),
        Inferred(tdmr.plan_by_cmrs, "memory.cmrs", *_MEMORY),
    ] = None
    """TDMRs of a kernel that regards gaps between CMRs as holes, as some vendors' kernels do."""

    pamt_expected_bytes: Annotated[
        Size | None,
        From(
            tdmr.planned_pamt,
            "memory.plan",
            "memory.regions",
            "memory.cmrs?",
            "memory.dynamic_pamt?",
            "memory.pamt_page_bitmap_entry_bits?",
        ),
    ] = None
    """Calculated size of the Physical Address Metadata Tables."""

    pamt_difference_bytes: Annotated[
        int | None, From(operator.sub, "memory.pamt_bytes", "memory.pamt_expected_bytes")
    ] = None
    """Size of the PAMTs minus their calculated size."""

    huge_page_bytes: Annotated[Size | None, File("/proc/meminfo", lines.huge_pages)] = None
    """Memory in pools of huge pages (hugetlb), which TDs cannot have as private memory."""

    available_bytes: Annotated[Size | None, File("/proc/meminfo", lines.available_memory)] = None
    """Memory that programs can have now without swapping, by the kernel's estimate."""

    td_bytes: Annotated[
        Size | None,
        From(
            capacity.of_cmrs,
            "memory.system_ram",
            "memory.cmrs",
            "memory.huge_page_bytes",
            "memory.pamt_bytes",
        ),
        From(
            capacity.of_taken,
            "memory.convertible_at_least",
            "memory.huge_page_bytes",
            "memory.pamt_bytes",
            "memory.tdmrs?",
        ),
        Inferred(
            capacity.of_cmrs,
            "memory.system_ram",
            "memory.cmrs",
            "memory.huge_page_bytes",
            "memory.pamt_expected_bytes",
        ),
    ] = None
    """Memory that TDs can have at most: convertible System RAM without huge pages and PAMT.
    Inferred where the module is not initialized, with the PAMT that it will take."""

    td_available_bytes: Annotated[
        Size | None, From(capacity.available, "memory.td_bytes", "memory.available_bytes")
    ] = None
    """Memory for TDs that can start now: no more than what is available."""
