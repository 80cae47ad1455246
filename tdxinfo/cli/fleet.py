"""`tdxinfo fleet`: many hosts at once, those that fail or warn first."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion, shown
from tdxinfo.cli.options import ExitStatus, Settings, global_options, settings_of
from tdxinfo.cli.progress import CLEARED, is_shown
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from tdxinfo.fleet import Entry, Fleet

_PROGRESS_INTERVAL = 0.2
"""Seconds between two updates of the line."""


COLUMNS = (
    "name",
    "place",
    "verdict",
    "first_failure",
    "warnings",
    "state",
    "version",
    "release",
    "features0",
    "error",
)
"""What --columns takes, in the order of --format csv."""


@click.command(epilog=f"Columns: {', '.join(COLUMNS)}")
@click.argument("paths", nargs=-1, metavar="PATH...", shell_complete=completion.files)
@click.option("--all", "show_all", is_flag=True, help="List all kinds of hosts.")
@click.option(
    "-o",
    "--columns",
    metavar="LIST",
    help="Print a line for each host with these columns, separated by commas.",
)
@click.option("--noheadings", is_flag=True, help="Do not print headings.")
@click.option("--print-playbook", is_flag=True, help="Same as `tdxinfo deploy ansible`.")
@click.option("--print-timer", is_flag=True, help="Same as `tdxinfo deploy systemd`.")
@global_options
@click.pass_context
def fleet(  # noqa: PLR0913  # each option is a parameter
    context: click.Context,
    *,
    paths: tuple[str, ...],
    show_all: bool,
    columns: str | None,
    noheadings: bool,
    print_playbook: bool,
    print_timer: bool,
) -> int:
    """Show many hosts by kind.

    The kinds that failed or warned come first, the rarest of them at the top.

    PATH is what --from takes, a folder of such files, a file of JSON reports one after another, or
    - for standard input. A report of `check` keeps its verdict; every other host is checked here.
    --json and --format csv print a line for each host as soon as it is read.

    The exit status is 2 if an input could not be read, after the others were done; else 1 if a
    host is not ready, 3 if one is undecided, 4 if TDX applies to none, and 0 otherwise.
    """
    settings = settings_of(context)
    if print_playbook or print_timer:
        from tdxinfo import deploy

        click.echo(deploy.text("ansible" if print_playbook else "systemd"), nl=False)
        return ExitStatus.READY
    if not paths:
        raise click.UsageError("Name reports, captures or folders of them.")
    lines = _lines(settings, columns, noheadings)
    listed: list[Entry] = []
    keep = listed.append if settings.format == "html" else None
    seen = _read(paths, lines, keep, settings.quiet)
    if not seen.hosts and not seen.refused:
        raise BadInput(f"There is no report or capture in {', '.join(paths)}.")
    if lines is None and (seen.hosts or listed):
        _show(settings, seen, listed, show_all or settings.verbose)
    return status_of(seen)


def _show(settings: Settings, seen: Fleet, listed: list[Entry], show_all: bool) -> None:
    """The kinds of hosts; in HTML a row for each host below."""
    from tdxinfo.render.fleet import HOST_COLUMNS, host_rows, print_fleet

    def draw(console: Console) -> None:
        print_fleet(console, seen, show_all)

    if settings.format != "html" or settings.quiet:
        shown.show(settings, "fleet", draw)
        return
    from tdxinfo.render import html

    rows = html.table(HOST_COLUMNS, host_rows(listed))
    click.echo(shown.picture(settings, "fleet", draw, rows), nl=False)


def _lines(
    settings: Settings, columns: str | None, noheadings: bool
) -> Callable[[Entry], str] | None:
    """The function that makes a host's line; None if a page is printed. Raises UsageError."""
    if settings.format == "json":
        if columns is not None or noheadings:
            raise click.UsageError("JSON has all columns: leave out --columns and --noheadings.")
        return _json_line if not settings.quiet else None
    chosen = columns.split(",") if columns is not None else list(COLUMNS)
    for column in chosen:
        if column not in COLUMNS:
            known = ", ".join(COLUMNS)
            raise click.UsageError(f"There is no column {column[:40]!r}. The columns: {known}.")
    is_csv = settings.format == "csv"
    if settings.quiet or not (is_csv or columns is not None):
        if noheadings:
            raise click.UsageError("--noheadings needs --columns or --format csv.")
        return None
    if not noheadings:
        click.echo(_row(chosen, is_csv))
    return lambda entry: _row([_cell(entry, column) for column in chosen], is_csv)


def _json_line(entry: Entry) -> str:
    return entry.document().model_dump_json(ensure_ascii=True)


def _row(cells: list[str], is_csv: bool) -> str:
    """A line of CSV, or cells apart by tabs for awk and cut."""
    if not is_csv:
        return "\t".join(cell or "-" for cell in cells)
    from tdxinfo.render.plain import as_csv

    return as_csv((), [cells], noheadings=True).rstrip("\n")


def _cell(entry: Entry, column: str) -> str:
    from tdxinfo.render.safe import printable

    found = entry.document().model_dump(mode="json")
    value = found["module"][column] if column in found["module"] else found[column]
    return printable(" ".join(value) if isinstance(value, list) else str(value or ""))


def status_of(seen: Fleet) -> ExitStatus:
    """The exit status: that an input could not be read, else the worst verdict."""
    from tdxinfo.model.verdict import HostVerdict

    if seen.refused:
        return ExitStatus.BAD_INPUT
    for verdict in (HostVerdict.NOT_READY, HostVerdict.UNDECIDED):
        if seen.verdicts[verdict]:
            return ExitStatus[verdict.name]
    return ExitStatus.READY if seen.verdicts[HostVerdict.READY] else ExitStatus.NOT_APPLICABLE


def _read(
    paths: tuple[str, ...],
    line_of: Callable[[Entry], str] | None,
    keep: Callable[[Entry], None] | None,
    quiet: bool,
) -> Fleet:
    """Reads all hosts, prints a line for each if wanted, and an error for each unreadable one."""
    from tdxinfo.fleet import Fleet, Reader
    from tdxinfo.render.safe import printable

    seen, progress = Fleet(), _Progress(line_of is not None, quiet)

    def take(entry: Entry) -> None:
        seen.add(entry)
        if keep is not None:
            keep(entry)
        if entry.error is not None:
            progress.clear()
            click.echo(f"tdxinfo: {printable(entry.error)}", err=True)
        if line_of is not None:
            click.echo(line_of(entry))
        progress.show(seen)

    Reader(take).read(paths)
    progress.clear()
    return seen


class _Progress:
    """A line on stderr with the number of hosts so far; nothing if stderr is not a terminal."""

    def __init__(self, lines_are_shown: bool, quiet: bool) -> None:
        self._is_shown = is_shown(quiet) and not (lines_are_shown and sys.stdout.isatty())
        self._next = time.monotonic() + _PROGRESS_INTERVAL

    def show(self, seen: Fleet) -> None:
        if self._is_shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PROGRESS_INTERVAL
            click.echo(
                f"\r{seen.hosts} hosts, {seen.refused} could not be read", nl=False, err=True
            )

    def clear(self) -> None:
        if self._is_shown:
            click.echo(CLEARED, nl=False, err=True)
