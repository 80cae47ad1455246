"""All access to the system goes through a Machine.

It is the running system (`live`), a recorded one (`captured`), or the running system while it is
recorded (`recording`). Files are read by `read`, everything else by `ask`. Each answer or error is
remembered, so that the same is never read twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from tdxinfo.errors import Unavailable
from tdxinfo.model.provenance import Origin

if TYPE_CHECKING:
    from tdxinfo.machine.system import System

T = TypeVar("T")

Answer = str | int | bool | list["Answer"] | dict[str, "Answer"]
"""The values that a capture can store as TOML. Numbers of 64 bits are hex text."""

FILE_LIMIT = 16 << 20
"""Bytes of one file that are read at most; /proc/cpuinfo of 2048 CPUs has about 4 MiB."""

METADATA = "metadata"
"""The module's metadata: a list of lines "ID VALUE STATUS"."""

KERNEL_LOG = "kernel-log"
"""The kernel log: a capture stores this answer as the file kernel.log."""


Live = Callable[["System"], Answer]
"""A function that gets an answer from the running system. Raises Unavailable."""


class Machine(ABC):
    """A source of files and answers, which remembers each of them."""

    keeps_identity = False
    """Whether facts may contain host names, addresses and other identities."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._memory: dict[object, object] = {}

    def read(self, path: str) -> bytes:
        """The bytes of the file at an absolute path. Raises Unavailable."""
        return self.once(("file", path), lambda: self._read(path))

    def text(self, path: str) -> str:
        """The file's text; bytes that are not UTF-8 become replacement characters."""
        return self.read(path).decode("utf-8", "replace")

    def ask(self, key: str, live: Live) -> Answer:
        """The answer to `key`: from `live` on a live machine, else from the record."""
        return self.once(("answer", key), lambda: self._ask(key, live))

    def once(self, key: object, make: Callable[[], T]) -> T:
        """The result of `make`, called once for each key; an Unavailable is raised again."""
        if key not in self._memory:
            try:
                self._memory[key] = make()
            except Unavailable as refusal:
                self._memory[key] = refusal
        remembered = self._memory[key]
        if isinstance(remembered, Unavailable):
            raise remembered.with_traceback(None)
        return cast(T, remembered)

    def recorded(self, begin: str) -> tuple[str, ...]:
        """The keys with this beginning that a record has answers to; none on a live machine."""
        return ()

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names of the machine, so far as it is known to have any."""
        return ()

    @abstractmethod
    def _read(self, path: str) -> bytes: ...

    @abstractmethod
    def _ask(self, key: str, live: Live) -> Answer: ...
