"""/sys/firmware/memmap: the firmware's memory map, a folder an entry."""

from __future__ import annotations

from collections.abc import Iterator

from tdxinfo.decode import lines
from tdxinfo.errors import Absent, Malformed
from tdxinfo.machine import Machine
from tdxinfo.model.values import MemoryRange
from tdxinfo.sources.files import decoded

_FOLDER = "/sys/firmware/memmap"
_MAX_ENTRIES = 4096
_RAM = "System RAM"


class FirmwareMemmap:
    """The ranges of type System RAM. Source: the kernel's ABI document sysfs-firmware-memmap."""

    @property
    def origin(self) -> str:
        return f"sysfs:{_FOLDER}"

    def read(self, machine: Machine) -> tuple[MemoryRange, ...]:
        found = [
            _range(machine, folder)
            for folder in _folders(machine)
            if machine.text(f"{folder}/type").strip() == _RAM
        ]
        if not found:
            raise Absent(f"{_FOLDER} lists no System RAM")
        return tuple(sorted(found, key=lambda ram: ram.base))


def _folders(machine: Machine) -> Iterator[str]:
    """The folders 0, 1, 2 and so on. Raises Unavailable when the first cannot be read."""
    for number in range(_MAX_ENTRIES):
        folder = f"{_FOLDER}/{number}"
        try:
            machine.read(f"{folder}/type")
        except Absent:
            if number == 0:
                raise
            return
        yield folder


def _range(machine: Machine, folder: str) -> MemoryRange:
    first, last = (_number(machine, f"{folder}/{name}") for name in ("start", "end"))
    if last < first:
        raise Malformed(f"{folder} ends before it begins")
    return MemoryRange.between(first, last + 1)


def _number(machine: Machine, path: str) -> int:
    return int(decoded(machine.text(path), lines.number, path))
