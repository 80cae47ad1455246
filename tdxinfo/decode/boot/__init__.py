"""What the kernel log of one boot reports, as facts by name.

Each fact is a function of the boot, in `platform`, `module` or `ram`. A fact of which the log says
nothing raises Absent: silence is no answer.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cached_property

from tdxinfo.decode import klog, seamcall
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Absent, Malformed
from tdxinfo.model.values import decimal_date

_OUTCOMES = ("initialized", "failed")
_BOOT_ONLY = "virt/tdx: TDX-Module "
"""How outcomes of kernels begin that try once, while they boot (Linux 7.1 and later)."""
FAILED_CALLS = {
    "seamcall_failed": "",
    "vp_read_failed": "TDH.VP.RD",
    "vp_write_failed": "TDH.VP.WR",
    "exec_read_failed": "TDH.MNG.RD",
    "sys_disable_failed": "TDH.SYS.DISABLE",
    "seamldr_call_failed": "",
}
"""Events of a SEAMCALL that failed, with its name where the event names it."""
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
    "dynamic_pamt",
    "extension_kb",
)
"""What the kernel only says while it tries to initialize the module."""

REFUSED = ("too_few_keyids", "hibernation_enabled", "notifier_failed", "instruction_missing")
"""The kernel found TDX and would not have it."""

_MAX_RELEASE = 64
"""Characters, as uname's field has room for."""


class Boot:
    """The events of one boot, in order. Questions about names do not visit all of them."""

    def __init__(
        self, events: tuple[Event, ...], complete: bool, boots: int = 1, known: int = 0
    ) -> None:
        self.events = events
        self.complete = complete
        """The log begins where the kernel began, so that what is not there was not said."""
        self.boots = boots
        """How many boots the log holds lines of; this one is the last."""
        self.known = known
        """Lines of the log that some wording knows, in all boots."""

    @classmethod
    def from_log(cls, text: str, pasted: bool = True) -> Boot:
        """The last boot of the log; `pasted` where somebody supplied it."""
        found = klog.read_log(text, pasted)
        return cls(tuple(found.events), found.complete, found.boots, found.known)

    def incomplete(self) -> Boot:
        """The same events, of a log that may lack others."""
        return Boot(self.events, False, self.boots, self.known)

    def places(self, name: str) -> list[int]:
        """Where the events of this name are in `events`."""
        return self._places.get(name, [])

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Where the events of each name are."""
        places: dict[str, list[int]] = {}
        for place, event in enumerate(self.events):
            places.setdefault(event.name, []).append(place)
        return places

    def named(self, *names: str) -> list[Event]:
        """The events of these names, in the order of the log."""
        places = sorted(place for name in names for place in self.places(name))
        return [self.events[place] for place in places]

    @cached_property
    def failed_calls(self) -> list[Event]:
        return self.named(*FAILED_CALLS)

    @cached_property
    def release(self) -> str | None:
        """The kernel's release, as `uname -r` prints it; None for one that no kernel can have."""
        found = self.named("linux_version")
        release = (
            re.split(r"[\s(]", str(found[-1].values["release"]), maxsplit=1)[0] if found else ""
        )
        return release if 0 < len(release) <= _MAX_RELEASE else None

    def has(self, *names: str) -> bool:
        return not self._places.keys().isdisjoint(names)

    def last(self, *names: str) -> Event:
        """The last event of these names. Raises Absent."""
        places = [self._places[name][-1] for name in names if name in self._places]
        if not places:
            raise Absent(f"the kernel log has no line about this ({names[0]})")
        return self.events[max(places)]

    def number(self, event: str, value: str) -> int:
        """A number of the last such event that has it. Raises Absent."""
        return int(self._value(event, value))

    def text(self, event: str, value: str) -> str:
        return str(self._value(event, value))

    def _value(self, event: str, value: str) -> int | str:
        for place in reversed(self.places(event)):
            values = self.events[place].values
            if value in values:
                return values[value]
        raise Absent("the kernel log does not have this value")

    @cached_property
    def attempts(self) -> list[list[Event]]:
        """The events of each attempt to initialize the module; the last may have no end.

        After a success, SEAMCALLs that fail belong to its run time, unless a line that only an
        attempt prints follows them.
        """
        attempts: list[list[Event]] = [[]]
        end, calls, is_of_boot = "", 0, False
        for event in self.events:
            if end and event.name != end and _begins_attempt(event, end, is_of_boot):
                kept = len(attempts[-1]) - calls
                attempts[-1], again = attempts[-1][:kept], attempts[-1][kept:]
                attempts.append(again)
                end, is_of_boot = "", False
            attempts[-1].append(event)
            if event.name in _OUTCOMES:
                is_of_boot = _is_of_boot(event) or (is_of_boot and event.name == end)
                end = event.name
            calls = calls + 1 if _may_belong_to_next(event) else 0
        return attempts

    @cached_property
    def run_time(self) -> list[Event]:
        """The events after the last attempt, where that one succeeded."""
        attempt = self.attempts[-1]
        places = [place for place, event in enumerate(attempt) if event.name == "initialized"]
        return attempt[places[-1] + 1 :] if places else []

    @cached_property
    def tries_once(self) -> bool:
        """The kernel worded an outcome as those do that only try while they boot."""
        return any(map(_is_of_boot, self.named(*_OUTCOMES)))

    @cached_property
    def was_tried(self) -> bool:
        return any(map(is_trace, self.named(*_TRACES, "seamcall_failed")))


def is_trace(event: Event) -> bool:
    return event.name in _TRACES or is_initialization_call(event)


def _is_of_boot(outcome: Event) -> bool:
    return outcome.text.startswith(_BOOT_ONLY)


def _begins_attempt(event: Event, end: str, is_of_boot: bool) -> bool:
    """Whether an event after an outcome belongs to another attempt."""
    if end == "failed":
        return event.name in _OUTCOMES or is_trace(event)
    if is_of_boot:
        # What such a kernel says afterwards is of an update or a CPU that comes online.
        return event.name in (*_OUTCOMES, "module_info")
    return event.name in _OUTCOMES or event.name in _TRACES


def _may_belong_to_next(event: Event) -> bool:
    return is_initialization_call(event) or event.name == "seamcall_operands"


def is_initialization_call(event: Event) -> bool:
    """Whether it is a failed SEAMCALL of an initialization; others fail at run time."""
    return event.name == "seamcall_failed" and seamcall.is_initialization(call_name(event))


def is_failed_call(event: Event) -> bool:
    return event.name in FAILED_CALLS


def call_name(call: Event) -> str:
    """The SEAMCALL's name, from its number where the kernel printed that."""
    if FAILED_CALLS[call.name]:
        return FAILED_CALLS[call.name]
    if "leaf" in call.values:
        return seamcall.leaf_name(int(call.values["leaf"])) or ""
    return str(call.values["leaf_name"])


def named(events: list[Event], *names: str) -> list[Event]:
    return [event for event in events if event.name in names]


def as_date(number: int) -> date:
    """Raises Malformed when the decimal yyyymmdd number is not a day."""
    try:
        return decimal_date(number)
    except ValueError:
        raise Malformed(f"the kernel log's build date {number} is not a day") from None
