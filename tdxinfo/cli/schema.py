"""`tdxinfo schema`: what the JSON of a command looks like, as JSON Schema."""

from __future__ import annotations

import click

from tdxinfo import schemas
from tdxinfo.cli.options import global_options, settings_of


@click.command()
@click.argument("document", type=click.Choice(schemas.NAMES), default="dump")
@global_options
@click.pass_context
def schema(context: click.Context, document: str) -> None:
    """Print the JSON Schema (draft 2020-12) of what a command prints with --json.

    Each fact has its meaning, type and unit. The document of a run that failed is described too.
    Of fleet it is each line that is described, and of helper its status.
    Keys that the schema does not name are allowed, since a later version may add one.
    """
    if not settings_of(context).quiet:
        click.echo(schemas.text(document), nl=False)
