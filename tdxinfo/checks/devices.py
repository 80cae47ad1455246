"""Can devices be given to trust domains? By default this only informs."""

from collections.abc import Iterable

from tdxinfo.checks.engine import check, known
from tdxinfo.checks.units import counted
from tdxinfo.model.devices import PciDevice
from tdxinfo.model.verdict import Verdict, failed, informed, passed, skipped
from tdxinfo.report import Report

_NO_DEVICES = "this host has no GPU, NVSwitch or other accelerator"
_MAX_NAMED = 3
_DEFAULT_LIMIT = 65_535
"""Of the parameter dma_entry_limit of vfio_iommu_type1."""


def _is_for_vms(driver: str | None) -> bool:
    """Whether the driver gives devices to VMs: vfio-pci, or a vendor's as nvgrace_gpu_vfio_pci."""
    return driver is not None and "vfio" in driver


@check("devices.iommu")
def iommu_is_on(report: Report) -> Verdict:
    units = known(report.host.devices.iommu_units)
    groups = known(report.host.devices.iommu_groups)
    if not units:
        return failed("no Intel IOMMU is on")
    if not groups:
        return failed("the IOMMU is on, but no device is in a group")
    return passed(f"{counted(units, 'IOMMU')} with {counted(groups, 'group')} of devices")


@check("devices.vfio")
def devices_are_bound(report: Report) -> Verdict:
    found = known(report.host.devices.accelerators)
    if not found:
        return skipped(_NO_DEVICES)
    others = [device for device in found if not _is_for_vms(device.driver)]
    if not others:
        return passed(f"{_kinds(found)}: all are bound to vfio-pci")
    named = _listed(f"{d.address} ({d.kind}) {_bound(d.driver)}" for d in others)
    be = "is" if len(others) == 1 else "are"
    return failed(
        f"{len(others)} of {counted(len(found), 'device')} {be} not bound to vfio-pci: {named}"
    )


def _bound(driver: str | None) -> str:
    return "has no driver" if driver is None else f"is bound to {driver}"


def _kinds(devices: Iterable[PciDevice]) -> str:
    kinds = [device.kind for device in devices]
    return ", ".join(counted(kinds.count(kind), kind) for kind in dict.fromkeys(kinds))


def _listed(parts: Iterable[str]) -> str:
    named = list(parts)
    left = len(named) - _MAX_NAMED
    return ", ".join(named[:_MAX_NAMED]) + (f" and {left} more" if left > 0 else "")


@check("devices.groups")
def groups_are_free(report: Report) -> Verdict:
    found = known(report.host.devices.accelerators)
    if not found:
        return skipped(_NO_DEVICES)
    without = [device.address for device in found if device.iommu_group is None]
    if without:
        return failed(f"in no IOMMU group: {_listed(without)}")
    held = {
        peer.address: f"{peer.address} is bound to {peer.driver} (group {device.iommu_group})"
        for device in found
        for peer in device.peers
        if peer.driver is not None and not peer.is_bridge and not _is_for_vms(peer.driver)
    }
    if held:
        return failed(
            f"the host uses other devices in the IOMMU groups of GPUs: {_listed(held.values())}"
        )
    return passed(f"{_kinds(found)}: the host uses no other device in their IOMMU groups")


@check("devices.dma_limit")
def mappings_are_enough(report: Report) -> Verdict:
    if report.is_absent("devices.dma_entry_limit"):
        return skipped("the module vfio_iommu_type1 is not loaded")
    limit = known(report.host.devices.dma_entry_limit)
    if limit > _DEFAULT_LIMIT:
        return passed(f"a VM can have {limit} mappings without iommufd")
    return failed(
        f"a VM can have {limit} mappings without iommufd, which are too few for a TD with a GPU"
    )


@check("devices.iommufd")
def iommufd_is_there(report: Report) -> Verdict:
    if not known(report.host.devices.iommufd):
        return failed("/dev/iommu does not exist")
    if report.host.devices.config_vfio_cdev is False:
        return failed(
            "/dev/iommu exists, but this kernel was built without a file for each VFIO device "
            "(CONFIG_VFIO_DEVICE_CDEV)"
        )
    return passed("/dev/iommu exists")


@check("devices.nodes")
def nodes_are_online(report: Report) -> Verdict:
    possible = known(report.host.devices.nodes_possible)
    online = known(report.host.devices.nodes_online)
    if possible > online:
        return failed(f"{possible} NUMA nodes are possible and {online} online")
    return passed(f"all {counted(online, 'NUMA node')} that are possible are online")


@check("devices.tdx_connect")
def connect_is_known(report: Report) -> Verdict:
    if report.is_absent("devices.tsm") or not known(report.host.devices.tsm):
        return informed("this kernel does not use TDX Connect: it has no TSM (/sys/class/tsm)")
    if not known(report.host.devices.tdx_connect):
        return informed("the TDX module has no TDX Connect: devices use only shared memory of TDs")
    managers = ", ".join(report.host.devices.tsm or ())
    return passed(f"the TDX module has TDX Connect; TSM: {managers}")
