"""The files that are made from the program itself: `python -m tests.artifacts` writes them."""

from __future__ import annotations

from pathlib import Path

from tests.artifacts import completions, man

TOP = Path(__file__).parents[2]

_MADE = ("completions/*", "man/*")
"""Where every file is a made one."""


def artifacts() -> dict[str, str]:
    """The files by their paths below the top of the tree."""
    return {**man.files(), **completions.files()}


def made_by_nobody() -> set[str]:
    """Files that were made once and that nothing makes any more."""
    found = {str(file.relative_to(TOP)) for pattern in _MADE for file in TOP.glob(pattern)}
    return found - set(artifacts())


def write() -> None:
    for path, text in artifacts().items():
        (TOP / path).parent.mkdir(exist_ok=True)
        (TOP / path).write_text(text)
