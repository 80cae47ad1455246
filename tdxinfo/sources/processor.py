"""/proc/cpuinfo: what the kernel knows of the processors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tdxinfo.decode import cpuinfo
from tdxinfo.errors import Absent
from tdxinfo.machine import Machine

PATH = "/proc/cpuinfo"


def cpus(machine: Machine) -> cpuinfo.Cpus:
    """The processors, parsed once. Raises Unavailable."""
    return machine.once("cpus", lambda: cpuinfo.parse(machine.text(PATH)))


@dataclass(frozen=True, slots=True)
class CpuInfo:
    """A fact that /proc/cpuinfo tells: `get` takes it from the processors.

    None from `get` means that the line is missing.
    """

    what: str
    get: Callable[[cpuinfo.Cpus], Any]

    @property
    def origin(self) -> str:
        return f"procfs:{PATH}#{self.what}"

    def read(self, machine: Machine) -> Any:
        told = self.get(cpus(machine))
        if told is None:
            raise Absent(f"{PATH} has no line `{self.what}`")
        return told


@dataclass(frozen=True, slots=True)
class FlagImplies:
    """A flag that the kernel only shows when something is so. Its absence proves nothing."""

    flag: str
    value: Any = True

    @property
    def origin(self) -> str:
        return f"procfs:{PATH}#flags"

    def read(self, machine: Machine) -> Any:
        if self.flag not in (cpus(machine).flags or ()):
            raise Absent(f"{PATH} has no flag {self.flag}, which may have other reasons")
        return self.value
