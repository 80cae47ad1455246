"""Named facts with their values, and every source of each: pages of `tdxinfo dump`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from tdxinfo.model.memory import TdmrPlan
from tdxinfo.model.provenance import Attempt
from tdxinfo.model.values import MemoryRange
from tdxinfo.render import layout, words
from tdxinfo.render.layout import Column
from tdxinfo.render.plan import print_plan
from tdxinfo.render.ranges import print_ranges
from tdxinfo.render.safe import printable
from tdxinfo.report import Report, SourceAnswer

_MANY = 3
"""Unknown facts with the same reason from which on they stand together."""


def print_facts(console: Console, report: Report, names: list[str], verbose: bool) -> None:
    """A table of the facts; below it the lists that do not fit into a line."""
    print_table(console, report, names, verbose)
    for name in names:
        value = report.host.fact(name)
        if isinstance(value, tuple) and value and isinstance(value[0], MemoryRange):
            layout.line(console, Text(name, "title"))
            print_ranges(console, "", value)
        if isinstance(value, TdmrPlan):
            layout.line(console, Text(name, "title"))
            print_plan(console, value)


def print_table(console: Console, report: Report, names: list[str], with_origin: bool) -> None:
    """The facts with their values; those that are unknown for the same reason once, together."""
    together = _by_reason(report, names) if len(names) > 1 else {}
    grouped = {name for found in together.values() for name in found}
    rows = []
    for name in names:
        if name in grouped:
            continue
        origin = report.origin_of(name)
        value = Text(words.fact(report, name), "" if origin else "unknown")
        if with_origin and origin:
            value.append(f"  ({printable(origin)})", "origin")
        rows.append((name, value))
    columns = (Column("fact", style="label"), Column("value", fold=True))
    if rows:
        layout.table(console, columns, rows, 0)
    for reason, found in together.items():
        line = Text("unknown: ", "doubtful").append(f"{reason}: ", "").append(", ".join(found))
        layout.paragraph(console, line, 0, 2)


def _by_reason(report: Report, names: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        if not report.is_known(name):
            found.setdefault(words.reason(report, name), []).append(name)
    return {reason: names for reason, names in found.items() if len(names) >= _MANY}


def print_answers(
    console: Console, answers: Mapping[str, Sequence[SourceAnswer | Attempt]]
) -> None:
    """Each fact with what each of its sources has."""
    columns = (
        Column("fact", style="label"),
        Column("source", fold=True),
        Column("value", fold=True),
    )
    rows = []
    for name, found in answers.items():
        for answer in found:
            refused = isinstance(answer, Attempt)
            value = (
                answer.message
                if isinstance(answer, Attempt)
                else words.of_plain(answer.value, name)
            )
            result = Text(printable(value), "unknown" if refused else "")
            rows.append((name, Text(printable(answer.origin)), result))
    layout.table(console, columns, rows, 0)
