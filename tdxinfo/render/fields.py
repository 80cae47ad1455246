"""The TDX module's metadata, field by field: `tdxinfo dump --fields`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tdxinfo.decode.metadata import declared
from tdxinfo.sources.elements import MetadataElement

if TYPE_CHECKING:
    from rich.console import Console


_WIDE = 130
"""Columns from which there is room for each field's meaning."""


def print_fields(console: Console, elements: Iterable[MetadataElement]) -> None:
    """One line a field; of an array those elements that are not 0."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("id", "field", "value"):
        table.add_column(heading, header_style="label", no_wrap=True)
    with_meaning = console.width >= _WIDE
    if with_meaning:
        table.add_column("meaning", header_style="label", overflow="fold")
    for row in elements:
        if row.index and row.value and int(row.value, 16) == 0:
            continue
        field = declared().get(row.name or "")
        name = row.name or "unknown"
        index = "" if row.index is None else f"[{row.index}]"
        table.add_row(
            row.id or "-",
            Text(f"{name}{index}", "" if field else "doubtful"),
            Text(row.value or row.missing or "", "" if row.value else "unknown"),
            *([Text(field.doc if field else "", "unknown")] if with_meaning else []),
        )
    console.print(table)
