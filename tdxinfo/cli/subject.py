"""The host that a command is about: this machine, or what --from names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from tdxinfo.cli.options import Settings
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from tdxinfo.machine import Machine
    from tdxinfo.report import Report

T = TypeVar("T")


def examine(settings: Settings, work: Callable[[Machine | Report], T]) -> T:
    """What `work` makes of the machine or report that the options name. Raises BadInput.

    Of what --from names the result comes from a child process: it is pickled.
    """
    if settings.source is None:
        if settings.vmlinux is not None:
            raise BadInput("--vmlinux goes with a crash dump. Name the dump with --from.")
        from tdxinfo.machine.live import LiveMachine

        return work(LiveMachine())
    from tdxinfo.inputs.examined import examine

    return examine(settings.source, work, settings.vmlinux)


def report_of(settings: Settings, names: Iterable[str] | None = None) -> Report:
    """The report with the named facts, or with all. Raises BadInput."""
    from tdxinfo.machine import Machine
    from tdxinfo.report import observe, selected

    def report(subject: Machine | Report) -> Report:
        if isinstance(subject, Machine):
            return observe(subject, names)
        return subject if names is None else selected(subject, names)

    return examine(settings, report)
