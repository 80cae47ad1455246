"""A plan of TDMRs in words."""

from __future__ import annotations

from tdxinfo.checks.units import counted, span
from tdxinfo.model.memory import TdmrPlan


def describe(made: TdmrPlan) -> str:
    """The plan in a sentence: what suffices, or what does not."""
    count, most = counted(len(made.tdmrs), "TDMR"), made.max_reserved_per_tdmr
    if made.outcome == "fits":
        used = max(tdmr.reserved_most for tdmr in made.tdmrs)
        return f"{count} of {made.max_tdmrs}, in each up to {used} of {most} reserved areas"
    if made.limit == "tdmrs":
        left = span(made.at.base, made.at.end) if made.at else "the rest"
        return f"{count} are all there are, and none is left for {left}"
    if made.at is None:
        return f"{count} of {most} reserved areas have no room for all holes and PAMTs"
    (tdmr,) = (tdmr for tdmr in made.tdmrs if tdmr.base == made.at.base)
    holes = counted(len(tdmr.holes), "hole")
    named = f"TDMR {span(tdmr.base, tdmr.end)} has {holes}"
    if len(tdmr.holes) > most:
        return f"{named}, and takes {most} reserved areas"
    pamts = counted(tdmr.reserved_most - len(tdmr.holes), "PAMT")
    where = "lie in it" if tdmr.reserved else "may come to lie in it"
    return f"{named}, {pamts} {where}, and it takes {most} reserved areas"
