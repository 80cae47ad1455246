"""`tdxinfo schema`: what the JSON of a command looks like, as JSON Schema."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from tdxinfo.cli.options import global_options, no_such, settings_of

if TYPE_CHECKING:
    from tdxinfo.model.base import Frozen

MODELS = {
    "dump": "tdxinfo.report:Report",
    "check": "tdxinfo.report:CheckReport",
    "explain": "tdxinfo.explain:ExplainReport",
    "diff": "tdxinfo.compare:DiffReport",
    "fleet": "tdxinfo.fleet:FleetHost",
    "helper": "tdxinfo.native.state:HelperReport",
    "failure": "tdxinfo.report:FailureReport",
}
"""The model of each command's JSON; `helper` is that of `helper status`."""


def model_of(document: str) -> type[Frozen]:
    module, _, name = MODELS[document].partition(":")
    model: type[Frozen] = getattr(import_module(module), name)
    return model


class _Name(click.Choice[str]):
    """The name of a document; another one is refused in the words of the other commands."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            otherwise = f"The names are {', '.join(self.choices)}."
            raise click.UsageError(no_such("schema", value, self.choices, otherwise))
        return super().convert(value, param, ctx)


@click.command()
@click.argument("document", type=_Name(list(MODELS)), default="dump")
@global_options
@click.pass_context
def schema(context: click.Context, document: str) -> None:
    """Print the JSON Schema (draft 2020-12) of what a command prints with --json.

    Each fact has its meaning, type and unit. For fleet the schema describes each line, for helper
    the status; `failure` describes what every command prints when it fails. Keys that the schema
    does not name are allowed, since a later version may add one.
    """
    import json

    if settings_of(context).quiet:
        return
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model_of(document).model_json_schema(),
    }
    click.echo(json.dumps(described, indent=2))
