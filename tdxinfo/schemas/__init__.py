"""JSON Schema of what `--json` prints: files made by `python -m tests.artifacts`."""

from __future__ import annotations

import os

_FOLDER = os.path.dirname(__file__)

SUFFIX = ".json"


def names() -> list[str]:
    """The commands whose documents have a schema."""
    return sorted(n.removesuffix(SUFFIX) for n in os.listdir(_FOLDER) if n.endswith(SUFFIX))


def text(name: str) -> str:
    """The schema of what `tdxinfo NAME --json` prints, as JSON text."""
    with open(os.path.join(_FOLDER, name + SUFFIX), encoding="utf-8") as file:
        return file.read()
