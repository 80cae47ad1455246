"""`tdxinfo capture`: a record of this host that `--from` replays elsewhere."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import global_options, settings_of
from tdxinfo.cli.subject import examine
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from tdxinfo.machine import Machine
    from tdxinfo.report import Report


@click.command()
@click.argument("destination", metavar="DEST|-", required=False, shell_complete=completion.files)
@click.option(
    "--print-script",
    is_flag=True,
    help="Print a shell script that makes a capture on a host without tdxinfo.",
)
@global_options
@click.pass_context
def capture(context: click.Context, destination: str | None, print_script: bool) -> None:
    """Record what tdxinfo reads on this host, refusals included.

    DEST is a new folder, or a new archive if it ends with .tar.gz, .tar.xz, .tar or .zip, or - for
    standard output. `tdxinfo --from DEST` then shows this host on any machine.

    A capture leaves out serial numbers, names of hosts and users, UUIDs, network addresses, and the
    lines of the kernel log that tdxinfo does not read. An archive has mode 0600. `tar tf DEST`
    lists what is in it.
    """
    from tdxinfo.machine.recording import write
    from tdxinfo.render.safe import printable

    settings = settings_of(context)
    if print_script:
        from tdxinfo.inputs.collector import script

        click.echo(script(), nl=False)
        return
    if destination is None:
        raise click.UsageError("Name a new folder or archive, or - for standard output.", context)
    work = partial(_recorded, is_live=settings.source is None, keep=settings.keep_identity)
    recorded = examine(settings, work, "Recording")
    write(recorded.files, destination)
    if settings.quiet:
        return
    if settings.source is None and recorded.root_would_add:
        click.echo(printable(recorded.root_would_add), err=True)
    if destination != "-":
        place = printable(shlex.quote(destination))
        click.echo(f"Wrote {place}: try `tdxinfo --from {place} dump`.", err=True)


class _Recorded(NamedTuple):
    files: dict[str, bytes]
    """By their paths inside the capture."""
    root_would_add: str
    """One sentence; empty where root would add nothing."""


def _recorded(subject: Machine | Report, is_live: bool, keep: bool) -> _Recorded:
    """What is recorded of the machine; `keep` keeps what names it."""
    from tdxinfo.decode.klog import relevant_lines
    from tdxinfo.host import fact_names
    from tdxinfo.host.observe import Observer
    from tdxinfo.machine import KERNEL_LOG, Machine, identity
    from tdxinfo.machine.recording import RecordingMachine, contents, root_would_add
    from tdxinfo.sources import klog

    if not isinstance(subject, Machine):
        raise BadInput("A capture needs a machine: a report has too little data for one.")
    machine = RecordingMachine(subject)
    observer = Observer(machine)
    for name in fact_names():
        observer.answers(name)
    if klog.is_supplied(machine) and KERNEL_LOG in machine.answers:
        machine.answers[klog.SUPPLIED] = True
    kernel = observer.value("kernel.release")
    more = root_would_add(machine.refusals)
    if keep:
        return _Recorded(contents(machine, kernel, bytes, str), more)
    # A supplied log was somebody's choice already, and its lines may be wrapped: all that the
    # kernel may have written are kept.
    is_whole_log = is_live or machine.origin.kind == "vmcore"
    log_lines = relevant_lines if is_whole_log else _of_kernel
    redact = partial(identity.without_identity, host_names=machine.host_names)
    return _Recorded(contents(machine, kernel, redact, log_lines), more)


def _of_kernel(log: str) -> str:
    from tdxinfo.machine.identity import without_programs

    return without_programs(log.encode("utf-8", "surrogateescape")).decode(
        "utf-8", "surrogateescape"
    )
