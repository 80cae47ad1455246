"""A report that remembers which of its facts were read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tdxinfo.model.provenance import Attempt
from tdxinfo.report import Report


class _Reads:
    """The facts that were read. It knows no report, so that a judged one is freed at once."""

    def __init__(self) -> None:
        self.facts: dict[str, None] = {}
        self.last = ""

    def note(self, name: str) -> None:
        self.facts[name] = None
        self.last = name


class Recorder:
    """Has the attributes and methods of a report that checks use, and records each fact read."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._reads = _Reads()
        self._note = self._reads.note
        self.host = _RecordedHost(report.host, self._note)

    @property
    def last(self) -> str:
        """The fact that was read last."""
        return self._reads.last

    def taken(self) -> tuple[str, ...]:
        """The facts that were read since this was called before."""
        reads = self._reads
        facts = tuple(reads.facts)
        reads.facts, reads.last = {}, ""
        return facts

    def origin_of(self, name: str) -> str:
        self._note(name)
        return self._report.origin_of(name)

    def is_known(self, name: str) -> bool:
        self._note(name)
        return self._report.is_known(name)

    def is_absent(self, name: str) -> bool:
        self._note(name)
        return self._report.is_absent(name)

    def attempts(self, name: str) -> tuple[Attempt, ...]:
        self._note(name)
        return self._report.attempts(name)


class _RecordedHost:
    def __init__(self, host: Any, note: Callable[[str], None]) -> None:
        self._host = host
        self._note = note

    def fact(self, name: str) -> Any:
        self._note(name)
        return self._host.fact(name)

    def __getattr__(self, section: str) -> Any:
        recorded = _RecordedSection(getattr(self._host, section), section, self._note)
        self.__dict__[section] = recorded  # so __getattr__ is not called for it again
        return recorded


class _RecordedSection:
    def __init__(self, section: Any, name: str, note: Callable[[str], None]) -> None:
        self._section = section
        self._name = name
        self._note = note

    def __getattr__(self, field: str) -> Any:
        self._note(f"{self._name}.{field}")
        return getattr(self._section, field)
