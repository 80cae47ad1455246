"""Physical memory: ranges with what is known of each, and the TDMRs a kernel makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tdxinfo.model.values import Count, MemoryRange, Size

HolesFrom = Literal["memory", "cmrs"]
"""What a kernel takes for a hole of a TDMR: a gap in its memory, or a gap between CMRs."""
Outcome = Literal["fits", "uncertain", "exhausted"]
Limit = Literal["tdmrs", "reserved-areas"]


@dataclass(frozen=True, slots=True)
class NamedRange(MemoryRange):
    """Memory and a word for what made it so; None where nothing told."""

    name: str | None


@dataclass(frozen=True, slots=True)
class PlannedTdmr(MemoryRange):
    """A TDMR as a kernel would build it.

    Where the PAMTs will lie is known only once they lie there. Until then `reserved` is None, and
    only bounds can be given for the reserved areas: the holes, and the PAMTs that could be inside.
    """

    pamt_bytes: Size
    holes: tuple[MemoryRange, ...]
    reserved_most: Count
    reserved: tuple[MemoryRange, ...] | None


@dataclass(frozen=True, slots=True)
class TdmrPlan:
    """All TDMRs a kernel would build, and whether the module's limits suffice.

    `uncertain` is a plan that fits or not by where the kernel will put the PAMTs.
    """

    holes_from: HolesFrom
    outcome: Outcome
    limit: Limit | None
    """The limit that does not suffice, or may not."""
    at: MemoryRange | None
    """The TDMR where that shows; for TDMRs the memory that none is left for."""
    max_tdmrs: Count
    max_reserved_per_tdmr: Count
    tdmrs: tuple[PlannedTdmr, ...]
