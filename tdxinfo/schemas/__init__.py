"""JSON Schema of what `--json` prints: files made by `python -m tests.artifacts`."""

from __future__ import annotations

import os

_FOLDER = os.path.dirname(__file__)

NAMES = ("dump", "check", "explain", "diff", "fleet", "helper")
"""The commands whose documents have a schema; of `helper` it is that of its status."""


def text(name: str) -> str:
    """The schema of what the command prints with --json, as JSON text."""
    with open(os.path.join(_FOLDER, f"{name}.json"), encoding="utf-8") as file:
        return file.read()
