"""The files that are made from the program itself: `python -m tests.artifacts` writes them."""

from __future__ import annotations

from pathlib import Path

from tests.artifacts import bash, fish, man, schema, zsh
from tests.artifacts.tree import Node, top
from tests.artifacts.words import Line

TOP = Path(__file__).parents[2]

_MADE = ("completions/*", "man/*", "tdxinfo/schemas/*.json")
"""Where every file is a made one."""


def artifacts() -> dict[str, str]:
    """The files by their paths below the top of the tree."""
    completions = {f"completions/{name}": text for name, text in completions_of(top()).items()}
    return {**man.files(), **completions, **schema.files()}


def completions_of(node: Node) -> dict[str, str]:
    """The scripts for a command tree, by the names that shells look for."""
    line = Line(node)
    return {
        "tdxinfo.bash": bash.script(line),
        "_tdxinfo": zsh.script(line),
        "tdxinfo.fish": fish.script(line),
    }


def made_by_nobody() -> set[str]:
    """Files that were made once and that nothing makes any more."""
    found = {str(file.relative_to(TOP)) for pattern in _MADE for file in TOP.glob(pattern)}
    return found - set(artifacts())


def write() -> None:
    for path, text in artifacts().items():
        (TOP / path).parent.mkdir(exist_ok=True)
        (TOP / path).write_text(text)
