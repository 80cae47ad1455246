"""What all commands share: exit statuses, and options that are taken before or after a command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from itertools import pairwise
from typing import Any, TypeVar

import click

from tdxinfo.cli import completion

F = TypeVar("F", bound=Callable[..., Any])


class ExitStatus(IntEnum):
    """The process's answer; DESIGN and the man page promise these."""

    READY = 0
    SAME = 0  # of `diff`
    NOT_READY = 1
    DIFFERENT = 1  # of `diff`
    BAD_INPUT = 2
    UNDECIDED = 3
    PLUGIN_UNKNOWN = 3  # of --format nagios, when there is no answer
    NOT_APPLICABLE = 4
    CRASH = 70
    PASSED = 0
    FAILED = 1
    INTERRUPTED = 130
    BROKEN_PIPE = 141


FORMATS: dict[str, tuple[str, ...]] = {
    "dump": ("table", "json", "csv", "html", "svg"),
    "check": (
        *("table", "json", "prometheus", "nfd", "nagios", "junit", "markdown"),
        *("html", "svg"),
    ),
    "diff": ("table", "json", "html"),
    "fleet": ("table", "json", "csv", "html"),
}
"""The formats of --format, by command."""
_COMMON_FORMATS = ("table", "json")
"""The formats of commands that are not in FORMATS."""

_HOST = ("source", "vmlinux", "root", "without")
_OUTPUT = ("format", "json", "color", "quiet", "verbose")
OPTIONS: dict[str, tuple[str, ...]] = {
    "root": (*_HOST, "keep_identity", *_OUTPUT),
    "explain": (*_HOST, "format", "json", "color", "quiet"),
    "dump": (*_HOST, "keep_identity", *_OUTPUT),
    "check": (*_HOST, "keep_identity", *_OUTPUT),
    "capture": (*_HOST, "keep_identity", "quiet"),
    "policy": (*_HOST, "keep_identity", "quiet"),
    "diff": ("without", *_OUTPUT),
    "fleet": _OUTPUT,
    "schema": ("quiet",),
    "deploy": ("quiet",),
    "status": _OUTPUT,
    "build": ("quiet", "verbose"),
    "load": ("quiet", "verbose"),
    "unload": ("quiet", "verbose"),
    "dkms": ("quiet", "verbose"),
}
"""Which of the shared options a command has; one that is not here has all."""

_INSTEAD = {
    ("diff", "source"): " A and B name the two hosts.",
    ("diff", "vmlinux"): " Make a report of the crash dump first, and compare that.",
    ("fleet", "source"): " Name what it reads as PATH.",
}
"""What to do instead, by command and an option that it does not have."""


def formats_of(command: str) -> tuple[str, ...]:
    """The formats of a command; `root` has those of all commands."""
    if command == "root":
        return tuple(dict.fromkeys(name for names in FORMATS.values() for name in names))
    return FORMATS.get(command, _COMMON_FORMATS)


def options_of(command: str) -> tuple[str, ...]:
    return OPTIONS.get(command, (*_HOST, *_OUTPUT))


class Settings:
    """The global options of one run."""

    def __init__(self, source: str | None = None) -> None:
        self.source = source
        self.given: dict[str, str] = {}
        """The options that were given, by name, as their long flags."""
        self.vmlinux: str | None = None
        self.format = "table"
        self.color = "auto"
        self.quiet = False
        self.verbose = False
        self.keep_identity = False
        self.root = "/"
        self.without: tuple[str, ...] = ()


def settings_of(context: click.Context) -> Settings:
    """The options of this run. Raises UsageError for those that the command does not have."""
    settings = _kept(context)
    command = str(context.command.name)
    for name, flag in settings.given.items():
        if name not in options_of(command):
            instead = _INSTEAD.get((command, name), "")
            raise click.UsageError(f"`{command}` has no option {flag}.{instead}", context)
    if settings.format not in formats_of(command):
        known = ", ".join(formats_of(command))
        raise click.UsageError(
            f"`{command}` has no format {settings.format}. Its formats: {known}.", context
        )
    return settings


