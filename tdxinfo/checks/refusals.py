"""The line with which KVM refused TDX, and the parameters that make it refuse."""

from __future__ import annotations

from tdxinfo.decode import failures, kernels
from tdxinfo.model.verdict import Verdict, failed
from tdxinfo.report import Report

PARAMETERS = {
    "kvm_intel.ept": "ept",
    "kvm_intel.eptad": "eptad",
    "kvm_intel.enable_apicv": "apicv",
    "kvm.tdp_mmu": "tdp_mmu",
    "kvm.mmio_caching": "mmio_caching",
}


def parameters_off(report: Report) -> list[str]:
    """The parameters that this KVM requires for TDX and that are known to be off."""
    required = dict(PARAMETERS)
    if report.host.kernel.generation == kernels.KVM:
        required["kvm.enable_virt_at_load"] = "virt_at_load"
    return [name for name, field in required.items() if getattr(report.host.kvm, field) is False]


def of_kvm(report: Report) -> Verdict | None:
    """A failure with the line that KVM logged and its cause; None if it logged none."""
    line = report.host.kvm.refusal
    if line is None:
        return None
    diagnosis = failures.of_refusal(line)
    message = f"{line}: {diagnosis.cause}" if diagnosis.cause else line
    return failed(message, diagnosis.remedy, diagnosis.effect)
