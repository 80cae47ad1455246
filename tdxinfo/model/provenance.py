"""Where facts come from: the machine or record, each value's source, and why others had none."""

from typing import Self

from tdxinfo.model.base import Frozen, encodable


class Origin(Frozen, frozen=True):
    """Where a report's facts come from."""

    kind: str
    """live, capture, example, kernel-log, metadata, vmcore, report, sosreport, supportconfig or
    system-report."""
    path: str | None
    """What --from was given; null on the machine itself."""
    note: str | None
    """The record's note about itself, for example that its values are constructed."""
    recorded: str | None
    """When the record was made."""

    @classmethod
    def of(
        cls,
        kind: str,
        path: str | None = None,
        note: str | None = None,
        recorded: str | None = None,
    ) -> Self:
        """Bytes of the path that are not UTF-8 are escaped, since JSON cannot hold them."""
        shown = None if path is None else encodable(path)
        return cls(kind=kind, path=shown, note=note, recorded=recorded)


class Source(Frozen, frozen=True):
    """The source that a value came from."""

    origin: str
    """The kind of the source, and where in it the value is: sysfs:/sys/..., msr:0x87."""


class Attempt(Frozen, frozen=True):
    """A source that was asked and has no value."""

    origin: str
    """The source."""
    reason: str
    """absent, not-recorded, denied, excluded, unsupported, lost, timed-out, malformed or
    inconsistent."""
    message: str
    """What the source has instead of a value, in words."""
    remedy: str
    """What would help; empty when nothing would."""
