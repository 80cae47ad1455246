"""Kernel log text into entries: who said a line, and where a line that was broken goes on.

Logs come from dmesg or journalctl in any of their time formats, without times, quoted in a mail,
wrapped by it or by a terminal, and with lines glued together. A journal also holds what programs
say; anyone can write such a line, so it never counts as the kernel's. Nor does what stands within a
kernel's line: a user names processes and files, with line ends too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

Search = Callable[[str], object]
IsWhole = Callable[[str], bool]

KERNEL = "kernel"
"""The line has a header of the kernel's log."""
BARE = "bare"
"""It has none: a log without times, or the rest of the line above."""
PROGRAM = "program"
"""A program said it."""
ASIDE = "aside"
"""A comment or a shell prompt of a pasted session, or nothing."""

_QUOTE = re.compile(r"^(?:[>|] ?)+")
_ASIDE = re.compile(
    r"\s*(?:[#$%](?:\s|$)|[^\s@]+@[^\s@:~]+[:~]\S*[#$] |\[[^\s@]+@\S+ [^\]]*\][#$] )"
)
_RECORD = re.compile(r"(\d{1,9}),\d+,\d+,[^;]{0,99};")
_PRIORITY = re.compile(r"<(\d{1,9})>")
_FACILITY = re.compile(
    r"(kern|user|mail|daemon|auth|authpriv|syslog|lpr|news|uucp|cron|ftp|local\d)"
    r" {0,8}:[a-z]+ {0,8}: ?"
)
_DMESG_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d+[+-]\d\d:\d\d ")
_DAY_TIME = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_CLOCK = re.compile(
    rf"(?:[^\s\[\]:;,=]{{1,12}} {{1,2}}\d{{1,2}} {_DAY_TIME}"  # Mär 13 12:04:49
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^\s,]{0,20}"
    rf"|[^\s\[\]:;,=]{{1,12}} \d{{4}}-\d\d-\d\d {_DAY_TIME} [A-Z+\d:-]{{1,8}}"  # short-full
    r"|\d{10}\.\d{6}) "  # short-unix
)
_SAID_BY_KERNEL = re.compile(r"(?:[^\s:]+ )?kernel: ")
_TIME = re.compile(
    r"\[(?: {0,12}(\d{1,12}\.\d{1,9})(?: {1,4}< {0,12}\d+\.\d+>)?"  # dmesg, dmesg -d
    r"|[^\[\]:@]{3,40} \d{1,2} \d\d:\d\d:\d\d \d{4}"  # dmesg -T: day and month in any language
    r"|< {0,12}\d+\.\d+>"  # dmesg -d -t
    r"| {0,12}\+\d+\.\d+|[^\s\[\]:@]{1,12} {0,2}\d{1,2} \d\d:\d\d"  # dmesg -e
    r")?\] ?"
    r"(?:\[ {0,12}[TC]\d+\] ?)?"
)
_SAID_BY_PROGRAM = re.compile(r"(?:[^\s:]+ )?\S{1,64}\[\d+\]: |[^\s:]+ [\w.@/()-]{1,64}: ")
_GLUE = re.compile(r"(?=\[ {0,12}\d+\.\d{3,}\] ?(?:\[ {0,12}[TC]\d+\] ?)?[A-Za-z])")
_WITHOUT_TIME = re.compile(r"(?<![\w/\]])(?<!\] )(?=virt/tdx: )")
_LINE_END = re.compile(r"\r\n|\r|\n")

_BETWEEN_BOOTS = "-- "
"""How a journal begins the line between two boots, which has no header; others it indents."""

_MOST_WRAPPED_LINES = 20_000
"""A longer log is no paste; nobody wrapped it."""
_LINES_BELOW = 3


class Reading(NamedTuple):
    """A text that an entry can mean."""

    text: str
    lines_below: int
    """How many lines below the entry it takes in."""


class Entry(NamedTuple):
    """One thing that was said, without its header."""

    text: str
    has_header: bool
    below: tuple[str, ...] = ()
    """The lines below that may belong to it."""
    time: float | None = None
    """Seconds since the kernel began, where the header has them."""

    def readings(self) -> Iterator[Reading]:
        """The texts that this entry can mean: the line alone, or with lines below it.

        Inside of a bracket that is still open a line may also have been broken without a space:
        the bracket's own syntax then allows one reading alone.
        """
        texts = [self.text]
        yield Reading(self.text, 0)
        for number, line in enumerate(self.below, start=1):
            rest = line.strip()
            texts = [joined for text in texts for joined in _joined(text, rest)]
            yield from (Reading(text, number) for text in texts)


def _joined(text: str, rest: str) -> tuple[str, ...]:
    """The text with the rest of its line: with a space, and inside of a bracket without one."""
    if max(map(text.rfind, "[(")) <= max(map(text.rfind, "])")):  # a range is closed by ), too
        return (f"{text} {rest}",)
    if text[-1:].isalnum():
        return f"{text} {rest}", text + rest
    return (f"{text} {rest}",) if text.endswith(",") else (text + rest,)


class _Said(NamedTuple):
    """A line without its header."""

    kind: str
    text: str
    time: float | None = None
    """Seconds since the kernel began, where the header has them."""


