"""KVM: whether it is loaded, has TDX turned on, and offers TDs."""

from types import MappingProxyType
from typing import Annotated

from tdxinfo.host.section import Section
from tdxinfo.model.observed import Observed
from tdxinfo.model.values import Bits64, Count, CpuidConfig
from tdxinfo.sources.files import Exists, parameter
from tdxinfo.sources.folders import Device
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.kvm import KvmCapabilities, KvmVmType
from tdxinfo.sources.stack import ModprobeOption


class Kvm(Section):
    bitmaps = MappingProxyType({"supported_attributes": "TD_ATTRIBUTES", "supported_xfam": "XFAM"})

    loaded: Annotated[
        Observed[bool], Exists("/sys/module/kvm_intel/parameters/ept"), KernelLog("kvm_loaded")
    ]
    """kvm_intel is loaded."""

    tdx_enabled: Annotated[
        Observed[bool], parameter("kvm_intel", "tdx"), KernelLog("kvm_tdx_enabled")
    ]
    """kvm_intel has TDX turned on. KVM turns it off itself when it cannot have it."""

    device: Annotated[Observed[bool], Device("/dev/kvm")]
    """/dev/kvm is there."""

    tdx_option: Annotated[Observed[str], ModprobeOption("kvm_intel", "tdx")]
    """What modprobe's configuration says of kvm_intel's option tdx; empty when nothing."""

    ept: Annotated[Observed[bool], parameter("kvm_intel", "ept")]
    """Extended page tables, which TDX needs, are on."""

    eptad: Annotated[Observed[bool], parameter("kvm_intel", "eptad")]
    """EPT accessed and dirty bits, which TDX needs, are on."""

    apicv: Annotated[Observed[bool], parameter("kvm_intel", "enable_apicv")]
    """APIC virtualization, which TDX needs, is on."""

    tdp_mmu: Annotated[Observed[bool], parameter("kvm", "tdp_mmu")]
    """The TDP MMU, which TDX needs, is on."""

    mmio_caching: Annotated[Observed[bool], parameter("kvm", "mmio_caching")]
    """MMIO caching, which TDX needs, is on."""

    virt_at_load: Annotated[Observed[bool], parameter("kvm", "enable_virt_at_load")]
    """KVM turns virtualization on when it loads; TDX needs that from Linux 6.16 to 7.0."""

    vm_type_supported: Annotated[Observed[bool], KvmVmType()]
    """KVM offers the VM type for TDs, KVM_X86_TDX_VM."""

    supported_attributes: Annotated[Observed[Bits64], KvmCapabilities("supported_attrs")]
    """TD attributes that both KVM and the module allow."""

    supported_xfam: Annotated[Observed[Bits64], KvmCapabilities("supported_xfam")]
    """Extended features that both KVM and the module allow."""

    cpuid_config: Annotated[Observed[tuple[CpuidConfig, ...]], KvmCapabilities("cpuid")]
    """CPUID bits that may be chosen for a TD, less those that KVM takes away."""

    max_vcpus: Annotated[Observed[Count], KvmCapabilities("max_vcpus")]
    """Virtual CPUs that KVM gives a TD at most."""

    refusal: Annotated[Observed[str], KernelLog("kvm_refusal")]
    """Why KVM did not offer TDX, in its own words."""
