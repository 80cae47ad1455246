"""What the kernel log of one boot tells, as facts by name.

Each fact is a function of the boot, in `platform`, `module` or `ram`. A fact of which the log says
nothing raises Absent: silence is no answer.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from tdxinfo.decode import klog, seamcall
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Absent, Malformed
from tdxinfo.model.values import decimal_date

_OUTCOMES = ("initialized", "failed")
_TRACES = (
    "not_loaded",
    "module_loaded",
    "module_info",
    "features0",
    "cmr",
    "pamt_kb",
    "pamt_pages",
    "rbp_bug",
    "reserved_areas_exhausted",
    "tdmrs_exhausted",
    "not_enabled",
)
"""What the kernel only says while it tries to initialize the module."""

REFUSED = ("too_few_keyids", "hibernation_enabled", "notifier_failed", "instruction_missing")
"""The kernel found TDX and would not have it."""


class Boot(NamedTuple):
    """The events of one boot, in order."""

    events: tuple[Event, ...]
    complete: bool
    """The log begins where the kernel began, so that what is not there was not said."""

    @classmethod
    def from_log(cls, text: str, pasted: bool = True) -> Boot:
        """The last boot of the log; `pasted` where somebody supplied it."""
        found, complete = klog.events(text, pasted)
        return cls(tuple(found), complete)

    def has(self, *names: str) -> bool:
        return any(event.name in names for event in self.events)

    def last(self, *names: str) -> Event:
        """The last event of these names. Raises Absent."""
        for event in reversed(self.events):
            if event.name in names:
                return event
        raise Absent(f"the kernel log has no line about this ({names[0]})")

    def number(self, event: str, value: str) -> int:
        """A number of the last such event that tells it. Raises Absent."""
        return int(self._value(event, value))

    def text(self, event: str, value: str) -> str:
        return str(self._value(event, value))

    def _value(self, event: str, value: str) -> int | str:
        for found in reversed(self.events):
            if found.name == event and value in found.values:
                return found.values[value]
        raise Absent(f"the kernel log does not tell this ({event}.{value})")

    @property
    def attempts(self) -> list[list[Event]]:
        """The events of each attempt to initialize the module; the last may have no end."""
        attempts: list[list[Event]] = [[]]
        end = ""
        for event in self.events:
            if end and event.name != end and (event.name in _OUTCOMES or is_trace(event)):
                attempts.append([])
                end = ""
            attempts[-1].append(event)
            end = event.name if event.name in _OUTCOMES else end
        return attempts

    def was_tried(self) -> bool:
        return any(map(is_trace, self.events))


def is_trace(event: Event) -> bool:
    return event.name in _TRACES or is_initialization_call(event)


def is_initialization_call(event: Event) -> bool:
    """Whether it is a failed SEAMCALL of an initialization; others fail at run time."""
    return event.name == "seamcall_failed" and seamcall.is_initialization(call_name(event))


def call_name(call: Event) -> str:
    """The SEAMCALL's name, from its number where the kernel printed that."""
    if "leaf" in call.values:
        return seamcall.leaf_name(int(call.values["leaf"])) or ""
    return str(call.values["leaf_name"])


def named(events: list[Event], *names: str) -> list[Event]:
    return [event for event in events if event.name in names]


def as_date(number: int) -> date:
    """Raises Malformed when the decimal yyyymmdd number is no day."""
    try:
        return decimal_date(number)
    except ValueError:
        raise Malformed(f"the kernel log's build date {number} is no day") from None
