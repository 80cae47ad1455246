"""Kernel log entries into events: what each says about TDX.

The wordings are rows of `tables/klog.toml`; how a log's text falls into entries is the matter of
`decode/logtext.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from tdxinfo import tables
from tdxinfo.decode.logtext import Entry, Reading, entries

Values = dict[str, int | str]


class Event(NamedTuple):
    """One thing the kernel said, in the words it used."""

    name: str
    values: Values
    text: str


_NO_PREFIX = ("", "bare")
_OF_TDX = (
    "virt/tdx",
    "tdx",
    "seam",
    "seamldr",
    "tdx_host",
    "kvm_intel",
    "kvm",
    "x86/tme",
    "x86/mktme",
)
"""Prefixes of subsystems that have to do with TDX, whatever they print."""


class Wording(NamedTuple):
    """A row of the table."""

    event: str
    prefix: str
    format: str
    names: tuple[str, ...]
    form: str = ""
    """What its text begins with, as a regular expression; empty where the format says it."""
    until: float | None = None
    """Seconds after the kernel's beginning until which it can be printed."""

    @property
    def head(self) -> str:
        """The text before the first conversion."""
        return self.format.partition("%")[0].rstrip(".")

    @property
    def sign(self) -> str:
        """What shows in a line that it may be of this wording, as a regular expression.

        Every line of TDX may be; of others, one that begins as the wording does. A single word
        would show in many: there it goes on, over the first number.
        """
        if self.prefix in _OF_TDX:
            return re.escape(f"{self.prefix}: ")
        if self.prefix not in _NO_PREFIX:
            return re.escape(self.lead)
        if not self.head.strip().isalpha():
            return re.escape(self.head)
        head, conversion, rest = re.split(r"(%[duxs])", self.format, maxsplit=1)
        return re.escape(head) + _CONVERSIONS[conversion][0] + re.escape(rest.partition("%")[0])

    @property
    def lead(self) -> str:
        """How every entry of this wording begins."""
        return self.head if self.prefix in _NO_PREFIX else f"{self.prefix}: {self.head}"


class Match(NamedTuple):
    """A wording found in a text, and where it ends there."""

    end: int
    wording: Wording
    event: Event


_MORE_DIGITS = {
    "%u": r"\d+(?:[\s,.)]|$)",
    "%d": r"\d+(?:[\s,.)]|$)",
    "%x": r"[0-9a-f]+(?:[\s,.)]|$)",
}
_NEW_BOOT = re.compile(r"-- (?:Boot [0-9a-f]{1,32}|Reboot) --")
_NAME = 15
"""Characters of a process's name at most (TASK_COMM_LEN)."""
_PROCESS = re.compile(
    rf".{{1,{_NAME}}}(?:\[\d{{1,10}}\][: ]| \(\d{{1,10}}\)[: ]| invoked oom-killer: | use[ds] )"
    rf"|.{{1,{_NAME}}}: (?:page allocation failure|potentially unexpected fatal signal)"
)
"""How the kernel begins a line about a process. Its user gives it any name."""
_SYSLOG_TAG = re.compile(r"\.?\[\d{1,10}\]: ")
"""What a journal writes behind the name that a program gave itself."""

_CONVERSIONS: dict[str, tuple[str, Callable[[str], int | str]]] = {
    "%d": (r"\s*(-?\d{1,18})", int),
    "%u": (r"(\d{1,18})", int),
    "%x": (r"([0-9a-fA-F]{1,16})", lambda digits: int(digits, 16)),
    "%s": (r"(.{1,256}?)", str),
}


@cache
def wordings() -> tuple[Wording, ...]:
    rows = tables.load("klog")["line"]
    return tuple(
        Wording(
            row["event"],
            row["prefix"],
            row["format"],
            tuple(row["names"]),
            row.get("form", ""),
            row.get("until"),
        )
        for row in rows
    )


@cache
def _pattern(wording: Wording) -> re.Pattern[str]:
    """The wording as a regular expression that begins at the entry's text."""
    parts = re.split(r"(%[duxs])", wording.format.rstrip("."))
    regex = "".join(_CONVERSIONS[p][0] if p in _CONVERSIONS else re.escape(p) for p in parts)
    if parts[-1] == "" and wording.format.endswith("%s"):
        regex = regex.removesuffix(r"(.{1,256}?)") + "(.+)"
    prefix = "" if wording.prefix in _NO_PREFIX else re.escape(wording.prefix + ": ")
    # What follows a number must not continue it.
    return re.compile(f"{prefix}(?={wording.form}){regex}" + r"(?![\w]|\.\d)")


@cache
def _leads() -> re.Pattern[str]:
    """The beginnings of all wordings, and of the lines between two boots."""
    signs = {wording.sign for wording in wordings()}
    signs.discard("")
    return re.compile("|".join(sorted(signs)) + "|-- (?:Boot|Reboot)")


