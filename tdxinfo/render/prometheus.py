"""The results of a host as metrics in Prometheus' text format, by `tables/metrics.toml`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

from tdxinfo import __version__, tables
from tdxinfo.checks.document import CheckRun
from tdxinfo.host import as_json, declared, meaning
from tdxinfo.model.verdict import HostVerdict, Outcome
from tdxinfo.render.safe import printable

Sample = tuple[dict[str, str], float]
"""A sample's labels and its value."""

Row = Mapping[str, Any]
"""A metric of `tables/metrics.toml`."""


def page(run: CheckRun) -> str:
    """All metrics that have a sample, in the text format 0.0.4. What is unknown is left out."""
    return "".join(f"{line}\n" for line in _lines(run))


def _lines(run: CheckRun) -> Iterator[str]:
    for name, row in tables.load("metrics").items():
        samples = list(_KINDS[row["of"]](row, run))
        if samples:
            yield f"# HELP {name} {_escaped(help_of(row))}"
            yield f"# TYPE {name} gauge"
        for labels, value in samples:
            yield f"{name}{_labels(labels)} {value!r}"


def _labels(labels: dict[str, str]) -> str:
    """The labels as text, sorted by name."""
    if not labels:
        return ""
    parts = (f'{key}="{_escaped(text, quote=True)}"' for key, text in sorted(labels.items()))
    return "{" + ",".join(parts) + "}"


def _escaped(text: str, *, quote: bool = False) -> str:
    """Of text, the format escapes the backslash and the line's end; within labels the quote too."""
    escaped = printable(text).replace("\\", r"\\")
    return escaped.replace('"', r"\"") if quote else escaped


def help_of(row: Row) -> str:
    return str(row.get("help") or meaning(row["fact"]))


def _fact(row: Row, run: CheckRun) -> Iterable[Sample]:
    value = run.report.host.fact(row["fact"])
    if value is not None:
        yield {}, float(len(value) if isinstance(value, tuple) else value)


def _info(row: Row, run: CheckRun) -> Iterable[Sample]:
    """A sample of 1 with facts as labels; an unknown fact gives an empty one, which means unset."""
    found = {
        label: as_json(name, run.report.host.fact(name)) for label, name in row["labels"].items()
    }
    if any(value is not None for value in found.values()):
        yield {label: "" if v is None else str(v) for label, v in found.items()}, 1.0


def _state(row: Row, run: CheckRun) -> Iterable[Sample]:
    section, field = declared(row["fact"])
    states = get_args(section.model_fields[field].annotation)
    return _states(row["label"], states, run.report.host.fact(row["fact"]))


def _states(label: str, states: Iterable[str], holds: object) -> Iterable[Sample]:
    return [({label: str(state)}, float(state == holds)) for state in states]


def _verdict(row: Row, run: CheckRun) -> Iterable[Sample]:
    return _states("verdict", HostVerdict, run.verdict)


def _checks(row: Row, run: CheckRun) -> Iterable[Sample]:
    for result in run.results:
        named = {"id": result.check.id, "group": result.check.rule.group}
        for state, value in _states("outcome", Outcome, result.outcome):
            yield {**named, **state}, value


_NUMBERS = {
    outcome: number
    for number, outcome in enumerate(
        (Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP, Outcome.INFO)
    )
}


def _outcomes(row: Row, run: CheckRun) -> Iterable[Sample]:
    for result in run.results:
        named = {"id": result.check.id, "group": result.check.rule.group}
        yield named, float(_NUMBERS[result.outcome])


def _time(row: Row, run: CheckRun) -> Iterable[Sample]:
    yield {}, run.time


def _tool(row: Row, run: CheckRun) -> Iterable[Sample]:
    yield {"version": __version__}, 1.0


_KINDS: dict[str, Callable[[Row, CheckRun], Iterable[Sample]]] = {
    "fact": _fact,
    "info": _info,
    "state": _state,
    "verdict": _verdict,
    "checks": _checks,
    "outcomes": _outcomes,
    "time": _time,
    "tool": _tool,
}
