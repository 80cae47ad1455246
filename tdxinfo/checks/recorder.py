"""A report that remembers which of its facts were read."""

from __future__ import annotations

from typing import Any

from tdxinfo.model.provenance import Attempt
from tdxinfo.report import Report


class Recorder:
    """Has the attributes and methods of a report that checks use, and records each fact read."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.host = _RecordedHost(report.host, self)
        self.clear()

    def clear(self) -> None:
        """Clears the record, before the next check."""
        self.facts: dict[str, None] = {}
        self.last = ""

    def note(self, name: str) -> None:
        self.facts[name] = None
        self.last = name

    def origin_of(self, name: str) -> str:
        self.note(name)
        return self._report.origin_of(name)

    def is_known(self, name: str) -> bool:
        self.note(name)
        return self._report.is_known(name)

    def is_absent(self, name: str) -> bool:
        self.note(name)
        return self._report.is_absent(name)

    def attempts(self, name: str) -> tuple[Attempt, ...]:
        self.note(name)
        return self._report.attempts(name)


class _RecordedHost:
    def __init__(self, host: Any, recorder: Recorder) -> None:
        self._host = host
        self._recorder = recorder

    def fact(self, name: str) -> Any:
        self._recorder.note(name)
        return self._host.fact(name)

    def __getattr__(self, section: str) -> Any:
        recorded = _RecordedSection(getattr(self._host, section), section, self._recorder)
        self.__dict__[section] = recorded  # so __getattr__ is not called for it again
        return recorded


class _RecordedSection:
    def __init__(self, section: Any, name: str, recorder: Recorder) -> None:
        self._section = section
        self._name = name
        self._recorder = recorder

    def __getattr__(self, field: str) -> Any:
        self._recorder.note(f"{self._name}.{field}")
        return getattr(self._section, field)
