"""What is in a folder, where a link leads, which devices exist: no contents are read."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any

from tdxinfo.errors import Absent, Malformed, Unavailable, from_oserror
from tdxinfo.machine import Machine
from tdxinfo.machine.bounded import within

PATIENCE = 2.0
_MOST_NAMES = 4096


def names_in(machine: Machine, folder: str) -> list[str]:
    """The names in a folder, sorted. Raises Unavailable."""
    told = machine.ask(f"list/{folder}", lambda: list(names(folder)))
    if not isinstance(told, list) or not all(isinstance(name, str) for name in told):
        raise Malformed(f"the record's list of {folder} is no list of names")
    return [str(name) for name in told]


def names(folder: str) -> list[str]:
    """The names in a folder of this machine, sorted. Raises Unavailable."""
    try:
        found = within(PATIENCE, folder, lambda: os.listdir(folder))
    except OSError as error:
        raise from_oserror(error, folder) from None
    return sorted(found)[:_MOST_NAMES]


@dataclass(frozen=True, slots=True)
class FirstFolder:
    """The names in the first of several folders that is there."""

    folders: tuple[str, ...]

    @property
    def origin(self) -> str:
        return f"folder:{self.folders[0]}"

    def read(self, machine: Machine) -> list[str]:
        refusals: list[Unavailable] = []
        for folder in self.folders:
            try:
                return names_in(machine, folder)
            except Unavailable as refusal:
                refusals.append(refusal)
        raise next((error for error in refusals if not isinstance(error, Absent)), refusals[0])


@dataclass(frozen=True, slots=True)
class Device:
    """Whether a device's node is there. It is not opened."""

    path: str

    @property
    def origin(self) -> str:
        return f"device:{self.path}"

    def read(self, machine: Machine) -> Any:
        return machine.ask(f"device/{self.path}", lambda: _is_device(self.path))


def _is_device(path: str) -> bool:
    try:
        return stat.S_ISCHR(os.stat(path).st_mode)
    except OSError as error:
        refusal = from_oserror(error, path)
        if isinstance(refusal, Absent):
            return False
        raise refusal from None


def link_target(machine: Machine, path: str) -> str:
    """Where the link leads. Raises Unavailable."""
    return str(machine.ask(f"link/{path}", lambda: _target(path)))


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError as error:
        raise from_oserror(error, path) from None
