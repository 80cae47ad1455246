"""A fact about a host: its value, the place that told it, and the places that did not."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from tdxinfo.errors import Unavailable

T = TypeVar("T")


class Attempt(NamedTuple):
    """One place that was asked and did not answer."""

    origin: str
    reason: str
    message: str
    remedy: str = ""

    @classmethod
    def from_error(cls, origin: str, error: Unavailable) -> Attempt:
        return cls(origin, error.reason, error.message, error.remedy)

    def as_dict(self) -> dict[str, str]:
        return {
            "origin": self.origin,
            "reason": self.reason,
            "message": self.message,
            "remedy": self.remedy,
        }


class Observed(NamedTuple, Generic[T]):
    """What was learnt of one fact.

    `origin` names the place that answered and is empty when none did. A value of None with an
    origin is knowledge too: the place said that there is none.
    """

    value: T | None = None
    origin: str = ""
    attempts: tuple[Attempt, ...] = ()
    name: str = ""

    @property
    def is_known(self) -> bool:
        return self.origin != ""
