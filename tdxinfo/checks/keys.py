"""Are there KeyIDs for TDX?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.checks.units import counted
from tdxinfo.model.verdict import Verdict, failed, passed, warned
from tdxinfo.report import Report

_NEARLY_ALL = 0.9
"""The share of used KeyIDs from which the check warns."""
_ENABLE = "Enable TME-MT in the firmware setup, and reboot."


@check("keys.tdx_share")
def tdx_has_keyids(report: Report) -> Verdict:
    count = known(report.host.keys.tdx_keyids)
    if count:
        return passed(f"{counted(count, 'KeyID')} for TDX")
    if report.host.firmware.keyid_bits == 0:
        return failed("there are no KeyIDs: TME-MT is disabled", _ENABLE)
    return failed("all KeyIDs belong to MKTME, none to TDX")


@check("keys.enough")
def enough_keyids(report: Report) -> Verdict:
    count = known(report.host.keys.tdx_keyids)
    if count < 2:
        return failed("one KeyID is too few: the TDX module uses the first itself")
    return passed(f"{counted(count - 1, 'TD')} can run at once")


@check("keys.headroom")
def keyids_are_left(report: Report) -> Verdict:
    limit, used = known(report.host.keys.guest_keyids), known(report.host.keys.guest_keyids_in_use)
    peak = report.host.keys.guest_keyids_peak
    peak_words = "" if peak is None else f", {peak} at most so far"
    message = f"{used} of {limit} KeyIDs are in use{peak_words}"
    return warned(message) if used >= limit * _NEARLY_ALL else passed(message)


@check("keys.leaked")
def none_was_leaked(report: Report) -> Verdict:
    leaked = known(report.host.keys.leaked)
    if not leaked:
        return passed("no leaked KeyID in the kernel log")
    return failed(f"the kernel leaked {counted(leaked, 'KeyID')} until the next reboot")


@check("keys.counted")
def kernel_counts_keyids(report: Report) -> Verdict:
    limit = known(report.host.keys.guest_keyids)
    if report.origin_of("keys.guest_keyids").startswith("cgroup:"):
        return passed(f"misc.capacity has {counted(limit, 'KeyID')} for TDs")
    if not report.is_absent("keys.cgroup_keyids"):
        known(report.host.keys.cgroup_keyids)
    (attempt,) = report.attempts("keys.cgroup_keyids")
    return failed(f"{attempt.message}; keys.guest_keyids is {limit} from another source")
