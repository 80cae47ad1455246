"""Does KVM support trust domains?"""

from tdxinfo.checks import refusals
from tdxinfo.checks.engine import check, known
from tdxinfo.decode import kernels, kvm
from tdxinfo.model.values import hex64
from tdxinfo.model.verdict import Verdict, failed, passed, skipped
from tdxinfo.report import Report


@check("kvm.loaded")
def is_loaded(report: Report) -> Verdict:
    if known(report.host.kvm.loaded):
        return passed("kvm_intel is loaded")
    refused = refusals.of_kvm(report)
    if refused:
        return refused
    reason = _silent_refusal(report)
    if reason:
        return failed(f"kvm_intel is not loaded, and KVM prints no reason: {reason}", _UPDATE)
    return failed("kvm_intel is not loaded")


_UPDATE = "Update the TDX module, with the firmware or in EFI/TDX on the EFI system partition."


def _silent_refusal(report: Report) -> str | None:
    """Why this KVM would not load with tdx=1, by the module's attributes; None if it would."""
    if report.host.kernel.generation not in kernels.UPSTREAM_KVM:
        return None
    td = report.host.td
    return kvm.silent_refusal(td.attributes_fixed0, td.attributes_fixed1, td.xfam_fixed1)


@check("kvm.parameters")
def parameters_allow_tdx(report: Report) -> Verdict:
    off = [
        name
        for name, field in refusals.PARAMETERS.items()
        if not known(getattr(report.host.kvm, field))
    ]
    return (
        failed(f"parameters that are off: {', '.join(off)}")
        if off
        else passed("all parameters that TDX requires are on")
    )


@check("kvm.virt_at_load")
def virtualization_is_on_early(report: Report) -> Verdict:
    if known(report.host.kernel.generation) != kernels.KVM:
        return skipped("only Linux 6.16 to 7.0 require kvm.enable_virt_at_load")
    if known(report.host.kvm.virt_at_load):
        return passed("kvm.enable_virt_at_load is on")
    return failed("kvm.enable_virt_at_load is off")


@check("kvm.tdx_enabled")
def tdx_is_enabled(report: Report) -> Verdict:
    if known(report.host.kvm.tdx_enabled):
        return passed("kvm_intel.tdx is on")
    return refusals.of_kvm(report) or failed("kvm_intel.tdx is off")


@check("kvm.vm_type")
def offers_tds(report: Report) -> Verdict:
    is_upstream_kvm = report.host.kernel.generation in kernels.UPSTREAM_KVM
    if (
        not report.is_known("kvm.vm_type_supported")
        and report.host.kvm.tdx_enabled
        and is_upstream_kvm
    ):
        return passed(
            "implied: kvm_intel.tdx is on, and KVM clears it where it cannot offer the VM type of "
            "TDs"
        )
    if known(report.host.kvm.vm_type_supported):
        return passed("KVM supports the VM type of TDs (KVM_X86_TDX_VM)")
    return failed("KVM does not support the VM type of TDs (KVM_X86_TDX_VM)")


@check("kvm.device")
def device_is_there(report: Report) -> Verdict:
    return (
        passed("/dev/kvm exists")
        if known(report.host.kvm.device)
        else failed("/dev/kvm does not exist")
    )


@check("kvm.capabilities")
def agrees_with_module(report: Report) -> Verdict:
    if known(report.host.kernel.generation) not in kernels.UPSTREAM_KVM:
        return skipped("the KVM of this vendor's kernel has another interface for TDs")
    reason = _silent_refusal(report)
    if reason and not report.is_known("kvm.supported_attributes"):
        return failed(f"{reason}: kvm_intel does not load with tdx=1", _UPDATE)
    attributes, xfam = (
        known(report.host.kvm.supported_attributes),
        known(report.host.kvm.supported_xfam),
    )
    if not attributes or not xfam:
        return failed("KVM and the module have no TD attribute or no extended feature in common")
    return passed(f"KVM and the module allow attributes {hex64(attributes)}, XFAM {hex64(xfam)}")
