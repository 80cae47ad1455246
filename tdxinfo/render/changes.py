"""The page of `tdxinfo diff`: what changed, then what only one side knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tdxinfo.compare import Comparison, Difference, Entry, Kind
from tdxinfo.host import fact_names, volatile_facts
from tdxinfo.host.observe import Observed
from tdxinfo.model import units
from tdxinfo.model.values import CpuidConfig, MemoryRange, Tdmr, hex32
from tdxinfo.render import words
from tdxinfo.render.safe import printable
from tdxinfo.report import Report

_MARKS = {"added": ("+", "good"), "gone": ("-", "bad"), "changed": ("~", "doubtful")}
_WIDE = 80
"""Columns from which a memory range fits into its column beside two values."""
_MOST_NAMES = 4
"""Facts of a section that are named where only one side knows them."""
_ONE_SIDED = {Kind.ONLY_A: "Only a tells", Kind.ONLY_B: "Only b tells"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the comparison is to be shown, and what counts."""

    left_out: list[str]
    verbose: bool
    """Also what follows from another difference, and where values came from."""
    strict: bool
    """What only one side knows is a difference."""


def print_comparison(
    console: Console, reports: tuple[Report, Report], found: Comparison, wanted: Wanted
) -> None:
    """The answer first, then what changed, then what only one side knows."""
    changed, verbose = found.of(Kind.CHANGED), wanted.verbose
    console.print(_title(found, wanted.strict))
    for side, report in zip("ab", reports, strict=True):
        console.print(Text(f"  {side}  ", "label").append(printable(_name(report)), "origin"))
    shown = [d for d in changed if verbose or not d.follows_from]
    if shown:
        console.print(_table(console, shown, verbose))
    for kind, title in _ONE_SIDED.items():
        one_sided = [d for d in found.of(kind) if verbose or not d.follows_from]
        if one_sided and verbose:
            console.print(Text(f"{title}:", "title"))
            console.print(_table(console, one_sided, verbose))
        elif one_sided:
            names = _shortened([d.fact for d in one_sided], most=_MOST_NAMES)
            console.print(Text(f"{title}: {names}", "unknown"))
    in_motion = [name for name in wanted.left_out if name in volatile_facts()]
    ignored = [name for name in wanted.left_out if name not in in_motion]
    if ignored:
        console.print(Text(f"Not compared: {_shortened(ignored)}", "unknown"))
    if in_motion:
        console.print(Text(f"Not compared, always in motion: {', '.join(in_motion)}", "unknown"))


def _shortened(names: list[str], most: int = len(fact_names())) -> str:
    """The names; of a section that is there whole, or with more than `most`, its own name."""
    by_section: dict[str, list[str]] = {}
    for name in names:
        by_section.setdefault(name.partition(".")[0], []).append(name)
    return ", ".join(
        f"{section} ({len(found)} facts)"
        if len(found) > most
        else (section if len(found) == len(_compared(section)) else ", ".join(found))
        for section, found in by_section.items()
    )


def _compared(section: str) -> list[str]:
    """The section's facts, without those that are listed apart as volatile."""
    return [name for name in fact_names(section) if name not in volatile_facts()]


def _title(found: Comparison, strict: bool) -> Text:
    changed = found.of(Kind.CHANGED)
    both = f"{units.counted(found.compared, 'fact')} that both tell"
    one_sided = len(found.differences) - len(changed)
    if not changed and not (strict and one_sided):
        return Text("Same", "good").append(f": no difference in {both}.", "")
    following = sum(bool(difference.follows_from) for difference in changed)
    more = f", {following} of them as a consequence" if following else ""
    also = f", and {one_sided} that only one tells" if strict and one_sided else ""
    return Text("Different", "bad").append(f": {len(changed)} of {both}{more}{also}.", "")


def _name(report: Report) -> str:
    return "this machine" if report.subject.kind == "live" else str(report.subject.path)


def _table(console: Console, differences: list[Difference], verbose: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    is_wide = console.width >= _WIDE
    table.add_column("fact", header_style="label", overflow="fold", no_wrap=is_wide)
    for side in "ab":
        table.add_column(side, header_style="label", overflow="fold")
    for found in differences:
        is_listed = bool(found.entries)
        sides = [_value(found.fact, side, is_listed, verbose) for side in (found.a, found.b)]
        table.add_row(Text(found.fact, "label"), *sides)
        for entry in found.entries:
            mark, style = _MARKS[entry.change]
            name = Text(f"  {mark} ", style).append(printable(entry.name))
            table.add_row(name, *_parts(entry))
    return table


def _value(name: str, side: Observed, is_listed: bool, verbose: bool) -> Text:
    """The value in a line; of a list whose entries follow, only how many it has."""
    if not side.origin:
        return Text(f"unknown: {words.reason_of(side.attempts)}", "unknown")
    if is_listed and isinstance(side.value, tuple):
        return Text(f"{len(side.value)} in all")
    shown = Text(words.value(name, side.value))
    if verbose:
        shown.append(f"  ({printable(side.origin)})", "origin")
    return shown


def _parts(entry: Entry) -> Iterator[Text]:
    """What there is to say of the entry on each side: a size, or registers that differ."""
    for one, other in ((entry.a, entry.b), (entry.b, entry.a)):
        yield Text(_said(one, other))


def _said(one: Any, other: Any) -> str:
    if isinstance(one, CpuidConfig):
        return _registers(one, other)
    if isinstance(one, Tdmr):
        return f"{units.size(one.size)}{_areas('PAMT', one.pamt)}{_areas('reserved', one.reserved)}"
    return units.size(one.size) if isinstance(one, MemoryRange) else ""


def _areas(what: str, areas: tuple[MemoryRange, ...] | None) -> str:
    """The areas by number and size, where a source has them."""
    if areas is None:
        return ""
    whole = units.size(sum(area.size for area in areas))
    return f", {what} {whole} in {units.counted(len(areas), 'area')}"


def _registers(one: CpuidConfig, other: CpuidConfig | None) -> str:
    names = [field.name for field in fields(CpuidConfig) if field.name.startswith("e")]
    pairs = {name: (getattr(one, name), getattr(other, name, 0)) for name in names}
    return " ".join(f"{name} {hex32(mine)}" for name, (mine, its) in pairs.items() if mine != its)
