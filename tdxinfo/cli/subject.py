"""The host that a command is about: this machine, or what --from names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import click

from tdxinfo.cli.options import Settings
from tdxinfo.cli.progress import progress
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from tdxinfo.machine import Machine
    from tdxinfo.machine.live import LiveMachine
    from tdxinfo.report import Report

_ROOT_TIMEOUT = 60.0
"""Seconds for a system below --root, whose slow sources have limits of their own."""

T = TypeVar("T")


def examine(settings: Settings, work: Callable[[Machine | Report], T], doing: str = "Reading") -> T:
    """What `work` makes of the machine or report that the options name. Raises BadInput.

    Of what --from or --root names the result comes from a child process: it is pickled. A terminal
    shows what is being done where it takes long.
    """

    def prepared(subject: Machine | Report) -> T:
        from tdxinfo.machine import Machine

        if isinstance(subject, Machine):
            subject.keeps_identity = settings.keep_identity
        return work(subject)

    if settings.source is None:
        if settings.vmlinux is not None:
            raise BadInput("--vmlinux is only for crash dumps. Name the dump with --from.")
        machine = _live(settings)
        with progress(f"{doing} this host", settings.quiet):
            if machine.is_whole:
                return prepared(machine)
            from tdxinfo.machine.confined import LIMITS, run

            # The files below a folder may be those of anybody.
            return run(
                lambda: prepared(machine), settings.root, LIMITS._replace(time=_ROOT_TIMEOUT)
            )
    if settings.root != "/" or settings.without:
        raise BadInput("--root and --without are for this machine: --from never reads it.")
    from tdxinfo.inputs.examined import examine

    shown = "standard input" if settings.source == "-" else os.path.basename(settings.source)
    with progress(f"{doing} {shown}", settings.quiet):
        return examine(settings.source, prepared, settings.vmlinux)


def _live(settings: Settings) -> LiveMachine:
    """This machine, or the system below --root. Raises BadInput."""
    from tdxinfo.machine import restrictions
    from tdxinfo.machine.live import LiveMachine

    root = settings.root or "."
    if not os.path.isdir(root):
        raise BadInput(f"{root} is not a folder. Name the root of a system.")
    ignored = restrictions.warning()
    if ignored:
        click.echo(f"tdxinfo: {ignored}", err=True)
    whole = os.path.samestat(os.stat(root), os.stat("/"))
    return LiveMachine("/" if whole else root, settings.without)


def report_of(settings: Settings, names: Iterable[str] | None = None) -> Report:
    """The report with the named facts, or with all. Raises BadInput."""
    from tdxinfo.machine import Machine
    from tdxinfo.report import observe, selected

    def report(subject: Machine | Report) -> Report:
        if isinstance(subject, Machine):
            return observe(subject, names)
        return subject if names is None else selected(subject, names)

    return examine(settings, report)
