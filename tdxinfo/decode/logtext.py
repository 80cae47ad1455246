"""Splits the text of a log into the kernel's entries.

Logs come from dmesg or journalctl in any of their time formats, without times, quoted in a mail,
wrapped by it or by a terminal, and with lines joined. Two kinds of text are never taken for the
kernel's, since any user can produce them: lines of programs in a journal, and the inside of a
kernel's line, which can have the name of a process or file in it, with line ends.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tdxinfo.decode.logorder import in_order

Search = Callable[[str], object]
IsWhole = Callable[[str], bool]

KERNEL = "kernel"
"""The line has a header of the kernel's log."""
NO_HEADER = "bare"
"""The line has no header: a log without times, or the rest of the line above."""
PROGRAM = "program"
"""The line has the header of a program."""
OTHER = "other"
"""The line is empty, a comment, or a shell prompt of a pasted session."""

_QUOTE = re.compile(r"^(?:[>|] ?)+")
_COMMENT_OR_PROMPT = re.compile(
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
_KERNEL_TAG = re.compile(r"(?:[^\s:]+ )?kernel: ")
_TIME = re.compile(
    r"\[(?: {0,12}(\d{1,12}\.\d{1,9})(?: {1,4}< {0,12}\d+\.\d+>)?"  # dmesg, dmesg -d
    r"|[^\[\]:@]{3,40} \d{1,2} \d\d:\d\d:\d\d \d{4}"  # dmesg -T: day and month in any language
    r"|< {0,12}\d+\.\d+>"  # dmesg -d -t
    r"| {0,12}\+\d+\.\d+|[^\s\[\]:@]{1,12} {0,2}\d{1,2} \d\d:\d\d"  # dmesg -e
    r")?\] ?"
    r"(?:\[ {0,12}[TC]\d+\] ?)?"
)
_PROGRAM_TAG = re.compile(r"(?:[^\s:]+ )?\S{1,64}\[\d+\]: |[^\s:]+ [\w.@/()-]{1,64}: ")
_TIME_AHEAD = re.compile(r"(?=\[ {0,12}\d+\.\d{3,}\] ?(?:\[ {0,12}[TC]\d+\] ?)?[A-Za-z])")
_WITHOUT_TIME = re.compile(r"(?<![\w/\]])(?<!\] )(?=virt/tdx: )")
_BETWEEN_BOOTS = "-- "
"""How journalctl begins the line between two boots. Other lines without header it indents."""

_MAX_WRAPPED_LINES = 20_000
"""A longer log was not pasted from a terminal, and is not unwrapped."""
_MAX_LINES_BELOW = 3
"""Lines that the rest of a wrapped entry may take."""


class Reading(NamedTuple):
    """One way to read an entry: its line alone, or joined with lines below it."""

    text: str
    lines_below: int
    """How many lines below the entry are part of the text."""


class Entry(NamedTuple):
    """One entry of the log, without its header."""

    text: str
    has_header: bool
    below: tuple[str, ...] = ()
    """The lines below that may belong to it."""
    time: float | None = None
    """Seconds since the kernel began, where the header has them."""
    number: int = 0
    """The number of its line in the log."""

    def readings(self) -> Iterator[Reading]:
        """All readings: the line alone, then joined with one, two and three lines below it.

        Inside an open bracket a number or name may have been broken: there both joinings, with and
        without a space, are readings.
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


class _Line(NamedTuple):
    """A line without its header, and what kind of header it had."""

    kind: str
    """KERNEL, NO_HEADER, PROGRAM or OTHER."""
    text: str
    time: float | None = None
    """Seconds since the kernel began, where the header has them."""


def log_lines(text: str, is_lead: Search, pasted: bool) -> list[str]:
    """The log's lines without the marks of a quotation; a pasted log's as they were printed.

    Its oldest line is the first, also where the log was pasted in reverse.
    """
    lines = [_QUOTE.sub("", line, count=1) for line in _lines(text)]
    if pasted and len(lines) <= _MAX_WRAPPED_LINES:
        lines = _unwrapped(lines, is_lead)
    return in_order(lines) if pasted else lines


def entries(
    lines: Sequence[str], relevant: Search, is_lead: Search, is_whole: IsWhole, pasted: bool
) -> Iterator[Entry]:
    """The kernel's entries that can be about TDX.

    A lead is the beginning of a known wording: `relevant` finds one anywhere in a line, `is_lead`
    only at its beginning. `is_whole` is whether a text is exactly one known entry. Lines are split
    and joined only in a pasted log: elsewhere a text within a line is from a device or a program.
    """
    writer, last_relevant = NO_HEADER, -1
    for number, full_line in enumerate(lines):
        if not relevant(full_line):
            continue
        line = _without_header(full_line, is_lead)
        if line.kind == NO_HEADER:
            writer = _writer(lines[last_relevant + 1 : number], is_lead) or writer
        else:
            writer = line.kind
        last_relevant = number
        if line.kind == OTHER or writer == PROGRAM or _continues(line, lines, number, is_lead):
            continue
        below = tuple(_lines_below(lines, number, relevant, is_lead)) if pasted else ()
        pieces = _split_joined(line.text, is_whole) if pasted else [line.text]
        for piece in pieces[:-1]:
            yield _entry(piece, line, is_lead)._replace(number=number)
        yield _entry(pieces[-1], line, is_lead, below)._replace(number=number)


def _lines(text: str) -> list[str]:
    """The lines of files, terminals and serial consoles, which put carriage returns at their ends.

    One within a line is text: dmesg prints it as it is in the name of a file. Where there is no
    line feed, it ends a line.
    """
    if "\n" not in text.strip():
        return text.strip().split("\r")
    return [line.strip("\r") for line in text.split("\n")]


def _continues(line: _Line, lines: Sequence[str], number: int, is_lead: Search) -> bool:
    """Whether a line without a header continues the line above it.

    It does below a line with a kernel's header: a log with headers has one on each entry, so the
    line end came from the name of a file or process.
    """
    if line.kind != NO_HEADER or number == 0 or lines[number].startswith(_BETWEEN_BOOTS):
        return False
    return _without_header(lines[number - 1], is_lead).kind == KERNEL


def _entry(piece: str, line: _Line, is_lead: Search, below: tuple[str, ...] = ()) -> Entry:
    """The entry in a piece of the line; a piece that was joined to another has a header too."""
    own = _Line(line.kind, piece, line.time)
    if piece.startswith("["):
        own = _without_header(piece, is_lead)
    return Entry(own.text.strip(), KERNEL in (line.kind, own.kind), below, own.time)


def _without_header(line: str, is_lead: Search) -> _Line:
    """Recognizes the line's header, in any format, and cuts it off."""
    if not line.strip() or _COMMENT_OR_PROMPT.match(line):
        return _Line(OTHER, "")
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
        return _Line(KERNEL, line[found.end() :])
    found = _CLOCK.match(line)
    if found:
        tag = _KERNEL_TAG.match(line, found.end())
        return _after_time(KERNEL, line[tag.end() :]) if tag else _Line(PROGRAM, "")
    return _timed(line, is_lead)


def _timed(line: str, is_lead: Search) -> _Line:
    """A line that begins with dmesg's time, or without any."""
    found = _TIME.match(line)
    if not found:
        return _Line(NO_HEADER, line)
    rest = line[found.end() :]
    tag = _KERNEL_TAG.match(rest)
    if tag:
        return _Line(KERNEL, rest[tag.end() :], _seconds(found))
    if not is_lead(rest) and _PROGRAM_TAG.match(rest):
        return _Line(PROGRAM, "")
    return _Line(KERNEL, rest, _seconds(found))


def _after_time(kind: str, text: str) -> _Line:
    """The line of this kind without dmesg's time, if it has one."""
    found = _TIME.match(text)
    return _Line(kind, text[found.end() :], _seconds(found)) if found else _Line(kind, text)


def _seconds(time: re.Match[str]) -> float | None:
    return float(time[1]) if time[1] else None


def _is_rest(line: str, is_lead: Search) -> bool:
    """Whether the line may be the rest of the one above: it has neither header nor lead."""
    return _without_header(line, is_lead).kind == NO_HEADER and not is_lead(line.lstrip())


def _writer(above: Sequence[str], is_lead: Search) -> str | None:
    """The program that wrote the last line with a header; None if no line has a header."""
    kinds = (_without_header(line, is_lead).kind for line in reversed(above))
    return next((kind for kind in kinds if kind != NO_HEADER), None)


def _lines_below(
    lines: Sequence[str], number: int, relevant: Search, is_lead: Search
) -> Iterator[str]:
    """The lines below that can be the rest of this one, up to _MAX_LINES_BELOW."""
    for line in lines[number + 1 : number + 1 + _MAX_LINES_BELOW]:
        if relevant(line) or not _is_rest(line, is_lead):
            return
        yield line


def _unwrapped(lines: list[str], is_lead: Search) -> list[str]:
    """The lines before a terminal wrapped them; unchanged unless it is certain that one did.

    It is certain when all lines before a continuation have the same width and no line is longer.
    """
    rests = {n for n in range(1, len(lines)) if _is_rest(lines[n], is_lead)}
    widths = {len(lines[n - 1]) for n in rests}
    others = {n for n, line in enumerate(lines) if _COMMENT_OR_PROMPT.match(line)}
    if len(rests) < 2 or len(widths) != 1 or others & {n - 1 for n in rests}:
        return lines
    (width,) = widths
    if any(len(line) > width for n, line in enumerate(lines) if n not in others):
        return lines
    unwrapped: list[str] = []
    for number, line in enumerate(lines):
        if number in rests:
            unwrapped[-1] += line
        else:
            unwrapped.append(line)
    return unwrapped


def _split_joined(text: str, is_whole: IsWhole) -> list[str]:
    """The entries of a line that was joined from several.

    It is only split behind an entry that is known to its end: what looks like an entry within
    another one can be a name that a user chose.
    """
    parts = [part for piece in _TIME_AHEAD.split(text) for part in _WITHOUT_TIME.split(piece)]
    parts = [part for part in parts if part]
    if len(parts) < 2:
        return [text]
    for count, part in enumerate(parts):
        if not is_whole(_TIME.sub("", part, count=1).strip()):
            return [*parts[:count], "".join(parts[count:])]
    return parts
