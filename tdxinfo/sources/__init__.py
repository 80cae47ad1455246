"""The sources of facts: one module a kind, each source an object that a fact is annotated with."""

from __future__ import annotations

from typing import Any, Protocol

from tdxinfo.machine import Machine


class FactSource(Protocol):
    """Something that may have a fact's value."""

    @property
    def origin(self) -> str:
        """Its name for users and in JSON: the kind, a colon, and where in it the value is."""

    def read(self, machine: Machine) -> Any:
        """The value. Raises Unavailable when it has none."""
