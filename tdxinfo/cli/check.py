"""`tdxinfo check`: judges the host."""

from __future__ import annotations

import click

from tdxinfo.cli.options import global_options


@click.command()
@global_options
def check() -> None:
    """Judge."""
