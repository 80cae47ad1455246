"""The TDMRs of a plan as a table: how many reserved areas each needs, of how many."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tdxinfo.model.memory import PlannedTdmr, TdmrPlan
from tdxinfo.model.units import address, counted, size

MOST_ROWS = 16
"""Rows of a table; what lies beyond is counted."""


def print_plan(console: Console, plan: TdmrPlan) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("TDMR", "base", "size", "reserved areas", "PAMT", "node"):
        table.add_column(heading, justify="right", header_style="label", no_wrap=True)
    most = plan.max_reserved_per_tdmr
    for number, found in enumerate(plan.tdmrs[:MOST_ROWS]):
        table.add_row(
            str(number),
            address(found.base),
            size(found.size),
            Text(f"{_reserved(found)} of {most}", _style(found, most)),
            size(found.pamt_bytes),
            "?" if found.node is None else str(found.node),
        )
    console.print(table)
    left = len(plan.tdmrs) - MOST_ROWS
    if left > 0:
        console.print(Text(f"and {counted(left, 'more TDMR')}: `tdxinfo dump memory.plan --json`"))


def _reserved(found: PlannedTdmr) -> str:
    """How many, or from how many to how many where the PAMTs have no address yet."""
    least = len(found.reserved or found.holes)
    return str(least) if least == found.reserved_most else f"{least} to {found.reserved_most}"


def _style(found: PlannedTdmr, most: int) -> str:
    if len(found.reserved or found.holes) > most:
        return "bad"
    return "doubtful" if found.reserved_most > most else ""
