"""Are there KeyIDs for TDX?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.host import Host
from tdxinfo.model.units import counted
from tdxinfo.model.verdict import Verdict, failed, passed, warned

_NEARLY_ALL = 0.9


@check("keys.tdx_share")
def tdx_has_keyids(host: Host) -> Verdict:
    count = known(host.keys.tdx_keyids)
    if count:
        return passed(f"{count} KeyIDs")
    if host.firmware.keyid_bits.value == 0:
        return failed("there are no KeyIDs: TME-MT is off", "Enable TME-MT in the firmware setup.")
    return failed("every KeyID belongs to MKTME")


@check("keys.enough")
def enough_keyids(host: Host) -> Verdict:
    count = known(host.keys.tdx_keyids)
    if count < 2:
        return failed("one KeyID is too few: the TDX module takes the first")
    return passed(f"{count - 1} TDs can run at once")


@check("keys.headroom")
def keyids_are_left(host: Host) -> Verdict:
    limit, used = known(host.keys.guest_keyids), known(host.keys.guest_keyids_in_use)
    peak = host.keys.guest_keyids_peak.value
    most = "" if peak is None else f", {peak} at most so far"
    told = f"{used} of {limit} KeyIDs are in use{most}"
    return warned(told) if used >= limit * _NEARLY_ALL else passed(told)


@check("keys.leaked")
def none_was_leaked(host: Host) -> Verdict:
    leaked = known(host.keys.leaked)
    if not leaked:
        return passed("the kernel gave none up")
    return failed(f"{counted(leaked, 'KeyID')} will not come back before a reboot")


@check("keys.counted")
def kernel_counts_keyids(host: Host) -> Verdict:
    limit = known(host.keys.guest_keyids)
    if host.keys.guest_keyids.origin.startswith("cgroup:"):
        return passed(f"misc.capacity tells {limit}")
    return failed(f"misc.capacity tells none; {host.keys.guest_keyids.origin} tells {limit}")
