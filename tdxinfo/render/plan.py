"""The TDMRs of a plan as a table, with the reserved areas that each needs and may have."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from tdxinfo.checks.units import address, counted, size
from tdxinfo.model.memory import PlannedTdmr, TdmrPlan
from tdxinfo.render import layout
from tdxinfo.render.layout import Column

MAX_ROWS = 16
"""Rows of a table; what lies beyond is counted."""


_COLUMNS = (
    Column("TDMR", right=True),
    Column("base", right=True),
    Column("size", right=True),
    Column("reserved areas", right=True),
    Column("PAMT", right=True, drop=1),
    Column("node", right=True, drop=2),
)


def print_plan(console: Console, plan: TdmrPlan) -> None:
    most = plan.max_reserved_per_tdmr
    rows = [
        (
            str(number),
            address(found.base),
            size(found.size),
            Text(f"{_reserved(found)} of {most}", _style(found, most)),
            size(found.pamt_bytes),
            "?" if found.node is None else str(found.node),
        )
        for number, found in enumerate(plan.tdmrs[:MAX_ROWS])
    ]
    layout.table(console, _COLUMNS, rows)
    left = len(plan.tdmrs) - MAX_ROWS
    if left > 0:
        more = f"and {counted(left, 'more TDMR')}: `tdxinfo dump memory.plan --json`"
        layout.paragraph(console, more, 2, 4)


def _reserved(found: PlannedTdmr) -> str:
    """The number of reserved areas; a range of numbers if the PAMTs have no address yet."""
    least = len(found.reserved or found.holes)
    return str(least) if least == found.reserved_most else f"{least} to {found.reserved_most}"


def _style(found: PlannedTdmr, most: int) -> str:
    if len(found.reserved or found.holes) > most:
        return "bad"
    return "doubtful" if found.reserved_most > most else ""
