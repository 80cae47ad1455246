"""What a trust domain can be configured with."""

from types import MappingProxyType
from typing import Annotated

from tdxinfo.decode import bits
from tdxinfo.decode.boot import platform as boot_platform
from tdxinfo.host.section import From, Section
from tdxinfo.model.values import Bits64, Count, CpuidConfigs
from tdxinfo.sources import metadata
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.kmem import Kmem, KmemCpuid
from tdxinfo.sources.kobjects import SYSINFO
from tdxinfo.sources.vendor import VendorCpuid, VendorModule
from tdxinfo.sources.vendor import metadata as vendor_metadata

_FIXED_BITS = {
    "attributes": "TD_ATTRIBUTES",
    "xfam": "XFAM",
    "config_flags": "CONFIG_FLAGS",
    "servtd_attr": "SERVTD_ATTR",
    "vm_ctls": "VM_CTLS",
    "l2_ctls": "L2_CTLS",
}


def _can_migrate(features0: int) -> bool:
    return bits.is_set("TDX_FEATURES0", "TD_MIGRATION", features0)


def _can_partition(features0: int) -> bool:
    return bits.is_set("TDX_FEATURES0", "TD_PARTITIONING", features0)


class Td(Section, frozen=True):
    bitmaps = MappingProxyType(
        {f"{stem}_fixed{bit}": table for stem, table in _FIXED_BITS.items() for bit in (0, 1)}
    )

    attributes_fixed0: Annotated[
        Bits64 | None,
        *metadata.word("ATTRIBUTES_FIXED0"),
        Kmem(SYSINFO, "td_conf.attributes_fixed0"),
        VendorModule("attributes_fixed0"),
        vendor_metadata(0x1900000300000000),
    ] = None
    """A TD attribute whose bit is 0 here must be 0."""

    attributes_fixed1: Annotated[
        Bits64 | None,
        *metadata.word("ATTRIBUTES_FIXED1"),
        Kmem(SYSINFO, "td_conf.attributes_fixed1"),
        VendorModule("attributes_fixed1"),
        vendor_metadata(0x1900000300000001),
    ] = None
    """A TD attribute whose bit is 1 here must be 1."""

    xfam_fixed0: Annotated[
        Bits64 | None,
        *metadata.word("XFAM_FIXED0"),
        Kmem(SYSINFO, "td_conf.xfam_fixed0"),
        VendorModule("xfam_fixed0"),
        vendor_metadata(0x1900000300000002),
    ] = None
    """An extended feature whose bit is 0 here must be 0."""

    xfam_fixed1: Annotated[
        Bits64 | None,
        *metadata.word("XFAM_FIXED1"),
        Kmem(SYSINFO, "td_conf.xfam_fixed1"),
        VendorModule("xfam_fixed1"),
        vendor_metadata(0x1900000300000003),
    ] = None
    """An extended feature whose bit is 1 here must be 1."""

    max_vcpus: Annotated[
        Count | None,
        *metadata.word("MAX_VCPUS_PER_TD"),
        Kmem(SYSINFO, "td_conf.max_vcpus_per_td"),
        KernelLog(boot_platform.max_vcpus),
    ] = None
    """Maximum number of virtual CPUs that a TD can have."""

    tdr_base_size: Annotated[
        Count | None, *metadata.word("TDR_BASE_SIZE"), Kmem(SYSINFO, "td_ctrl.tdr_base_size")
    ] = None
    """Bytes of a TD's root structure, TDR."""

    tdcs_base_size: Annotated[
        Count | None, *metadata.word("TDCS_BASE_SIZE"), Kmem(SYSINFO, "td_ctrl.tdcs_base_size")
    ] = None
    """Bytes of a TD's control structure, TDCS, at least."""

    tdvps_base_size: Annotated[
        Count | None, *metadata.word("TDVPS_BASE_SIZE"), Kmem(SYSINFO, "td_ctrl.tdvps_base_size")
    ] = None
    """Bytes of a virtual CPU's state, TDVPS, at least."""

    cpuid_config: Annotated[
        CpuidConfigs | None,
        *metadata.cpuid(),
        KmemCpuid(),
        VendorCpuid(),
    ] = None
    """CPUID bits that a TD's owner may choose, by leaf and sub-leaf."""

    max_service_tds: Annotated[
        Count | None, *metadata.word("MAX_SERV_TDS"), KernelLog(boot_platform.max_service_tds)
    ] = None
    """Maximum number of service TDs that one TD can have."""

    live_migration: Annotated[
        bool | None,
        KernelLog(boot_platform.live_migration),
        From(_can_migrate, "module.features0"),
    ] = None
    """Whether the module supports the live migration of TDs, which KVM must support too."""

    partitioning: Annotated[
        bool | None,
        KernelLog(boot_platform.td_partitioning),
        From(_can_partition, "module.features0"),
    ] = None
    """Whether a TD can hold virtual machines of its own."""

    config_flags_fixed0: Annotated[Bits64 | None, *metadata.word("CONFIG_FLAGS_FIXED0")] = None
    """A configuration flag whose bit is 0 here must be 0."""

    config_flags_fixed1: Annotated[Bits64 | None, *metadata.word("CONFIG_FLAGS_FIXED1")] = None
    """A configuration flag whose bit is 1 here must be 1."""

    servtd_attr_fixed0: Annotated[Bits64 | None, *metadata.word("SERVTD_ATTR_FIXED0")] = None
    """An attribute of a service TD's binding whose bit is 0 here must be 0."""

    servtd_attr_fixed1: Annotated[Bits64 | None, *metadata.word("SERVTD_ATTR_FIXED1")] = None
    """An attribute of a service TD's binding whose bit is 1 here must be 1."""

    vm_ctls_fixed0: Annotated[Bits64 | None, *metadata.word("VM_CTLS_FIXED0")] = None
    """A control of a partition whose bit is 0 here must be 0."""

    vm_ctls_fixed1: Annotated[Bits64 | None, *metadata.word("VM_CTLS_FIXED1")] = None
    """A control of a partition whose bit is 1 here must be 1."""

    l2_ctls_fixed0: Annotated[Bits64 | None, *metadata.word("VPCU_L2_CTLS_FIXED0")] = None
    """A control of a partition's virtual CPU whose bit is 0 here must be 0."""

    l2_ctls_fixed1: Annotated[Bits64 | None, *metadata.word("VCPU_L2_CTLS_FIXED1")] = None
    """A control of a partition's virtual CPU whose bit is 1 here must be 1."""

    arch_capabilities_mask: Annotated[
        Bits64 | None, *metadata.word("IA32_ARCH_CAPABILITIES_CONFIG_MASK")
    ] = None
    """Bits of IA32_ARCH_CAPABILITIES that may be chosen."""

    min_virtual_maxpa: Annotated[Count | None, *metadata.word("MIN_VIRT_MAXPA")] = None
    """Smallest width of physical addresses that a TD can be shown."""

    max_migration_streams: Annotated[Count | None, *metadata.word("MAX_MIGS")] = None
    """Maximum number of migration streams that a TD can have."""
