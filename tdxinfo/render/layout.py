"""Paragraphs, grids and tables that fit any width from 40 columns on.

Nothing is cut: text wraps with its continuation lines indented. A table that is too wide drops
columns (`drop`), then wraps cells (`fold`), then prints each row as several lines. No line ends
with blanks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

_GAP = 2
_MIN_FOLDED = 16
"""Columns of a folded cell whose words are all too long."""
_MIN_VALUE = 20
"""Columns below which a value stands below its label."""


class Column(NamedTuple):
    """A column of a table."""

    title: str
    right: bool = False
    """Its cells are numbers: they end at the same column."""
    drop: int = 0
    """If the table is too wide, columns with the highest number are dropped first; 0 stays."""
    fold: bool = False
    """Its cells may wrap."""
    style: str = ""


Cell = Text | str


def as_text(cell: Cell, style: str = "") -> Text:
    return cell if isinstance(cell, Text) else Text(cell, style)


def line(console: Console, text: Text) -> None:
    """One line, as it is."""
    text.rstrip()
    console.print(text, soft_wrap=True, end="\n")


def wrapped(console: Console, text: Text, width: int) -> list[Text]:
    """The text in lines of this width; a word is broken only where it has no room on a line.

    The lines that continue an indented one are indented by 2 more.
    """
    lines: list[Text] = []
    for part in text.split("\n", allow_blank=True):
        if part.cell_len <= width:
            part.rstrip()
            lines.append(part)
            continue
        lead = len(part.plain) - len(part.plain.lstrip(" "))
        further = lead + 2 if lead else 0
        found = list(part[lead:].wrap(console, max(width - further, 8), overflow="fold"))
        for number, made in enumerate(found or [Text()]):
            made.rstrip()
            lines.append(Text(" " * (further if number else lead)).append_text(made))
    return lines


def paragraph(
    console: Console, cell: Cell, indent: int = 0, hanging: int | None = None, style: str = ""
) -> None:
    """Text that wraps; its continuation lines are indented by `hanging`, or by 2 more."""
    further = indent + 2 if hanging is None else hanging
    text = as_text(cell, style)
    is_short = text.cell_len <= console.width - indent
    first, *rest = wrapped(console, text, console.width - (indent if is_short else further))
    line(console, Text(" " * indent).append_text(first))
    for found in rest:
        line(console, Text(" " * further).append_text(found))


def grid(console: Console, rows: Iterable[tuple[str, Cell]], indent: int = 2) -> None:
    """Labels with their values, aligned; a value wraps in its own column."""
    found = [(label, as_text(value)) for label, value in rows]
    widest = max((len(label) for label, _ in found), default=0)
    start = indent + widest + _GAP
    is_narrow = console.width - start < _MIN_VALUE
    for label, value in found:
        if is_narrow and label:
            line(console, Text(" " * indent).append(label, "label"))
        at = indent + _GAP if is_narrow else start
        for number, part in enumerate(wrapped(console, value, console.width - at)):
            is_first = number == 0 and not is_narrow
            head = Text(" " * indent).append(f"{label:{widest + _GAP}}", "label")
            line(console, (head if is_first else Text(" " * at)).append_text(part))


def table(
    console: Console,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    indent: int = 2,
    *,
    with_heading: bool = True,
) -> None:
    """A table with a heading; a column that no row fills is left out."""
    cells = [[as_text(cell, c.style) for cell, c in zip(r, columns, strict=True)] for r in rows]
    shown = [n for n in range(len(columns)) if any(row[n].plain for row in cells)]
    widths = {n: max(len(columns[n].title), *_lengths(cells, n)) for n in shown}
    room = console.width - indent
    while _whole(widths) > room:
        droppable = [n for n in widths if columns[n].drop]
        if not droppable:
            break
        del widths[max(droppable, key=lambda n: columns[n].drop)]
    folding = [n for n in widths if columns[n].fold]
    if not _fold(widths, room, {n: _least(columns[n].title, cells, n, room) for n in folding}):
        _print_stacked(console, columns, list(widths), cells, indent)
        return
    if with_heading:
        heading = [Text(columns[n].title, "label") for n in widths]
        _print_row(console, columns, widths, heading, indent)
    for row in cells:
        _print_row(console, columns, widths, [row[n] for n in widths], indent)


def _lengths(cells: list[list[Text]], number: int) -> list[int]:
    return [max(map(len, row[number].plain.split("\n"))) for row in cells] or [0]


def _whole(widths: dict[int, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)


def _least(title: str, cells: list[list[Text]], number: int, room: int) -> int:
    """The least width of a column: that of its longest word, unless it takes half of the table."""
    texts = [title, *(row[number].plain for row in cells)]
    lengths = (len(word) for text in texts for word in text.split())
    return max((length for length in lengths if length <= room // 2), default=_MIN_FOLDED)


def _fold(widths: dict[int, int], room: int, least: dict[int, int]) -> bool:
    """Narrows columns, the widest first, but none below its least; whether all fit then."""
    while _whole(widths) > room:
        wide = [n for n in least if widths[n] > least[n]]
        if not wide:
            return False
        widths[max(wide, key=lambda n: widths[n])] -= 1
    return True


def _print_row(
    console: Console,
    columns: Sequence[Column],
    widths: dict[int, int],
    cells: list[Text],
    indent: int,
) -> None:
    parts = [wrapped(console, cell, widths[n]) for n, cell in zip(widths, cells, strict=True)]
    for number in range(max(map(len, parts), default=0)):
        made = Text(" " * indent)
        for (n, width), lines in zip(widths.items(), parts, strict=True):
            cell = lines[number] if number < len(lines) else Text()
            blanks = " " * (width - cell.cell_len)
            made.append(blanks if columns[n].right else "").append_text(cell)
            made.append("" if columns[n].right else blanks).append(" " * _GAP)
        line(console, made)


def _print_stacked(
    console: Console,
    columns: Sequence[Column],
    shown: list[int],
    cells: list[list[Text]],
    indent: int,
) -> None:
    """Each row as lines: its first cell, and below it the others with their titles."""
    head, *others = shown
    for row in cells:
        title = columns[head].title
        start = Text(f"{title} " if columns[head].right and title else "", "label")
        paragraph(console, start.append_text(row[head]), indent)
        filled = [n for n in others if row[n].plain]
        if len(others) == 1 and filled:
            paragraph(console, row[filled[0]], indent + _GAP, indent + _GAP)
        else:
            grid(console, [(columns[n].title, row[n]) for n in filled], indent + _GAP)


def names(console: Console, found: Sequence[Cell], indent: int = 2, max_rows: int = 0) -> int:
    """Names in columns, filled row by row; returns how many did not fit into `max_rows`."""
    texts = [as_text(cell) for cell in found]
    width = max((text.cell_len for text in texts), default=0) + _GAP
    in_row = max(1, (console.width - indent + _GAP) // width)
    shown = texts[: in_row * max_rows] if max_rows else texts
    for start in range(0, len(shown), in_row):
        made = Text(" " * indent)
        for text in shown[start : start + in_row]:
            made.append_text(text).append(" " * (width - text.cell_len))
        line(console, made)
    return len(texts) - len(shown)
