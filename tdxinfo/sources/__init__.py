"""The sources of facts: one module a kind, each source an object that a fact is annotated with."""

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
        """Its name for users and in JSON: the kind, a colon, and where in it the value is."""

    def read(self, machine: Machine) -> Any:
        """The value. Raises Unavailable when it has none."""


def first_answer(reads: Iterable[Callable[[], T]], none_there: str = "") -> T:
    """What the first of several readers returns, where each looks for the same in another place.

    Raises the refusal that decides: "it does not exist" only if every one of them raised that. What
    may not be read, or was not captured, may be there. `none_there` is the sentence for nothing.
    """
    refusals: list[Unavailable] = []
    for read in reads:
        try:
            return read()
        except Unavailable as refusal:
            refusals.append(refusal)
    undecided = next((refusal for refusal in refusals if type(refusal) is not Absent), None)
    raise undecided or (Absent(none_there) if none_there else refusals[0])
