"""The command tree."""

from __future__ import annotations

import click

from tdxinfo import __version__
from tdxinfo.cli.capture import capture
from tdxinfo.cli.check import check
from tdxinfo.cli.dump import dump
from tdxinfo.cli.explain import explain
from tdxinfo.cli.helper import helper
from tdxinfo.cli.options import RootGroup, global_options


@click.group(cls=RootGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tdxinfo", message="%(prog)s %(version)s")
@global_options
def root() -> None:
    """Tell what this machine knows about Intel TDX on the host side.

    The TDX module's version and features, whether it has NO_RBP_MOD, the memory that can be made
    private, the KeyIDs, and whether the host is ready to run trust domains. It only reads, but for
    `helper`. Without root it shows what it can and says what root would add.
    """


for command in (dump, check, explain, capture, helper):
    root.add_command(command)
