"""KVM: whether it is loaded, has TDX turned on, and supports TDs."""

from types import MappingProxyType
from typing import Annotated

from tdxinfo.decode import parameters
from tdxinfo.decode.boot import platform as boot_platform
from tdxinfo.host.section import From, Section
from tdxinfo.model.values import Bits64, Count, CpuidConfigs
from tdxinfo.sources.files import Exists, parameter
from tdxinfo.sources.folders import Device
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.kvm import KvmCapabilities, KvmVmType
from tdxinfo.sources.userspace import ModprobeOption


class Kvm(Section, frozen=True):
    bitmaps = MappingProxyType({"supported_attributes": "TD_ATTRIBUTES", "supported_xfam": "XFAM"})

    loaded: Annotated[
        bool | None,
        Exists("/sys/module/kvm_intel/parameters/ept"),
        KernelLog(boot_platform.kvm_loaded),
    ] = None
    """kvm_intel is loaded."""

    tdx_enabled: Annotated[
        bool | None, parameter("kvm_intel", "tdx"), KernelLog(boot_platform.kvm_tdx_enabled)
    ] = None
    """kvm_intel has TDX turned on. KVM turns it off when it cannot use TDX."""

    device: Annotated[bool | None, Device("/dev/kvm")] = None
    """/dev/kvm exists."""

    tdx_option: Annotated[str | None, ModprobeOption("kvm_intel", "tdx")] = None
    """Value of kvm_intel's option tdx in modprobe's configuration; empty when it is not set."""

    tdx_requested: Annotated[
        bool | None,
        From(parameters.is_requested, "kernel.command_line?", "kvm.tdx_option?"),
    ] = None
    """Whether the kernel command line or modprobe's configuration turns TDX on in kvm_intel."""

    ept: Annotated[bool | None, parameter("kvm_intel", "ept")] = None
    """Extended page tables, which TDX needs, are on."""

    eptad: Annotated[bool | None, parameter("kvm_intel", "eptad")] = None
    """EPT accessed and dirty bits, which TDX needs, are on."""

    apicv: Annotated[bool | None, parameter("kvm_intel", "enable_apicv")] = None
    """APIC virtualization, which TDX needs, is on."""

    tdp_mmu: Annotated[bool | None, parameter("kvm", "tdp_mmu")] = None
    """The TDP MMU, which TDX needs, is on."""

    mmio_caching: Annotated[bool | None, parameter("kvm", "mmio_caching")] = None
    """MMIO caching, which TDX needs, is on."""

    virt_at_load: Annotated[bool | None, parameter("kvm", "enable_virt_at_load")] = None
    """KVM turns virtualization on when it loads; TDX needs that from Linux 6.16 to 7.0."""

    vm_type_supported: Annotated[bool | None, KvmVmType()] = None
    """KVM offers the VM type for TDs, KVM_X86_TDX_VM."""

    supported_attributes: Annotated[Bits64 | None, KvmCapabilities("supported_attrs")] = None
    """TD attributes that both KVM and the module allow."""

    supported_xfam: Annotated[Bits64 | None, KvmCapabilities("supported_xfam")] = None
    """Extended features that both KVM and the module allow."""

    cpuid_config: Annotated[
        CpuidConfigs | None,
        KvmCapabilities("cpuid"),
    ] = None
    """CPUID bits that may be chosen for a TD and that KVM supports."""

    max_vcpus: Annotated[Count | None, KvmCapabilities("max_vcpus")] = None
    """Maximum number of virtual CPUs that KVM gives a TD."""

    refusal: Annotated[str | None, KernelLog(boot_platform.kvm_refusal)] = None
    """Why KVM did not offer TDX, in its own words."""