class Log(NamedTuple):
    """What a log holds of its last boot, and how much there is besides."""

    events: list[Event]
    """Of the last boot, in order."""
    complete: bool
    """The log has that boot's beginning."""
    boots: int
    """Boots of which the log holds lines that are known."""
    known: int
    """Lines that some row of the table knows, of all boots."""


def read_log(text: str, pasted: bool = True) -> Log:
    """The events of the last boot in the log.

    `pasted` is a log that somebody supplied, whose lines may have been broken or joined.
    """
    found: list[Event] = []
    complete = any_header = is_between = False
    boots = known = 0
    last: float | None = None
    for entry in entries(text, _leads().search, _leads().match, _is_whole, pasted):
        if _NEW_BOOT.fullmatch(entry.text):
            is_between = True
            continue
        if is_between and not _goes_on(last, entry.time):
            boots += _is_boot(found)
            found, complete = [], False
        is_between = False
        last = last if entry.time is None else entry.time
        any_header = any_header or entry.has_header
        event = read_entry(entry)
        if event is None:
            continue
        known += 1
        if found and event == found[-1]:
            continue
        if event.name == "linux_version":
            # Without a header it may be /proc/version, pasted below the log.
            if any_header and not entry.has_header and found:
                continue
            early = _early_events(found)
            boots += _is_boot(found[: len(found) - len(early)])
            found, complete = early, True
        found.append(event)
    return Log(found, complete, boots + bool(found), known)


def _goes_on(last: float | None, now: float | None) -> bool:
    """Whether the clock goes on over a line between boots: then it is none, but somebody's text."""
    return last is not None and now is not None and now >= last


def _is_boot(found: list[Event]) -> bool:
    """Whether events are more than a kernel's version, which may be pasted from elsewhere."""
    return any(event.name != "linux_version" for event in found)


def _early_events(found: list[Event]) -> list[Event]:
    """The events at the end that a kernel prints above its version: those of a guest."""
    first = len(found)
    while first and found[first - 1].name == "td_guest_early":
        first -= 1
    return found[first:]


def read_entry(entry: Entry) -> Event | None:
    """The event in the entry: of all its readings the longest match.

    None also where the line below could lengthen its last number: a guess is no value.
    """
    best: tuple[Match, Reading] | None = None
    for reading in entry.readings():
        match = _match(reading.text, entry)
        if match and (best is None or match.end > best[0].end):
            best = match, reading
    if best is None or _may_go_on(*best, entry):
        return None
    return best[0].event


def _may_go_on(match: Match, reading: Reading, entry: Entry) -> bool:
    """Whether the match ends with a number at a line's end, and the next line goes on in digits."""
    more = _MORE_DIGITS.get(match.wording.format.rstrip(".")[-2:])
    below = entry.below[reading.lines_below : reading.lines_below + 1]
    if more is None or not below or match.end != len(reading.text):
        return False
    return re.match(more, below[0]) is not None


@cache
def _by_prefix() -> dict[str, list[tuple[str, Wording]]]:
    """The leads and their wordings by prefix; those without one are under the empty text."""
    found: dict[str, list[tuple[str, Wording]]] = {"": []}
    for wording in wordings():
        prefix = "" if wording.prefix in _NO_PREFIX else wording.prefix
        found.setdefault(prefix, []).append((wording.lead, wording))
    return found


def _match(text: str, entry: Entry) -> Match | None:
    table = _by_prefix()
    prefix, colon, _ = text.partition(": ")
    for lead, wording in table.get(prefix if colon else "", []) + table[""]:
        if not text.startswith(lead) or not _can_be(wording, text, entry):
            continue
        match = _pattern(wording).match(text)
        if match and not _SYSLOG_TAG.match(text, match.end()):
            event = Event(wording.event, _values(wording, match), match.group())
            return Match(match.end(), wording, event)
    return None


def _can_be(wording: Wording, text: str, entry: Entry) -> bool:
    """Whether a kernel can have printed the wording there and then."""
    if wording.prefix == "bare" and entry.has_header:
        return False
    if wording.until is not None and entry.time is not None and entry.time > wording.until:
        return False
    is_free = "%s" in wording.format and len(wording.lead) <= _NAME + len(": ")
    return not (is_free and _PROCESS.match(text))


def _is_whole(text: str) -> bool:
    """Whether the text is one known entry to its end. What ends with any text may hold more."""
    match = _match(text, Entry(text, has_header=True))
    if match is None:
        return False
    is_open = match.wording.format.endswith("%s") and match.event.name != "linux_version"
    return not is_open and match.end >= len(text.rstrip(" ."))


def _values(wording: Wording, match: re.Match[str]) -> Values:
    kinds = re.findall(r"%[duxs]", wording.format)
    return {
        name: _CONVERSIONS[kind][1](found)
        for name, kind, found in zip(wording.names, kinds, match.groups(), strict=True)
    }


def relevant_lines(text: str) -> str:
    """The log without the lines that are not about TDX or the machine's kind."""
    kept = [line for line in text.splitlines() if _leads().search(line)]
    return "".join(line + "\n" for line in kept)
