"""PCI devices that are given to trust domains, from /sys/bus/pci."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tdxinfo import tables
from tdxinfo.errors import Absent, Malformed
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.system import System
from tdxinfo.model.devices import MAX_DEVICES, PciDevice, PciPeer

KEY = "pci/accelerators"
_DEVICES = "/sys/bus/pci/devices"
_GROUPS = "/sys/kernel/iommu_groups"
_BRIDGE = "0x0604"
_MAX_BYTES = 64
_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


class Accelerators:
    """The devices of `tables/devices.toml`, each with its driver and its IOMMU group."""

    @property
    def origin(self) -> str:
        return f"sysfs:{_DEVICES}"

    def read(self, machine: Machine) -> tuple[PciDevice, ...]:
        found = machine.ask(KEY, _accelerators)
        if not isinstance(found, list):
            raise Malformed("the record's list of PCI devices is not a list")
        return tuple(map(_device, found))


def _device(row: object) -> PciDevice:
    try:
        assert isinstance(row, dict)
        peers = tuple(_peer(peer) for peer in row.get("peers", ()))
        parts: Mapping[str, Any] = {"driver": None, "iommu_group": None, **row, "peers": peers}
        return PciDevice(**parts)
    except (AssertionError, TypeError):
        raise Malformed("the record's list of PCI devices has another form") from None


def _peer(row: object) -> PciPeer:
    assert isinstance(row, dict)
    parts: Mapping[str, Any] = {"driver": None, **row}
    return PciPeer(**parts)


# --- on the machine itself ------------------------------------------------------------------------


def _accelerators(system: System) -> Answer:
    found: list[Answer] = []
    for address in filter(_ADDRESS.fullmatch, system.names(_DEVICES)):
        kind = _kind(system, address)
        if kind and len(found) < MAX_DEVICES:
            found.append(_described(system, address, kind))
    return found


def _kind(system: System, address: str) -> str:
    """The device's kind by tables/devices.toml; empty for other devices."""
    class_code = _number(system, address, "class")
    for row in tables.load("devices")["device"]:
        if not class_code.startswith(tuple(row["classes"])):
            continue
        if "vendors" not in row or _number(system, address, "vendor") in row["vendors"]:
            return str(row["kind"])
    return ""


def _described(system: System, address: str, kind: str) -> Answer:
    found: dict[str, Answer] = {
        "address": address,
        "kind": kind,
        "vendor": _number(system, address, "vendor"),
        "device": _number(system, address, "device"),
        **_driver(system, address),
    }
    group = _target(system, address, "iommu_group")
    if group.isdecimal() and len(group) < 8:
        found["iommu_group"] = int(group)
        found["peers"] = list(_peers(system, address, group))
    return found


def _peers(system: System, address: str, group: str) -> Iterator[Answer]:
    names = filter(_ADDRESS.fullmatch, system.names(f"{_GROUPS}/{group}/devices"))
    for other in [name for name in names if name != address][:MAX_DEVICES]:
        is_bridge = _number(system, other, "class").startswith(_BRIDGE)
        yield {"address": other, "is_bridge": is_bridge, **_driver(system, other)}


def _driver(system: System, address: str) -> dict[str, Answer]:
    name = _target(system, address, "driver")
    return {"driver": name[:64]} if name else {}


def _target(system: System, address: str, link: str) -> str:
    """The name of what a link of the device points to; empty if there is no link."""
    try:
        return system.target(f"{_DEVICES}/{address}/{link}").rpartition("/")[2]
    except Absent:
        return ""


def _number(system: System, address: str, name: str) -> str:
    """The text of a file with a hex number, such as 0x10de; empty if the device was removed."""
    try:
        text = system.read(f"{_DEVICES}/{address}/{name}", _MAX_BYTES).decode("ascii", "replace")
    except Absent:
        return ""
    return text.strip()
