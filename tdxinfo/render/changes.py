"""The page of `tdxinfo diff`: the verdicts, changed facts, then facts that only one host has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from tdxinfo.checks import units
from tdxinfo.compare import Comparison, Difference, Entry, Kind, SideVerdict, Verdicts
from tdxinfo.host import fact_names, volatile_facts
from tdxinfo.host.observe import Observed
from tdxinfo.model.values import CpuidConfig, MemoryRange, Tdmr, hex32
from tdxinfo.render import layout, words
from tdxinfo.render.layout import Column
from tdxinfo.render.safe import printable
from tdxinfo.render.summary import WORDS
from tdxinfo.report import Report

_MARKS = {"added": ("+", "good"), "gone": ("-", "bad"), "changed": ("~", "doubtful")}
_MAX_NAMES = 4
"""Facts of a section that are named where only one side has them."""
_ONE_SIDED = {Kind.ONLY_A: "Only a has", Kind.ONLY_B: "Only b has"}


@dataclass(frozen=True, slots=True)
class Options:
    """Options of `diff` that change the page."""

    left_out: list[str]
    verbose: bool
    """Show also differences that follow from another one, and the sources of values."""
    strict: bool
    """A fact that only one host has counts as a difference."""


def print_comparison(
    console: Console,
    reports: tuple[Report, Report],
    verdicts: Verdicts,
    found: Comparison,
    options: Options,
) -> None:
    """The answer first, then what changed, then what only one of both has."""
    changed, verbose = found.of(Kind.CHANGED), options.verbose
    layout.paragraph(console, _title(found, verdicts, options.strict), 0, 2)
    sides = zip("ab", reports, (verdicts.a, verdicts.b), strict=True)
    layout.grid(console, [(name, _side(report, says)) for name, report, says in sides])
    shown = [d for d in changed if verbose or not d.follows_from]
    if shown:
        print_table(console, shown, verbose=verbose)
    for kind, title in _ONE_SIDED.items():
        one_sided = [d for d in found.of(kind) if verbose or not d.follows_from]
        if one_sided and verbose:
            layout.line(console, Text(f"{title}:", "title"))
            print_table(console, one_sided, verbose=verbose)
        elif one_sided:
            names = shortened([d.fact for d in one_sided], most=_MAX_NAMES)
            layout.paragraph(console, f"{title}: {names}", 0, 2, "unknown")
    volatile = [name for name in options.left_out if name in volatile_facts()]
    ignored = [name for name in options.left_out if name not in volatile]
    if ignored:
        layout.paragraph(console, f"Not compared: {shortened(ignored)}", 0, 2, "unknown")
    if volatile:
        names = ", ".join(volatile)
        layout.paragraph(console, f"Not compared, since volatile: {names}", 0, 2, "unknown")


def _side(report: Report, says: SideVerdict) -> Text:
    """Where the host is from, and its verdict."""
    first = f" ({says.first_failure})" if says.first_failure else ""
    line = Text(printable(_name(report)), "origin")
    return line.append(f": {WORDS[says.verdict].lower()}{first}", "")


def shortened(names: list[str], most: int = len(fact_names())) -> str:
    """The names; a section that is complete, or has more than `most` of them, only by its name."""
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
    """The section's facts, without the volatile ones."""
    return [name for name in fact_names(section) if name not in volatile_facts()]


def _title(found: Comparison, verdicts: Verdicts, strict: bool) -> Text:
    changed = found.of(Kind.CHANGED)
    both = f"{units.counted(found.compared, 'fact')} that both have"
    one_sided = len(found.differences) - len(changed)
    if not changed and not (strict and one_sided) and not verdicts.differ:
        return Text("Same", "good").append(f": no difference in {both}.", "")
    following = sum(bool(difference.follows_from) for difference in changed)
    more = f", {following} of them as a consequence of others" if following else ""
    also = f", and {one_sided} that only one has" if strict and one_sided else ""
    judged = ", and the verdicts" if verdicts.differ else ""
    return Text("Different", "bad").append(f": {len(changed)} of {both}{more}{also}{judged}.", "")


def _name(report: Report) -> str:
    return "this machine" if report.subject.kind == "live" else str(report.subject.path)


def print_table(
    console: Console,
    differences: list[Difference],
    sides: tuple[str, str] = ("a", "b"),
    *,
    verbose: bool = False,
) -> None:
    """The facts with their values on both sides, and of lists the entries that differ."""
    columns = (Column("fact", fold=True), *(Column(side, fold=True) for side in sides))
    rows: list[tuple[Text, Text, Text]] = []
    for found in differences:
        is_listed = bool(found.entries)
        one, other = (_value(found.fact, s, is_listed, verbose) for s in (found.a, found.b))
        rows.append((Text(found.fact, "label"), one, other))
        for entry in found.entries:
            mark, style = _MARKS[entry.change]
            name = Text(f"  {mark} ", style).append(printable(entry.name))
            rows.append((name, *_parts(entry)))
    layout.table(console, columns, rows, 0)


def _value(name: str, side: Observed, is_listed: bool, verbose: bool) -> Text:
    """The value in a line; of a list whose entries follow, only how many it has."""
    if not side.origin:
        return Text(f"unknown: {words.reason_of(side.attempts)}", "unknown")
    if is_listed and isinstance(side.value, tuple):
        return Text(f"{len(side.value)}")
    shown = Text(words.value(name, side.value))
    if verbose:
        shown.append(f"  ({printable(side.origin)})", "origin")
    return shown


def _parts(entry: Entry) -> tuple[Text, Text]:
    """The entry on each side: a size, or registers that differ."""
    return Text(_said(entry.a, entry.b)), Text(_said(entry.b, entry.a))


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
    names = [name for name in CpuidConfig.model_fields if name.startswith("e")]
    pairs = {name: (getattr(one, name), getattr(other, name, 0)) for name in names}
    return " ".join(f"{name} {hex32(mine)}" for name, (mine, its) in pairs.items() if mine != its)
