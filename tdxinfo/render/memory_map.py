"""The map of `tdxinfo dump memory --map`: the physical address space to scale, in a few strips.

A strip is a range of addresses: that below 4 GiB, which has the most and smallest regions, and each
NUMA node above. A lane is a row of a strip that shows one kind of memory; each column stands for
the same number of bytes. Unknown memory is left out, or marked as unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from tdxinfo.checks.units import address, counted, size, span
from tdxinfo.decode import tdmr
from tdxinfo.model.memory import TdmrPlan
from tdxinfo.model.values import MASK64, MemoryRange, NodeMemory
from tdxinfo.render import layout, words
from tdxinfo.render.plan import MAX_ROWS, print_plan
from tdxinfo.render.safe import printable
from tdxinfo.report import Report

_MIB, _GIB = 1 << 20, 1 << 30
_LOW = 4 * _GIB
_SMALL = 8 * _GIB
"""The largest size of memory that is shown in one strip."""
_MAX_NODES = 8
"""With more nodes than this, they are shown in one strip."""
_MARGIN = 8
"""Columns for the lanes' names."""
_TICK = 16
"""Columns between two addresses of the ruler."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Glyphs(NamedTuple):
    """The characters of a column, by how much of it is filled."""

    full: str
    part: str
    none: str
    unknown: str = "?"
    several: str = "*"


_UNICODE = Glyphs("█", "▒", "·")
_ASCII = Glyphs("#", "+", ".")


class Strip(NamedTuple):
    """A range of addresses, drawn in columns of the same size."""

    title: str
    base: int
    end: int
    column: int
    """Bytes that one column represents."""

    def columns(self) -> Iterator[MemoryRange]:
        for number in range(self.base // self.column, -(-self.end // self.column)):
            base, end = number * self.column, min((number + 1) * self.column, MASK64)
            yield MemoryRange.between(base, end)


class Lane(NamedTuple):
    """One row of every strip: how much of a column the ranges fill, or the ranges' numbers."""

    name: str
    meaning: str
    ranges: Sequence[MemoryRange]
    numbers: Sequence[int] | None = None
    known_to: int | None = None
    """The address from which on it is unknown; None if all is known."""


def print_map(console: Console, report: Report) -> None:
    """Prints the strips with their lanes, the legend, the planned TDMRs, and what is unknown."""
    glyphs = _UNICODE if console.encoding.startswith("utf") else _ASCII
    lanes = list(_lanes(report))
    end = max((found.end for lane in lanes for found in lane.ranges), default=0)
    if not end:
        layout.paragraph(console, "The memory of this host is unknown.")
    for strip in _strips(report, end, console.width - _MARGIN):
        _print_strip(console, strip, lanes, glyphs)
    if end:
        _print_legend(console, lanes, glyphs)
    plan = _plan(report)
    if plan:
        print_plan(console, plan)
    for line in (*_outside(report), *_unknown(report)):
        layout.paragraph(console, line)


# --- what is drawn ------------------------------------------------------------------------------


def _lanes(report: Report) -> Iterator[Lane]:
    memory = report.host.memory
    nodes = memory.nodes or ()
    if len(nodes) > 1:
        yield Lane("node", "number of the NUMA node", nodes, [n.node or 0 for n in nodes])
    ram = memory.system_ram or memory.regions
    cut = _known_to(report)
    if ram:
        what = "System RAM" if memory.system_ram else _origin_of_regions(report)
        yield Lane("RAM", what, ram, None, cut)
    if memory.cmrs:
        yield Lane("CMR", "convertible memory, which TDs can use", memory.cmrs)
    elif memory.convertible_at_least:
        yield Lane(
            "CMR>=",
            "convertible memory, at least: the module accepted it",
            memory.convertible_at_least,
        )
    built, plan = memory.tdmrs, _plan(report)
    if built:
        yield Lane("TDMR", "TDMRs, by number", built, range(len(built)))
        yield from _built_lanes(report)
    elif plan:
        yield Lane(
            "TDMR?", "TDMRs as calculated, by number", plan.tdmrs, range(len(plan.tdmrs)), cut
        )
        holes = [hole for found in plan.tdmrs for hole in found.holes]
        yield Lane("hole?", "holes in them, which take reserved areas", holes, None, cut)


