"""Does this kernel support TDX hosts, and does its configuration allow it?"""

from tdxinfo.checks import evidence, next_boot
from tdxinfo.checks.engine import check, known
from tdxinfo.checks.rules import head_of_rule
from tdxinfo.checks.units import counted
from tdxinfo.decode import bits, kernels
from tdxinfo.decode.boot import BEGINNING, LACKS
from tdxinfo.model.verdict import Verdict, failed, informed, passed, skipped, unknown, warned
from tdxinfo.report import Report

_FIRST_SYS_DISABLE = (7, 2)
_OPTIONS_AGAINST_TDX = (
    "clearcpuid=",
    "maxcpus=",
    "nr_cpus=",
    "memmap=",
    "efi_fake_mem=",
    "mem=",
)
"""Options that hide a feature, CPUs or memory from the kernel."""


@check("kernel.config_tdx_host")
def has_tdx_host(report: Report) -> Verdict:
    if known(report.host.kernel.config_tdx_host):
        return passed("this kernel was built with TDX host support")
    message = "this kernel was built without TDX host support (CONFIG_INTEL_TDX_HOST)"
    if report.host.kernel.config_kexec_core and _is_before(report, (6, 18)):
        message += ", which excludes kexec before Linux 6.18"
    return failed(message, next_boot.kernel_remedy(report))


def _is_before(report: Report, version: tuple[int, int]) -> bool:
    running = evidence.upstream_version(report)
    return running is not None and running < version


@check("kernel.generation")
def can_start_module(report: Report) -> Verdict:
    proof = evidence.proof_of(report, "kernel-starts-module")
    if proof:
        return passed(proof)
    generation = known(report.host.kernel.generation)
    value = kernels.meaning(generation).rstrip(".")
    value = value[:1].lower() + value[1:]
    if generation in (kernels.NONE, kernels.DETECTS):
        return failed(value, next_boot.kernel_remedy(report))
    return passed(value)


@check("kernel.config_kvm_tdx")
def has_kvm_tdx(report: Report) -> Verdict:
    generation = report.host.kernel.generation
    if generation is not None and generation not in kernels.UPSTREAM_KVM:
        return skipped("only Linux 6.16 and later have CONFIG_KVM_INTEL_TDX")
    if known(report.host.kernel.config_kvm_intel_tdx):
        return passed("the KVM of this kernel was built with TDX")
    return failed("the KVM of this kernel was built without TDX (CONFIG_KVM_INTEL_TDX)")


@check("kernel.hibernation")
def cannot_hibernate(report: Report) -> Verdict:
    if not known(report.host.kernel.hibernation):
        return passed("hibernation is unavailable")
    proof = evidence.proof_of(report, "runs-beside-hibernation")
    if proof:
        return passed(f"hibernation is available, but {proof}")
    refused = report.origin_of("kernel.hibernation").startswith("klog:")
    release = report.host.kernel.release
    refuses = True if refused or release is None else kernels.refuses_hibernation(release)
    if refuses is False:
        return passed("kernels before 6.8 run TDX although hibernation is available")
    if refuses is None:
        return unknown(
            "hibernation is available, and whether this kernel then disables TDX is unknown"
        )
    message = "the kernel disables TDX while hibernation is available"
    return failed(message, next_boot.option_remedy(report, "nohibernate"))


@check("kernel.command_line")
def command_line_is_sane(report: Report) -> Verdict:
    options = known(report.host.kernel.command_line).split()
    against = [option for option in options if option.startswith(_OPTIONS_AGAINST_TDX)]
    if against:
        return warned(f"these options can keep TDX from working: {' '.join(against)}")
    tdx_options = [
        option for option in options if option.startswith(("kvm_intel.tdx=", "kvm-intel.tdx="))
    ]
    if len({option.partition("=")[2] for option in tdx_options}) > 1:
        return warned(f"the last of these options is used: {' '.join(tdx_options)}")
    return passed("no option prevents TDX")


@check("kernel.tdx_detected")
def kernel_found_tdx(report: Report) -> Verdict:
    if known(report.host.kernel.tdx_detected):
        return passed("the kernel found KeyIDs for TDX")
    if report.host.kernel.config_tdx_host is None:
        return _no_line(report)
    return failed("the kernel found no TDX on this platform")


