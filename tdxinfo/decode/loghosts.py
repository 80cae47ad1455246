"""How many hosts a log has lines of, by the host names in the headers of the kernel's lines.

A log collector writes the lines of many hosts into one file, and two hosts in one log would be
judged as one that does not exist. One host can have several names too: `localhost` before it knows
its own, a short and a full one, and a new one that it is given while it runs. So names are those of
several hosts where lines of one and the other alternate, or where a boot begins under a name that
no boot changed to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tdxinfo.errors import Malformed

_TAG = " kernel: "
_MAX_HEADER = 160
_CLOCK = re.compile(
    r"\s{0,8}(?:<\d{1,3}>)?(?:[^\s\[\]:;,=]{1,12} {1,2}\d{1,2} \d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^\s,]{0,20}"
    r"|[^\s\[\]:;,=]{1,12} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d{1,9})? [A-Z+\d:-]{1,8}"
    r"|\d{10}\.\d{6}|\[ {0,12}\d{1,12}\.\d{1,9}\]) "
)
_NO_NAMES = ("localhost", "(none)", "")


class Named(NamedTuple):
    """The name of the host that printed a line, and whether a boot begins with the line."""

    name: str
    begins_boot: bool


def require_one(lines: Iterable[Named]) -> None:
    """Raises Malformed where the lines are those of several hosts."""
    hosts = count(lines)
    if hosts > 1:
        raise Malformed(f"the log has lines of {hosts} hosts; give the lines of one host")


def count(lines: Iterable[Named]) -> int:
    """How many hosts there are, at least; 0 where no line has a name."""
    before = ""
    names: set[str] = set()
    renamed: set[tuple[str, str]] = set()
    at_boot: set[tuple[str, str]] = set()
    for name, begins_boot in lines:
        if name != before:
            if before:
                (at_boot if begins_boot else renamed).add((before, name))
            names.add(name)
            before = name
    alternate = any((new, old) in renamed for old, new in renamed)
    strange = any(not {(a, b), (b, a)} & renamed for a, b in at_boot)
    return len(names) if alternate or strange else min(len(names), 1)


def of_lines(lines: Sequence[str]) -> Iterator[Named]:
    """The names in the headers of the kernel's lines."""
    known = ""
    for line in lines:
        header, tag, text = line.partition(_TAG)
        if not tag or len(header) > _MAX_HEADER:
            continue
        clock, _, name = header.rpartition(" ")
        if name != known and not _CLOCK.fullmatch(f"{clock} "):
            continue
        known = name
        if is_name(short(name)):
            yield Named(short(name), "Linux version " in text[:40])


def is_name(name: str) -> bool:
    """Whether it is the name of one host alone."""
    return name not in _NO_NAMES


def short(name: str) -> str:
    """The name without its domain; an address has none."""
    return name.lower() if re.fullmatch(r"[\d.]+|.*:.*", name) else name.lower().partition(".")[0]
