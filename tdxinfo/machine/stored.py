"""The files of a record, for answers that are made of several of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from tdxinfo.errors import Malformed, NotRecorded
from tdxinfo.machine.bounded import in_words
from tdxinfo.machine.kinds import kind_of
from tdxinfo.machine.system import System

T = TypeVar("T")

OF_FILES = ("boot/menu", "boot/configured", "modprobe/")
"""Beginnings of the keys whose answers are made of files alone, as sources do on a live machine."""
MAY_LACK_FILES = ("modprobe/",)
"""Those of which a value that was found counts, whatever other files might add."""


class StoredFiles(System):
    """A system of which only files and names in folders are known."""

    def __init__(self, read: Callable[[str], bytes], names: Callable[[str], list[str]]) -> None:
        super().__init__("the record", programs_excluded_by="the record")
        self._read = read
        self._names = names
        self.lacks_files = False
        """Whether it was asked for something that was not recorded."""

    def read(self, path: str, limit: int | None = None) -> bytes:
        data = self._noting(lambda: self._read(path))
        limit = limit or kind_of(path).limit
        if len(data) > limit:
            raise Malformed(f"{path} holds more than {in_words(limit)}, the most that is read")
        return data

    def names(self, folder: str) -> list[str]:
        return sorted(self._noting(lambda: self._names(folder)))

    def open(self, path: str, flags: int = 0) -> NoReturn:
        self.lacks_files = True
        raise NotRecorded(f"{path} is not in the record")

    def _noting(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except NotRecorded:
            self.lacks_files = True
            raise
