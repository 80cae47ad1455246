"""Does the memory fit TDX?"""

from itertools import pairwise

from tdxinfo.checks.engine import check, known
from tdxinfo.checks.plan import describe
from tdxinfo.checks.units import counted, size, span
from tdxinfo.decode import failures, tdmr
from tdxinfo.model.units import PAGE
from tdxinfo.model.values import MemoryRange
from tdxinfo.model.verdict import Verdict, failed, informed, passed, unknown, warned
from tdxinfo.report import Report

_CUT = "the known memory map ends before the CMRs do"


@check("memory.cmrs_sane")
def cmrs_are_sane(report: Report) -> Verdict:
    cmrs = known(report.host.memory.cmrs)
    if not cmrs:
        return failed("there is no convertible memory")
    for before, after in pairwise(cmrs):
        if after.base < before.end:
            return failed(f"{_range(after)} begins before {_range(before)} ends")
    odd = [cmr for cmr in cmrs if cmr.base % PAGE or cmr.size % PAGE]
    if odd:
        return failed(f"{_range(odd[0])} does not consist of whole 4 KiB pages")
    return passed(f"{counted(len(cmrs), 'CMR')}, {size(known(report.host.memory.cmr_bytes))}")


def _range(found: MemoryRange) -> str:
    return span(found.base, found.end)


@check("memory.cmrs_cover_ram")
def cmrs_cover_ram(report: Report) -> Verdict:
    if report.host.memory.cmrs is None and report.host.memory.convertible_at_least:
        return passed("the TDX module accepted all memory that the kernel had when it booted")
    cmrs = known(report.host.memory.cmrs)
    if not report.is_known("memory.regions"):
        known(report.host.memory.system_ram)
    outside = known(report.host.memory.ram_outside_cmrs)
    regions = known(report.host.memory.regions)
    if not outside and tdmr.is_cut(regions, cmrs):
        return unknown(_CUT)
    if not outside:
        return passed("all System RAM is in CMRs")
    first = outside[0]
    cause = f" ({first.name})" if first.name else ""
    more = f", and {counted(len(outside) - 1, 'more range')}" if outside[1:] else ""
    return warned(f"{_range(first)} is System RAM, but in no CMR{cause}{more}")


@check("memory.tdmrs_fit")
def tdmrs_fit(report: Report) -> Verdict:
    if report.host.module.state == "initialized":
        return passed("the kernel created its TDMRs")
    failure = report.host.module.failure
    if failure and failure.tdmr:
        where = f"TDMR {_range(failure.tdmr)}"
        short = f"{where} has more holes and PAMTs than the module has reserved areas"
        return failed(short + _hint_of_cmrs(report))
    if failure and "TDMRs exhausted" in failure.message:
        return failed("there are more memory regions than TDMRs", _fewer_regions())
    return _predicted(report)


def _predicted(report: Report) -> Verdict:
    """The verdict by the calculated TDMRs. It is a warning where the calculation is inferred."""
    if not report.is_known("memory.regions"):
        known(report.host.memory.system_ram)
    by_cmrs = report.host.memory.holes_from == "cmrs"
    name = "memory.plan_by_cmrs" if by_cmrs else "memory.plan"
    plan = known(report.host.memory.plan_by_cmrs if by_cmrs else report.host.memory.plan)
    regions = known(report.host.memory.regions)
    basis = report.origin_of("memory.regions")
    message = f"{describe(plan)}, as calculated from {_basis(basis)}"
    if plan.outcome == "fits":
        if tdmr.is_cut(regions, report.host.memory.cmrs or ()):
            return unknown(_CUT)
        return passed(message)
    message += "" if by_cmrs else _hint_of_cmrs(report)
    is_inferred = any(origin.startswith("inferred:") for origin in (basis, report.origin_of(name)))
    is_certain = report.is_known("memory.holes_from") and not is_inferred
    remedy = _fewer_regions() if plan.limit == "tdmrs" else ""
    if is_certain and plan.outcome == "exhausted":
        return failed(message, remedy)
    return warned(message, remedy)


def _fewer_regions() -> str:
    """What to do about too many regions; the check's own remedy is about reserved areas."""
    return failures.named("tdmrs-exhausted").remedy


def _hint_of_cmrs(report: Report) -> str:
    """A clause that a kernel which makes reserved areas from CMRs would fit, if so; else empty."""
    plan = report.host.memory.plan_by_cmrs
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
def pamt_is_known(report: Report) -> Verdict:
    cost = known(report.host.memory.pamt_bytes)
    whole = report.host.memory.cmr_bytes or report.host.memory.system_ram_bytes
    share = f", {cost / whole:.2%} of memory" if whole else ""
    return informed(
        f"PAMT takes {size(cost)}{share}{_beside(report.host.memory.pamt_difference_bytes)}"
    )


def _beside(difference: int | None) -> str:
    if difference is None:
        return ""
    if difference == 0:
        return ", as calculated"
    word = "more" if difference > 0 else "less"
    return f", {size(abs(difference))} {word} than calculated"


_SCARCE = 4
"""Free TDMRs below which the kernel warns."""


@check("memory.tdmr_headroom")
def tdmrs_are_left(report: Report) -> Verdict:
    used, limit = known(report.host.memory.tdmrs_used), known(report.host.memory.max_tdmrs)
    message = f"{used} of {counted(limit, 'TDMR')} are in use"
    return passed(message) if limit - used >= _SCARCE else failed(message)


@check("memory.pamt_local")
def pamts_are_local(report: Report) -> Verdict:
    if known(report.host.memory.pamt_on_other_node):
        return failed("a PAMT is on node 0, its memory on another node")
    return passed("each PAMT is on the NUMA node of its memory")


@check("memory.hotplug")
def added_memory_stays_out(report: Report) -> Verdict:
    if known(report.host.memory.added_memory_online):
        return failed(
            "added memory is brought online automatically, which the kernel refuses with TDX"
        )
    return passed("added memory stays offline")
