"""Does the next boot start with TDX?"""

from tdxinfo.checks import evidence, next_boot
from tdxinfo.checks.engine import check, known
from tdxinfo.decode import kernels, parameters
from tdxinfo.model.verdict import Verdict, failed, passed, skipped, unknown
from tdxinfo.report import Report

_LOCKED = ("integrity", "confidentiality")
_NO_TDX = "the next boot starts {}, which does not support TDX"
_KVM_OPTION = "kvm_intel.tdx=1"


@check("boot.next_kernel")
def next_kernel_supports_tdx(report: Report) -> Verdict:
    release = known(report.host.boot.next_kernel)
    how = next_boot.how_chosen(report)
    which = f"the next boot starts {release}, " + (f"{how}: {release}" if how else "which")
    can = next_boot.can_start_tds(report)
    if can:
        return passed(f"{which} supports TDX")
    if can is None:
        known(report.host.boot.next_config_tdx_host)
        known(report.host.boot.next_generation)
        return unknown(f"whether {release}, the kernel of the next boot, supports TDX is unknown")
    return failed(f"{which} does not support TDX", _other_kernel(report))


def _other_kernel(report: Report) -> str:
    """The remedy: boot the running kernel if it can start TDs, else another installed one."""
    running = report.host.kernel.release
    if running in (report.host.boot.tdx_kernels or ()):
        return _sentence(next_boot.words(report, "set_default", kernel=str(running)))
    return next_boot.kernel_remedy(report)


@check("boot.hibernation")
def next_boot_cannot_hibernate(report: Report) -> Verdict:
    if next_boot.can_start_tds(report) is False:
        return skipped(_NO_TDX.format(report.host.boot.next_kernel))
    options = known(report.host.boot.next_options).split()
    given = next((option for option in options if option in kernels.NO_HIBERNATION), "")
    if given:
        return passed(f"the next boot has {given}")
    release = known(report.host.boot.next_kernel)
    if kernels.refuses_hibernation(release) is False:
        return passed(f"{release} runs TDX although hibernation is available")
    if report.host.boot.next_config_hibernation is False:
        return passed(f"{release} was built without hibernation")
    if report.host.kernel.lockdown in _LOCKED:
        return passed("kernel lockdown turns hibernation off")
    can_now = release == report.host.kernel.release and report.host.kernel.hibernation
    if can_now and evidence.proof_of(report, "runs-beside-hibernation"):
        return passed(f"{release} runs TDX although hibernation is available")
    known(report.host.boot.next_config_hibernation)
    if kernels.refuses_hibernation(release) is None:
        return unknown(f"whether {release} disables TDX while hibernation is available is unknown")
    message = f"the next boot starts {release} without nohibernate: TDX is then off"
    return failed(message, _sentence(next_boot.persisted(report, "nohibernate")))


def _sentence(order: str) -> str:
    return f"{order}." if order else ""


@check("boot.kvm_tdx")
def tdx_survives_reboot(report: Report) -> Verdict:
    if next_boot.can_start_tds(report) is False:
        return skipped(_NO_TDX.format(report.host.boot.next_kernel))
    generation = report.host.boot.next_generation or report.host.kernel.generation
    if generation is not None and generation not in kernels.UPSTREAM_KVM:
        return skipped("this vendor's kernel enables TDX in another way")
    options = report.host.boot.next_options
    given = parameters.on_command_line(options or "", "kvm_intel", "tdx")
    if given is not None:  # modprobe passes it after its own configuration's, so it wins
        if parameters.is_on(given):
            return passed(f"the command line of the next boot has kvm_intel.tdx={given}")
        return failed(f"the command line of the next boot has kvm_intel.tdx={given}")
    if parameters.is_on(known(report.host.kvm.tdx_option)) and not _is_turned_off(report):
        return passed("modprobe's configuration has kvm_intel tdx=1")
    known(report.host.boot.next_options)
    message = "kvm_intel tdx=1 is neither on the command line of the next boot nor in modprobe.d"
    return failed(message, _persisted(report))


def _is_turned_off(report: Report) -> bool:
    """Whether the running kernel's command line overrides modprobe's configuration."""
    line = report.host.kernel.command_line or ""
    given = parameters.on_command_line(line, "kvm_intel", "tdx")
    return (
        report.host.boot.next_options is None and given is not None and not parameters.is_on(given)
    )


def _persisted(report: Report) -> str:
    """The remedy if /etc/default/grub has the option, but the boot menu does not; else empty."""
    if _KVM_OPTION in (report.host.boot.configured_options or "").split():
        return _sentence(next_boot.persisted(report, _KVM_OPTION))
    return ""


@check("boot.options")
def options_stay(report: Report) -> Verdict:
    changed = known(report.host.boot.option_changes)
    if changed:
        return failed(f"options that change with the next boot: {'; '.join(changed)}")
    return passed("the next boot has the same options about TDX as the running kernel")
