"""The page of `tdxinfo explain`."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tdxinfo.explain import Explanation
from tdxinfo.render.safe import printable


def print_meanings(console: Console, found: dict[str, tuple[Explanation, ...]]) -> None:
    for meanings in found.values():
        for meaning in meanings:
            _print(console, meaning)


def _print(console: Console, meaning: Explanation) -> None:
    title = Text(printable(meaning.name), "title")
    console.print(title.append(f"  {meaning.kind}", "unknown"))
    console.print(Padding(Text(printable(meaning.meaning)), (0, 0, 0, 2), expand=False))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="label", no_wrap=True)
    grid.add_column(overflow="fold")
    for detail in meaning.details:
        grid.add_row(f"  {printable(detail.name)}", Text(printable(detail.text)))
    if meaning.details:
        console.print(grid)
