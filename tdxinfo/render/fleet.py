"""The page of `tdxinfo fleet`: the kinds of host that fail or warn first, then the totals."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from tdxinfo.checks.engine import CHECKS
from tdxinfo.checks.units import counted
from tdxinfo.decode import bits
from tdxinfo.fleet import Entry, Fleet, Group, Kind, rank
from tdxinfo.model.verdict import HostVerdict
from tdxinfo.render import layout
from tdxinfo.render.layout import Column
from tdxinfo.render.safe import printable
from tdxinfo.render.summary import WORDS

_STYLES = {
    HostVerdict.READY: "good",
    HostVerdict.NOT_READY: "bad",
    HostVerdict.UNDECIDED: "doubtful",
    HostVerdict.NOT_APPLICABLE: "unknown",
}
_MAX_ROWS = 20
_MAX_VALUES = 8
_COUNTED = (HostVerdict.READY, HostVerdict.NOT_READY, HostVerdict.UNDECIDED)

_COLUMNS = (
    Column("hosts", right=True),
    Column("verdict"),
    Column("failed or warns", fold=True),
    Column("module"),
    Column("features", drop=1),
    Column("for example", fold=True),
)


def print_fleet(console: Console, fleet: Fleet, show_all: bool) -> None:
    layout.paragraph(console, _headline(fleet), 0, 2)
    kinds = fleet.worst_first()
    shown = kinds if show_all else kinds[:_MAX_ROWS]
    layout.table(console, _COLUMNS, [_row(kind, group) for kind, group in shown], 0)
    if len(shown) < len(kinds):
        left = counted(len(kinds) - len(shown), "more kind")
        layout.paragraph(console, f"and {left}: --all lists them", 0, 2, "unknown")
    if fleet.beyond:
        left = counted(fleet.beyond, "host")
        layout.paragraph(
            console, f"and {left} of other kinds, which are not listed", 0, 2, "doubtful"
        )
    _print_totals(console, fleet, show_all)


def _headline(fleet: Fleet) -> Text:
    apart = fleet.verdicts[HostVerdict.NOT_APPLICABLE]
    if apart and apart == fleet.hosts:
        line = Text(f"TDX does not apply to {_any_of(apart)}", "title")
    else:
        line = _counts(fleet, apart)
    if fleet.refused:
        line.append(f"; {counted(fleet.refused, 'input')} could not be read", "bad")
    return line


def _any_of(hosts: int) -> str:
    return "this host" if hosts == 1 else f"any of these {counted(hosts, 'host')}"


def _counts(fleet: Fleet, apart: int) -> Text:
    """How many hosts there are of each verdict; those apart, to which TDX does not apply, last."""
    line = Text(counted(fleet.hosts - apart, "host"), "title")
    for number, verdict in enumerate(v for v in _COUNTED if fleet.verdicts[v]):
        line.append(", " if number else ": ", "")
        line.append(f"{fleet.verdicts[verdict]} {WORDS[verdict].lower()}", _STYLES[verdict])
        if verdict is HostVerdict.READY and fleet.ready_with_warnings:
            line.append(f" ({fleet.ready_with_warnings} with warnings)", "doubtful")
    if apart:
        line.append(f"; TDX does not apply to {counted(apart, 'other host')}", "unknown")
    return line


def _row(kind: Kind, group: Group) -> tuple[Text, ...]:
    found = kind.first_failure or ", ".join(kind.warnings)
    return (
        Text(str(group.count)),
        Text(WORDS[kind.verdict].lower(), _STYLES.get(kind.verdict, "")),
        Text(found or "-"),
        Text(_value(kind.module)),
        Text(_value(kind.features0), "" if kind.features0 else "unknown"),
        Text(_names(group)),
    )


def _names(group: Group) -> str:
    names = ", ".join(printable(name) for name in group.examples)
    left = group.count - len(group.examples)
    return f"{names} and {left} more" if left else names


def _value(text: str | None) -> str:
    """The value for a table: a bitmap without leading zeros."""
    if text is None:
        return "unknown"
    return f"{int(text, 16):#x}" if text[:2] == "0x" else printable(text)


def _print_totals(console: Console, fleet: Fleet, show_all: bool) -> None:
    """Each value that hosts have, with their number; sets of features by how they differ."""
    failures = [row for row in fleet.counts("first_failure") if row[0] is not None]
    rows = [
        ("first failure", _listed(failures, show_all)),
        ("module", _listed(fleet.counts("module"), show_all)),
    ]
    sets = fleet.counts("features0")
    usual = next((value for value, _ in sets if value is not None), None)
    for number, (value, count) in enumerate(sets if show_all else sets[:_MAX_VALUES]):
        line = f"{count} {_value(value)}{_difference(value, usual)}"
        rows.append(("" if number else "features", line))
    layout.grid(console, rows, 0)


def _listed(counts: list[tuple[str | None, int]], show_all: bool) -> str:
    shown = counts if show_all else counts[:_MAX_VALUES]
    parts = [f"{count} {_value(value)}" for value, count in shown]
    if len(shown) < len(counts):
        parts.append(f"{len(counts) - len(shown)} more")
    return ", ".join(parts) or "none"


def _difference(value: str | None, usual: str | None) -> str:
    """The features that the set has more (+) or less (-) than the most common set."""
    if value is None or usual is None or value == usual:
        return ""
    there, expected = (bits.names_of("TDX_FEATURES0", int(text, 16)) for text in (value, usual))
    more = [f"+{name}" for name in there if name not in expected]
    less = [f"-{name}" for name in expected if name not in there]
    return f": {' '.join(more + less)}"


# --- a row for each host, for the page of HTML ----------------------------------------------------

HOST_COLUMNS = ("host", "verdict", "failed or warns", "module", "file")

_CLASSES = {"good": "green", "bad": "bold red", "doubtful": "yellow", "unknown": "dim"}
"""The classes of HTML for the styles of verdicts."""


def host_rows(entries: Iterable[Entry]) -> list[list[tuple[str, str]]]:
    """The cells of each host with the classes of their look; the worst first, then by name."""
    ordered = sorted(entries, key=lambda e: (rank(e.kind) if e.kind else -1, e.name))
    return [_host_row(entry) for entry in ordered]


def _host_row(entry: Entry) -> list[tuple[str, str]]:
    kind = entry.kind
    if kind is None:
        why = entry.error or ""
        return [(entry.name, ""), ("not read", "bold red"), (why, ""), ("", ""), (entry.place, "")]
    found = [kind.first_failure] if kind.first_failure else list(kind.warnings)
    return [
        (entry.name, ""),
        (WORDS[kind.verdict].lower(), _CLASSES[_STYLES.get(kind.verdict, "unknown")]),
        ("; ".join(map(_check, found)), ""),
        (_value(kind.module), ""),
        (entry.place if entry.place != entry.name else "", "dim"),
    ]


def _check(check_id: str) -> str:
    """The check with its title, where this tdxinfo has it."""
    return f"{check_id}: {CHECKS[check_id].rule.title}" if check_id in CHECKS else check_id
