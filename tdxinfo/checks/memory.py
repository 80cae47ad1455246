"""Does the memory fit TDX?"""

from itertools import pairwise

from tdxinfo.checks.engine import check, known
from tdxinfo.host import Host
from tdxinfo.model.units import counted, size
from tdxinfo.model.values import MemoryRange
from tdxinfo.model.verdict import Severity, Verdict, failed, informed, passed, unknown, warned

_PAGE = 4096
_FIRST_MIB = 1 << 20


@check(
    "memory.cmrs_sane",
    remedy="Update the firmware: it reports its convertible memory wrongly.",
    needs=["module.loaded"],
    proof="module.initialized",
)
def cmrs_are_sane(host: Host) -> Verdict:
    """The CMRs are in order, apart, and of whole pages."""
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


@check(
    "memory.cmrs_cover_ram",
    severity=Severity.WARN,
    remedy="Remove `memmap=` from the command line; use no CXL or persistent memory as RAM.",
    needs=["memory.cmrs_sane"],
)
def cmrs_cover_ram(host: Host) -> Verdict:
    """All System RAM above 1 MiB lies in CMRs."""
    cmrs, ram = known(host.memory.cmrs), known(host.memory.system_ram)
    outside = [found for found in ram if found.end > _FIRST_MIB and not _lies_in(found, cmrs)]
    if outside:
        return warned(f"{_spelled(outside[0])} is System RAM, but lies in no CMR")
    return passed("no System RAM lies outside")


def _lies_in(found: MemoryRange, cmrs: tuple[MemoryRange, ...]) -> bool:
    base = max(found.base, _FIRST_MIB)
    return any(cmr.base <= base and found.end <= cmr.end for cmr in cmrs)


@check(
    "memory.tdmrs_fit",
    remedy=(
        "Change firmware settings that cut memory below 4 GiB into pieces, or use a kernel that "
        "makes reserved areas from CMRs."
    ),
    needs=["module.loaded"],
    proof="module.initialized",
)
def tdmrs_fit(host: Host) -> Verdict:
    """The module's TDMRs and reserved areas suffice for this memory."""
    if known(host.module.state) == "initialized":
        return passed("the kernel built its TDMRs")
    failure = known(host.module.failure)
    if failure.tdmr:
        return failed(f"TDMR {_spelled(failure.tdmr)} has more holes than reserved areas")
    if "TDMRs exhausted" in failure.message:
        return failed("there are more memory regions than TDMRs")
    return unknown("the initialization did not get as far as TDMRs")


@check("memory.pamt", severity=Severity.INFO, needs=["module.initialized"])
def pamt_is_known(host: Host) -> Verdict:
    """What TDX costs in memory."""
    cost = known(host.memory.pamt_bytes)
    whole = host.memory.cmr_bytes.value or host.memory.system_ram_bytes.value
    share = f", {cost / whole:.2%} of memory" if whole else ""
    return informed(f"PAMT takes {size(cost)}{share}")
