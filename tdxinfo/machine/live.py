"""This machine, as it runs now, or a system whose files lie below a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from tdxinfo.errors import Excluded, TimedOut
from tdxinfo.machine import Answer, Live, Machine
from tdxinfo.machine.bounded import within
from tdxinfo.machine.kinds import kind_of, shown
from tdxinfo.machine.system import System
from tdxinfo.model.provenance import Origin

T = TypeVar("T")

PATIENCE = 8.0
"""Seconds that all sources together may keep a run waiting in vain."""

_LAST_CHANCE = 0.02
"""Seconds for each source after that."""


class LiveMachine(Machine):
    """Reads files and asks devices of the running kernel; changes nothing.

    Every question ends in time: this is the only place from which the running system is reached.
    """

    def __init__(self, root: str = "/", excluded: Mapping[str, str] | None = None) -> None:
        """`excluded` are kinds of sources that must not be read, with what forbids each."""
        super().__init__(Origin.of("live", None if root == "/" else root))
        self._excluded = excluded or {}
        self._system = System(root, self._excluded.get("program", ""))
        self._left = PATIENCE

    @property
    def system(self) -> System:
        return self._system

    def _read(self, path: str) -> bytes:
        return self._in_time(path, lambda: self._system.read(path))

    def _ask(self, key: str, live: Live) -> Answer:
        return self._in_time(key, lambda: live(self._system))

    def _in_time(self, question: str, work: Callable[[], T]) -> T:
        kind = kind_of(question)
        if kind.name in self._excluded:
            raise Excluded(f"{kind.name} is excluded by {self._excluded[kind.name]}")
        start = time.monotonic()
        patience = kind.patience if self._left > 0 else _LAST_CHANCE
        try:
            return within(patience, shown(question), work)
        except TimedOut:
            self._left -= time.monotonic() - start
            raise
