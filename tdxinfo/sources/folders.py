"""What is in a folder, where a link leads, which devices exist: no contents are read."""

import stat
from functools import partial
from typing import Any, NamedTuple

from tdxinfo.errors import Absent, Malformed
from tdxinfo.machine import Machine
from tdxinfo.machine.system import System
from tdxinfo.sources import first_answer


def names_in(machine: Machine, folder: str) -> list[str]:
    """The names in a folder, sorted. Raises Unavailable."""
    answer = machine.ask(f"list/{folder}", lambda system: list(system.names(folder)))
    if not isinstance(answer, list) or not all(isinstance(name, str) for name in answer):
        raise Malformed(f"the record's list of {folder} is not a list of names")
    return [str(name) for name in answer]


class Listing(NamedTuple):
    """The names in the first of several folders that exists."""

    folders: tuple[str, ...]

    @property
    def origin(self) -> str:
        return f"folder:{self.folders[0]}"

    def read(self, machine: Machine) -> list[str]:
        return first_answer(partial(names_in, machine, folder) for folder in self.folders)


class NameCount(NamedTuple):
    """How many names in a folder begin with a prefix."""

    folder: str
    prefix: str = ""

    @property
    def origin(self) -> str:
        return f"folder:{self.folder}"

    def read(self, machine: Machine) -> int:
        return sum(name.startswith(self.prefix) for name in names_in(machine, self.folder))


class Device(NamedTuple):
    """Whether a device node exists. It is not opened."""

    path: str

    @property
    def origin(self) -> str:
        return f"device:{self.path}"

    def read(self, machine: Machine) -> Any:
        return machine.ask(f"device/{self.path}", lambda system: _is_device(system, self.path))


def _is_device(system: System, path: str) -> bool:
    try:
        return stat.S_ISCHR(system.status(path).st_mode)
    except Absent:
        return False


def link_target(machine: Machine, path: str) -> str:
    """The text of a symbolic link. Raises Unavailable."""
    return str(machine.ask(f"link/{path}", lambda system: system.target(path)))
