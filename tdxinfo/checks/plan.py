"""A plan of TDMRs in words."""

from __future__ import annotations

from tdxinfo.checks.units import counted, span
from tdxinfo.model.memory import TdmrPlan


def describe(plan: TdmrPlan) -> str:
    """Whether the plan fits the module's limits, in a sentence without its full stop."""
    count, most = counted(len(plan.tdmrs), "TDMR"), plan.max_reserved_per_tdmr
    if plan.outcome == "fits":
        used = max(tdmr.reserved_most for tdmr in plan.tdmrs)
        return f"{count} of {plan.max_tdmrs}, in each up to {used} of {most} reserved areas"
    if plan.limit == "tdmrs":
        left = span(plan.at.base, plan.at.end) if plan.at else "the rest"
        be = "is" if len(plan.tdmrs) == 1 else "are"
        return f"{count} {be} not enough: none is left for {left}"
    if plan.at is None:
        return f"{count} of {most} reserved areas have no room for all holes and PAMTs"
    (tdmr,) = (tdmr for tdmr in plan.tdmrs if tdmr.base == plan.at.base)
    holes = counted(len(tdmr.holes), "hole")
    named = f"TDMR {span(tdmr.base, tdmr.end)} has {holes}"
    if len(tdmr.holes) > most:
        return f"{named}, and takes {most} reserved areas"
    pamts = counted(tdmr.reserved_most - len(tdmr.holes), "PAMT")
    where = "lie in it" if tdmr.reserved else "may come to lie in it"
    return f"{named}, {pamts} {where}, and it takes {most} reserved areas"
