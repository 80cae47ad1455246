"""The sources of facts: a module for each kind; a source is an object in a fact's annotation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from tdxinfo.errors import Absent, Unavailable
from tdxinfo.machine import Machine

T = TypeVar("T")


class FactSource(Protocol):
    """Something that may have a fact's value."""

    @property
    def origin(self) -> str:
        """Its name for users and in JSON: KIND:WHERE, for example msr:0x982."""

    def read(self, machine: Machine) -> Any:
        """The value. Raises Unavailable when it has none."""


def first_answer(reads: Iterable[Callable[[], T]], none_there: str = "") -> T:
    """The result of the first reader that has one; each reads the same thing from another source.

    Raises Absent only if every reader did, with the sentence `none_there` if given. Otherwise it
    raises the first other refusal: what may not be read, or was not captured, may exist.
    """
    refusals: list[Unavailable] = []
    for read in reads:
        try:
            return read()
        except Unavailable as refusal:
            refusals.append(refusal)
    undecided = next((refusal for refusal in refusals if type(refusal) is not Absent), None)
    raise undecided or (Absent(none_there) if none_there else refusals[0])
