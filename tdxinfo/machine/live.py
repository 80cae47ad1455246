"""This machine, as it runs now."""

from __future__ import annotations

from collections.abc import Callable

from tdxinfo.machine import FILE_LIMIT, Answer, Machine
from tdxinfo.machine.bounded import read_file, within
from tdxinfo.model.provenance import Origin

PATIENCE = 2.0
"""Seconds for one file. The slowest, a P-SEAMLDR call behind sysfs, takes well under one."""


class LiveMachine(Machine):
    """Reads files and asks devices of the running kernel; changes nothing."""

    def __init__(self) -> None:
        super().__init__(Origin.of("live"))

    def _read(self, path: str) -> bytes:
        return within(PATIENCE, path, lambda: read_file(path, FILE_LIMIT))

    def _ask(self, key: str, live: Callable[[], Answer]) -> Answer:
        return live()
