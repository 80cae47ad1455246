"""Physical memory: ranges with what is known of each, and the TDMRs a kernel makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tdxinfo.model.base import Described
from tdxinfo.model.values import Count, MemoryRange, Size

HolesFrom = Literal["memory", "cmrs"]
"""What a kernel takes for a hole of a TDMR: a gap in its memory, or a gap between CMRs."""
Outcome = Literal["fits", "uncertain", "exhausted"]
Limit = Literal["tdmrs", "reserved-areas"]


@dataclass(frozen=True, slots=True)
class NamedRange(MemoryRange):
    """Memory, and what made it so."""

    name: str | None
    """The option, driver or map that made it so; null where no source has it."""


@dataclass(frozen=True, slots=True)
class PlannedTdmr(MemoryRange):
    """A TDMR as a kernel would build it.

    Where the PAMTs will lie is known only once they lie there. Until then `reserved` is None, and
    only bounds can be given for the reserved areas: the holes, and the PAMTs that could be inside.
    """

    pamt_bytes: Size
    """Size of its PAMT."""
    node: Count | None
    """The NUMA node whose memory the kernel asks first for the PAMT; null where no source has
    it."""
    holes: tuple[MemoryRange, ...]
    """What lies in it and is not memory for TDX."""
    reserved_most: Count
    """Reserved areas that it needs at most."""
    reserved: tuple[MemoryRange, ...] | None
    """Its reserved areas; null until it is known where the PAMTs lie."""


@dataclass(frozen=True, slots=True)
class TdmrPlan(Described):
    """All TDMRs a kernel would build, and whether the module's limits suffice.

    `uncertain` is a plan that fits or not by where the kernel will put the PAMTs.
    """

    holes_from: HolesFrom
    """What the kernel takes for holes: gaps in its memory, or gaps between CMRs."""
    outcome: Outcome
    """Whether the module's limits suffice."""
    limit: Limit | None
    """The limit that does not suffice, or may not."""
    at: MemoryRange | None
    """The TDMR where that shows; for TDMRs the memory that none is left for."""
    max_tdmrs: Count
    """TDMRs that the module takes at most."""
    max_reserved_per_tdmr: Count
    """Reserved areas that the module takes in one TDMR at most."""
    tdmrs: tuple[PlannedTdmr, ...]
    """The TDMRs in the order of addresses."""
