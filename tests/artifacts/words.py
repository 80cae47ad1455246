"""What may stand where on a command line: the static part of all completions, for any shell."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import Any

import click

from tests.artifacts.tree import Node

MADE = "Completion of tdxinfo. Made by `python -m tests.artifacts`; it starts no program."


@dataclass(frozen=True)
class Words:
    """What is offered for a value: words with their meanings, and names of files."""

    items: tuple[tuple[str, str], ...]
    files: bool


@dataclass(frozen=True)
class Option:
    names: tuple[str, ...]
    help: str
    metavar: str
    values: str
    """The list of its values; empty for a flag."""
    repeats: bool


@dataclass(frozen=True)
class Argument:
    metavar: str
    values: str
    repeats: bool


@dataclass(frozen=True)
class Command:
    """A command with all that may follow it."""

    path: str
    help: str
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    commands: tuple[Command, ...]

    @property
    def name(self) -> str:
        return self.path.rpartition(" ")[2]

    @property
    def function(self) -> str:
        """Its path as a name that a shell allows for a function."""
        return "_" + self.path.replace(" ", "_").replace("-", "_")

    def everyone(self) -> list[Command]:
        return [self, *(below for child in self.commands for below in child.everyone())]


@dataclass
class Line:
    """The whole command line: the tree of commands, and the lists of words by name."""

    top: InitVar[Node]
    lists: dict[str, Words] = field(default_factory=dict)
    root: Command = field(init=False)

    def __post_init__(self, top: Node) -> None:
        self.root = self._command(top)

    def _command(self, node: Node) -> Command:
        return Command(
            node.path,
            node.summary,
            tuple(self._option(node, option) for option in node.options()),
            tuple(self._argument(node, argument) for argument in node.arguments()),
            tuple(self._command(child) for child in node.children()),
        )

    def _option(self, node: Node, option: click.Option) -> Option:
        is_flag = option.is_flag or option.count
        return Option(
            (*option.opts, *option.secondary_opts),
            _first_sentence(option.help or ""),
            "" if is_flag else option.make_metavar(node.context),
            "" if is_flag else self._list(node, option),
            option.multiple,
        )

    def _argument(self, node: Node, argument: click.Argument) -> Argument:
        values = self._list(node, argument)
        return Argument(str(argument.name), values, argument.nargs != 1)

    def _list(self, node: Node, parameter: click.Parameter) -> str:
        """The name of the parameter's list; equal lists have one name."""
        words = _words(parameter, node.context)
        if words.files and not words.items:
            self.lists["files"] = words
        for name, known in self.lists.items():
            if known == words:
                return name
        name = f"{node.name}_{parameter.name}".replace("-", "_")
        self.lists[name] = words
        return name


def _words(parameter: click.Parameter, context: click.Context) -> Words:
    """What click itself offers for the parameter; file names where nothing is declared."""
    offered = parameter.shell_complete(context, "")
    items = tuple((i.value, _first_sentence(i.help or "")) for i in offered if i.type == "plain")
    files: Any = any(i.type in ("file", "dir") for i in offered)
    return Words(items, files or (not items and parameter.type is click.STRING))


def _first_sentence(text: str) -> str:
    """Without its full stop, and without the remark in brackets that click's help ends with."""
    return text.partition("  [")[0].partition(". ")[0].strip().rstrip(".")


def quoted(text: str) -> str:
    """The text as one word of bash, zsh or any POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"
