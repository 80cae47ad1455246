"""/proc/cpuinfo: what the kernel knows of the processors."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tdxinfo.decode import cpuinfo
from tdxinfo.errors import Absent, NotRecorded
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.system import System

PATH = "/proc/cpuinfo"
LSCPU = "lscpu"
"""The key under which a record holds the output of lscpu."""


def cpus(machine: Machine) -> cpuinfo.Cpus:
    """The processors, parsed once. Raises Unavailable."""
    return machine.once("cpus", lambda: _cpus(machine))


def _cpus(machine: Machine) -> cpuinfo.Cpus:
    """As /proc/cpuinfo describes them; in a record without it, as lscpu printed it."""
    try:
        return cpuinfo.parse(machine.text(PATH))
    except NotRecorded as refusal:
        try:
            printed = machine.ask(LSCPU, _no_lscpu)
        except Absent:
            raise refusal from None
        from tdxinfo.decode import sessions  # for few records, and slow to import

        return sessions.lscpu(str(printed))


def _no_lscpu(system: System) -> Answer:
    raise Absent("lscpu is read only from records")


class CpuInfo(NamedTuple):
    """A fact in /proc/cpuinfo: `get` takes it from the processors.

    None from `get` means that the line is missing.
    """

    what: str
    get: Callable[[cpuinfo.Cpus], Any]

    @property
    def origin(self) -> str:
        return f"procfs:{PATH}#{self.what}"

    def read(self, machine: Machine) -> Any:
        value = self.get(cpus(machine))
        if value is None:
            raise Absent(f"{PATH} has no line `{self.what}`")
        return value


class FlagImplies(NamedTuple):
    """`value`, if /proc/cpuinfo has the flag. Its absence proves nothing."""

    flag: str
    value: Any = True

    @property
    def origin(self) -> str:
        return f"procfs:{PATH}#flags"

    def read(self, machine: Machine) -> Any:
        if self.flag not in (cpus(machine).flags or ()):
            raise Absent(
                f"{PATH} has no flag {self.flag}, and a flag can be missing for other reasons"
            )
        return self.value
