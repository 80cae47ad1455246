"""The results of a host as a feature file of node-feature-discovery's local source.

The rules are those of NFD's customization guide and of Kubernetes' labels: names with a prefix, at
most 63 characters of letters, digits, `-`, `_` and `.` that begin and end with a letter or digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tdxinfo import __version__, tables
from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import first_failure
from tdxinfo.host import as_json
from tdxinfo.model.verdict import HostVerdict

NAMESPACE = "feature.node.kubernetes.io/"
PREFIX = "tdx."

UNKNOWN = "unknown"
"""The value of a label whose fact is unknown. NFD's own labels have no such value."""

_WORD = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)

Row = Mapping[str, Any]
"""A row of `tables/nfd.toml`."""


def page(run: CheckRun, hours: int | None = None) -> str:
    """The file's text. NFD ignores it once `hours` are over; None is for always."""
    return "".join(f"{line}\n" for line in _lines(run, hours))


def _lines(run: CheckRun, hours: int | None) -> Iterator[str]:
    yield f"# tdxinfo {__version__}"
    if hours is not None:
        ends = datetime.fromtimestamp(run.time + hours * 3600, UTC)
        yield f"# +expiry-time={ends:%Y-%m-%dT%H:%M:%SZ}"
    for name, row in tables.load("nfd").items():
        for key, value in _KINDS[row["of"]](PREFIX + name, row, run):
            if not (is_word(key) and is_word(value)):
                yield f"# {PREFIX}{name} is left out: Kubernetes allows no such text in a label"
                continue
            if not row.get("label", True):
                yield "# +no-label"
            yield f"{NAMESPACE}{key}={value}"


def is_word(text: str) -> bool:
    """Whether Kubernetes takes the text as a label's value, or as its name below the prefix."""
    return _WORD.fullmatch(text) is not None


def _fact(name: str, row: Row, run: CheckRun) -> Iterable[tuple[str, str]]:
    value = as_json(row["fact"], run.report.host.fact(row["fact"]))
    if value is not None:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)
    elif run.verdict is HostVerdict.NOT_APPLICABLE:
        if "inapplicable" in row:
            yield name, row["inapplicable"]
    elif row.get("unknown"):
        yield name, UNKNOWN


def _features(name: str, row: Row, run: CheckRun) -> Iterable[tuple[str, str]]:
    for feature in run.report.host.fact(row["fact"]) or ():
        yield f"{name}.{feature}", "true"


def _part(name: str, row: Row, run: CheckRun) -> Iterable[tuple[str, str]]:
    part = getattr(run.report.host.fact(row["fact"]), row["part"], None)
    if part is not None:
        yield name, str(part)


def _verdict(name: str, row: Row, run: CheckRun) -> Iterable[tuple[str, str]]:
    yield name, run.verdict.value


def _first_failure(name: str, row: Row, run: CheckRun) -> Iterable[tuple[str, str]]:
    first = first_failure(run.results)
    if first:
        yield name, first.check.id


_KINDS: dict[str, Callable[[str, Row, CheckRun], Iterable[tuple[str, str]]]] = {
    "fact": _fact,
    "features": _features,
    "part": _part,
    "verdict": _verdict,
    "first-failure": _first_failure,
}
