"""Devices for trust domains: the IOMMU, and GPUs with their drivers."""

from typing import Annotated

from tdxinfo.decode import lines
from tdxinfo.host.section import From, Section
from tdxinfo.model.devices import PciDevices
from tdxinfo.model.values import Count, Names
from tdxinfo.sources.files import File, KernelConfig
from tdxinfo.sources.folders import Device, Listing, NameCount
from tdxinfo.sources.pci import Accelerators

_NODES = "/sys/devices/system/node"


def _has_connect(features: tuple[str, ...]) -> bool:
    return "TDX_CONNECT" in features


class Devices(Section, frozen=True):
    iommu_units: Annotated[Count | None, NameCount("/sys/class/iommu", "dmar")] = None
    """Intel IOMMUs (VT-d) that are on."""

    iommu_groups: Annotated[Count | None, NameCount("/sys/kernel/iommu_groups")] = None
    """IOMMU groups: devices that a VM can only get together."""

    iommufd: Annotated[bool | None, Device("/dev/iommu")] = None
    """/dev/iommu exists: VMMs can map memory for devices through iommufd."""

    config_vfio_cdev: Annotated[bool | None, KernelConfig("CONFIG_VFIO_DEVICE_CDEV")] = None
    """The kernel was built with a file for each VFIO device, which iommufd requires."""

    dma_entry_limit: Annotated[
        Count | None, File("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", lines.number)
    ] = None
    """Mappings that a VM may have through VFIO's own IOMMU driver, without iommufd."""

    accelerators: Annotated[PciDevices | None, Accelerators()] = None
    """GPUs, NVSwitches and other accelerators."""

    nodes_possible: Annotated[Count | None, File(f"{_NODES}/possible", lines.cpu_count)] = None
    """NUMA nodes that can exist, as the firmware reports them."""

    nodes_online: Annotated[Count | None, File(f"{_NODES}/online", lines.cpu_count)] = None
    """NUMA nodes that are online."""

    tdx_connect: Annotated[bool | None, From(_has_connect, "module.features")] = None
    """The TDX module has TDX Connect: trusted devices can use the private memory of TDs."""

    tsm: Annotated[Names | None, Listing(("/sys/class/tsm",))] = None
    """Security managers for trusted devices (TSMs) that the kernel has, such as TDX's."""
