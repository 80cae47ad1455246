"""The command tree."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from tdxinfo import __version__
from tdxinfo.cli.options import ExitStatus, global_options

COMMANDS = {
    "dump": "Show what is known of the TDX host, or the facts named.",
    "check": "Judge whether this host is ready to run trust domains.",
    "explain": "Tell what a field, bit, code, check or fact means.",
    "capture": "Write a record of this host that --from replays.",
    "diff": "Show what differs between two hosts, reports or captures.",
    "fleet": "Judge many reports or captures; unusual hosts first.",
    "helper": "Build, load or remove the helper that reads everything.",
    "schema": "Print the JSON Schema of what --json prints.",
}
"""Each command and what it does, in the order of use; its module is loaded when it is called."""


class RootGroup(click.Group):
    """The top of the command tree."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"tdxinfo.cli.{cmd_name}"), cmd_name)
        command.short_help = COMMANDS[cmd_name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """click itself would end with 1, which says "not ready", when a pipe's reader has left."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise click.exceptions.Exit(ExitStatus.BROKEN_PIPE) from None


@click.group(cls=RootGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tdxinfo", message="%(prog)s %(version)s")
@global_options
def root() -> None:
    """Tell what this machine knows about Intel TDX on the host side.

    The TDX module's version and features, whether it has NO_RBP_MOD, the memory that can be made
    private, the KeyIDs, and whether the host is ready to run trust domains. It only reads, but for
    `helper`. Without root it shows what it can and says what root would add.
    """
