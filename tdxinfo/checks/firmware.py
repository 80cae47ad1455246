"""Did the firmware enable TDX?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.checks.units import counted
from tdxinfo.model.verdict import Verdict, failed, passed, warned
from tdxinfo.report import Report


@check("firmware.tme")
def tme_is_on(report: Report) -> Verdict:
    if known(report.host.firmware.tme_enabled):
        return passed("memory encryption (TME) is enabled")
    return failed("memory encryption (TME) is disabled")


@check("firmware.packages_agree")
def packages_agree(report: Report) -> Verdict:
    differences = report.host.firmware.package_differences
    if differences:
        return failed(differences[0])
    packages = known(report.host.platform.packages)
    if packages == 1:
        return passed("there is one package")
    known(report.host.firmware.package_differences)
    return passed(f"the MSRs of TDX are equal in all {packages} packages")


@check("firmware.seamrr_enabled")
def seam_range_is_on(report: Report) -> Verdict:
    if known(report.host.firmware.seamrr_enabled):
        return passed("the firmware enabled the SEAM range (SEAMRR)")
    return failed("the firmware did not enable the SEAM range (SEAMRR): TDX is off in the firmware")


@check("firmware.seamrr_locked")
def seam_range_is_locked(report: Report) -> Verdict:
    if known(report.host.firmware.seamrr_locked):
        return passed("the SEAM range is locked")
    return warned("the SEAM range is not locked: the SEAM loader may not have run")


@check("firmware.sgx")
def sgx_is_on(report: Report) -> Verdict:
    if known(report.host.firmware.sgx_enabled):
        return passed("SGX is enabled")
    return warned("SGX is disabled")


@check("firmware.mcheck")
def mcheck_is_well(report: Report) -> Verdict:
    status = known(report.host.firmware.mcheck_status)
    return failed(f"MCHECK failed with {status:#x}") if status else passed("MCHECK ok")


@check("firmware.tme_locked")
def tme_is_locked(report: Report) -> Verdict:
    if known(report.host.firmware.tme_locked):
        return passed("memory encryption is locked")
    return failed("memory encryption is not locked")


@check("firmware.tme_bypass")
def host_memory_bypasses_tme(report: Report) -> Verdict:
    if known(report.host.firmware.tme_bypass):
        return passed("ordinary memory (KeyID 0) is not encrypted")
    return failed("ordinary memory (KeyID 0) is encrypted too")


_MODULES_PER_PACKAGE = 8


@check("firmware.memory_modules")
def slots_are_filled(report: Report) -> Verdict:
    modules, packages = (
        known(report.host.platform.memory_modules),
        known(report.host.platform.packages),
    )
    message = f"{counted(modules, 'memory module')} for {counted(packages, 'package')}"
    if modules % packages:
        return failed(f"{message}: the packages cannot have the same number")
    if modules < packages * _MODULES_PER_PACKAGE:
        return failed(f"{message}: guides require {_MODULES_PER_PACKAGE} for each")
    return passed(message)
