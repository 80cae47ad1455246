"""This machine, as it runs now, or a system whose files lie below a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from tdxinfo.errors import Excluded, TimedOut, Unavailable
from tdxinfo.machine import Answer, Live, Machine, restrictions
from tdxinfo.machine.bounded import within
from tdxinfo.machine.kinds import key_as_text, kind_of
from tdxinfo.machine.system import System
from tdxinfo.model.provenance import Origin

T = TypeVar("T")

TIMEOUT = 8.0
"""Seconds that all sources together may keep a run waiting in vain."""

_LAST_CHANCE = 0.02
"""Seconds for each source after that."""


class LiveMachine(Machine):
    """Reads files and asks devices of the running kernel; changes nothing.

    Every question ends in time: this is the only place from which the running system is reached.
    """

    def __init__(self, root: str = "/", without: Iterable[str] = ()) -> None:
        """`without` are kinds of sources that must not be read. Raises BadInput."""
        super().__init__(Origin.of("live", None if root == "/" else root))
        self._excluded = restrictions.excluded(without)
        self._system = System(root, self._excluded.get("program", ""))
        self._left = TIMEOUT

    @property
    def is_whole(self) -> bool:
        """Whether this is the running system itself, and no folder of it."""
        return self._system.is_whole

    @property
    def host_names(self) -> tuple[str, ...]:
        if self.is_whole:
            return (os.uname().nodename,)
        return self.once("host-names", lambda: tuple(self._names_below_root()))

    def _names_below_root(self) -> Iterator[str]:
        for path in ("/etc/hostname", "/proc/sys/kernel/hostname"):
            with suppress(Unavailable):
                yield from self._read(path).decode("utf-8", "replace").split()[:1]

    def _read(self, path: str) -> bytes:
        return self._in_time(path, lambda: self._system.read(path))

    def _ask(self, key: str, live: Live) -> Answer:
        return self._in_time(key, lambda: live(self._system))

    def _in_time(self, question: str, work: Callable[[], T]) -> T:
        kind = kind_of(question)
        if kind.name in self._excluded:
            raise Excluded(f"{kind.name} is excluded by {self._excluded[kind.name]}")
        start = time.monotonic()
        timeout = kind.timeout if self._left > 0 else _LAST_CHANCE
        try:
            return within(timeout, key_as_text(question), work, kind.idle)
        except TimedOut:
            self._left -= time.monotonic() - start
            raise