def _no_line(report: Report) -> Verdict:
    """The verdict if the log of a whole boot has no line about TDX: it shows no cause."""
    message = "the log of the whole boot has no line about TDX on the host: "
    keyids = report.host.keys.tdx_keyids
    if keyids:
        message += f"the firmware gives TDX {counted(keyids, 'KeyID')}, so that most likely "
    else:
        message += "TDX is off in the firmware, or "
    message += "this kernel was built without CONFIG_INTEL_TDX_HOST"
    if _is_before(report, (6, 18)):
        message += ", which excludes kexec before Linux 6.18"
    rule = head_of_rule("kernel.config_tdx_host")
    other = next_boot.kernel_remedy(report) or rule.remedy_for(report.host.platform.distribution)
    return failed(
        message,
        "Run `grep INTEL_TDX_HOST /boot/config-$(uname -r)`. If it prints "
        "CONFIG_INTEL_TDX_HOST=y, enable TDX in the firmware setup, if this processor has it, and "
        f"reboot. If not, {other[0].lower()}{other[1:]}",
    )


@check("kernel.log")
def log_is_whole(report: Report) -> Verdict:
    boots = report.host.kernel.boots_in_log or 1
    which = f"; it has {boots} boots, and the last one is checked" if boots > 1 else ""
    if report.host.kernel.crash_kernel_skipped:
        which += "; it ends with the boot of a crash kernel (kdump), which is not checked"
    if known(report.host.kernel.log_complete):
        return passed(f"the kernel log begins at boot{which}")
    lacks = LACKS[report.host.kernel.log_lacks or BEGINNING]
    return informed(f"{lacks}: a missing line proves nothing{which}")


@check("kernel.places_agree")
def sources_agree(report: Report) -> Verdict:
    found = known(report.host.kernel.disagreements)
    return warned("; ".join(found)) if found else passed("all sources agree")


@check("kernel.kexec")
def kexec_works_beside_tdx(report: Report) -> Verdict:
    if report.host.kernel.config_kexec_core is False:
        return skipped("this kernel was built without kexec")
    wanted = ", and kdump is configured" if _wants_kdump(report) else ""
    proof = evidence.proof_of(report, "refuses-kexec")
    if proof:
        message = f"kexec and kdump do not work with TDX: {proof}{wanted}"
        return failed(message) if wanted else informed(message)
    if "tdx_pw_mce" not in known(report.host.platform.errata):
        return passed("no erratum of this processor prevents kexec")
    known(report.host.kernel.release)
    running = evidence.upstream_version(report)
    if running is None:
        return unknown("whether this kernel refuses kexec while TDX is enabled is unknown")
    if running >= _FIRST_SYS_DISABLE:
        return _by_sys_disable(report, wanted)
    message = f"on this processor kexec and kdump do not work with TDX before Linux 7.2{wanted}"
    return failed(message) if wanted else informed(message)


def _by_sys_disable(report: Report, wanted: str) -> Verdict:
    """The verdict if the kernel calls TDH.SYS.DISABLE before kexec: not every module has it."""
    if bits.is_set("TDX_FEATURES0", "SYS_DISABLE", known(report.host.module.features0)):
        return passed("the kernel disables the TDX module before kexec (SYS_DISABLE)")
    message = f"this module lacks SYS_DISABLE: kexec and kdump are not safe with TDX{wanted}"
    return failed(message) if wanted else informed(message)


def _wants_kdump(report: Report) -> bool:
    asked = "crashkernel=" in (report.host.kernel.command_line or "")
    return asked or bool(report.host.kernel.crash_kernel_loaded or report.host.kernel.kexec_loaded)


@check("kernel.machine_checks")
def no_private_memory_error(report: Report) -> Verdict:
    if known(report.host.kernel.private_memory_error):
        return failed("the kernel log has a machine check in private memory: the host wrote to it")
    return passed("no machine check in private memory in the kernel log")


@check("kernel.suspend")
def cannot_suspend(report: Report) -> Verdict:
    if known(report.host.kernel.deep_sleep):
        return failed("suspend to RAM is available")
    return passed("suspend to RAM is unavailable")


@check("kernel.numa_balancing")
def numa_balancing_off(report: Report) -> Verdict:
    return (
        failed("NUMA balancing is on")
        if known(report.host.kernel.numa_balancing)
        else passed("NUMA balancing is off")
    )


@check("kernel.msr")
def registers_can_be_read(report: Report) -> Verdict:
    if known(report.host.kernel.msr_device):
        return passed("/dev/cpu/0/msr exists")
    return failed("/dev/cpu/0/msr does not exist")
