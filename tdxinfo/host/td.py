"""What a trust domain may be given."""

from typing import Annotated

from tdxinfo.host.section import Section
from tdxinfo.model.observed import Observed
from tdxinfo.model.values import Bits64, Count, CpuidConfig
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.vendor import MetadataCpuid, VendorModule, metadata


class Td(Section):
    attributes_fixed0: Annotated[
        Observed[Bits64], VendorModule("attributes_fixed0"), metadata(0x1900000300000000)
    ]
    """A TD attribute whose bit is 0 here must be 0."""

    attributes_fixed1: Annotated[
        Observed[Bits64], VendorModule("attributes_fixed1"), metadata(0x1900000300000001)
    ]
    """A TD attribute whose bit is 1 here must be 1."""

    xfam_fixed0: Annotated[
        Observed[Bits64], VendorModule("xfam_fixed0"), metadata(0x1900000300000002)
    ]
    """An extended feature whose bit is 0 here must be 0."""

    xfam_fixed1: Annotated[
        Observed[Bits64], VendorModule("xfam_fixed1"), metadata(0x1900000300000003)
    ]
    """An extended feature whose bit is 1 here must be 1."""

    max_vcpus: Annotated[Observed[Count], KernelLog("max_vcpus")]
    """Virtual CPUs a TD has at most."""

    tdr_base_size: Observed[Count]
    """Bytes of a TD's root structure, TDR."""

    tdcs_base_size: Observed[Count]
    """Bytes of a TD's control structure, TDCS, at least."""

    tdvps_base_size: Observed[Count]
    """Bytes of a virtual CPU's state, TDVPS, at least."""

    cpuid_config: Annotated[Observed[tuple[CpuidConfig, ...]], MetadataCpuid()]
    """CPUID bits that a TD's owner may choose, by leaf and sub-leaf."""

    max_service_tds: Annotated[Observed[Count], KernelLog("max_service_tds")]
    """Service TDs that one TD can have."""

    live_migration: Annotated[Observed[bool], KernelLog("live_migration")]
    """Whether KVM and the module can migrate a running TD."""

    partitioning: Annotated[Observed[bool], KernelLog("td_partitioning")]
    """Whether a TD can hold virtual machines of its own."""
