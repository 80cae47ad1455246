"""Kernel log text into events: what each line about TDX says.

A log may come from dmesg or journalctl in any of their time formats, without times, with lines
glued together, or wrapped by a terminal or a mail. The wordings are rows of `tables/klog.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from tdxinfo import tables

Values = dict[str, int | str]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing the kernel said, in the words it used."""

    name: str
    values: Values
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One log entry without its header, and the lines below it that may belong to it."""

    text: str
    has_header: bool
    below: tuple[str, ...]
    is_cut: bool
    """The line is as long as the longest: it may have been cut inside a word."""

    def readings(self) -> Iterator[str]:
        """The texts this entry can stand for, the plainest first."""
        yield self.text
        for count in range(1, len(self.below) + 1):
            yield " ".join([self.text, *(line.strip() for line in self.below[:count])])
            if self.is_cut:
                yield "".join([self.text, *self.below[:count]])


_TIME = (
    r"\[\s*(?:\d+\.\d+|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})?\]"
    r"\s*(?:\[\s*[TC]\d+\]\s*)?"
)
_LEVEL = r"(?:<\d+>\s*)?(?:[a-z]+\s*:[a-z]+\s*:\s*)?"
_CLOCK = r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*)\s+"
_KERNEL = r"(?:\S+\s+)?kernel:\s"

_HEADER = re.compile(
    rf"(?:{_CLOCK}{_KERNEL}\s*{_LEVEL}(?:{_TIME})?"
    rf"|{_LEVEL}{_TIME}(?:{_KERNEL})?"
    rf"|{_CLOCK}(?=\w[\w/]*:)"
    rf"|\d+,\d+,\d+,[^;]*;)\s*"
)
# A journal also holds what programs say; anyone can write such a line.
_PROGRAM = re.compile(
    rf"(?:{_CLOCK}|\[\s*\d+\.\d+\]\s+)(?P<said>[^\s:]+ (?!kernel:)[\w.@/-]+(?:\[\d+\])?: )"
)
_QUOTE = re.compile(r"[\s>|]*")
_NO_LOG = re.compile(r"\s*[#$%]")
"""Comments and shell prompts of a pasted session."""
_NEW_BOOT = re.compile(r"-- (?:Boot|Reboot)\b")
_GLUED = re.compile(
    r"(?=\[\s*\d+\.\d{3,}\]\s*(?:\[\s*[TC]\d+\]\s*)?[A-Za-z])|(?<![\w/])(?=virt/tdx: )"
)
_LINES_BELOW = 3
_WRAP_WIDTH = 40
"""Narrower lines are taken as they are: nobody reads a log in so small a window."""

_NO_PREFIX = ("", "bare")


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
    def lead(self) -> str:
        """How every entry of this wording begins."""
        return self.head if self.prefix in _NO_PREFIX else f"{self.prefix}: {self.head}"


_CONVERSIONS: dict[str, tuple[str, Callable[[str], int | str]]] = {
    "%d": (r"\s*(-?\d{1,18})", int),
    "%u": (r"(\d{1,18})", int),
    "%x": (r"([0-9a-fA-F]{1,16})", lambda digits: int(digits, 16)),
    "%s": (r"(.+?)", str),
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
        regex = regex.removesuffix("?)") + ")"
    prefix = "" if wording.prefix in _NO_PREFIX else re.escape(wording.prefix + ": ")
    # What follows a number must not continue it.
    return re.compile(prefix + regex + r"(?![\w]|\.\d)")


@cache
def _relevant() -> re.Pattern[str]:
    """Finds the lines that may hold a wording; all others are passed over quickly."""
    leads = {w.head if w.prefix in _NO_PREFIX else f"{w.prefix}: " for w in wordings()}
    leads.discard("")
    return re.compile("|".join(sorted(map(re.escape, leads))) + "|-- (?:Boot|Reboot)")


def events(text: str) -> tuple[list[Event], bool]:
    """The events of the last boot in the log, and whether that boot's beginning is there."""
    found: list[Event] = []
    complete = False
    any_header = False
    for entry in _entries(text):
        if _NEW_BOOT.match(entry.text):
            found, complete = [], False
            continue
        any_header = any_header or entry.has_header
        event = read_entry(entry)
        if event is None or (found and event == found[-1]):
            continue
        if event.name == "linux_version":
            # Without a header it may be /proc/version, pasted below the log.
            if any_header and not entry.has_header and found:
                continue
            found, complete = [], True
        found.append(event)
    return found, complete


