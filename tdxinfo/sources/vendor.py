"""The sysfs trees of vendor kernels before TDX was upstream.

There were three layouts: /sys/firmware/tdx_seam (2021), /sys/firmware/tdx/tdx_module with
p_seamldr (Intel MVP 5.15 to 6.2), and the latter with a `metadata` folder of raw values by field
id (development kernels around 6.3 to 6.8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tdxinfo.decode import layout, lines
from tdxinfo.errors import Absent
from tdxinfo.machine import Machine
from tdxinfo.model.values import CpuidConfig, ModuleVersion, decimal_date
from tdxinfo.sources.files import Binary, decoded

TREES = ("/sys/firmware/tdx/tdx_module", "/sys/firmware/tdx_seam")
SEAMLDR = "/sys/firmware/tdx/p_seamldr"
METADATA = "/sys/firmware/tdx/tdx_module/metadata"

_STATES = {
    "not-loaded": "not-loaded",
    "not-found": "not-loaded",
    "none": "not-loaded",
    "loaded": "not-attempted",
    "found": "not-attempted",
    "initialized": "initialized",
    "error": "failed",
    "shutdown": "failed",
}


def _text(machine: Machine, name: str) -> tuple[str, str]:
    """Path and text of the file in the first tree that has it."""
    absences: list[Absent] = []
    for tree in TREES:
        path = f"{tree}/{name}"
        try:
            return path, machine.text(path)
        except Absent as error:
            absences.append(error)
    raise absences[0]


class VendorModule(NamedTuple):
    """A number in the vendor tree of the TDX module."""

    name: str
    convert: Callable[[int], Any] = int

    @property
    def origin(self) -> str:
        return f"sysfs:/sys/firmware/tdx*/{self.name}"

    def read(self, machine: Machine) -> Any:
        path, text = _text(machine, self.name)
        return decoded(text, lambda t: self.convert(lines.number(t)), path)


class VendorState:
    """The module's state; older trees call the file `state`, newer ones `status`."""

    @property
    def origin(self) -> str:
        return "sysfs:/sys/firmware/tdx*/status"

    def read(self, machine: Machine) -> str:
        try:
            path, text = _text(machine, "status")
        except Absent:
            path, text = _text(machine, "state")
        state = _STATES.get(text.strip())
        if state is None:
            raise Absent(f"{path} says {text.strip()[:40]!r}, which tdxinfo does not know")
        return state


class VendorVersion:
    """Major and minor version from a vendor tree, which has no update."""

    @property
    def origin(self) -> str:
        return "sysfs:/sys/firmware/tdx*/{major,minor}_version"

    def read(self, machine: Machine) -> ModuleVersion:
        major = VendorModule("major_version").read(machine)
        return ModuleVersion(major, VendorModule("minor_version").read(machine))


class SeamldrVersion:
    """Major and minor version of the P-SEAMLDR (Intel MVP 5.15)."""

    @property
    def origin(self) -> str:
        return f"sysfs:{SEAMLDR}/{{major,minor}}"

    def read(self, machine: Machine) -> ModuleVersion:
        parts = [
            decoded(machine.text(path), lines.number, path)
            for path in (f"{SEAMLDR}/major", f"{SEAMLDR}/minor")
        ]
        return ModuleVersion(*parts)


def day(text: str) -> Any:
    """A build date: decimal yyyymmdd, or the same number in hex (2021)."""
    return decimal_date(lines.number(text))


def metadata(field_id: int) -> Binary:
    """A 64-bit value that the vendor kernel shows by its metadata field id."""
    return Binary(f"{METADATA}/{field_id:016x}", layout.word64)


class VendorCpuid:
    """CPUID_CONFIG from three metadata files: the count, the leaves, the values."""

    @property
    def origin(self) -> str:
        return f"sysfs:{METADATA}"

    def read(self, machine: Machine) -> tuple[CpuidConfig, ...]:
        files = ("9900000100000004", "9900000300000400", "9900000300000500")
        count, leaves, values = (machine.read(f"{METADATA}/{name}") for name in files)
        return layout.cpuid_configs(count, leaves, values)
