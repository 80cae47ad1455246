"""The command tree, node by node, as man pages need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click

from tdxinfo.cli.root import root


@dataclass(frozen=True)
class Node:
    """A command of the tree; the root is one too."""

    context: click.Context

    @property
    def command(self) -> click.Command:
        return self.context.command

    @property
    def path(self) -> str:
        """The words that call it: `tdxinfo`, `tdxinfo dump`."""
        return self.context.command_path

    @property
    def name(self) -> str:
        return str(self.context.info_name)

    @property
    def summary(self) -> str:
        """What it does in a line, without a full stop."""
        return self.command.get_short_help_str(limit=200).rstrip(".")

    @property
    def usage(self) -> str:
        """Its arguments."""
        return " ".join(self.command.collect_usage_pieces(self.context))

    def children(self) -> Iterator[Node]:
        if isinstance(self.command, click.Group):
            for name in self.command.list_commands(self.context):
                child = self.command.get_command(self.context, name)
                if child and not child.hidden:
                    yield Node(click.Context(child, info_name=name, parent=self.context))

    def options(self) -> list[click.Option]:
        """All options it takes, the global ones and --help too."""
        found = [p for p in self.command.get_params(self.context) if isinstance(p, click.Option)]
        return [option for option in found if not option.hidden]

    def own_options(self) -> list[click.Option]:
        """Those that not every command takes."""
        shared = {option.name for option in top().options()}
        return [option for option in self.options() if option.name not in shared]


def top() -> Node:
    """The root of the tree."""
    return Node(click.Context(root, info_name="tdxinfo", **root.context_settings))
