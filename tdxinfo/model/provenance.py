"""Where facts come from: the machine or record, each value's source, and why others had none."""

from __future__ import annotations

from dataclasses import dataclass

from tdxinfo.errors import Unavailable
from tdxinfo.model.base import Described


@dataclass(frozen=True, slots=True)
class Origin(Described):
    """Where a report's facts come from."""

    kind: str
    """live, capture, example, kernel-log, metadata, vmcore or report."""
    path: str | None
    """What --from was given; null on the machine itself."""
    note: str | None
    """What a recorded host says of itself, for example that its values are constructed."""
    recorded: str | None
    """When the record was made."""

    @classmethod
    def of(
        cls,
        kind: str,
        path: str | None = None,
        note: str | None = None,
        recorded: str | None = None,
    ) -> Origin:
        """Bytes of the path that are not UTF-8 are escaped, since JSON cannot hold them."""
        shown = None if path is None else path.encode("utf-8", "backslashreplace").decode()
        return cls(kind, shown, note, recorded)


@dataclass(frozen=True, slots=True)
class Source(Described):
    """The source that a value came from."""

    origin: str
    """The kind of the source, and where in it the value is: sysfs:/sys/..., msr:0x87."""


@dataclass(frozen=True, slots=True)
class Attempt(Described):
    """A source that was asked and has no value."""

    origin: str
    """The source."""
    reason: str
    """absent, not-recorded, denied, unsupported, lost, timed-out, malformed or inconsistent."""
    message: str
    """What the source has instead of a value, in words."""
    remedy: str
    """What would help; empty when nothing would."""

    @classmethod
    def from_error(cls, origin: str, error: Unavailable) -> Attempt:
        return cls(origin, error.reason, error.message, error.remedy)
