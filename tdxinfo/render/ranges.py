"""Memory ranges as a table: bounds, sizes, and the gaps between them."""

from __future__ import annotations

from rich.console import Console

from tdxinfo.checks import units
from tdxinfo.model.memory import NamedRange
from tdxinfo.model.values import MemoryRange, NodeMemory
from tdxinfo.render import layout
from tdxinfo.render.layout import Column
from tdxinfo.render.safe import printable


def print_ranges(console: Console, title: str, ranges: tuple[MemoryRange, ...]) -> None:
    columns = (
        Column(title, right=True),
        Column("base", right=True),
        Column("end", right=True, drop=2),
        Column("size", right=True),
        Column("gap after", right=True, drop=1),
        Column("what", drop=3, fold=True),
    )
    rows = []
    for number, found in enumerate(ranges):
        following = ranges[number + 1 :][:1]
        gap = following[0].base - found.end if following else 0
        rows.append(
            (
                str(number),
                units.address(found.base),
                units.address(found.end),
                units.size(found.size),
                units.size(gap) if gap > 0 else ("overlaps the next" if gap < 0 else ""),
                _of_range(found),
            )
        )
    layout.table(console, columns, rows)


def _of_range(found: MemoryRange) -> str:
    """The range's node or name; empty if it has neither."""
    if isinstance(found, NodeMemory) and found.node is not None:
        return f"node {found.node}"
    return printable(found.name or "") if isinstance(found, NamedRange) else ""
