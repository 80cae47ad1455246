"""Turns a log round whose newest line stands first, as `journalctl -r` and `dmesg | tac` print it.

A log is turned round only where the times in its headers fall nearly everywhere: they also fall
here and there in one that is in order, where a boot begins, where several CPUs print, and where a
month begins, since months have names in any language and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

_UNIX_CLOCK = re.compile(r"\s*(\d{10}\.\d{6}) ")
_WALL_CLOCK = re.compile(
    r"[^\d\n]{0,24}(?:\d{4}-\d\d-)?(?<!\d)(\d{1,2})[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6}))?"
)
_SINCE_BOOT = re.compile(
    r"(?:[^\[\n]{0,120}kernel: )?\s{0,8}(?:<\d{1,3}>)?\[ {0,12}(\d{1,9}\.\d{3,9})\]"
)
_BETWEEN_BOOTS = "-- "
_MIN_FALLS = 3
_FALLS_PER_RISE = 4
"""How often the times of a log in reverse order fall for each time that they rise."""

Time = tuple[float, float]
"""The clock's time and that since boot; 0 for one that a header does not have."""


def in_order(lines: Sequence[str]) -> list[str]:
    """The lines with the oldest first, each with the lines below it that have no time."""
    if _first_time(lines) <= _first_time(reversed(lines)):
        return list(lines)
    times = [time_of(line) for line in lines]
    if not _is_reversed([time for time in times if time is not None]):
        return list(lines)
    blocks: list[list[str]] = [[]]
    for line, time in zip(lines, times, strict=True):
        if time is not None or line.startswith(_BETWEEN_BOOTS):
            blocks.append([])
        blocks[-1].append(line)
    first, *rest = blocks
    return [*first, *(line for block in reversed(rest) for line in block)]


def _first_time(lines: Iterable[str]) -> Time:
    return next((time for line in lines if (time := time_of(line)) is not None), (0.0, 0.0))


def _is_reversed(times: Sequence[Time]) -> bool:
    pairs = list(pairwise(times))
    falls = sum(later < earlier for earlier, later in pairs)
    rises = sum(later > earlier for earlier, later in pairs)
    return falls >= _MIN_FALLS and falls >= rises * _FALLS_PER_RISE


def time_of(line: str) -> Time | None:
    """The times in the line's header; None where it has none. The clock's has no month."""
    since_boot = _SINCE_BOOT.match(line)
    seconds = float(since_boot[1]) if since_boot else 0.0
    unix = _UNIX_CLOCK.match(line)
    if unix:
        return float(unix[1]), seconds
    found = _WALL_CLOCK.match(line)
    if not found:
        return (0.0, seconds) if since_boot else None
    day, hours, minutes, whole = (int(part) for part in found.groups()[:4])
    clock = ((day * 24 + hours) * 60 + minutes) * 60 + whole + float(f"0.{found[5] or 0}")
    return clock, seconds
