"""Reads many hosts: from files, folders of files, and files with several reports.

It yields one host at a time, and reads the next one only then. For a host that cannot be read it
yields a BadInput with the reason, and goes on.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from tdxinfo.errors import BadInput
from tdxinfo.inputs.supplied import (
    EXAMPLE_PREFIX,
    INPUT_LIMIT,
    is_crash_dump,
    is_json,
    is_one_host,
    next_chunk,
    open_input,
    opened,
    parse_report,
    recognize,
)
from tdxinfo.machine import Machine
from tdxinfo.machine.bounded import readable
from tdxinfo.report import Report

REPORT_LIMIT = 4 << 20
"""Bytes of one JSON report. That of a large host, with every source queried, has under 1 MiB."""

STDIN_TIMEOUT = 3600.0
"""Seconds to wait for standard input, which may come from a loop that reads slow hosts."""

PAUSE = 0.05
"""Seconds without input after which what was read is shown. A fast writer never pauses so long."""

DEPTH_LIMIT = 16
"""Folders within folders."""

_STANDARD_INPUT = "standard input"
_ENDINGS = (
    *(".json", ".jsonl", ".ndjson", ".log", ".txt", ".bin", ".zip"),
    *(".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar"),
)


@dataclass(frozen=True, slots=True)
class Supplied:
    """One host, or why it cannot be read."""

    name: str
    """The report's key `name`, else the file's name without its ending."""
    place: str
    """The file, and the line where it holds several."""
    host: Machine | Report | BadInput
    """The host, or the error that says why it cannot be read."""


@dataclass(frozen=True, slots=True)
class ReportText:
    """The text of what should be one JSON report."""

    name: str
    place: str
    text: bytes

    def hosts(self) -> Iterator[Supplied]:
        """The report. If other text follows it on a line of its own, also the error for that."""
        try:
            yield self._parsed(self.text)
        except BadInput as error:
            first, _, rest = self.text.strip().partition(b"\n")
            with suppress(BadInput):
                if rest:
                    yield self._parsed(first)
            yield Supplied(self.name, self.place, error)

    def _parsed(self, text: bytes) -> Supplied:
        """The report with its own name, else with that of its file."""
        report = parse_report(text, self.place)
        return Supplied(report.name or self.name, self.place, report)


@dataclass(frozen=True, slots=True)
class Unopened:
    """An input of one host that is not a report: it is recognized and parsed later."""

    name: str
    place: str
    data: bytes | None
    """Its bytes; None for a folder or a crash dump, which is opened at `place`."""

    def hosts(self) -> Iterator[Supplied]:
        """The host, or why it cannot be read."""
        try:
            if self.data is None:
                yield Supplied(self.name, self.place, open_input(self.place))
            else:
                yield Supplied(self.name, self.place, recognize(self.data, self.place))
        except BadInput as error:
            yield Supplied(self.name, self.place, error)


def supplied(paths: Iterable[str]) -> Iterator[Supplied]:
    """The hosts in the paths, in this order; those in a folder by name."""
    for found in unparsed(paths):
        if isinstance(found, Supplied):
            yield found
        else:
            yield from found.hosts()


def unparsed(
    paths: Iterable[str], before_wait: Callable[[], None] = lambda: None
) -> Iterator[Supplied | ReportText | Unopened]:
    """The hosts in the paths, most of them not parsed yet.

    `before_wait` is called whenever the next input does not come for PAUSE seconds.
    """
    for path in paths:
        if path.startswith(EXAMPLE_PREFIX):
            yield _one(path, path)
        elif path != "-" and os.path.isdir(path):
            yield from _folder(path, _name(path), 0)
        else:
            yield from _file(path, _name(path), 0, before_wait)


def _name(path: str) -> str:
    if path == "-":
        return _STANDARD_INPUT
    try:
        path = os.path.abspath(path)
    except OSError:  # the working directory is gone
        path = path.rstrip("/")
    return _without_ending(os.path.basename(path) or path)


def _without_ending(name: str) -> str:
    ending = next((e for e in _ENDINGS if name.endswith(e) and name != e), "")
    return name.removesuffix(ending)


def _one(path: str, name: str) -> Supplied:
    """The host at the path, opened as `--from` does."""
    try:
        return Supplied(name, path, open_input(path))
    except BadInput as error:
        return Supplied(name, path, error)


def _folder(path: str, name: str, depth: int) -> Iterator[Supplied | ReportText | Unopened]:
    """The host that the folder is, or all hosts in it. Hidden entries and links are left out."""
    try:
        with os.scandir(path) as entries:
            listed = sorted((entry.name, _kind(entry)) for entry in entries)
    except OSError as error:
        yield _refused(path, name, f"cannot be read: {error.strerror}")
        return
    if is_one_host(entry for entry, _ in listed):
        yield Unopened(name, path, None)
        return
    for entry, kind in listed:
        inner = os.path.join(path, entry)
        inner_name = _without_ending(entry) if depth == 0 else f"{name}/{_without_ending(entry)}"
        if entry.startswith("."):
            continue
        if kind == "folder" and depth < DEPTH_LIMIT:
            yield from _folder(inner, inner_name, depth + 1)
        elif kind == "file":
            yield from _file(inner, inner_name, os.O_NOFOLLOW)
        else:
            yield _refused(inner, inner_name, "is not a file. Give its path on the command line")


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"


def _refused(path: str, name: str, why: str) -> Supplied:
    return Supplied(name, path, BadInput(f"{path} {why}."))


def _file(
    path: str, name: str, flags: int = 0, before_wait: Callable[[], None] = lambda: None
) -> Iterator[Supplied | ReportText | Unopened]:
    """The host in the file, or each report in it."""
    shown = _STANDARD_INPUT if path == "-" else path
    try:
        with opened(path, shown, flags) as fd:
            yield from _content(_chunks(fd, shown, before_wait), shown, name)
    except BadInput as error:
        yield Supplied(name, shown, error)


def _content(
    chunks: Iterator[bytes], shown: str, name: str
) -> Iterator[Supplied | ReportText | Unopened]:
    """The reports of a JSON file; of any other file the one host in it."""
    head = b""
    while not head.strip() and len(head) <= INPUT_LIMIT and (chunk := next(chunks, b"")):
        head += chunk
    head = head.removeprefix(codecs.BOM_UTF8)
    rest = chain([head], chunks)
    if is_crash_dump(head) and shown != _STANDARD_INPUT:
        yield Unopened(name, shown, None)
    elif is_json(head):
        yield from _reports(rest, shown, name)
    else:
        yield Unopened(name, shown, _whole(rest, shown))


def _chunks(fd: int, shown: str, before_wait: Callable[[], None]) -> Iterator[bytes]:
    timeout = STDIN_TIMEOUT if shown == _STANDARD_INPUT else None
    while chunk := next_chunk(fd, shown, timeout):
        yield chunk
        if not readable([fd], PAUSE):
            before_wait()


def _whole(chunks: Iterable[bytes], shown: str) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > INPUT_LIMIT:
            raise BadInput(f"{shown} is larger than {INPUT_LIMIT >> 20} MiB.")
    return bytes(data)


def _reports(
    chunks: Iterable[bytes], shown: str, name: str
) -> Iterator[Supplied | ReportText | Unopened]:
    """Each report. If there are several, their names end with the line where they begin."""
    texts = (part for part in split_reports(chunks) if part[1] is None or part[1].strip())
    first = next(texts)
    second = next(texts, None)
    if second is None:
        yield _report(first[1], shown, name)
        return
    for line, text in chain([first, second], texts):
        yield _report(text, f"{shown}:{line}", f"{name}:{line}")


def _report(text: bytes | None, place: str, name: str) -> Supplied | ReportText:
    if text is None:
        return _refused(place, name, f"is a report of more than {REPORT_LIMIT >> 20} MiB")
    return ReportText(name, place, text)


def split_reports(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """The text of each report, with the number of its first line; None for a text that is too long.

    A report begins with a line that begins with a brace, whether it is one line or indented. So a
    broken report does not hide the next one.
    """
    # `kept` is the text of a report so far; no report begins before `searched`.
    kept, line, searched, is_too_long = bytearray(), 1, 0, False
    for chunk in chunks:
        kept += chunk
        begin = 0
        while end := _next_begin(kept, searched):
            yield line, None if is_too_long else bytes(kept[begin:end])
            line += kept.count(b"\n", begin, end)
            begin = searched = end
            is_too_long = False
        del kept[:begin]
        searched = max(len(kept) - 1, 0)
        if len(kept) > REPORT_LIMIT:
            is_too_long = True
            line += kept.count(b"\n", 0, searched)
            del kept[:searched]
            searched = 0
    yield line, None if is_too_long else bytes(kept)


def _next_begin(text: bytearray, start: int) -> int:
    """Where the next line that begins with a brace begins; 0 if none does.

    In reports of one line each it is the next line, and the search for one byte is much faster.
    """
    newline = text.find(b"\n", start)
    if text[newline + 1 : newline + 2] == b"{":
        return newline + 1
    return text.find(b"\n{", start) + 1
