"""Can this kernel be a TDX host, and did it want to?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.decode import kernels
from tdxinfo.model.verdict import Verdict, failed, informed, passed, skipped, warned
from tdxinfo.report import Report

_FIRST_SYS_DISABLE = (7, 2)
_HURTFUL = ("clearcpuid=", "maxcpus=", "nr_cpus=", "memmap=", "efi_fake_mem=", "mem=")


@check("kernel.config_tdx_host")
def has_tdx_host(report: Report) -> Verdict:
    if known(report.host.kernel.config_tdx_host):
        return passed("CONFIG_INTEL_TDX_HOST is set")
    if report.host.kernel.config_kexec_core and _is_before(report, (6, 18)):
        return failed(
            "CONFIG_INTEL_TDX_HOST is not set: before Linux 6.18 it excludes CONFIG_KEXEC_CORE"
        )
    return failed("CONFIG_INTEL_TDX_HOST is not set")


def _is_before(report: Report, version: tuple[int, int]) -> bool:
    running = kernels.version(report.host.kernel.release or "")
    return running is not None and running < version


@check("kernel.generation")
def can_start_module(report: Report) -> Verdict:
    generation = known(report.host.kernel.generation)
    told = kernels.meaning(generation).rstrip(".")
    told = told[:1].lower() + told[1:]
    return failed(told) if generation in (kernels.NONE, kernels.DETECTS) else passed(told)


def _is_upstream_kvm(report: Report) -> bool:
    return report.host.kernel.generation in kernels.UPSTREAM_KVM


@check("kernel.config_kvm_tdx")
def has_kvm_tdx(report: Report) -> Verdict:
    if report.is_known("kernel.generation") and not _is_upstream_kvm(report):
        return skipped("only Linux 6.16 and later have this option")
    if known(report.host.kernel.config_kvm_intel_tdx):
        return passed("CONFIG_KVM_INTEL_TDX is set")
    return failed("CONFIG_KVM_INTEL_TDX is not set")


@check("kernel.hibernation")
def cannot_hibernate(report: Report) -> Verdict:
    if not known(report.host.kernel.hibernation):
        return passed("hibernation is unavailable")
    if report.host.module.state == "initialized":
        return passed("hibernation is available, but the module runs")
    if _is_before(report, kernels.FIRST_TDX_HOST):
        return passed("kernels before 6.8 do not mind hibernation")
    return failed("hibernation is available, and the kernel does not take TDX beside it")


@check("kernel.command_line")
def command_line_is_sane(report: Report) -> Verdict:
    options = known(report.host.kernel.command_line).split()
    hurtful = [option for option in options if option.startswith(_HURTFUL)]
    if hurtful:
        return warned(f"these options can keep TDX from working: {' '.join(hurtful)}")
    turned = [
        option for option in options if option.startswith(("kvm_intel.tdx=", "kvm-intel.tdx="))
    ]
    if len({option.partition("=")[2] for option in turned}) > 1:
        return warned(f"the last one counts of: {' '.join(turned)}")
    return passed("nothing stands in the way")


@check("kernel.tdx_detected")
def kernel_found_tdx(report: Report) -> Verdict:
    if known(report.host.kernel.tdx_detected):
        return passed("the kernel found private KeyIDs")
    return failed("the kernel found no TDX on this platform")


@check("kernel.log")
def log_is_whole(report: Report) -> Verdict:
    if known(report.host.kernel.log_complete):
        return passed("the log begins at boot")
    return informed("the log's beginning is missing, so that silence in it proves nothing")


@check("kernel.places_agree")
def places_agree(report: Report) -> Verdict:
    found = known(report.host.kernel.disagreements)
    return warned("; ".join(found)) if found else passed("what was told twice is the same")


@check("kernel.kexec")
def kexec_goes_with_tdx(report: Report) -> Verdict:
    if report.host.kernel.config_kexec_core is False:
        return skipped("this kernel was built without kexec")
    if "tdx_pw_mce" not in known(report.host.platform.errata):
        return passed("the processor has no erratum that forbids it")
    running = kernels.version(known(report.host.kernel.release))
    if running is None or running >= _FIRST_SYS_DISABLE:
        return passed("the kernel shuts TDX down before it")
    told = "on this processor kexec and kdump do not work beside TDX before Linux 7.2"
    return failed(f"{told}, and kdump is asked for") if _wants_kdump(report) else informed(told)


def _wants_kdump(report: Report) -> bool:
    asked = "crashkernel=" in (report.host.kernel.command_line or "")
    return asked or bool(report.host.kernel.crash_kernel_loaded or report.host.kernel.kexec_loaded)


@check("kernel.machine_checks")
def no_private_memory_error(report: Report) -> Verdict:
    if known(report.host.kernel.private_memory_error):
        return failed("the host wrote to private memory, and a machine check came of it")
    return passed("the log tells of none")


@check("kernel.suspend")
def cannot_suspend(report: Report) -> Verdict:
    if known(report.host.kernel.deep_sleep):
        return failed("suspend to RAM is available")
    return passed("suspend to RAM is off")


@check("kernel.numa_balancing")
def moves_no_pages(report: Report) -> Verdict:
    return failed("it does") if known(report.host.kernel.numa_balancing) else passed("it does not")


@check("kernel.msr")
def registers_can_be_read(report: Report) -> Verdict:
    if known(report.host.kernel.msr_device):
        return passed("/dev/cpu/0/msr is there")
    return failed("/dev/cpu/0/msr does not exist")
