"""Memory slots, from the firmware's DMI table."""

from __future__ import annotations

from typing import Any, NamedTuple

from tdxinfo.decode import dmi
from tdxinfo.errors import Absent, Malformed
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.system import System

_ENTRIES = "/sys/firmware/dmi/entries"


class MemorySlots(NamedTuple):
    """How many memory slots there are, or are `populated`. A capture keeps two numbers."""

    populated: bool

    @property
    def origin(self) -> str:
        return f"sysfs:{_ENTRIES}/17-*"

    def read(self, machine: Machine) -> int:
        answer: Any = machine.ask("dmi/memory-slots", _slots)
        if not isinstance(answer, list) or [type(count) for count in answer] != [int, int]:
            raise Malformed("the record's numbers of memory slots are not a pair of numbers")
        return int(answer[0 if self.populated else 1])


def _slots(system: System) -> Answer:
    """Populated slots and all slots."""
    folders = [name for name in system.names(_ENTRIES) if name.startswith("17-")]
    if not folders:
        raise Absent(f"{_ENTRIES} has no memory device")
    states = [dmi.is_populated(system.read(f"{_ENTRIES}/{f}/raw")) for f in folders]
    return [sum(states), len(states)]
