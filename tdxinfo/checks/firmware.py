"""Did the firmware set TDX up?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.errors import Inconsistent
from tdxinfo.host import Host
from tdxinfo.model.verdict import Severity, Verdict, failed, passed, unknown, warned

_RUNS = "module.initialized"


@check(
    "firmware.tme",
    remedy="Enable Total Memory Encryption (TME) and TME-MT in the firmware setup.",
    needs=["cpu.model"],
    proof=_RUNS,
)
def tme_is_on(host: Host) -> Verdict:
    """Memory encryption is on."""
    if known(host.firmware.tme_enabled):
        return passed("TME is enabled")
    return failed("TME is not enabled")


@check(
    "firmware.packages_agree",
    remedy="Update the firmware, or set it up again: all packages must have the same settings.",
    needs=["cpu.model"],
    proof=_RUNS,
)
def packages_agree(host: Host) -> Verdict:
    """All packages have the same settings."""
    facts = (
        host.keys.tdx_keyids,
        host.firmware.tme_locked,
        host.firmware.seamrr_configured,
        host.firmware.seamrr_locked,
    )
    for fact in facts:
        for attempt in fact.attempts:
            if attempt.reason == Inconsistent.reason:
                return failed(attempt.message)
    packages = known(host.platform.packages)
    if packages == 1:
        return passed("one package")
    if host.keys.tdx_keyids.origin.startswith("msr:"):
        return passed(f"the MSRs of {packages} packages are equal")
    refused = [attempt for attempt in host.keys.tdx_keyids.attempts if attempt.remedy]
    if refused:
        return unknown(refused[0].message, refused[0].remedy)
    return unknown("the MSRs could not be compared")


@check(
    "firmware.seamrr_enabled",
    remedy="Enable TDX and the SEAM loader in the firmware setup.",
    needs=["firmware.tme", "cpu.seamrr"],
    proof=_RUNS,
)
def seam_range_is_on(host: Host) -> Verdict:
    """The firmware put the SEAM range in force."""
    if known(host.firmware.seamrr_enabled):
        return passed("the SEAM range is in force")
    return failed("the SEAM range is not in force: TDX is off in the firmware")


@check(
    "firmware.seamrr_locked",
    severity=Severity.WARN,
    remedy="Enable the SEAM loader in the firmware setup: it locks the range when it runs.",
    needs=["firmware.seamrr_enabled"],
    proof=_RUNS,
)
def seam_range_is_locked(host: Host) -> Verdict:
    """The SEAM range is locked."""
    if known(host.firmware.seamrr_locked):
        return passed("the SEAM range is locked")
    return warned("the SEAM range is not locked: the SEAM loader may not have run")


@check(
    "firmware.sgx",
    severity=Severity.WARN,
    remedy="Enable SGX in the firmware setup: some firmware offers TDX only then.",
    needs=["cpu.model"],
)
def sgx_is_on(host: Host) -> Verdict:
    """SGX is on, which attestation needs."""
    if known(host.firmware.sgx_enabled):
        return passed("SGX is enabled")
    return warned("SGX is not enabled")


@check(
    "firmware.mcheck",
    remedy="Choose `SGX factory reset` in the firmware setup, then update firmware and microcode.",
    needs=["cpu.model"],
    proof=_RUNS,
)
def mcheck_is_well(host: Host) -> Verdict:
    """MCHECK found nothing wrong with the platform."""
    status = known(host.firmware.mcheck_status)
    return failed(f"MCHECK ended with {status:#x}") if status else passed("MCHECK ended with 0")
