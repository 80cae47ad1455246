"""Is this a machine that can have TDX at all?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.decode import cpuinfo, kernels
from tdxinfo.host.platform import INSTRUCTIONS
from tdxinfo.model.units import counted
from tdxinfo.model.verdict import Verdict, failed, passed, warned
from tdxinfo.report import Report

INTEL = "GenuineIntel"


@check("cpu.vendor")
def is_intel(report: Report) -> Verdict:
    vendor = known(report.host.platform.vendor)
    return passed(vendor) if vendor == INTEL else failed(f"the processor is of {vendor}")


@check("cpu.bare_metal")
def is_bare_metal(report: Report) -> Verdict:
    kinds = {"vm": "this is a virtual machine", "td-guest": "this is a trust domain, a guest"}
    kind = known(report.host.platform.virtualization)
    return failed(kinds[kind]) if kind in kinds else passed("bare metal")


@check("cpu.model")
def has_tdx_model(report: Report) -> Verdict:
    row = cpuinfo.cpu_row(known(report.host.platform.family), known(report.host.platform.model))
    if report.host.keys.tdx_keyids:
        return passed("the firmware set KeyIDs aside for TDX")
    if row is None:
        return warned(f"model {report.host.platform.model} is not in tdxinfo's table")
    if row["tdx"] == "no":
        return failed(f"{row['codename']} has no TDX")
    some = ", of which selected parts have TDX" if row["tdx"] == "some" else ""
    return passed(f"{row['codename']}{some}")


@check("cpu.instructions")
def has_instructions(report: Report) -> Verdict:
    present = known(report.host.platform.instructions)
    missing = [name for name in INSTRUCTIONS if name not in present]
    return failed(f"missing: {', '.join(missing)}") if missing else passed(", ".join(present))


@check("cpu.seamrr")
def has_seam_registers(report: Report) -> Verdict:
    if known(report.host.firmware.seamrr_supported):
        return passed("IA32_MTRRCAP says so")
    return failed("IA32_MTRRCAP has no SEAMRR bit: this part has no TDX")


@check("cpu.production")
def is_production(report: Report) -> Verdict:
    if known(report.host.firmware.preproduction):
        return warned("this is a pre-production part")
    return passed("production part")


@check("cpu.online")
def all_are_online(report: Report) -> Verdict:
    if report.host.platform.package_offline:
        return failed("a package has no CPU online, so that KVM makes no TD")
    online, present = known(report.host.platform.cpus), known(report.host.platform.cpus_present)
    if online >= present:
        return passed(counted(present, "CPU"))
    told = f"{present - online} of {counted(present, 'CPU')} are offline"
    if report.host.kernel.generation in kernels.UPSTREAM_KVM:
        return passed(f"{told}, and KVM needs one in each package")
    return warned(f"{told}, and older kernels initialize the module on all or not at all")


@check("cpu.errata")
def has_no_erratum(report: Report) -> Verdict:
    found = known(report.host.platform.errata)
    return failed(f"it has {', '.join(found)}") if found else passed("none that the kernel names")
