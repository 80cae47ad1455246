"""The kinds of places that tell facts: each a locator, and how to ask there.

A place is a frozen dataclass with `origin`, which names it to users and in JSON, and
`read(machine)`, which gives its value or raises Unavailable.
"""

from __future__ import annotations

from typing import Any, Protocol

from tdxinfo.machine import Machine


class Place(Protocol):
    @property
    def origin(self) -> str: ...

    def read(self, machine: Machine) -> Any: ...