def read_entry(entry: Entry) -> Event | None:
    """The event that the entry tells: of all its readings the longest match."""
    best: tuple[int, Event] | None = None
    for reading in entry.readings():
        match = _match(reading, entry.has_header)
        if match and (best is None or match[0] > best[0]):
            best = match
    return best[1] if best else None


@cache
def _by_prefix() -> dict[str, list[tuple[str, Wording]]]:
    """The leads and their wordings by prefix; those without one stand below the empty text."""
    found: dict[str, list[tuple[str, Wording]]] = {"": []}
    for wording in wordings():
        prefix = "" if wording.prefix in _NO_PREFIX else wording.prefix
        found.setdefault(prefix, []).append((wording.lead, wording))
    return found


def _match(text: str, has_header: bool) -> tuple[int, Event] | None:
    table = _by_prefix()
    prefix, colon, _ = text.partition(": ")
    for lead, wording in table.get(prefix if colon else "", []) + table[""]:
        if not text.startswith(lead) or (wording.prefix == "bare" and has_header):
            continue
        match = _pattern(wording).match(text)
        if match:
            return match.end(), Event(wording.event, _values(wording, match), match.group())
    return None


def _values(wording: Wording, match: re.Match[str]) -> Values:
    kinds = re.findall(r"%[duxs]", wording.format)
    return {
        name: _CONVERSIONS[kind][1](found)
        for name, kind, found in zip(wording.names, kinds, match.groups(), strict=True)
    }


def _entries(text: str) -> Iterator[Entry]:
    lines = text.splitlines()
    width = max(map(len, lines), default=0)
    relevant = _relevant()
    for number, line in enumerate(lines):
        if not relevant.search(line) or _NO_LOG.match(line):
            continue
        bare = line[_QUOTE.match(line).end() :]  # type: ignore[union-attr]  # matches always
        if _is_of_a_program(bare):
            continue
        *glued, last = [piece for piece in _GLUED.split(bare) if piece.strip()]
        has_header = False
        for piece in glued:
            has_header = _HEADER.match(piece) is not None or has_header
            yield _entry(piece, has_header)
        below = tuple(_lines_below(lines, number))
        yield _entry(last, has_header, below, is_cut=len(line) == width >= _WRAP_WIDTH)


def _is_of_a_program(line: str) -> bool:
    """Whether "host program: " stands behind the time, and no lead of the kernel's own."""
    found = _PROGRAM.match(line)
    return found is not None and not _relevant().match(line, found.start("said"))


def _entry(
    piece: str, has_header: bool, below: tuple[str, ...] = (), is_cut: bool = False
) -> Entry:
    header = _HEADER.match(piece)
    text = piece[header.end() :] if header else piece
    return Entry(text.strip(), has_header or header is not None, below, is_cut)


def _lines_below(lines: list[str], number: int) -> Iterator[str]:
    """The next lines, as long as they begin no entry of their own."""
    for line in lines[number + 1 : number + 1 + _LINES_BELOW]:
        bare = line.strip()
        if not bare or _HEADER.match(bare) or _relevant().search(bare):
            return
        yield line.rstrip()


def relevant_lines(text: str) -> str:
    """The log without the lines that tell nothing about TDX or the machine's kind."""
    kept = [line for line in text.splitlines() if _relevant().search(line)]
    return "".join(line + "\n" for line in kept)
