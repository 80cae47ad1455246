"""Physical memory: ranges with a name, and the TDMRs that a kernel would build."""

from typing import Literal

from tdxinfo.model.base import Value
from tdxinfo.model.values import Count, MemoryRange, Size

HolesFrom = Literal["memory", "cmrs"]
"""The gaps that a kernel reserves in a TDMR: those of its memory, or those between CMRs."""
Outcome = Literal["fits", "uncertain", "exhausted"]
Limit = Literal["tdmrs", "reserved-areas"]


class NamedRange(MemoryRange, frozen=True):
    """A memory range with the option, driver or map that set it apart."""

    name: str | None
    """The kernel option, driver or firmware map; null where no source names it."""


class PlannedTdmr(MemoryRange, frozen=True):
    """A TDMR as a kernel would build it.

    The kernel chooses the places of the PAMTs when it allocates them. Before that `reserved` is
    None, and only bounds of the number of reserved areas are known: the holes at least, and one
    more for each PAMT that may lie inside at most.
    """

    pamt_bytes: Size
    """Size of its PAMT."""
    node: Count | None
    """The NUMA node on which the kernel tries to allocate the PAMT; null where unknown."""
    holes: tuple[MemoryRange, ...]
    """The ranges inside it that are not memory for TDX."""
    reserved_most: Count
    """Reserved areas that it needs at most."""
    reserved: tuple[MemoryRange, ...] | None
    """Its reserved areas; null before the kernel allocated the PAMTs."""


class TdmrPlan(Value, frozen=True):
    """All TDMRs a kernel would build, and whether the module's limits suffice.

    The outcome is `uncertain` if it depends on the places that the kernel chooses for the PAMTs.
    """

    holes_from: HolesFrom
    """Which gaps the kernel reserves: those of its memory, or those between CMRs."""
    outcome: Outcome
    """fits, exhausted (a limit does not suffice), or uncertain."""
    limit: Limit | None
    """The limit that does not suffice, or may not."""
    at: MemoryRange | None
    """The TDMR that exceeds the limit; for the limit of TDMRs, the memory without a TDMR."""
    max_tdmrs: Count
    """The module's limit: TDMRs."""
    max_reserved_per_tdmr: Count
    """The module's limit: reserved areas of a TDMR."""
    tdmrs: tuple[PlannedTdmr, ...]
    """The TDMRs in the order of addresses."""
