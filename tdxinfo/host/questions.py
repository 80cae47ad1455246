"""All paths and keys that sources ask a machine for; `questions()` finds them by observing."""

from __future__ import annotations

from collections.abc import Iterable

from tdxinfo.errors import Absent
from tdxinfo.host import fact_names
from tdxinfo.host.observe import Observer
from tdxinfo.machine import Answer, Live, Machine
from tdxinfo.model.provenance import Origin

_ANYTHING = b"1\n"


class _Probe(Machine):
    """A machine that passes each question to another one and remembers it."""

    def __init__(self, inner: Machine) -> None:
        super().__init__(inner.origin)
        self._inner = inner
        self.asked: set[str] = set()

    def _read(self, path: str) -> bytes:
        self.asked.add(path)
        return self._inner.read(path)

    def _ask(self, key: str, live: Live) -> Answer:
        self.asked.add(key)
        return self._inner.ask(key, live)


class _Uniform(Machine):
    """A machine on which every file exists, or none.

    With all of them a source that needs several files reads every one; with none it tries its
    alternatives.
    """

    def __init__(self, has_files: bool) -> None:
        super().__init__(Origin.of("capture"))
        self._has_files = has_files

    def _read(self, path: str) -> bytes:
        if not self._has_files:
            raise Absent(f"{path} does not exist")
        return _ANYTHING

    def _ask(self, key: str, live: Live) -> Answer:
        raise Absent(f"{key} has no answer")


def questions(examples: Iterable[Machine] = ()) -> list[str]:
    """All paths and keys, by observing every source of every fact on different machines."""
    asked: set[str] = set()
    for machine in (_Uniform(True), _Uniform(False), *examples):
        probe = _Probe(machine)
        observer = Observer(probe)
        for name in fact_names():
            observer.answers(name)
        asked |= probe.asked
    return sorted(asked)
