"""Is this a machine that can have TDX at all?"""

from tdxinfo.checks import evidence
from tdxinfo.checks.engine import check, known
from tdxinfo.checks.units import counted
from tdxinfo.decode import cpuinfo, kernels
from tdxinfo.host.platform import INSTRUCTIONS
from tdxinfo.model.verdict import Verdict, failed, passed, warned
from tdxinfo.report import Report

INTEL = "GenuineIntel"


@check("cpu.vendor")
def is_intel(report: Report) -> Verdict:
    vendor = known(report.host.platform.vendor)
    if vendor == INTEL:
        return passed("this is an Intel processor")
    maker = cpuinfo.maker(vendor)
    article = "an" if maker[:1] in "AEIO" else "a"
    return failed(f"this is {article} {maker} processor: {maker} processors do not have TDX")


@check("cpu.bare_metal")
def is_bare_metal(report: Report) -> Verdict:
    kinds = {
        "vm": "this is a virtual machine, which cannot see its host's TDX",
        "td-guest": "this is a trust domain, a guest, which cannot see its host's TDX",
    }
    kind = known(report.host.platform.virtualization)
    return failed(kinds[kind]) if kind in kinds else passed("this is not a virtual machine")


_UPDATE = "Update tdxinfo, or look the processor up on Intel's website."


@check("cpu.model")
def has_tdx_model(report: Report) -> Verdict:
    family, model = known(report.host.platform.family), known(report.host.platform.model)
    proof = evidence.proof_of(report, "processor-has-tdx")
    if proof:
        return passed(proof)
    if report.host.keys.tdx_keyids:
        return passed("the firmware gave KeyIDs to TDX")
    row = cpuinfo.cpu_row(family, model) or {}
    name = f"{row['codename']} processors" if row else f"processors of family {family}"
    if cpuinfo.never_has_tdx(family, model):
        return failed(f"{name} do not have TDX")
    if not row:
        return warned(
            f"this tdxinfo does not know processors of family {family}, model {model}", _UPDATE
        )
    if row["tdx"] == "unknown":
        return warned(f"this tdxinfo does not know whether {name} have TDX", _UPDATE)
    return passed(f"{'some ' if row['tdx'] == 'some' else ''}{name} have TDX")


@check("cpu.instructions")
def has_instructions(report: Report) -> Verdict:
    present = known(report.host.platform.instructions)
    missing = [name for name in INSTRUCTIONS if name not in present]
    return (
        failed(f"missing instructions: {', '.join(missing)}")
        if missing
        else passed(f"instructions: {', '.join(present)}")
    )


@check("cpu.seamrr")
def has_seam_registers(report: Report) -> Verdict:
    if known(report.host.firmware.seamrr_supported):
        return passed("this processor has SEAM range registers")
    return failed(
        "this processor has no SEAM range registers (IA32_MTRRCAP), so it does not have TDX"
    )


@check("cpu.production")
def is_production(report: Report) -> Verdict:
    if known(report.host.firmware.preproduction):
        return warned("this is a pre-production processor")
    return passed("this is a production processor")


@check("cpu.online")
def all_are_online(report: Report) -> Verdict:
    if report.host.platform.package_offline:
        return failed("a package has no online CPU, and KVM then creates no TDs")
    online, present = known(report.host.platform.cpus), known(report.host.platform.cpus_present)
    if online >= present:
        return passed(f"{counted(present, 'CPU')} online")
    offline = present - online
    message = f"{offline} of {counted(present, 'CPU')} {'is' if offline == 1 else 'are'} offline"
    if report.host.kernel.generation in kernels.UPSTREAM_KVM:
        return passed(f"{message}, and KVM requires one online in each package")
    return warned(f"{message}, and this kernel initializes the module only when all are online")


@check("cpu.errata")
def has_no_erratum(report: Report) -> Verdict:
    found = known(report.host.platform.errata)
    return (
        failed(f"errata: {', '.join(found)}")
        if found
        else passed("the kernel lists no erratum about TDX")
    )


@check("cpu.microcode")
def microcode_is_equal(report: Report) -> Verdict:
    revisions = known(report.host.platform.microcode)
    distinct = {part for revision in revisions for part in revision.split("/")}
    if len(distinct) == 1:
        return passed(f"microcode {revisions[0]}")
    if len(revisions) == 1:
        return failed(f"the CPUs of the package run different microcode: {revisions[0]}")
    return failed(f"the packages run different microcode: {', '.join(revisions)}")
