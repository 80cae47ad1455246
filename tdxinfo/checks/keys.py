"""Are there KeyIDs for TDX?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.host import Host
from tdxinfo.model.verdict import Severity, Verdict, failed, passed, warned

_RUNS = "module.initialized"
_SPLIT = "Set the TME-MT/TDX key split in the firmware setup to a value that gives KeyIDs to TDX."
_NEARLY_ALL = 0.9


@check("keys.tdx_share", remedy=_SPLIT, needs=["cpu.model"], proof=_RUNS)
def tdx_has_keyids(host: Host) -> Verdict:
    """The firmware set KeyIDs aside for TDX."""
    count = known(host.keys.tdx_keyids)
    return passed(f"{count} KeyIDs") if count else failed("every KeyID belongs to MKTME")


@check("keys.enough", remedy=_SPLIT, needs=["keys.tdx_share"], proof=_RUNS)
def enough_keyids(host: Host) -> Verdict:
    """There are KeyIDs for the TDX module and at least one TD."""
    count = known(host.keys.tdx_keyids)
    if count < 2:
        return failed("one KeyID is too few: the TDX module takes the first")
    return passed(f"{count - 1} TDs can run at once")


@check(
    "keys.headroom",
    severity=Severity.WARN,
    remedy="Stop TDs that are not needed, or give TDX more KeyIDs in the firmware setup.",
    needs=["keys.enough"],
)
def keyids_are_left(host: Host) -> Verdict:
    """KeyIDs are left for more TDs."""
    limit, used = known(host.keys.guest_keyids), known(host.keys.guest_keyids_in_use)
    told = f"{used} of {limit} KeyIDs are in use"
    return warned(told) if used >= limit * _NEARLY_ALL else passed(told)
