"""Values for scripts: one bare value, and lists as tables with chosen columns or as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, get_args, get_origin

from tdxinfo.checks import units
from tdxinfo.host import as_json, declared
from tdxinfo.render.safe import printable
from tdxinfo.report import Report

if TYPE_CHECKING:
    from rich.console import Console

_ADDRESSES = ("base", "end")


class ListOptions(Protocol):
    """Which columns, and how they are shown."""

    @property
    def columns(self) -> list[str] | None: ...
    @property
    def noheadings(self) -> bool: ...
    @property
    def in_bytes(self) -> bool: ...


def raw(name: str, report: Report) -> str:
    """The value as in JSON, without quotes; a list has a line for each entry."""
    value = as_json(name, report.host.fact(name))
    listed = value if isinstance(value, list) else [value]
    return "\n".join(printable(_bare(entry)) for entry in listed)


def _bare(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        import json

        return json.dumps(value)
    return "" if value is None else str(value)


def columns_of(name: str) -> tuple[str, ...]:
    """The columns of a fact that is a list of records, such as ranges; none for other facts."""
    section, field = declared(name)
    entry = _entry_type(section.model_fields[field].annotation)
    return tuple(getattr(entry, "model_fields", ()))


def _entry_type(annotation: Any) -> Any:
    """The type of the entries, if the fact's annotation is that of a list; else None."""
    parts = get_args(annotation)
    if get_origin(annotation) is tuple:
        return parts[0]
    return next(filter(None, map(_entry_type, parts)), None)


def _entries(report: Report, name: str) -> list[dict[str, Any]]:
    return as_json(name, report.host.fact(name)) or []


def list_csv(report: Report, name: str, options: ListOptions) -> str:
    """The list as CSV; numbers are integers, as in JSON."""
    chosen = options.columns or columns_of(name)
    rows = [[_bare(entry.get(column)) for column in chosen] for entry in _entries(report, name)]
    return as_csv(chosen, rows, options.noheadings)


def facts_csv(report: Report, names: Iterable[str], options: ListOptions) -> str:
    """A row each fact: its value and its source, both empty where it is unknown."""
    rows = []
    for name in names:
        value = as_json(name, report.host.fact(name)) if report.is_known(name) else None
        rows.append([name, _bare(value), report.origin_of(name)])
    return as_csv(("fact", "value", "source"), rows, options.noheadings)


def as_csv(headings: Sequence[str], rows: Iterable[Sequence[str]], noheadings: bool) -> str:
    """CSV by RFC 4180, but with the line ends of this system's text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if not noheadings:
        writer.writerow(headings)
    writer.writerows([_no_formula(printable(cell)) for cell in row] for row in rows)
    return out.getvalue()


_FORMULA = re.compile(r"[=@]|[+-](?![\d.]+$).")


def _no_formula(cell: str) -> str:
    """The cell, with an apostrophe where a spreadsheet would take its text for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def print_list(console: Console, report: Report, name: str, options: ListOptions) -> None:
    """The list as a table with the chosen columns."""
    from tdxinfo.render import layout

    chosen = options.columns or columns_of(name)
    columns = [layout.Column(title, right=title != "name") for title in chosen]
    rows = [
        [_shown(column, entry.get(column), options.in_bytes) for column in chosen]
        for entry in _entries(report, name)
    ]
    layout.table(console, columns, rows, 0, with_heading=not options.noheadings)


def _shown(column: str, value: Any, in_bytes: bool) -> str:
    if isinstance(value, list):
        return str(len(value))
    if isinstance(value, int) and column in _ADDRESSES:
        return units.address(value)
    if isinstance(value, int) and column in ("size", "pamt_bytes") and not in_bytes:
        return units.size(value)
    return printable(_bare(value))
