"""A page of the terminal as one file of HTML: no script, and nothing is loaded from elsewhere.

The page is laid out for three widths, as on terminals of these widths, and the screen's width
selects one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from tdxinfo import __version__
from tdxinfo.render.recorded import PALETTE, Draw, Span, lines_of, variables
from tdxinfo.render.safe import printable

WIDTHS = {"narrow": 40, "medium": 76, "wide": 120}
"""Columns of each layout of the page, by its CSS class."""

_RULES = (
    "*{box-sizing:border-box}"
    "body{margin:0;padding:1rem;background:var(--background);color:var(--text);"
    "font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
    "h1{font-size:1rem;margin:0 0 .75rem;overflow-wrap:anywhere}"
    "pre{margin:0;font:inherit;overflow-x:auto}"
    "footer{margin-top:1rem;color:var(--dim)}"
    ".bold{font-weight:bold}"
    "table{border-collapse:collapse;margin-top:1rem;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0;"
    "border-bottom:1px solid color-mix(in srgb,var(--dim) 35%,transparent)}"
    "td{overflow-wrap:break-word}td:nth-child(2){white-space:nowrap}"
    "th{color:var(--cyan);font-weight:normal}"
    ".medium,.wide{display:none}"
    "@media(min-width:40rem){.narrow{display:none}.medium{display:block}}"
    "@media(min-width:64rem){.medium{display:none}.wide{display:block}}"
    "@media(max-width:40rem){thead{display:none}tr{display:block;padding:.4rem 0;"
    "border-bottom:1px solid color-mix(in srgb,var(--dim) 35%,transparent)}"
    "td{display:block;border:0;padding:0;overflow-wrap:anywhere}td:empty{display:none}}"
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may load for the page: nothing; `data:` is the empty icon."""


def page(title: str, draw: Draw, time: float, more: str = "") -> str:
    """The document; `more` is HTML that follows the page, `time` is in seconds since 1970."""
    style = variables() + _RULES + "".join(map(_rule, _COLOURS))
    bodies = "".join(
        f'<pre class="{name}">{_lines(lines_of(draw, width))}</pre>\n'
        for name, width in WIDTHS.items()
    )
    made = f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{_text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<main>\n<h1>{_text(title)}</h1>\n{bodies}{more}</main>\n"
        f"<footer>tdxinfo {__version__}, {made}</footer>\n</body>\n</html>\n"
    )


_COLOURS = [name for name in PALETTE if name not in ("background", "text")]


def _rule(name: str) -> str:
    return f".{name}{{color:var(--{name})}}"


def _lines(lines: Iterable[list[Span]]) -> str:
    return "\n".join("".join(map(_span, line)) for line in lines)


def _span(span: Span) -> str:
    text = escape(span.text)
    return f'<span class="{span.classes}">{text}</span>' if span.classes else text


def table(titles: Sequence[str], rows: Iterable[Sequence[tuple[str, str]]]) -> str:
    """A table; each cell is a text and the classes of its look."""
    head = "".join(f'<th scope="col">{_text(title)}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _cell(cell: tuple[str, str]) -> str:
    text, classes = cell
    return f'<td class="{classes}">{_text(text)}</td>' if classes else f"<td>{_text(text)}</td>"


def _text(text: str) -> str:
    return escape(printable(text))