def entries(
    text: str, relevant: Search, is_lead: Search, is_whole: IsWhole, pasted: bool
) -> Iterator[Entry]:
    """The kernel's entries that may matter.

    `relevant` finds a lead anywhere in a line, `is_lead` at its beginning; `is_whole` is whether a
    text is one known entry and nothing more. Only of a pasted log are lines split and joined: a
    kernel's own log holds words of devices and programs, which must not be taken for lines.
    """
    lines = [_QUOTE.sub("", line, count=1) for line in _LINE_END.split(text)]
    if pasted and len(lines) <= _MOST_WRAPPED_LINES:
        lines = _unwrapped(lines, is_lead)
    speaker, spoke = BARE, -1
    for number, line in enumerate(lines):
        if not relevant(line):
            continue
        said = _header(line, is_lead)
        above = lines[spoke + 1 : number] if said.kind == BARE else ()
        speaker = said.kind if said.kind != BARE else _speaker(above, is_lead) or speaker
        spoke = number
        if said.kind == ASIDE or speaker == PROGRAM or _goes_on(said, lines, number, is_lead):
            continue
        below = tuple(_lines_below(lines, number, relevant, is_lead)) if pasted else ()
        pieces = _pieces(said.text, is_whole) if pasted else [said.text]
        for piece in pieces[:-1]:
            yield _entry(piece, said, is_lead)
        yield _entry(pieces[-1], said, is_lead, below)


def _goes_on(said: _Said, lines: Sequence[str], number: int, is_lead: Search) -> bool:
    """Whether a line without a header is the next line of what the line above it says.

    Under a header of the kernel's every line of its own has a header: what has none was made by a
    line end in the name of a file or process.
    """
    if said.kind != BARE or number == 0 or lines[number].startswith(_BETWEEN_BOOTS):
        return False
    return _header(lines[number - 1], is_lead).kind == KERNEL


def _entry(piece: str, line: _Said, is_lead: Search, below: tuple[str, ...] = ()) -> Entry:
    own = _header(piece, is_lead) if piece.startswith("[") else _Said(line.kind, piece, line.time)
    return Entry(own.text.strip(), KERNEL in (line.kind, own.kind), below, own.time)


def _header(line: str, is_lead: Search) -> _Said:
    """Who said the line, and what."""
    if not line.strip() or _ASIDE.match(line):
        return _Said(ASIDE, "")
    line = line.lstrip()
    for pattern in (_RECORD, _PRIORITY):
        found = pattern.match(line)
        if found:
            kind = KERNEL if int(found[1]) >> 3 == 0 else PROGRAM
            return _after_time(kind, line[found.end() :])
    found = _FACILITY.match(line)
    if found:
        return _after_time(KERNEL if found[1] == "kern" else PROGRAM, line[found.end() :])
    found = _DMESG_ISO.match(line)
    if found:
        return _Said(KERNEL, line[found.end() :])
    found = _CLOCK.match(line)
    if found:
        said = _SAID_BY_KERNEL.match(line, found.end())
        return _after_time(KERNEL, line[said.end() :]) if said else _Said(PROGRAM, "")
    return _timed(line, is_lead)


def _timed(line: str, is_lead: Search) -> _Said:
    """A line that begins with dmesg's time, or without any."""
    found = _TIME.match(line)
    if not found:
        return _Said(BARE, line)
    rest = line[found.end() :]
    said = _SAID_BY_KERNEL.match(rest)
    if said:
        return _Said(KERNEL, rest[said.end() :], _seconds(found))
    if not is_lead(rest) and _SAID_BY_PROGRAM.match(rest):
        return _Said(PROGRAM, "")
    return _Said(KERNEL, rest, _seconds(found))


def _after_time(kind: str, text: str) -> _Said:
    found = _TIME.match(text)
    return _Said(kind, text[found.end() :], _seconds(found)) if found else _Said(kind, text)


def _seconds(time: re.Match[str]) -> float | None:
    return float(time[1]) if time[1] else None


def _is_rest(line: str, is_lead: Search) -> bool:
    """Whether the line may be the rest of the one above: it has neither header nor lead."""
    return _header(line, is_lead).kind == BARE and not is_lead(line.lstrip())


def _speaker(above: Sequence[str], is_lead: Search) -> str | None:
    """Who spoke last in the lines above a bare one; None when they are bare too."""
    kinds = (_header(line, is_lead).kind for line in reversed(above))
    return next((kind for kind in kinds if kind != BARE), None)


def _lines_below(lines: list[str], number: int, relevant: Search, is_lead: Search) -> Iterator[str]:
    for line in lines[number + 1 : number + 1 + _LINES_BELOW]:
        if relevant(line) or not _is_rest(line, is_lead):
            return
        yield line


def _unwrapped(lines: list[str], is_lead: Search) -> list[str]:
    """The lines as they were before a terminal cut them, where it is certain that one did.

    Then every rest follows a line of exactly the terminal's width, and no line is longer.
    """
    rests = {n for n in range(1, len(lines)) if _is_rest(lines[n], is_lead)}
    widths = {len(lines[n - 1]) for n in rests}
    asides = {n for n, line in enumerate(lines) if _ASIDE.match(line)}
    if len(rests) < 2 or len(widths) != 1 or asides & {n - 1 for n in rests}:
        return lines
    (width,) = widths
    if any(len(line) > width for n, line in enumerate(lines) if n not in asides):
        return lines
    whole: list[str] = []
    for number, line in enumerate(lines):
        if number in rests:
            whole[-1] += line
        else:
            whole.append(line)
    return whole


def _pieces(said: str, is_whole: IsWhole) -> list[str]:
    """The entries that were glued into one line.

    Only behind an entry that is known to its end another can begin: within the others stands what
    a user may have named so.
    """
    parts = [part for piece in _GLUE.split(said) for part in _WITHOUT_TIME.split(piece) if part]
    for count, part in enumerate(parts):
        if not is_whole(_TIME.sub("", part, count=1).strip()):
            return [*parts[:count], "".join(parts[count:])]
    return parts or [said]
