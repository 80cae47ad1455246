"""The host that a command is about: this machine, or what --from names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tdxinfo.cli.options import Settings

if TYPE_CHECKING:
    from tdxinfo.host import Host
    from tdxinfo.machine import Machine
    from tdxinfo.machine.inputs import ReportInput


def subject_of(settings: Settings) -> Machine | ReportInput:
    """The machine or report to look at. Raises BadInput."""
    return subject_named(settings.source)


def subject_named(source: str | None) -> Machine | ReportInput:
    """What a name means that `--from` takes; this machine without one. Raises BadInput."""
    if source is None:
        from tdxinfo.machine.live import LiveMachine

        return LiveMachine()
    from tdxinfo.machine.inputs import open_input

    return open_input(source)


def host_of(subject: Machine | ReportInput, names: Iterable[str] | None = None) -> Host:
    """The host with the named facts looked up, or all. Raises BadInput."""
    from tdxinfo.machine import Machine

    if isinstance(subject, Machine):
        from tdxinfo.host.observe import observe

        return observe(subject, names)
    from tdxinfo.host.reported import host_of_report

    return host_of_report(subject)
