"""The kinds of places that tell facts: each a locator, and how to ask there.

A place has `origin`, which names it to users and in JSON, and `read(machine)`, which gives its
value or raises Unavailable. One of which there are several is a `locator` with what tells them
apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, dataclass_transform

from tdxinfo.machine import Machine

C = TypeVar("C")


@dataclass_transform(frozen_default=True, eq_default=False)
def locator(cls: type[C]) -> type[C]:
    """A dataclass that type checkers hold for frozen.

    A frozen one, with all that goes with it, takes five times as long to make, and the catalogue
    imports two dozen at every start.
    """
    return dataclass(eq=False, repr=False)(cls)


class Place(Protocol):
    @property
    def origin(self) -> str: ...

    def read(self, machine: Machine) -> Any: ...
