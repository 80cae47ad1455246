"""`tdxinfo capture`: a record of this host that `--from` replays elsewhere."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import global_options, settings_of
from tdxinfo.cli.subject import examine
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from tdxinfo.machine import Machine
    from tdxinfo.report import Report


@click.command()
@click.argument("destination", metavar="DEST", shell_complete=completion.files)
@click.option(
    "--keep-identity",
    is_flag=True,
    help="Also keep what names the machine: the whole kernel log, host name, UUIDs, addresses.",
)
@global_options
@click.pass_context
def capture(context: click.Context, destination: str, keep_identity: bool) -> None:
    """Record what tdxinfo reads, refusals included, in a new folder or .tar.gz.

    `tdxinfo --from DEST` then shows this host anywhere. Serial numbers, the host's name, UUIDs and
    network addresses are left out, and of the kernel log all lines that say nothing about TDX.
    """
    from tdxinfo.machine.recording import write
    from tdxinfo.render.safe import printable

    settings = settings_of(context)
    files = examine(
        settings, partial(_files_of, is_live=settings.source is None, keep=keep_identity)
    )
    write(files, destination)
    if not settings.quiet and destination != "-":
        place = printable(shlex.quote(destination))
        click.echo(f"Wrote {place}: try `tdxinfo --from {place} dump`.", err=True)


def _files_of(subject: Machine | Report, is_live: bool, keep: bool) -> dict[str, bytes]:
    """The capture's files; `keep` keeps what names the machine."""
    from tdxinfo.decode.klog import relevant_lines
    from tdxinfo.host import fact_names
    from tdxinfo.host.observe import Observer
    from tdxinfo.machine import Machine
    from tdxinfo.machine.recording import RecordingMachine, contents

    if not isinstance(subject, Machine):
        raise BadInput("A capture is made of a machine; a report keeps too little for one.")
    machine = RecordingMachine(subject)
    observer = Observer(machine)
    for name in fact_names():
        observer.answers(name)
    kernel = observer.value("kernel.release")
    cleaned = str if keep else _cleaner(is_live)
    # A supplied log was somebody's choice already, and its lines may be wrapped: all are kept.
    is_whole_log = is_live or machine.origin.kind == "vmcore"
    log_lines = relevant_lines if is_whole_log and not keep else str
    return contents(machine, kernel, cleaned, log_lines)


def _cleaner(is_live: bool) -> Callable[[str], str]:
    from tdxinfo.machine.recording import without_identity

    return partial(without_identity, host_name=os.uname().nodename if is_live else "")
