"""The host that a command is about: this machine, or what --from names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tdxinfo.cli.options import Settings
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from tdxinfo.machine import Machine
    from tdxinfo.report import Report


def subject_of(settings: Settings) -> Machine | Report:
    """The machine or report to look at. Raises BadInput."""
    if settings.source is None:
        if settings.vmlinux is not None:
            raise BadInput("--vmlinux goes with a crash dump. Name the dump with --from.")
        from tdxinfo.machine.live import LiveMachine

        return LiveMachine()
    from tdxinfo.inputs.supplied import open_input

    return open_input(settings.source, settings.vmlinux)


def report_of(subject: Machine | Report, names: Iterable[str] | None = None) -> Report:
    """The report with the named facts, or with all."""
    from tdxinfo.machine import Machine
    from tdxinfo.report import observe, selected

    if isinstance(subject, Machine):
        return observe(subject, names)
    return subject if names is None else selected(subject, names)
