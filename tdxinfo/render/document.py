"""Reports as JSON: one object with the same keys always, also when the run failed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tdxinfo import __version__
from tdxinfo.host import SECTIONS, Host
from tdxinfo.model import SCHEMA_VERSION
from tdxinfo.model.observed import Attempt, Observed

Answers = Mapping[str, list[Observed[Any] | Attempt]]
"""What every place said, by the fact's name."""


def frame(origin: Mapping[str, Any] | None) -> dict[str, Any]:
    """The keys that every report has, still empty."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tdxinfo", "version": __version__},
        "origin": origin,
        "host": {},
        "sources": {},
        "unavailable": {},
        "errors": [],
    }


def dump_document(host: Host, names: Iterable[str]) -> dict[str, Any]:
    """The named facts of the host."""
    document = frame(host.origin.as_dict())
    for name in names:
        section, _, field = name.partition(".")
        observed = host.fact(name)
        document["host"].setdefault(section, {})[field] = plain(name, observed.value)
        if observed.is_known:
            document["sources"][name] = {"origin": observed.origin}
        else:
            document["unavailable"][name] = [attempt.as_dict() for attempt in observed.attempts]
    return document


def all_sources(answers: Answers) -> dict[str, list[dict[str, Any]]]:
    """What every place said of each fact."""
    return {name: [_answer(name, answer) for answer in told] for name, told in answers.items()}


def _answer(name: str, answer: Observed[Any] | Attempt) -> dict[str, Any]:
    if isinstance(answer, Attempt):
        return dict(answer.as_dict())
    return {"origin": answer.origin, "value": plain(name, answer.value)}


def failure_document(message: str) -> dict[str, Any]:
    """The report of a run that failed."""
    document = frame(None)
    document["errors"].append({"message": message})
    return document


def plain(name: str, value: object) -> Any:
    """A fact's value in the plain types of JSON."""
    if value is None or type(value) in (bool, str):
        return value
    section, _, field = name.partition(".")
    return SECTIONS[section].fields[field].type.as_json(value)


def as_text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=True)