def _built_lanes(report: Report) -> Iterator[Lane]:
    """Holes and PAMTs of the kernel's TDMRs, if a source has them for each TDMR."""
    built = report.host.memory.tdmrs or ()
    pamts = [(number, area) for number, found in enumerate(built) for area in found.pamt or ()]
    if any(found.reserved is None or found.pamt is None for found in built):
        return
    taken = sorted((area for _, area in pamts), key=lambda area: area.base)
    holes = [
        hole for found in built for area in found.reserved or () for hole in tdmr.gaps(area, taken)
    ]
    yield Lane("hole", "holes in TDMRs, which take reserved areas", holes)
    yield Lane(
        "PAMT", "PAMT, by its TDMR's number", [area for _, area in pamts], [n for n, _ in pamts]
    )


def _plan(report: Report) -> TdmrPlan | None:
    """The TDMRs that this kernel builds, by its way to find holes: between CMRs or regions."""
    memory = report.host.memory
    by_cmrs = memory.plan_by_cmrs if memory.holes_from == "cmrs" else None
    return by_cmrs or memory.plan


def _known_to(report: Report) -> int | None:
    """Where the memory map ends, if it ends before the CMRs do."""
    ram = report.host.memory.system_ram or report.host.memory.regions or ()
    if not tdmr.is_cut(ram, report.host.memory.cmrs or ()):
        return None
    return max((found.end for found in ram), default=0)


def _origin_of_regions(report: Report) -> str:
    if "firmware_ram" in report.origin_of("memory.regions"):
        return "what the firmware's map calls usable"
    return "the kernel's list of memory"


# --- strips -------------------------------------------------------------------------------------


def _strips(report: Report, end: int, columns: int) -> Iterator[Strip]:
    if not end:
        return
    if end <= _SMALL:
        yield _strip("All memory", 0, end, columns)
        return
    yield _strip("Below 4 GiB", 0, _LOW, columns)
    nodes = _nodes_above(report)
    if not nodes:
        yield _strip("Above 4 GiB", _LOW, end, columns)
    for node in nodes:
        yield _strip(f"Node {node.node}", max(node.base, _LOW), node.end, columns)
    last = max((node.end for node in nodes), default=end)
    if last < end:
        yield _strip("Beyond", last, end, columns)


def _nodes_above(report: Report) -> list[NodeMemory]:
    """The nodes above 4 GiB; none if they overlap, or are more than _MAX_NODES."""
    nodes = sorted(report.host.memory.nodes or (), key=lambda node: node.base)
    apart = all(one.end <= other.base for one, other in pairwise(nodes))
    above = [node for node in nodes if node.end > _LOW]
    return above if apart and len(above) <= _MAX_NODES else []


