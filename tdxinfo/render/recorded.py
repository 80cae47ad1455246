"""A console that keeps the lines of a page instead of printing them: for HTML and SVG."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.theme import Theme

from tdxinfo.render.theme import STYLES, PageConsole

Draw = Callable[[Console], None]
"""What prints a page on a console of any width."""


_ANY_WIDTH = 1 << 20
"""Columns of a line that is not wrapped: rich cuts off what exceeds the width."""


class Span(NamedTuple):
    """A stretch of a line that looks alike."""

    text: str
    classes: str
    """CSS classes separated by spaces: bold, dim, or a colour of the theme."""
    cells: int
    """Columns that it takes."""


class _Recorder(PageConsole):
    """Its lines are never wrapped again: pages fit the width that they ask for."""

    def __init__(self, width: int) -> None:
        super().__init__(
            file=io.StringIO(),
            width=width,
            theme=Theme(STYLES),
            highlight=False,
            markup=False,
            emoji=False,
            force_terminal=True,
            color_system="standard",
            legacy_windows=False,
            _environ={},
        )
        self.lines: list[list[Segment]] = []

    def print(self, *objects: Any, soft_wrap: bool | None = None, **options: Any) -> None:
        made = self.options
        if soft_wrap:
            made = made.update(width=_ANY_WIDTH, no_wrap=True, overflow="ignore")
        for found in objects:
            self.lines += self.render_lines(found, made, pad=False)


def lines_of(draw: Draw, width: int) -> list[list[Span]]:
    """The lines of the page at this width, in columns."""
    recorder = _Recorder(width)
    draw(recorder)
    return [list(_spans(line)) for line in recorder.lines]


def _spans(line: list[Segment]) -> Iterator[Span]:
    for segment in Segment.simplify(line):
        if segment.text and not segment.control:
            yield Span(segment.text, _classes(segment.style or Style.null()), segment.cell_length)


def _classes(style: Style) -> str:
    color = style.color.name if style.color and not style.color.is_default else ""
    found = ("bold" if style.bold else "", "dim" if style.dim else "", color)
    return " ".join(name for name in found if name)


PALETTE = {
    "background": ("#ffffff", "#0d1117"),
    "text": ("#1f2328", "#e6edf3"),
    "dim": ("#59636e", "#9aa4b2"),
    "green": ("#116329", "#56d364"),
    "red": ("#b3261e", "#ff7b72"),
    "yellow": ("#7a4f00", "#e3b341"),
    "cyan": ("#0b5c6b", "#76d9e6"),
}
"""Colours on light and on dark screens: each at least 4.5 to 1 against its background."""


def variables() -> str:
    """The colours as CSS variables, for light and for dark screens."""
    light, dark = (
        "".join(f"--{name}:{pair[n]};" for name, pair in PALETTE.items()) for n in (0, 1)
    )
    by_default = f":root{{color-scheme:light dark;{light}}}"
    return f"{by_default}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
