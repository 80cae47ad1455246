"""How much memory trust domains can have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tdxinfo.decode.tdmr import gaps
from tdxinfo.model.values import MemoryRange, Tdmr


def of_cmrs(
    ram: Iterable[MemoryRange], cmrs: Sequence[MemoryRange], huge_pages: int, pamt: int
) -> int:
    """Bytes of RAM within CMRs, without pools of huge pages and PAMT, both in bytes."""
    convertible = sum(found.size - sum(piece.size for piece in gaps(found, cmrs)) for found in ram)
    return max(convertible - huge_pages - pamt, 0)


def of_taken(
    memory: Iterable[MemoryRange], huge_pages: int, pamt: int, tdmrs: Sequence[Tdmr] | None
) -> int:
    """The same of memory that an initialized module took.

    PAMTs are reserved areas of TDMRs: what was found by those lacks the PAMTs already.
    """
    lacks_pamt = tdmrs is not None and all(found.reserved is not None for found in tdmrs)
    taken = sum(found.size for found in memory)
    return max(taken - huge_pages - (0 if lacks_pamt else pamt), 0)


def available(for_tds: int, free: int) -> int:
    """Bytes that TDs can have now: the available part of the bytes that they can have at most."""
    return min(for_tds, free)
