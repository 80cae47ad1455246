"""Kernel log entries into events: what each says about TDX.

The wordings are rows of `tables/klog.toml`; `decode/logtext.py` splits a log's text into entries.
"""

import re
from collections.abc import Callable
from functools import cache, cached_property
from typing import NamedTuple

from tdxinfo import tables
from tdxinfo.decode.logend import End, end_of
from tdxinfo.decode.logtext import Entry, Reading, entries, log_lines

Values = dict[str, int | str]


class Event(NamedTuple):
    """A known entry of the kernel log: the wording's event, its values, and the matched text."""

    name: str
    values: Values
    text: str


NO_PREFIX = ("", "bare")
_TDX_PREFIXES = (
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
"""Prefixes of subsystems whose every line is kept, since it can be about TDX."""


class Wording(NamedTuple):
    """A row of `tables/klog.toml`: a format string of the kernel, and the event that it is."""

    event: str
    prefix: str
    format: str
    names: tuple[str, ...]
    form: str = ""
    """A regular expression that the text must match too, if the format is too permissive."""
    until: float | None = None
    """Seconds since boot after which the kernel cannot print it any more; None for no limit."""

    @property
    def head(self) -> str:
        """The text before the first conversion."""
        return self.format.partition("%")[0].rstrip(".")

    @property
    def search_pattern(self) -> str:
        """A regular expression that finds every line that can be of this wording, and few others.

        It is the prefix of a TDX subsystem, or the beginning of the wording. A beginning of a
        single word is found in too many lines, and is continued over the first conversion.
        """
        if self.prefix in _TDX_PREFIXES:
            return re.escape(f"{self.prefix}: ")
        if self.prefix not in NO_PREFIX:
            return re.escape(self.lead)
        if not self.head.strip().isalpha():
            return re.escape(self.head)
        head, conversion, rest = re.split(r"(%[duxs])", self.format, maxsplit=1)
        return re.escape(head) + _CONVERSIONS[conversion][0] + re.escape(rest.partition("%")[0])

    @property
    def lead(self) -> str:
        """How every entry of this wording begins."""
        return self.head if self.prefix in NO_PREFIX else f"{self.prefix}: {self.head}"


class CompiledWording:
    """A wording with its regular expression and converters, which are made once for many lines."""

    def __init__(self, wording: Wording) -> None:
        self.wording = wording
        self.lead = wording.lead
        kinds = re.findall(r"%[duxs]", wording.format)
        self.converters = tuple(_CONVERSIONS[kind][1] for kind in kinds)
        """Of each conversion in order, the function that converts its text."""
        is_short = len(self.lead) <= _MAX_PROCESS_NAME + len(": ")
        self.can_be_name = is_short and "%s" in kinds
        """Its beginning may be the name of a process."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The wording as a regular expression that begins at the entry's text."""
        wording = self.wording
        parts = re.split(r"(%[duxs])", wording.format.rstrip("."))
        regex = "".join(_CONVERSIONS[p][0] if p in _CONVERSIONS else re.escape(p) for p in parts)
        if parts[-1] == "" and wording.format.endswith("%s"):
            regex = regex.removesuffix(r"(.{1,256}?)") + "(.+)"
        prefix = "" if wording.prefix in NO_PREFIX else re.escape(wording.prefix + ": ")
        # What follows a number must not continue it.
        return re.compile(f"{prefix}(?={wording.form}){regex}" + r"(?![\w]|\.\d)")


class Match(NamedTuple):
    """A wording found in a text, and where it ends there."""

    end: int
    wording: Wording
    event: Event


_MORE_DIGITS = {  # the rest of a number that was broken by a line end, by conversion
    "%u": r"\d+(?:[\s,.)]|$)",
    "%d": r"\d+(?:[\s,.)]|$)",
    "%x": r"[0-9a-f]+(?:[\s,.)]|$)",
}
_NEW_BOOT = re.compile(r"-- (?:Boot [0-9a-f]{1,32}|Reboot) --")
_MAX_PROCESS_NAME = 15
"""Characters of a process's name at most (TASK_COMM_LEN)."""
_ANY_NAME = f".{{1,{_MAX_PROCESS_NAME}}}"
_PROCESS = re.compile(
    rf"{_ANY_NAME}(?:\[\d{{1,10}}\][: ]| \(\d{{1,10}}\)[: ]| invoked oom-killer: | use[ds] )"
    rf"|{_ANY_NAME}: (?:page allocation failure|potentially unexpected fatal signal)"
)
"""How the kernel begins a line about a process, whose name any user can choose."""
_SYSLOG_TAG = re.compile(r"\.?\[\d{1,10}\]: ")
"""What journalctl writes after a program's name, which the program can choose."""

_CONVERSIONS: dict[str, tuple[str, Callable[[str], int | str]]] = {
    "%d": (r"\s*(-?\d{1,18})", int),
    "%u": (r"(\d{1,18})", int),
    "%x": (r"([0-9a-fA-F]{1,16})", lambda digits: int(digits, 16)),
    "%s": (r"(.{1,256}?)", str),
}


@cache
def wordings() -> tuple[Wording, ...]:
    """The rows of `tables/klog.toml`."""
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
def _lead_pattern() -> re.Pattern[str]:
    """Finds a line that can be of any wording, or the line between two boots."""
    patterns = {wording.search_pattern for wording in wordings()}
    patterns.discard("")
    return re.compile("|".join(sorted(patterns)) + "|-- (?:Boot|Reboot)")


class Log(NamedTuple):
    """The events of a log's last boot, and how much of the log is known."""

    events: list[Event]
    """The events of the last boot, in order."""
    complete: bool
    """Whether the log has the beginning of that boot."""
    boots: int
    """How many boots have a known line in the log."""
    known: int
    """How many lines of all boots match a row of the table."""
    end: End | None = None
    """How far the last boot has come; only for a pasted log, which may end anywhere."""
    first_line: int = 0
    """The number of the last boot's first line."""
    crash_kernels: int = 0
    """How many boots of a crash kernel (kdump) follow the boot of these events."""

    @property
    def is_of_crash_kernel(self) -> bool:
        """Whether the boot is that of a crash kernel, which runs in a part of the host."""
        lines = (event for event in self.events if event.name == "command_line")
        return any(_OF_CRASH_KERNEL in f" {event.values['text']}" for event in lines)


_OF_CRASH_KERNEL = " elfcorehdr="
"""The option by which kexec shows a crash kernel the memory of the kernel that crashed."""
_MAX_CRASHES = 8
"""Boots of crash kernels at most that are passed over: each is one more reading of the log."""


def read_log(text: str, pasted: bool = True) -> Log:
    """The events of the last boot in the log that is not one of a crash kernel (kdump).

    `pasted` is a log that somebody supplied, whose lines may have been broken or joined.
    """
    lines = log_lines(text, _lead_pattern().match, pasted)
    found = _read_lines(lines, pasted)
    known = found.known
    for count in range(1, _MAX_CRASHES + 1):
        if not (found.is_of_crash_kernel and found.first_line):
            break
        earlier = _read_lines(lines[: found.first_line], pasted)
        if not _is_boot(earlier.events):
            break
        found = earlier._replace(known=known, crash_kernels=count)
    return found


def _read_lines(lines: list[str], pasted: bool) -> Log:
    """The events of the last boot in the lines."""
    # The events of the boot that is being read; older boots are only counted.
    found: list[Event] = []
    complete = any_header = is_between = False
    boots = known = first_line = 0
    last: float | None = None
    lead = _lead_pattern()
    for entry in entries(lines, lead.search, lead.match, _is_whole, pasted):
        if _NEW_BOOT.fullmatch(entry.text):
            is_between = True
            continue
        if is_between and not _clock_continues(last, entry.time):
            boots += _is_boot(found)
            found, complete, first_line = [], False, entry.number
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
            found, complete, first_line = early, True, entry.number
        found.append(event)
    end = end_of(lines[first_line:]) if pasted else None
    return Log(found, complete, boots + bool(found), known, end, first_line)


def _clock_continues(last: float | None, now: float | None) -> bool:
    """Whether the time did not restart after a line between boots: a user forged that line."""
    return last is not None and now is not None and now >= last


def _is_boot(found: list[Event]) -> bool:
    """Whether these events show a boot; a kernel's version by itself may be from elsewhere."""
    return any(event.name != "linux_version" for event in found)


def _early_events(found: list[Event]) -> list[Event]:
    """The events at the end that a kernel prints above its version: those of a guest."""
    first = len(found)
    while first and found[first - 1].name == "td_guest_early":
        first -= 1
    return found[first:]


def read_entry(entry: Entry) -> Event | None:
    """The event of the reading with the longest match; None when no wording matches.

    It is None too when the line below could continue the entry's last number: a part of a number
    is not a value.
    """
    best: tuple[Match, Reading] | None = None
    for reading in entry.readings():
        match = _match(reading.text, entry)
        if match and (best is None or match.end > best[0].end):
            best = match, reading
    if best is None or _number_may_continue(*best, entry):
        return None
    return best[0].event


def _number_may_continue(match: Match, reading: Reading, entry: Entry) -> bool:
    """Whether the match ends with a number at the end of its line, and digits follow below."""
    more = _MORE_DIGITS.get(match.wording.format.rstrip(".")[-2:])
    below = entry.below[reading.lines_below : reading.lines_below + 1]
    if more is None or not below or match.end != len(reading.text):
        return False
    return re.match(more, below[0]) is not None


@cache
def _by_prefix() -> dict[str, tuple[CompiledWording, ...]]:
    """The wordings that may match a text, by its prefix; those without one may match any text."""
    found: dict[str, list[CompiledWording]] = {"": []}
    for wording in wordings():
        prefix = "" if wording.prefix in NO_PREFIX else wording.prefix
        found.setdefault(prefix, []).append(CompiledWording(wording))
    without = found.pop("")
    return {"": tuple(without)} | {name: (*own, *without) for name, own in found.items()}


def _match(text: str, entry: Entry) -> Match | None:
    """The first wording that matches the text of this entry."""
    table = _by_prefix()
    prefix, colon, _ = text.partition(": ")
    for compiled in table.get(prefix if colon else "", table[""]):
        if not text.startswith(compiled.lead) or not _is_possible(compiled, text, entry):
            continue
        match = compiled.pattern.match(text)
        if match and not _SYSLOG_TAG.match(text, match.end()):
            event = Event(compiled.wording.event, _values(compiled, match), match.group())
            return Match(match.end(), compiled.wording, event)
    return None


def _is_possible(compiled: CompiledWording, text: str, entry: Entry) -> bool:
    """Whether the kernel can have printed this wording at this time and with this header.

    A wording that begins with a name of any text is not matched in a line about a process.
    """
    until = compiled.wording.until
    if compiled.wording.prefix == "bare" and entry.has_header:
        return False
    if until is not None and entry.time is not None and entry.time > until:
        return False
    return not (compiled.can_be_name and _PROCESS.match(text))


def _is_whole(text: str) -> bool:
    """Whether the text is exactly one known entry, of a wording that does not end with any text."""
    match = _match(text, Entry(text, has_header=True))
    if match is None:
        return False
    ends_with_any = match.wording.format.endswith("%s") and match.event.name != "linux_version"
    return not ends_with_any and match.end >= len(text.rstrip(" ."))


def _values(compiled: CompiledWording, match: re.Match[str]) -> Values:
    """The values of the conversions, by the names that the wording gives them."""
    found = zip(compiled.wording.names, compiled.converters, match.groups(), strict=True)
    return {name: convert(text) for name, convert, text in found}


def relevant_lines(text: str) -> str:
    """Only the log's lines that can be of a known wording."""
    # Not splitlines(): a name that a user chose may hold another of its line ends.
    kept = [line for line in text.split("\n") if _lead_pattern().search(line)]
    return "".join(line + "\n" for line in kept)
