"""The page of `tdxinfo fleet`: the rarest kinds of host first, then how many are what."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tdxinfo.decode import bits
from tdxinfo.fleet import Fleet, Group, Kind
from tdxinfo.model.units import counted
from tdxinfo.model.verdict import HostVerdict
from tdxinfo.render.safe import printable

_STYLES = {
    HostVerdict.READY: "good",
    HostVerdict.NOT_READY: "bad",
    HostVerdict.UNDECIDED: "doubtful",
    HostVerdict.NOT_APPLICABLE: "unknown",
}
_MOST_ROWS = 20
_MOST_VALUES = 8


def print_fleet(console: Console, fleet: Fleet, verbose: bool) -> None:
    console.print(_headline(fleet))
    kinds = fleet.rarest_first()
    shown = kinds if verbose else kinds[:_MOST_ROWS]
    console.print(_kinds(shown))
    if len(shown) < len(kinds):
        console.print(Text(f"and {len(kinds) - len(shown)} kinds more: -v shows them", "unknown"))
    if fleet.beyond:
        console.print(Text(f"and {counted(fleet.beyond, 'host')} of too many kinds", "doubtful"))
    console.print(_totals(fleet, verbose))


def _headline(fleet: Fleet) -> Text:
    line = Text(counted(fleet.hosts, "host"), "title").append(": ", "")
    for number, verdict in enumerate(v for v in HostVerdict if fleet.verdicts[v]):
        line.append(", " if number else "")
        line.append(f"{fleet.verdicts[verdict]} {verdict.value}", _STYLES[verdict])
    if fleet.refused:
        line.append(f"; {counted(fleet.refused, 'input')} could not be read", "bad")
    return line


def _kinds(rows: list[tuple[Kind, Group]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="label")
    table.add_column("hosts", justify="right", no_wrap=True)
    for heading in ("verdict", "first failure", "module", "features", "for example"):
        table.add_column(heading, overflow="fold")
    for kind, group in rows:
        table.add_row(
            str(group.count),
            Text(kind.verdict.value, _STYLES[kind.verdict]),
            Text(kind.first_failure or "-"),
            Text(_value(kind.module)),
            Text(_value(kind.features0), "" if kind.features0 else "unknown"),
            Text(_names(group)),
        )
    return table


def _names(group: Group) -> str:
    names = ", ".join(printable(name) for name in group.examples)
    return f"{names}, …" if group.count > len(group.examples) else names


def _value(text: str | None) -> str:
    """A bitmap loses its leading zeros."""
    if text is None:
        return "unknown"
    return f"{int(text, 16):#x}" if text[:2] == "0x" else printable(text)


def _totals(fleet: Fleet, verbose: bool) -> Table:
    """Each value that hosts have, with their number; sets of features by how they differ."""
    grid = Table.grid(padding=(0, 2))
    failures = [row for row in fleet.counts("first_failure") if row[0] is not None]
    grid.add_row(Text("first failure", "label"), Text(_listed(failures, verbose)))
    grid.add_row(Text("module", "label"), Text(_listed(fleet.counts("module"), verbose)))
    sets = fleet.counts("features0")
    usual = next((value for value, _ in sets if value is not None), None)
    for number, (value, count) in enumerate(sets if verbose else sets[:_MOST_VALUES]):
        line = f"{count} {_value(value)}{_difference(value, usual)}"
        grid.add_row(Text("" if number else "features", "label"), Text(line))
    return grid


def _listed(counts: list[tuple[str | None, int]], verbose: bool) -> str:
    shown = counts if verbose else counts[:_MOST_VALUES]
    parts = [f"{count} {_value(value)}" for value, count in shown]
    if len(shown) < len(counts):
        parts.append(f"{len(counts) - len(shown)} more")
    return ", ".join(parts) or "none"


def _difference(value: str | None, usual: str | None) -> str:
    """By name, what the set has and lacks against the most common one."""
    if value is None or usual is None or value == usual:
        return ""
    there, expected = (bits.names_of("TDX_FEATURES0", int(text, 16)) for text in (value, usual))
    more = [f"+{name}" for name in there if name not in expected]
    less = [f"-{name}" for name in expected if name not in there]
    return f": {' '.join(more + less)}"
