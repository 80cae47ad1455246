"""What the kernel log of one boot reports, as facts by name.

Each fact is a function of the boot, in `platform`, `module` or `ram`. A fact of which the log says
nothing raises Absent: silence is no answer.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cached_property
from typing import Literal

from tdxinfo.decode import klog, seamcall
from tdxinfo.decode.klog import Event
from tdxinfo.decode.logend import End
from tdxinfo.errors import Absent, Malformed
from tdxinfo.model.values import decimal_date

Lack = Literal["beginning", "lines", "end", "host"]
"""What a log can lack of a boot."""
BEGINNING: Lack = "beginning"
LACKS: dict[Lack, str] = {
    "beginning": "the beginning of the kernel log is missing",
    "lines": "the kernel log has too few lines to be that of a whole boot",
    "end": "the kernel log ends before the kernel starts the first program",
    "host": "the kernel log has only the boot of a crash kernel (kdump)",
}
"""The same as a clause."""

_OUTCOMES = ("initialized", "failed")
_BOOT_ONLY = "virt/tdx: TDX-Module "
"""How the outcome begins in a kernel that tries only while it boots (Linux 7.1 and later)."""
FAILED_CALLS = {
    "seamcall_failed": "",
    "vp_read_failed": "TDH.VP.RD",
    "vp_write_failed": "TDH.VP.WR",
    "exec_read_failed": "TDH.MNG.RD",
    "sys_disable_failed": "TDH.SYS.DISABLE",
    "seamldr_call_failed": "",
}
"""Events of a failed SEAMCALL, with its name; empty where the line has its name or number."""
_DURING_ATTEMPT = (
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
"""Events that the kernel prints only while it tries to initialize the module."""

REFUSED = ("too_few_keyids", "hibernation_enabled", "notifier_failed", "instruction_missing")
"""Events of a kernel that found TDX and refused to use it."""

_MAX_RELEASE = 64
"""Characters of a kernel's release at most, as in the field of uname."""


class Boot:
    """The events of one boot, in order. Questions about names do not visit all of them."""

    def __init__(
        self,
        events: tuple[Event, ...],
        lacks: Lack | None = None,
        boots: int = 1,
        known: int = 0,
        end: End | None = None,
    ) -> None:
        self.events = events
        self.lacks = lacks
        """What the log lacks of the boot; None where a line that it lacks was not printed."""
        self.boots = boots
        """How many boots the log holds lines of; this one is the last."""
        self.known = known
        """How many lines of the log, in all boots, match a wording."""
        self.crash_kernels = 0
        """How many boots of a crash kernel (kdump) follow this one in the log."""
        self.end = end
        """How far the boot has come in a log that may end anywhere; None for one that is whole."""

    @classmethod
    def from_log(cls, text: str, pasted: bool = True) -> Boot:
        """The last boot of the log; `pasted` where somebody supplied it."""
        found = klog.read_log(text, pasted)
        lacks: Lack | None = None if found.complete else BEGINNING
        boot = cls(tuple(found.events), lacks, found.boots, found.known, found.end)
        boot.crash_kernels = found.crash_kernels
        return boot.lacking("host") if found.is_of_crash_kernel else boot

    def lacking(self, lacks: Lack) -> Boot:
        """The same events, of a log that may lack others."""
        boot = Boot(self.events, lacks, self.boots, self.known, self.end)
        boot.crash_kernels = self.crash_kernels
        return boot

    @property
    def complete(self) -> bool:
        """The log has the whole boot: a line that it lacks was not printed."""
        return self.lacks is None

    def require_whole(self) -> None:
        """Raises Absent where a missing line proves nothing."""
        if self.lacks is not None:
            raise Absent(f"{LACKS[self.lacks]}: a missing line proves nothing")

    def indexes(self, name: str) -> list[int]:
        """The indexes in `events` of the events of this name."""
        return self._indexes.get(name, [])

    @cached_property
    def _indexes(self) -> dict[str, list[int]]:
        """The indexes in `events` by the events' names."""
        indexes: dict[str, list[int]] = {}
        for index, event in enumerate(self.events):
            indexes.setdefault(event.name, []).append(index)
        return indexes

    def named(self, *names: str) -> list[Event]:
        """The events of these names, in the order of the log."""
        indexes = sorted(index for name in names for index in self.indexes(name))
        return [self.events[index] for index in indexes]

    @cached_property
    def failed_calls(self) -> list[Event]:
        return self.named(*FAILED_CALLS)

    @cached_property
    def release(self) -> str | None:
        """The kernel's release, as `uname -r` prints it; None for one that no kernel can have."""
        found = self.named("linux_version")
        text = str(found[-1].values["release"]) if found else ""
        release = re.split(r"[\s(]", text, maxsplit=1)[0]
        return release if 0 < len(release) <= _MAX_RELEASE else None

    def has(self, *names: str) -> bool:
        return not self._indexes.keys().isdisjoint(names)

    def last(self, *names: str) -> Event:
        """The last event of these names. Raises Absent."""
        last = [self._indexes[name][-1] for name in names if name in self._indexes]
        if not last:
            raise Absent("the kernel log has no line about this")
        return self.events[max(last)]

    def number(self, event: str, value: str) -> int:
        """A number of the last such event that has it. Raises Absent."""
        return int(self._value(event, value))

    def text(self, event: str, value: str) -> str:
        return str(self._value(event, value))

    def _value(self, event: str, value: str) -> int | str:
        for index in reversed(self.indexes(event)):
            values = self.events[index].values
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
        # The last outcome, and how many events at the end may belong to the next attempt.
        outcome, trailing, is_boot_only = "", 0, False
        for event in self.events:
            if outcome and event.name != outcome and _begins_attempt(event, outcome, is_boot_only):
                first = len(attempts[-1]) - trailing
                attempts[-1], next_attempt = attempts[-1][:first], attempts[-1][first:]
                attempts.append(next_attempt)
                outcome, is_boot_only = "", False
            attempts[-1].append(event)
            if event.name in _OUTCOMES:
                same = event.name == outcome
                is_boot_only = _is_boot_only(event) or (is_boot_only and same)
                outcome = event.name
            trailing = trailing + 1 if _may_belong_to_next(event) else 0
        return attempts

    @cached_property
    def run_time(self) -> list[Event]:
        """The events after the last attempt, where that one succeeded."""
        attempt = self.attempts[-1]
        ends = [index for index, event in enumerate(attempt) if event.name == "initialized"]
        return attempt[ends[-1] + 1 :] if ends else []

    @cached_property
    def tries_once(self) -> bool:
        """Whether an outcome has the wording of kernels that try only while they boot."""
        return any(map(_is_boot_only, self.named(*_OUTCOMES)))

    @cached_property
    def was_tried(self) -> bool:
        return any(map(is_of_attempt, self.named(*_DURING_ATTEMPT, "seamcall_failed")))


def is_of_attempt(event: Event) -> bool:
    return event.name in _DURING_ATTEMPT or is_initialization_call(event)


def _is_boot_only(outcome: Event) -> bool:
    return outcome.text.startswith(_BOOT_ONLY)


def _begins_attempt(event: Event, outcome: str, is_boot_only: bool) -> bool:
    """Whether an event after an outcome belongs to another attempt."""
    if outcome == "failed":
        return event.name in _OUTCOMES or is_of_attempt(event)
    if is_boot_only:
        # Such a kernel prints the other events for an update, or a CPU that comes online.
        return event.name in (*_OUTCOMES, "module_info")
    return event.name in _OUTCOMES or event.name in _DURING_ATTEMPT


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
