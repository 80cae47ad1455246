"""`tdxinfo fleet`: many hosts at once, those that are unlike the others first."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import ExitStatus, global_options, settings_of
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from tdxinfo.fleet import Entry, Fleet

_OFTEN = 0.2
"""Seconds between two looks at the progress."""


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...", shell_complete=completion.files)
@click.option(
    "--print-playbook", is_flag=True, help="Print an Ansible playbook that gathers reports."
)
@click.option(
    "--print-timer", is_flag=True, help="Print systemd units that keep the metrics current."
)
@global_options
@click.pass_context
def fleet(
    context: click.Context, paths: tuple[str, ...], print_playbook: bool, print_timer: bool
) -> int:
    """Show many hosts by kind: verdict, first failure, module and features, the rarest first.

    PATH is what --from takes, a folder of such files, a file of JSON reports one after another, or
    - for standard input. A report of `check` says itself what was found; everything else is judged
    here, and of its facts only those that decide are looked at. --json prints a line for each host
    as soon as it is read.

    The exit status is 2 if an input could not be read, after the others were done; else 1 if a
    host is not ready, 3 if one is undecided, 4 if no host is applicable, and 0 otherwise.
    """
    settings = settings_of(context)
    if print_playbook or print_timer:
        from tdxinfo import deploy

        click.echo(deploy.text(deploy.PLAYBOOK if print_playbook else deploy.UNITS), nl=False)
        return ExitStatus.READY
    if not paths:
        raise click.UsageError("Name reports, captures or folders of them.")
    seen = _read(paths, as_json=settings.format == "json" and not settings.quiet)
    if not seen.hosts and not seen.refused:
        raise BadInput(f"There is no report or capture in {', '.join(paths)}.")
    if settings.format == "table" and not settings.quiet and seen.hosts:
        from tdxinfo.render import theme
        from tdxinfo.render.fleet import print_fleet

        print_fleet(theme.console(settings.color), seen, settings.verbose)
    return status_of(seen)


def status_of(seen: Fleet) -> ExitStatus:
    """What a script should know first: that the picture is not whole, else the worst verdict."""
    from tdxinfo.model.verdict import HostVerdict

    if seen.refused:
        return ExitStatus.BAD_INPUT
    for verdict in (HostVerdict.NOT_READY, HostVerdict.UNDECIDED):
        if seen.verdicts[verdict]:
            return ExitStatus[verdict.name]
    return ExitStatus.READY if seen.verdicts[HostVerdict.READY] else ExitStatus.NOT_APPLICABLE


def _read(paths: tuple[str, ...], as_json: bool) -> Fleet:
    """Reads all, says of each that cannot be read why, and prints a line for each if wanted."""
    from tdxinfo.fleet import Fleet, Reader
    from tdxinfo.render.safe import printable

    seen, progress = Fleet(), _Progress(as_json)

    def take(entry: Entry) -> None:
        seen.add(entry)
        if entry.error is not None:
            progress.clear()
            click.echo(f"tdxinfo: {printable(entry.error)}", err=True)
        if as_json:
            click.echo(entry.document().model_dump_json(ensure_ascii=True))
        progress.show(seen)

    Reader(take).read(paths)
    progress.clear()
    return seen


class _Progress:
    """A line on stderr that says how far it got; nothing where no terminal shows it."""

    def __init__(self, lines_are_shown: bool) -> None:
        self._is_shown = sys.stderr.isatty() and not (lines_are_shown and sys.stdout.isatty())
        self._next = time.monotonic() + _OFTEN

    def show(self, seen: Fleet) -> None:
        if self._is_shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + _OFTEN
            click.echo(f"\r{seen.hosts} hosts, {seen.refused} refused", nl=False, err=True)

    def clear(self) -> None:
        if self._is_shown:
            click.echo("\r\x1b[K", nl=False, err=True)
