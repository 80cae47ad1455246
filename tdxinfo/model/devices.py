"""PCI devices that are given to trust domains."""

from typing import Annotated

from pydantic import Field

from tdxinfo.model.base import Value
from tdxinfo.model.values import Count

MAX_DEVICES = 256
"""More than a host has GPUs and switches; each is read with its IOMMU group."""

Text = Annotated[str, Field(max_length=64)]


class PciPeer(Value, frozen=True):
    """Another device of the same IOMMU group: a TD gets all of a group or none."""

    address: Text
    """Its PCI address."""
    driver: Text | None
    """The driver that is bound to it; null where none is."""
    is_bridge: bool
    """It is a PCI bridge, which stays with the host."""


class PciDevice(Value, frozen=True):
    """A GPU, an NVSwitch or another accelerator."""

    address: Text
    """Its PCI address."""
    kind: Text
    """GPU, NVSwitch or accelerator."""
    vendor: Text
    """Its PCI vendor id, for example 0x10de."""
    device: Text
    """Its PCI device id, for example 0x2330."""
    driver: Text | None
    """The driver that is bound to it; null where none is."""
    iommu_group: Count | None
    """Its IOMMU group; null where it has none."""
    peers: Annotated[tuple[PciPeer, ...], Field(max_length=MAX_DEVICES)]
    """The other devices of that group."""

    @property
    def key(self) -> str:
        """Its key in a list of devices."""
        return self.address


PciDevices = Annotated[tuple[PciDevice, ...], Field(max_length=MAX_DEVICES)]
