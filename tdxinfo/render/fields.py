"""The TDX module's metadata, field by field: `tdxinfo dump --fields`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tdxinfo.decode.metadata import Metadata, declared, element
from tdxinfo.errors import BadInput, Unavailable
from tdxinfo.machine import Machine
from tdxinfo.model.values import hex64
from tdxinfo.sources import kmem
from tdxinfo.sources.metadata import whole

if TYPE_CHECKING:
    from rich.console import Console


_WIDE = 130
"""Columns from which there is room for each field's meaning."""


def as_json(machine: Machine) -> list[dict[str, Any]]:
    """Every element that the native helper or a dump tells, or what the running kernel keeps of it.

    Unknown ids and members are listed raw. Raises BadInput when there is neither.
    """
    try:
        return _of_module(*whole(machine))
    except Unavailable as refusal:
        not_carried = refusal
    try:
        return list(_of_kernel(machine))
    except Unavailable as refusal:
        raise BadInput(f"There is no metadata to list: {not_carried}; {refusal}.") from None


def _of_kernel(machine: Machine) -> Iterator[dict[str, Any]]:
    """The members of the kernel's `tdx_sysinfo`, with the ids of the fields that they hold."""
    known = {re.sub(r"\[.*", "", f.kernel): f for f in declared().values() if f.kernel}
    for path, told in kmem.members(machine).items():
        field = known.get(path)
        for index, value in enumerate(told if isinstance(told, list) else [told]):
            yield {
                "id": hex64(field.element_id(index)) if field else None,
                "name": field.name if field else path,
                "index": index if isinstance(told, list) else None,
                "value": hex64(value),
                "origin": f"kmem:tdx_sysinfo.{path}",
            }


def _of_module(scheme: str, metadata: Metadata) -> list[dict[str, Any]]:
    """What the module told, and every field that it did not."""
    listed: list[dict[str, Any]] = []
    seen: set[str] = set()
    for number, value in metadata.elements():
        known = element(number)
        seen |= {known[0].name} if known else set()
        listed.append(
            {
                "id": hex64(known[0].element_id(known[1]) if known else number),
                "name": known[0].name if known else None,
                "index": known[1] if known and known[0].words > 1 else None,
                "value": hex64(value),
                "origin": scheme,
            }
        )
    for field in declared().values():
        if field.name not in seen:
            listed.append(
                {
                    "id": hex64(field.id),
                    "name": field.name,
                    "index": None,
                    "value": None,
                    "origin": None,
                }
            )
    return listed


def print_fields(console: Console, machine: Machine) -> None:
    """One line a field; of an array those elements that are not 0."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("id", "field", "value"):
        table.add_column(heading, header_style="label", no_wrap=True)
    with_meaning = console.width >= _WIDE
    if with_meaning:
        table.add_column("meaning", header_style="label", overflow="fold")
    for row in as_json(machine):
        if row["index"] and int(row["value"], 16) == 0:
            continue
        field = declared().get(row["name"] or "")
        name = row["name"] or "unknown"
        index = "" if row["index"] is None else f"[{row['index']}]"
        table.add_row(
            row["id"] or "-",
            Text(f"{name}{index}", "" if field else "doubtful"),
            Text(row["value"] or "not in this module", "" if row["value"] else "unknown"),
            *([Text(field.doc if field else "", "unknown")] if with_meaning else []),
        )
    console.print(table)
