"""Pages for people: on the terminal, or the same page as HTML or as a picture."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

import click

from tdxinfo.cli.options import Settings

if TYPE_CHECKING:
    from tdxinfo.render.recorded import Draw

PICTURES = ("html", "svg")
"""The formats that show what the terminal shows."""


def show(settings: Settings, command: str, draw: Draw) -> None:
    """Prints the page of a command in the format that was asked for."""
    if settings.quiet:
        return
    if settings.format in PICTURES:
        click.echo(picture(settings, command, draw), nl=False)
        return
    from tdxinfo.render import theme

    draw(theme.console(settings.color))


def picture(settings: Settings, command: str, draw: Draw, more: str = "") -> str:
    """The page as HTML, which `more` is added to, or as SVG."""
    given = "" if settings.source is None else f"--from {shlex.quote(settings.source)} "
    title = f"tdxinfo {given}{command}"
    if settings.format == "svg":
        from tdxinfo.render import svg

        return svg.page(title, draw)
    from tdxinfo.render import html

    return html.page(title, draw, time.time(), more)
