"""The files that are made from the program itself: `python -m tests.artifacts` writes them."""

from __future__ import annotations

from pathlib import Path

from tests.artifacts import man, schema

TOP = Path(__file__).parents[2]


def artifacts() -> dict[str, str]:
    """The files by their paths below the top of the tree."""
    return {**man.files(), **schema.files()}


def write() -> None:
    for path, text in artifacts().items():
        (TOP / path).parent.mkdir(exist_ok=True)
        (TOP / path).write_text(text)
