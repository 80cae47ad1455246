"""Does the memory fit TDX?"""

from itertools import pairwise

from tdxinfo.checks.engine import check, known
from tdxinfo.host import Host
from tdxinfo.model.units import counted, size
from tdxinfo.model.values import MemoryRange
from tdxinfo.model.verdict import Verdict, failed, informed, passed, unknown, warned

_PAGE = 4096
_FIRST_MIB = 1 << 20


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
    return f"[{found.base:#x}, {found.end:#x})"


@check("memory.cmrs_cover_ram")
def cmrs_cover_ram(host: Host) -> Verdict:
    cmrs, ram = known(host.memory.cmrs), known(host.memory.system_ram)
    outside = [found for found in ram if found.end > _FIRST_MIB and not _lies_in(found, cmrs)]
    if outside:
        return warned(f"{_spelled(outside[0])} is System RAM, but lies in no CMR")
    return passed("no System RAM lies outside")


def _lies_in(found: MemoryRange, cmrs: tuple[MemoryRange, ...]) -> bool:
    base = max(found.base, _FIRST_MIB)
    return any(cmr.base <= base and found.end <= cmr.end for cmr in cmrs)


@check("memory.tdmrs_fit")
def tdmrs_fit(host: Host) -> Verdict:
    if known(host.module.state) == "initialized":
        return passed("the kernel built its TDMRs")
    failure = known(host.module.failure)
    if failure.tdmr:
        return failed(f"TDMR {_spelled(failure.tdmr)} has more holes than reserved areas")
    if "TDMRs exhausted" in failure.message:
        return failed("there are more memory regions than TDMRs")
    return unknown("the initialization did not get as far as TDMRs")


@check("memory.pamt")
def pamt_is_known(host: Host) -> Verdict:
    cost = known(host.memory.pamt_bytes)
    whole = host.memory.cmr_bytes.value or host.memory.system_ram_bytes.value
    share = f", {cost / whole:.2%} of memory" if whole else ""
    return informed(f"PAMT takes {size(cost)}{share}")


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
