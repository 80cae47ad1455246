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
    from rich.text import Text

    from tdxinfo.render import layout

    with_meaning = console.width >= _WIDE
    columns = [
        layout.Column("id"),
        layout.Column("field"),
        layout.Column("value", fold=True),
        *([layout.Column("meaning", fold=True, style="unknown")] if with_meaning else []),
    ]
    rows: list[list[layout.Cell]] = []
    for row in elements:
        if row.index and row.value and int(row.value, 16) == 0:
            continue
        field = declared().get(row.name or "")
        name = row.name or "unknown"
        index = "" if row.index is None else f"[{row.index}]"
        rows.append(
            [
                row.id or "-",
                Text(f"{name}{index}", "" if field else "doubtful"),
                Text(row.value or row.missing or "", "" if row.value else "unknown"),
                *([field.doc if field else ""] if with_meaning else []),
            ]
        )
    layout.table(console, columns, rows, 0)
