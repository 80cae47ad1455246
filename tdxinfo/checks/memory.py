"""Does the memory fit TDX?"""

from itertools import pairwise

from tdxinfo.checks.engine import check, known
from tdxinfo.decode import tdmr
from tdxinfo.host import Host
from tdxinfo.model.observed import Observed
from tdxinfo.model.units import counted, size, span
from tdxinfo.model.values import MemoryRange
from tdxinfo.model.verdict import Verdict, failed, informed, passed, unknown, warned

_PAGE = 4096
_CUT = "the memory map that is known ends before the CMRs do"


@check("memory.cmrs_sane")
def cmrs_are_sane(host: Host) -> Verdict:
    cmrs = known(host.memory.cmrs)
    if not cmrs:
        return failed("there is no convertible memory")
    for before, after in pairwise(cmrs):
        if after.base < before.end:
            return failed(f"{_spelled(after)} begins before {_spelled(before)} ends")
    odd = [cmr for cmr in cmrs if cmr.base % _PAGE or cmr.size % _PAGE]
    if odd:
        return failed(f"{_spelled(odd[0])} is not of whole 4 KiB pages")
    return passed(f"{counted(len(cmrs), 'CMR')}, {size(known(host.memory.cmr_bytes))}")


def _spelled(found: MemoryRange) -> str:
    return span(found.base, found.end)


@check("memory.cmrs_cover_ram")
def cmrs_cover_ram(host: Host) -> Verdict:
    cmrs = known(host.memory.cmrs)
    if not host.memory.regions.is_known:
        known(host.memory.system_ram)
    outside = known(host.memory.ram_outside_cmrs)
    regions = known(host.memory.regions)
    if not outside and tdmr.is_cut(regions, cmrs):
        return unknown(_CUT)
    if not outside:
        return passed("no System RAM lies outside")
    first = outside[0]
    cause = f" ({first.name})" if first.name else ""
    more = f", and {counted(len(outside) - 1, 'more range')}" if outside[1:] else ""
    return warned(f"{_spelled(first)} is System RAM, but lies in no CMR{cause}{more}")


@check("memory.tdmrs_fit")
def tdmrs_fit(host: Host) -> Verdict:
    if host.module.state.value == "initialized":
        return passed("the kernel built its TDMRs")
    failure = host.module.failure.value
    if failure and failure.tdmr:
        short = f"TDMR {_spelled(failure.tdmr)} has more holes and PAMTs than reserved areas"
        return failed(short + _way_round(host))
    if failure and "TDMRs exhausted" in failure.message:
        return failed("there are more memory regions than TDMRs")
    return _predicted(host)


def _predicted(host: Host) -> Verdict:
    """What a kernel with TDX would meet here. Only what rests on no assumption fails."""
    memory = host.memory
    if not memory.regions.is_known:
        known(memory.system_ram)
    by_cmrs = memory.holes_from.value == "cmrs"
    judged = memory.plan_by_cmrs if by_cmrs else memory.plan
    plan, regions = known(judged), known(memory.regions)
    message = f"{tdmr.told(plan)}, as calculated from {_basis(memory.regions.origin)}"
    if plan.outcome == "fits":
        if tdmr.is_cut(regions, memory.cmrs.value or ()):
            return unknown(_CUT)
        return passed(message)
    message += "" if by_cmrs else _way_round(host)
    told = (memory.regions.origin, judged.origin)
    is_certain = memory.holes_from.is_known and not any(map(_is_inferred, told))
    return failed(message) if is_certain and plan.outcome == "exhausted" else warned(message)


def _is_inferred(origin: str) -> bool:
    return origin.startswith("inferred:")


def _way_round(host: Host) -> str:
    """What a kernel that finds holes between CMRs would make of this memory."""
    plan = host.memory.plan_by_cmrs.value
    if plan is None or plan.outcome != "fits":
        return ""
    return "; a kernel that makes reserved areas from CMRs has enough"


def _basis(origin: str) -> str:
    if "system_ram" in origin:
        return "System RAM, which may show more holes than the kernel counts"
    if "firmware_ram" in origin:
        return "the firmware's memory map"
    return "the kernel's list of memory"


@check("memory.pamt")
def pamt_is_known(host: Host) -> Verdict:
    cost = known(host.memory.pamt_bytes)
    whole = host.memory.cmr_bytes.value or host.memory.system_ram_bytes.value
    share = f", {cost / whole:.2%} of memory" if whole else ""
    return informed(f"PAMT takes {size(cost)}{share}{_beside(host.memory.pamt_difference_bytes)}")


def _beside(difference: Observed[int]) -> str:
    if difference.value is None:
        return ""
    if difference.value == 0:
        return ", as calculated"
    word = "more" if difference.value > 0 else "less"
    return f", {size(abs(difference.value))} {word} than calculated"


_SCARCE = 4
"""Free TDMRs below which the kernel warns."""


@check("memory.tdmr_headroom")
def tdmrs_are_left(host: Host) -> Verdict:
    used, limit = known(host.memory.tdmrs_used), known(host.memory.max_tdmrs)
    told = f"{used} of {counted(limit, 'TDMR')} are in use"
    return passed(told) if limit - used >= _SCARCE else failed(told)


@check("memory.pamt_local")
def pamts_are_local(host: Host) -> Verdict:
    if known(host.memory.pamt_on_other_node):
        return failed("a PAMT lies on node 0, away from its memory")
    return passed("the kernel found a node for each")


@check("memory.hotplug")
def added_memory_stays_out(host: Host) -> Verdict:
    if known(host.memory.added_memory_online):
        return failed("added memory would go online, which the kernel refuses beside TDX")
    return passed("added memory stays offline")
