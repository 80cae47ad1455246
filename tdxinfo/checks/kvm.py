"""Does KVM offer trust domains?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.decode import kernels
from tdxinfo.host import Host
from tdxinfo.model.verdict import Verdict, failed, passed, skipped

_RELOAD = "Run `modprobe -r kvm_intel && modprobe kvm_intel tdx=1`."
_PARAMETERS = {
    "kvm_intel.ept": "ept",
    "kvm_intel.eptad": "eptad",
    "kvm_intel.enable_apicv": "apicv",
    "kvm.tdp_mmu": "tdp_mmu",
    "kvm.mmio_caching": "mmio_caching",
}


@check(
    "kvm.loaded",
    remedy="Run `modprobe kvm_intel`.",
    needs=["kernel.config_tdx_host"],
    proof="kvm.vm_type",
)
def is_loaded(host: Host) -> Verdict:
    """kvm_intel is loaded."""
    if known(host.kvm.loaded):
        return passed("kvm_intel is loaded")
    return failed(host.kvm.refusal.value or "kvm_intel is not loaded")


@check(
    "kvm.parameters",
    remedy="Remove the setting from /etc/modprobe.d and the command line, then load KVM again.",
    needs=["kvm.loaded"],
    proof="kvm.vm_type",
)
def parameters_allow_tdx(host: Host) -> Verdict:
    """No module parameter of KVM excludes TDX."""
    off = [name for name, field in _PARAMETERS.items() if not known(getattr(host.kvm, field))]
    return failed(f"off: {', '.join(off)}") if off else passed("all that TDX needs are on")


@check(
    "kvm.virt_at_load",
    remedy="Set kvm.enable_virt_at_load=1 on the kernel command line, and reboot.",
    needs=["kvm.loaded"],
    proof="kvm.vm_type",
)
def virtualization_is_on_early(host: Host) -> Verdict:
    """KVM turns virtualization on when it loads, as TDX needs from Linux 6.16 to 7.0."""
    version = kernels.version(known(host.kernel.release))
    if version and not kernels.FIRST_KVM_TDX <= version < kernels.FIRST_AT_BOOT:
        return skipped("only Linux 6.16 to 7.0 ask for it")
    if known(host.kvm.virt_at_load):
        return passed("kvm.enable_virt_at_load is on")
    return failed("kvm.enable_virt_at_load is off")


@check(
    "kvm.tdx_enabled",
    remedy=_RELOAD,
    needs=["module.initialized", "kvm.loaded", "kvm.parameters", "kvm.virt_at_load"],
    proof="kvm.vm_type",
)
def tdx_is_enabled(host: Host) -> Verdict:
    """KVM has TDX turned on."""
    if known(host.kvm.tdx_enabled):
        return passed("kvm_intel.tdx is on")
    return failed(host.kvm.refusal.value or "kvm_intel.tdx is off")


@check("kvm.vm_type", remedy=_RELOAD, needs=["kvm.tdx_enabled"])
def offers_tds(host: Host) -> Verdict:
    """KVM offers the VM type for trust domains."""
    version = kernels.version(host.kernel.release.value or "")
    is_upstream_kvm = version is not None and version >= kernels.FIRST_KVM_TDX
    if not host.kvm.vm_type_supported.is_known and host.kvm.tdx_enabled.value and is_upstream_kvm:
        return passed("not looked at, but KVM would have cleared kvm_intel.tdx otherwise")
    if known(host.kvm.vm_type_supported):
        return passed("KVM_X86_TDX_VM is offered")
    return failed("KVM does not offer KVM_X86_TDX_VM")
