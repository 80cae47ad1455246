"""Man page and completions, made from the command tree: `python -m tests.artifacts`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

import click
from click.shell_completion import get_completion_class

from tdxinfo import __version__
from tdxinfo.checks.engine import in_order
from tdxinfo.cli.root import root
from tdxinfo.machine.inputs import example_names

RELEASED = "2026-11-23"
"""The day of the version that the man page describes."""

TOP = Path(__file__).parent.parent

_EXIT_STATUSES = (
    ("0", "dump, capture, helper: done. check: the host is ready."),
    (
        "1",
        "check: at least one check failed; with --strict also: one warns. "
        "helper: a program that it ran failed.",
    ),
    ("2", "Wrong usage, input that cannot be read, or a helper that is of no use here."),
    ("3", "check: nothing failed, but something that decides could not be looked at."),
    ("4", "check: not applicable: no Intel processor, or a virtual machine."),
)


def artifacts() -> dict[str, str]:
    """The files by their paths below the top of the tree."""
    shells = {
        "bash": "completions/tdxinfo.bash",
        "zsh": "completions/_tdxinfo",
        "fish": "completions/tdxinfo.fish",
    }
    made = {path: _completion(shell) for shell, path in shells.items()}
    return {"man/tdxinfo.1": "\n".join(_man_page()) + "\n", **made}


def _completion(shell: str) -> str:
    maker = get_completion_class(shell)
    assert maker is not None
    return maker(root, {}, "tdxinfo", "_TDXINFO_COMPLETE").source().strip() + "\n"


def _escaped(text: str) -> str:
    """Text for troff, in short lines, none of which may become a request."""
    text = "\n".join(wrap(text, 78, break_long_words=False, break_on_hyphens=False))
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in ".'" else line for line in text.split("\n"))


def _man_page() -> Iterator[str]:
    yield f'.TH TDXINFO 1 {RELEASED} "tdxinfo {__version__}" "User Commands"'
    yield ".SH NAME"
    yield "tdxinfo \\- tell what this host knows about its Intel TDX module"
    yield ".SH SYNOPSIS"
    yield ".B tdxinfo\n.RI [ OPTIONS ]\n.I COMMAND\n.RI [ ARGUMENTS ]"
    yield ".SH DESCRIPTION"
    yield from _paragraphs(root)
    yield ".SH OPTIONS"
    yield "These may stand before or after a command."
    yield from _options(root)
    yield ".SH COMMANDS"
    context = click.Context(root, info_name="tdxinfo")
    for name in root.list_commands(context):
        yield from _command(root.commands[name], name)
    yield ".SH EXIT STATUS"
    for status, meaning in _EXIT_STATUSES:
        yield f".TP\n.B {status}\n{_escaped(meaning)}"
    yield ".SH CHECKS"
    yield "In the order of the chain. A check waits for those it needs."
    for check in in_order():
        yield f".TP\n.B {_escaped(check.id)}\n{_escaped(check.title)}."
    yield ".SH EXAMPLES"
    yield "Recorded hosts that ship with tdxinfo, for\n.BR \\-\\-from :"
    for name in example_names():
        yield f".TP\n.B {_escaped(name)}\n{_escaped(_first_line(name))}"


def _command(command: click.Command, name: str) -> Iterator[str]:
    """The command's part of the page, with those of the commands below it."""
    context = click.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_escaped(f'{name} {usage}')}"
    yield from _paragraphs(command)
    yield from _options(command, leave_out={p.name for p in root.params})
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _command(command.commands[below], f"{name} {below}")


def _first_line(name: str) -> str:
    from tdxinfo.machine.inputs import open_input

    return str(open_input(name).origin.note)


def _paragraphs(command: click.Command) -> Iterator[str]:
    for number, paragraph in enumerate((command.help or "").split("\n\n")):
        yield (".PP\n" if number else "") + _escaped(" ".join(paragraph.split()))


def _options(command: click.Command, leave_out: set[str | None] | None = None) -> Iterator[str]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and parameter.name not in (leave_out or set()):
            yield f".TP\n.B {_escaped(record[0])}\n{_escaped(record[1])}"


def write() -> None:
    for path, text in artifacts().items():
        (TOP / path).parent.mkdir(exist_ok=True)
        (TOP / path).write_text(text)


if __name__ == "__main__":
    write()
