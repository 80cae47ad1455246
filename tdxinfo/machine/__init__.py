"""The one door to the outside.

A machine is this one (`live`), a recorded one (`captured`), or this one while it is being
recorded (`recording`). Files go through `read`, everything else through `ask`; what was asked
once is remembered, refusals too.
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
"""What a machine can say and a capture can keep. Numbers above 2^63 travel as hex text."""

FILE_LIMIT = 16 << 20
"""Bytes of one file that are read at most; /proc/cpuinfo of 2048 CPUs has about 4 MiB."""

METADATA = "metadata"
"""The module's metadata: a list of lines "ID VALUE STATUS"."""

KERNEL_LOG = "kernel-log"
"""The one answer that a capture keeps as a file of its own."""


Live = Callable[["System"], Answer]
"""What asks the running system itself. Raises Unavailable."""


class Machine(ABC):
    """A machine that can be asked, each thing once."""

    keeps_identity = False
    """Whether facts keep what names the machine or its owner."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._memory: dict[object, object] = {}

    def read(self, path: str) -> bytes:
        """The bytes of the file at an absolute path. Raises Unavailable."""
        return self.once(("file", path), lambda: self._read(path))

    def text(self, path: str) -> str:
        """The file's text; bytes that are no UTF-8 become replacement characters."""
        return self.read(path).decode("utf-8", "replace")

    def ask(self, key: str, live: Live) -> Answer:
        """The answer to `key`: from `live` on a live machine, else from the record."""
        return self.once(("answer", key), lambda: self._ask(key, live))

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What `make` gives, made only the first time; a refusal is remembered like a value."""
        if key not in self._memory:
            try:
                self._memory[key] = make()
            except Unavailable as refusal:
                self._memory[key] = refusal
        remembered = self._memory[key]
        if isinstance(remembered, Unavailable):
            raise remembered.with_traceback(None)
        return cast(T, remembered)

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names of the machine, so far as it is known to have any."""
        return ()

    @abstractmethod
    def _read(self, path: str) -> bytes: ...

    @abstractmethod
    def _ask(self, key: str, live: Live) -> Answer: ...
