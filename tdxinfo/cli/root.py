"""The command tree."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from tdxinfo import __version__
from tdxinfo.cli import streams
from tdxinfo.cli.options import ExitStatus, global_options, no_such

COMMANDS = {
    "dump": "Show what this host knows about TDX, or named facts.",
    "check": "Check whether this host is ready to run trust domains.",
    "explain": "Explain a field, bit, code, check, fact or log line.",
    "capture": "Record this host, so that --from can replay it.",
    "diff": "Show what differs between two hosts or captures.",
    "fleet": "Check many hosts from their reports or logs.",
    "deploy": "Print files for systemd, Ansible, Prometheus, Grafana and others.",
    "policy": "Write a policy that requires what a ready host has.",
    "helper": "Build, load or remove the optional native helper.",
    "schema": "Print the JSON Schema of the JSON output.",
}
"""Each command and what it does, in the order of use; its module is loaded when it is called."""


class RootGroup(click.Group):
    """The top of the command tree."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Gives the pages of --help their width: click would import shutil to find it."""
        extra.setdefault("terminal_width", min(max(streams.columns(), 52), 80) - 2)
        return super().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"tdxinfo.cli.{cmd_name}"), cmd_name)
        command.short_help = COMMANDS[cmd_name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        is_asked_by_shell = ctx.resilient_parsing
        if name not in COMMANDS and not name.startswith("-") and not is_asked_by_shell:
            raise click.UsageError(_no_such(name), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Ends with the status of a broken pipe; with click's own, 1, it would mean "not ready"."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise click.exceptions.Exit(ExitStatus.BROKEN_PIPE) from None


def _no_such(name: str) -> str:
    """The error for a word that is not a command."""
    otherwise = f"The commands are {', '.join(COMMANDS)}."
    return no_such("command", name, COMMANDS, otherwise, "check")


@click.group(cls=RootGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    __version__, "-V", "--version", prog_name="tdxinfo", message="%(prog)s %(version)s"
)
@global_options
def root() -> None:
    """Show everything this host knows about Intel TDX.

    This is the version, features and state of the TDX module, whether it has NO_RBP_MOD, the
    convertible memory (CMRs), the KeyIDs, and whether the host is ready to run trust domains (TDs).
    tdxinfo never changes anything, except through `helper`. Without root it shows what it can, and
    says what root would add.
    """
