"""The host that a command is about: this machine, or what --from names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tdxinfo.cli.options import Settings
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from tdxinfo.host import Host
    from tdxinfo.machine import Machine
    from tdxinfo.machine.inputs import ReportInput


def subject_of(settings: Settings) -> Machine | ReportInput:
    """The machine or report to look at. Raises BadInput."""
    if settings.source is None:
        if settings.vmlinux is not None:
            raise BadInput("--vmlinux goes with a crash dump. Name the dump with --from.")
        from tdxinfo.machine.live import LiveMachine

        return LiveMachine()
    return opened(settings.source, settings.vmlinux)


def opened(given: str, vmlinux: str | None = None) -> Machine | ReportInput:
    """What `--from` was given; `vmlinux` goes with a crash dump. Raises BadInput."""
    from tdxinfo.machine.inputs import CrashDump, open_input

    found = open_input(given)
    if isinstance(found, CrashDump):
        from tdxinfo.sources.vmcore import machine_of

        return machine_of(found, vmlinux)
    if vmlinux is not None:
        raise BadInput(f"--vmlinux goes with a crash dump, and {given} is none.")
    return found


def host_of(subject: Machine | ReportInput, names: Iterable[str] | None = None) -> Host:
    """The host with the named facts looked up, or all. Raises BadInput."""
    from tdxinfo.machine import Machine

    if isinstance(subject, Machine):
        from tdxinfo.host.observe import observe

        return observe(subject, names)
    from tdxinfo.host.reported import host_of_report

    return host_of_report(subject)
