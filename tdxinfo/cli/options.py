"""What all commands share: exit statuses, and options that may stand before or after a command."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from itertools import pairwise
from typing import Any, TypeVar

import click

from tdxinfo.cli import completion

F = TypeVar("F", bound=Callable[..., Any])


class ExitStatus(IntEnum):
    """The process's answer; DESIGN and the man page promise these."""

    READY = 0
    SAME = 0  # what READY is to `check`, this is to `diff`
    NOT_READY = 1
    DIFFERENT = 1
    BAD_INPUT = 2
    UNDECIDED = 3
    NOT_APPLICABLE = 4
    PASSED = 0
    FAILED = 1
    INTERRUPTED = 130
    BROKEN_PIPE = 141


FORMATS: dict[str, tuple[str, ...]] = {
    "table": (),
    "json": (),
    "prometheus": ("check",),
    "nfd": ("check",),
    "junit": ("check",),
    "markdown": ("check",),
}
"""The formats of --format, each with the commands that have it; () stands for every command."""


def formats_of(command: str) -> list[str]:
    return [name for name, commands in FORMATS.items() if not commands or command in commands]


class Settings:
    """The global options of one run."""

    def __init__(self, source: str | None = None) -> None:
        self.source = source
        self.vmlinux: str | None = None
        self.format = "table"
        self.color = "auto"
        self.quiet = False
        self.verbose = False


def settings_of(context: click.Context) -> Settings:
    """The options of this run. Raises UsageError for a format that the command does not have."""
    settings = _kept(context)
    command = str(context.command.name)
    if settings.format not in formats_of(command):
        known = ", ".join(formats_of(command))
        raise click.UsageError(f"{command} has no format {settings.format}. It has: {known}.")
    return settings


def _kept(context: click.Context) -> Settings:
    return context.find_root().ensure_object(Settings)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keeps an option that was given; the later of two wins."""
    if value is None:
        return
    settings = _kept(context)
    if parameter.name == "json":
        settings.format = "json"
    else:
        setattr(settings, str(parameter.name), value)


GLOBAL_OPTIONS = (
    click.option(
        "--from",
        "source",
        metavar="PATH|example:NAME",
        shell_complete=completion.subjects,
        help="Read a capture, a report, a kernel log, a dump, - or an example, not this machine.",
        expose_value=False,
        callback=_keep,
    ),
    click.option(
        "--vmlinux",
        metavar="FILE",
        help="With a crash dump: the kernel's vmlinux, where the dump lacks symbols or BTF.",
        expose_value=False,
        shell_complete=completion.files,
        callback=_keep,
    ),
    click.option(
        "--format",
        type=click.Choice(list(FORMATS)),
        help="How to print the answer.  [default: table]",
        expose_value=False,
        callback=_keep,
    ),
    click.option(
        "--json",
        is_flag=True,
        default=None,
        help="Short for --format json.",
        expose_value=False,
        callback=_keep,
    ),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        help="Use colour.  [default: auto]",
        expose_value=False,
        callback=_keep,
    ),
    click.option(
        "-q",
        "--quiet",
        is_flag=True,
        default=None,
        help="Print nothing but errors; the exit status is the answer.",
        expose_value=False,
        callback=_keep,
    ),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        default=None,
        help="Also print where each value came from.",
        expose_value=False,
        callback=_keep,
    ),
)


def global_options(command: F) -> F:
    for option in reversed(GLOBAL_OPTIONS):
        command = option(command)
    return command


def wants_json(arguments: list[str]) -> bool:
    """Whether JSON was asked for, also where the rest of the line made no sense."""
    pairs = pairwise([*arguments, ""])
    return any(a in ("--json", "--format=json") or (a, b) == ("--format", "json") for a, b in pairs)
