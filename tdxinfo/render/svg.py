"""A page of the terminal as a picture, SVG: colours follow the reader's screen, light or dark."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from rich.cells import cell_len

from tdxinfo.render.recorded import PALETTE, Draw, Span, lines_of, variables
from tdxinfo.render.safe import printable

_COLUMNS = 100
_CELL, _LINE, _FONT = 8.4, 19, 14
"""Width of a column, height of a line and size of the letters, in pixels."""
_MARGIN = 16

_RULES = (
    f"text{{font:{_FONT}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "fill:var(--text);white-space:pre}"
    "rect{fill:var(--background);stroke:var(--dim);stroke-opacity:.4}"
    ".bold{font-weight:bold}"
)


def page(title: str, draw: Draw) -> str:
    """The picture of the page with the command that made it as its first line."""
    shown = f"$ {printable(title)}"
    command = Span(shown, "dim", cell_len(shown))
    lines = [[command], *lines_of(draw, _COLUMNS)]
    widest = max(sum(span.cells for span in line) for line in lines)
    width = round(widest * _CELL) + 2 * _MARGIN
    height = len(lines) * _LINE + 2 * _MARGIN
    body = "".join(_line(line, number) for number, line in enumerate(lines))
    colours = "".join(
        f".{name}{{fill:var(--{name})}}" for name in PALETTE if name not in ("background", "text")
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img">\n<title>{escape(printable(title))}</title>\n'
        f"<style>{variables()}{_RULES}{colours}</style>\n"
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="6"/>\n'
        f"{body}</svg>\n"
    )


def _line(line: list[Span], number: int) -> str:
    y = _MARGIN + (number + 1) * _LINE - 5
    spans = "".join(_spans(line))
    return f'<text y="{y}">{spans}</text>\n' if spans else ""


def _spans(line: list[Span]) -> Iterator[str]:
    """Each with its place and length, so that columns align in every font."""
    column = 0
    for span in line:
        if span.text.strip():
            lead = len(span.text) - len(span.text.lstrip(" "))
            text = span.text.strip(" ")
            x = _MARGIN + (column + lead) * _CELL
            length = (span.cells - len(span.text) + len(text)) * _CELL
            look = f' class="{span.classes}"' if span.classes else ""
            yield (
                f'<tspan x="{x:.1f}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"'
                f"{look}>{escape(text)}</tspan>"
            )
        column += span.cells