def _kept(context: click.Context) -> Settings:
    """The settings of this run, which all commands of the line share."""
    return context.find_root().ensure_object(Settings)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keeps an option that was given; the later of two wins."""
    if value is None or value == ():
        return
    settings = _kept(context)
    settings.given[str(parameter.name)] = parameter.opts[-1]
    if parameter.name == "json":
        settings.format = "json"
    else:
        setattr(settings, str(parameter.name), value)


def _option(*names: str, **attributes: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, callback=_keep, **attributes)


def _format_option(command: str) -> Callable[[F], F]:
    formats = formats_of(command)
    return _option("--format", type=click.Choice(formats), help="Output format.  [default: table]")


SHARED: dict[str, Callable[[str], Callable[[F], F]]] = {
    "source": lambda _: _option(
        "--from",
        "source",
        metavar="PATH|example:NAME",
        shell_complete=completion.subjects,
        help=(
            "Read a capture, report, kernel log, dump or example (- is standard input) instead of "
            "this machine."
        ),
    ),
    "vmlinux": lambda _: _option(
        "--vmlinux",
        metavar="FILE",
        help="For a crash dump: the kernel's vmlinux, if the dump lacks symbols or BTF.",
        shell_complete=completion.files,
    ),
    "root": lambda _: _option(
        "--root",
        metavar="DIR",
        shell_complete=completion.files,
        help=(
            "Read the files of a host below DIR, for example /host in a container or /mnt in a "
            "rescue system."
        ),
    ),
    "without": lambda _: _option(
        "--without",
        metavar="SOURCE[,...]",
        multiple=True,
        help="Do not read this kind of source: helper, kmem, kvm, msr, klog, dmi, cgroup, sysfs, "
        "procfs, netlink, program or file.",
    ),
    "keep_identity": lambda _: _option(
        "--keep-identity",
        is_flag=True,
        default=None,
        help="Keep what identifies the machine or its owner, such as the whole command line.",
    ),
    "format": _format_option,
    "json": lambda _: _option("--json", is_flag=True, default=None, help="Same as --format json."),
    "color": lambda _: _option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        help="Use colour.  [default: auto]",
    ),
    "quiet": lambda _: _option(
        "-q", "--quiet", is_flag=True, default=None, help="Print only errors."
    ),
    "verbose": lambda _: _option(
        "-v", "--verbose", is_flag=True, default=None, help="Print sources and reasons too."
    ),
}
"""The options that several commands share, by name, each made for a command."""


def global_options(function: F) -> F:
    """Gives the command the shared options that it has."""
    command = function.__name__
    for name in reversed(options_of(command)):
        function = SHARED[name](command)(function)
    return function


def no_such(kind: str, name: str, known: Iterable[str], otherwise: str, reader: str = "") -> str:
    """The sentence about a name that does not exist, with names like it, or else `otherwise`.

    For the name of a file it says how `reader`, a command, reads that.
    """
    import os

    hint = did_you_mean(name, known) or otherwise
    if reader and os.path.exists(name):
        hint = to_read(name, reader)
    return f"There is no {kind} {name[:80]!r}. {hint}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The question whether one of the names that are like this one was meant; else empty.

    Upper and lower case make no difference.
    """
    from difflib import get_close_matches

    spellings = {one.lower(): one for one in known}
    near = get_close_matches(name.strip().lower(), spellings, n=3, cutoff=0.65)
    return f"Did you mean {', '.join(spellings[one] for one in near)}?" if near else ""


def to_read(path: str, command: str) -> str:
    """How to have a command read a file that was given as its argument."""
    import shlex

    return f"To read a file: `tdxinfo --from {shlex.quote(path)} {command}`."


def wants_trace(arguments: list[str]) -> bool:
    """Whether -v was given, also if the rest of the line is wrong."""
    return any(
        a == "--verbose" or (a.startswith("-") and not a.startswith("--") and "v" in a)
        for a in arguments
    )


def wants_json(arguments: list[str]) -> bool:
    """Whether JSON was asked for, also if the rest of the line is wrong."""
    return "--json" in arguments or wants_format("json", arguments)


def wants_format(name: str, arguments: list[str]) -> bool:
    """Whether this format was asked for, also if the rest of the line is wrong."""
    pairs = pairwise([*arguments, ""])
    return any(a == f"--format={name}" or (a, b) == ("--format", name) for a, b in pairs)