def _strip(title: str, base: int, end: int, columns: int) -> Strip:
    """The strip with the smallest column size, a power of two, that needs at most `columns`.

    A column's address is a multiple of its size, so that equal addresses are in line.
    """
    column = _MIB
    while -(-end // column) - base // column > max(columns, 1):
        column *= 2
    return Strip(title, base, end, column)


def _print_strip(console: Console, strip: Strip, lanes: Iterable[Lane], glyphs: Glyphs) -> None:
    where = f"{address(strip.base)} to {address(strip.end)}, {size(strip.end - strip.base)}"
    where += f", a column is {size(strip.column)}"
    layout.paragraph(console, Text(strip.title, "title").append(f": {where}", ""))
    layout.line(console, Text(" " * _MARGIN + _ruler(strip, console.width - _MARGIN), "label"))
    for lane in lanes:
        row = Text(f"  {lane.name:<{_MARGIN - 2}}", "label")
        layout.line(console, row.append("".join(_cells(strip, lane, glyphs)), ""))


def _ruler(strip: Strip, room: int) -> str:
    """The ruler: the address of every sixteenth column, if there is room for it."""
    line = ""
    for number, column in enumerate(strip.columns()):
        if column.base % (strip.column * _TICK) == 0:
            mark = f"|{_short(column.base)}"
            if number + len(mark) <= room:
                line = f"{line:<{number}}{mark}"
    return line


def _short(position: int) -> str:
    """An address in GiB; below 1 GiB in MiB."""
    if position % _GIB and position < _GIB:
        return f"{position // _MIB}M"
    return f"{position / _GIB:.6g}G" if position else "0"


def _cells(strip: Strip, lane: Lane, glyphs: Glyphs) -> Iterator[str]:
    """The lane's character for each column of the strip."""
    numbers = lane.numbers or range(len(lane.ranges))
    columns = list(strip.columns())
    inside = [
        (number, found)
        for number, found in zip(numbers, lane.ranges, strict=True)
        if found.base < columns[-1].end and found.end > columns[0].base
    ]
    for column in columns:
        if lane.known_to is not None and column.base >= lane.known_to:
            yield glyphs.unknown
            continue
        in_column = [
            (number, min(found.end, column.end) - max(found.base, column.base))
            for number, found in inside
            if found.base < column.end and found.end > column.base
        ]
        if lane.numbers is None:
            yield _filled(sum(length for _, length in in_column), column.size, glyphs)
        else:
            yield _numbered({number for number, _ in in_column}, glyphs)


def _filled(length: int, whole: int, glyphs: Glyphs) -> str:
    if not length:
        return glyphs.none
    return glyphs.full if length >= whole else glyphs.part


def _numbered(numbers: set[int], glyphs: Glyphs) -> str:
    if not numbers:
        return glyphs.none
    if len(numbers) > 1:
        return glyphs.several
    return _DIGITS[numbers.pop() % len(_DIGITS)]


def _print_legend(console: Console, lanes: Sequence[Lane], glyphs: Glyphs) -> None:
    signs = (
        f"{glyphs.full} fills the column  {glyphs.part} part of it  {glyphs.none} none"
        f"  {glyphs.several} several" + "  ? unknown" * any(lane.known_to for lane in lanes)
    )
    layout.paragraph(console, signs, style="unknown")
    layout.grid(console, [(lane.name, Text(lane.meaning, "unknown")) for lane in lanes])


# --- below the map ------------------------------------------------------------------------------


def _outside(report: Report) -> Iterator[Text]:
    found = report.host.memory.ram_outside_cmrs or ()
    for piece in found[:MAX_ROWS]:
        cause = f": {printable(piece.name)}" if piece.name else ""
        yield Text(f"RAM in no CMR: {span(piece.base, piece.end)}{cause}", "bad")
    if len(found) > MAX_ROWS:
        left = counted(len(found) - MAX_ROWS, "more range")
        yield Text(f"RAM in no CMR: {left}: `tdxinfo dump memory.ram_outside_cmrs --json`", "bad")


def _unknown(report: Report) -> Iterator[Text]:
    """What is not in the map, and why; for PAMTs without a known address their size."""
    memory = report.host.memory
    facts = {"RAM": "memory.system_ram", "CMR": "memory.cmrs", "node": "memory.nodes"}
    for label, name in facts.items():
        instead = {"RAM": memory.regions, "CMR": memory.convertible_at_least}.get(label)
        if not report.host.fact(name) and not instead:
            yield Text(f"The row {label} is not drawn: {words.reason(report, name)}", "unknown")
    if not memory.tdmrs and memory.plan:
        expected = memory.pamt_expected_bytes
        value = "" if expected is None else f"; it takes {size(expected)} by calculation"
        yield Text(f"The row PAMT is not drawn: its address is unknown{value}", "unknown")
    cut = _known_to(report)
    if cut == 0:
        yield Text("The memory map is unknown", "doubtful")
    elif cut is not None:
        yield Text(f"The memory map is known up to {address(cut)} and no further", "doubtful")
