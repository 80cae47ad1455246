"""Memory: what can be made private, what the kernel made of it, what TDX costs."""

from typing import Annotated

from tdxinfo.decode import lines
from tdxinfo.host.section import From, Section
from tdxinfo.model.observed import Observed
from tdxinfo.model.values import Count, MemoryRange, Size, Tdmr
from tdxinfo.sources import metadata
from tdxinfo.sources.files import File
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.kmem import SYSINFO, Kmem, KmemTdmrs


def _sum(ranges: tuple[MemoryRange, ...]) -> int:
    return sum(found.size for found in ranges)


def _pamt(tdmrs: tuple[Tdmr, ...]) -> int | None:
    """None where the TDMRs' PAMTs were not told."""
    if any(tdmr.pamt is None for tdmr in tdmrs):
        return None
    return sum(area.size for tdmr in tdmrs for area in tdmr.pamt or ())


class Memory(Section):
    cmrs: Annotated[Observed[tuple[MemoryRange, ...]], *metadata.cmrs(), KernelLog("cmrs")]
    """Convertible Memory Regions: the memory that TDs can use."""

    cmr_bytes: Annotated[Observed[Size], From(_sum, "memory.cmrs")]
    """Size of all CMRs together."""

    tdmrs: Annotated[Observed[tuple[Tdmr, ...]], KmemTdmrs(), KernelLog("tdmrs")]
    """TD Memory Regions that the kernel made of its memory."""

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

    system_ram: Annotated[Observed[tuple[MemoryRange, ...]], File("/proc/iomem", lines.system_ram)]
    """System RAM as the kernel sees it."""

    system_ram_bytes: Annotated[Observed[Size], From(_sum, "memory.system_ram")]
    """Size of all System RAM together."""
