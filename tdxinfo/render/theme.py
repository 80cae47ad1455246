"""Colours by what they mean, and the console that knows them."""

from __future__ import annotations

from typing import Literal

from rich.console import Console
from rich.theme import Theme

STYLES = {
    "good": "green",
    "bad": "bold red",
    "doubtful": "yellow",
    "unknown": "dim",
    "label": "cyan",
    "title": "bold",
    "origin": "dim",
}

_PIPE_WIDTH = 100
"""Columns where there is no terminal to ask."""

_SYSTEMS: dict[str, Literal["standard"] | None] = {"always": "standard", "never": None}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """rich would end the process with 1, which says "not ready"."""
        raise BrokenPipeError


def console(color: str) -> Console:
    """A console on stdout. rich itself honours NO_COLOR, COLUMNS and the terminal's abilities."""
    made = _Console(
        theme=Theme(STYLES),
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        force_terminal=True if color == "always" else None,
        no_color=True if color == "never" else None,
        color_system=_SYSTEMS.get(color, "auto"),
        legacy_windows=False,
    )
    if not made.is_terminal and "COLUMNS" not in made._environ:
        made.width = _PIPE_WIDTH
    return made
