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
_NEW_BOOT = r"-- (?:Boot|Reboot)\b"

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
        Wording(row["event"], row["prefix"], row["format"], tuple(row["names"])) for row in rows
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
    return re.compile(prefix + regex + r"(?![\w]|\.\d)")


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
    complete = any_header = False
    boots = known = 0
    for entry in entries(text, _leads().search, _leads().match, pasted):
        if re.match(_NEW_BOOT, entry.text):
            boots += _is_boot(found)
            found, complete = [], False
            continue
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
        match = _match(reading.text, entry.has_header)
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


def _match(text: str, has_header: bool) -> Match | None:
    table = _by_prefix()
    prefix, colon, _ = text.partition(": ")
    for lead, wording in table.get(prefix if colon else "", []) + table[""]:
        if not text.startswith(lead) or (wording.prefix == "bare" and has_header):
            continue
        match = _pattern(wording).match(text)
        if match:
            event = Event(wording.event, _values(wording, match), match.group())
            return Match(match.end(), wording, event)
    return None


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
