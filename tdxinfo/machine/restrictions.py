"""Kinds of sources that must not be read: by --without, TDXINFO_WITHOUT or /etc/tdxinfo.toml.

The file is the administrator's: it can only forbid, nothing overrules it, and it counts only where
nobody but root can have written it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from typing import TypeVar

from tdxinfo.errors import BadInput, Malformed, TimedOut
from tdxinfo.machine.bounded import OPEN_FLAGS, read_descriptor, within
from tdxinfo.machine.kinds import NAMES

FILE = "/etc/tdxinfo.toml"
VARIABLE = "TDXINFO_WITHOUT"
_MAX_BYTES = 64 << 10
_TIMEOUT = 3.0

T = TypeVar("T")


def excluded(given: Iterable[str] = ()) -> dict[str, str]:
    """What must not be read, with what forbids it. Raises BadInput."""
    found = dict.fromkeys(_known(given, "--without"), "--without")
    words = os.environ.get(VARIABLE, "").replace(",", " ").split()
    found |= dict.fromkeys(_known(words, VARIABLE), VARIABLE)
    return found | dict.fromkeys(_in_time(_of_file), FILE)


def warning() -> str:
    """Why the administrator's file does not count; empty where it does, or is not there."""
    try:
        found = _in_time(lambda: os.stat(FILE))
    except OSError:
        return ""
    return (
        f"{FILE} is ignored: users other than root can write to it." if _is_of_others(found) else ""
    )


def _in_time(work: Callable[[], T]) -> T:
    """Raises BadInput when the file does not answer: what it forbids would be read."""
    try:
        return within(_TIMEOUT, FILE, work)
    except TimedOut as error:
        raise BadInput(f"{error}.") from None


def _is_of_others(found: os.stat_result) -> bool:
    return found.st_uid != 0 or bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _known(names: Iterable[str], by: str) -> list[str]:
    words = [word for name in names for word in name.split(",") if word]
    for word in words:
        if word not in NAMES:
            raise BadInput(
                f"{by} names {word[:60]!r}, which is not a source. Sources: {_sources()}."
            )
    return words


def _sources() -> str:
    return ", ".join(NAMES)


def _of_file() -> list[str]:
    """The sources that the administrator's file forbids. Raises BadInput."""
    if not os.path.lexists(FILE):
        return []
    try:
        fd = os.open(FILE, OPEN_FLAGS)
    except OSError as error:
        raise BadInput(f"{FILE} cannot be read: {error.strerror}.") from None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or _is_of_others(found):
            return []
        data = read_descriptor(fd, _MAX_BYTES, FILE)
    finally:
        os.close(fd)
    from tdxinfo.decode.foreign import parse_toml

    try:
        without = parse_toml(data).get("without", [])
    except Malformed as error:
        raise BadInput(f"{FILE} cannot be read: {error}.") from None
    if not isinstance(without, list) or not all(isinstance(name, str) for name in without):
        raise BadInput(f'{FILE} has no list of sources. An example: without = ["kmem", "msr"].')
    return _known(without, FILE)
