"""The page of `tdxinfo explain`."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from tdxinfo.explain import Explanation
from tdxinfo.render import layout
from tdxinfo.render.safe import printable


def print_meanings(console: Console, found: dict[str, tuple[Explanation, ...]]) -> None:
    for meanings in found.values():
        for meaning in meanings:
            _print(console, meaning)


def _print(console: Console, meaning: Explanation) -> None:
    title = Text(printable(meaning.name), "title")
    layout.paragraph(console, title.append(f"  {meaning.kind}", "unknown"))
    layout.paragraph(console, printable(meaning.meaning), indent=2, hanging=2)
    rows = [(printable(detail.name), Text(printable(detail.text))) for detail in meaning.details]
    layout.grid(console, rows)
