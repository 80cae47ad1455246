"""Many hosts at once: files, folders of them, and reports one after another in one file.

Everything is read as it is asked for, one host at a time. What cannot be read is handed on as
the BadInput that says why, so that the rest is done.
"""

from __future__ import annotations

import os
import select
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
    recognise,
)
from tdxinfo.machine import Machine
from tdxinfo.report import Report

REPORT_LIMIT = 4 << 20
"""Bytes of one JSON report. That of a large host, with every source queried, has under 1 MiB."""

STDIN_PATIENCE = 3600.0
"""Seconds that standard input may stay silent: somebody may be asking one host after another."""

DEPTH_LIMIT = 16
"""Folders within folders."""

_STANDARD_INPUT = "standard input"
_ENDINGS = (".json", ".jsonl", ".ndjson", ".tar.gz", ".tgz", ".log", ".txt", ".bin")


@dataclass(frozen=True, slots=True)
class Supplied:
    """One host, or what was found where one was expected."""

    name: str
    """The report's key `name`, else the file's name without its ending. A host's is not kept."""
    place: str
    """The file, and the line where it holds several."""
    what: Machine | Report | BadInput


@dataclass(frozen=True, slots=True)
class ReportText:
    """The text of what should be one JSON report."""

    name: str
    place: str
    text: bytes

    def hosts(self) -> Iterator[Supplied]:
        """The report; where something else follows its line, the report and why that is none."""
        try:
            yield self._parsed(self.text)
        except BadInput as error:
            first, _, rest = self.text.strip().partition(b"\n")
            with suppress(BadInput):
                if rest:
                    yield self._parsed(first)
            yield Supplied(self.name, self.place, error)

    def _parsed(self, text: bytes) -> Supplied:
        """The report by the name that somebody gave it, or by its position."""
        report = parse_report(text, self.place)
        return Supplied(report.name or self.name, self.place, report)


@dataclass(frozen=True, slots=True)
class Unopened:
    """Something else that holds one host: what was read of it, or its path where it is a folder."""

    name: str
    place: str
    data: bytes | None

    def hosts(self) -> Iterator[Supplied]:
        """The host, or why it cannot be read."""
        try:
            if self.data is None:
                yield Supplied(self.name, self.place, open_input(self.place))
            else:
                yield Supplied(self.name, self.place, recognise(self.data, self.place))
        except BadInput as error:
            yield Supplied(self.name, self.place, error)


def supplied(paths: Iterable[str]) -> Iterator[Supplied]:
    """The hosts that the paths hold, in order of names within a folder."""
    for found in unparsed(paths):
        if isinstance(found, Supplied):
            yield found
        else:
            yield from found.hosts()


def unparsed(
    paths: Iterable[str], before_wait: Callable[[], None] = lambda: None
) -> Iterator[Supplied | ReportText | Unopened]:
    """The same before they are parsed. `before_wait` is called where input is awaited."""
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
    """What `--from` would take the path for."""
    try:
        return Supplied(name, path, open_input(path))
    except BadInput as error:
        return Supplied(name, path, error)


def _folder(path: str, name: str, depth: int) -> Iterator[Supplied | ReportText | Unopened]:
    """One host, or all that lie in the folder. Names with a dot and links are no hosts."""
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
        named = _without_ending(entry) if depth == 0 else f"{name}/{_without_ending(entry)}"
        if entry.startswith("."):
            continue
        if kind == "folder" and depth < DEPTH_LIMIT:
            yield from _folder(inner, named, depth + 1)
        elif kind == "file":
            yield from _file(inner, named, os.O_NOFOLLOW)
        else:
            yield _refused(inner, named, "is no file. Name it itself to have it read")


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"


def _refused(path: str, name: str, why: str) -> Supplied:
    return Supplied(name, path, BadInput(f"{path} {why}."))


def _file(
    path: str, name: str, flags: int = 0, before_wait: Callable[[], None] = lambda: None
) -> Iterator[Supplied | ReportText | Unopened]:
    """The host that the file is, or the reports in it one after another."""
    shown = _STANDARD_INPUT if path == "-" else path
    try:
        with opened(path, shown, flags) as fd:
            yield from _content(_chunks(fd, shown, before_wait), shown, name)
    except BadInput as error:
        yield Supplied(name, shown, error)


def _content(
    chunks: Iterator[bytes], shown: str, name: str
) -> Iterator[Supplied | ReportText | Unopened]:
    head = b""
    while not head.strip() and len(head) <= INPUT_LIMIT and (chunk := next(chunks, b"")):
        head += chunk
    rest = chain([head], chunks)
    if is_crash_dump(head) and shown != _STANDARD_INPUT:
        yield Unopened(name, shown, None)
    elif is_json(head):
        yield from _reports(rest, shown, name)
    else:
        yield Unopened(name, shown, _whole(rest, shown))


def _chunks(fd: int, shown: str, before_wait: Callable[[], None]) -> Iterator[bytes]:
    patience = STDIN_PATIENCE if shown == _STANDARD_INPUT else None
    while chunk := next_chunk(fd, shown, patience):
        yield chunk
        if not select.select([fd], [], [], 0)[0]:
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
    """A report each; where there are several, named by the line where they begin."""
    texts = (cut for cut in stretches(chunks) if cut[1] is None or cut[1].strip())
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


def stretches(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """The text cut before every line that begins with a brace, with the number of that line.

    So begins each report, whether it has a line of its own or was printed with indents; and a
    broken one does not hide the next. None means a stretch that is too long to be a report.
    """
    kept, line, searched, is_too_long = bytearray(), 1, 0, False
    for chunk in chunks:
        kept += chunk
        while (end := kept.find(b"\n{", searched) + 1) > 0:
            yield line, None if is_too_long else bytes(kept[:end])
            line += kept.count(b"\n", 0, end)
            del kept[:end]
            searched, is_too_long = 0, False
        searched = max(len(kept) - 1, 0)
        if len(kept) > REPORT_LIMIT:
            is_too_long = True
            line += kept.count(b"\n", 0, searched)
            del kept[:searched]
            searched = 0
    yield line, None if is_too_long else bytes(kept)
