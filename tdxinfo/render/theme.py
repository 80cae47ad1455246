"""The styles of pages by their meaning, and the console that prints with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from rich.console import Console
from rich.segment import Segment, Segments
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


class PageConsole(Console):
    """A console whose lines do not end with blanks."""

    def print(self, *objects: Any, soft_wrap: bool | None = None, **options: Any) -> None:
        """Whole lines, without the blanks with which rich fills tables."""
        if soft_wrap:
            super().print(*objects, soft_wrap=True, **options)
            return
        made = self.options.update(**{k: v for k, v in options.items() if k == "no_wrap"})
        for found in objects:
            lines = self.render_lines(found, made, pad=False)
            super().print(Segments(_stripped(lines)), soft_wrap=True, end="")

    def on_broken_pipe(self) -> None:
        """rich would end the process with 1, which says "not ready"."""
        raise BrokenPipeError


def _stripped(lines: list[list[Segment]]) -> Iterator[Segment]:
    for line in lines:
        while line and not line[-1].text.strip(" "):
            line.pop()
        if line:
            last = line.pop()
            line.append(Segment(last.text.rstrip(" "), last.style, last.control))
        yield from line
        yield Segment.line()


def console(color: str) -> Console:
    """A console on stdout. rich itself honours NO_COLOR, COLUMNS and the terminal's abilities."""
    made = PageConsole(
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
