"""Did the firmware set TDX up?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.errors import Inconsistent
from tdxinfo.host import Host
from tdxinfo.model.units import counted
from tdxinfo.model.verdict import Verdict, failed, passed, unknown, warned


@check("firmware.tme")
def tme_is_on(host: Host) -> Verdict:
    if known(host.firmware.tme_enabled):
        return passed("TME is enabled")
    return failed("TME is not enabled")


@check("firmware.packages_agree")
def packages_agree(host: Host) -> Verdict:
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


@check("firmware.seamrr_enabled")
def seam_range_is_on(host: Host) -> Verdict:
    if known(host.firmware.seamrr_enabled):
        return passed("the SEAM range is in force")
    return failed("the SEAM range is not in force: TDX is off in the firmware")


@check("firmware.seamrr_locked")
def seam_range_is_locked(host: Host) -> Verdict:
    if known(host.firmware.seamrr_locked):
        return passed("the SEAM range is locked")
    return warned("the SEAM range is not locked: the SEAM loader may not have run")


@check("firmware.sgx")
def sgx_is_on(host: Host) -> Verdict:
    if known(host.firmware.sgx_enabled):
        return passed("SGX is enabled")
    return warned("SGX is not enabled")


@check("firmware.mcheck")
def mcheck_is_well(host: Host) -> Verdict:
    status = known(host.firmware.mcheck_status)
    return failed(f"MCHECK ended with {status:#x}") if status else passed("MCHECK ended with 0")


@check("firmware.tme_locked")
def tme_is_locked(host: Host) -> Verdict:
    if known(host.firmware.tme_locked):
        return passed("memory encryption is locked")
    return failed("memory encryption is not locked")


@check("firmware.tme_bypass")
def host_memory_bypasses_tme(host: Host) -> Verdict:
    if known(host.firmware.tme_bypass):
        return passed("memory of KeyID 0 is not encrypted")
    return failed("memory of KeyID 0 is encrypted too")


_MODULES_PER_PACKAGE = 8


@check("firmware.memory_modules")
def slots_are_filled(host: Host) -> Verdict:
    modules, packages = known(host.platform.memory_modules), known(host.platform.packages)
    told = f"{counted(modules, 'module')} for {counted(packages, 'package')}"
    if modules % packages:
        return failed(f"{told} cannot be the same for each")
    if modules < packages * _MODULES_PER_PACKAGE:
        return failed(f"{told}; guides ask for {_MODULES_PER_PACKAGE} each")
    return passed(told)
