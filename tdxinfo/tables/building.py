"""Leaves the tables as JSON beside their TOML, when the package is built."""

from __future__ import annotations

import json
import os
from glob import glob
from typing import Any

from tdxinfo import tables

Built = dict[str, dict[str, Any]]
"""Tables by the text that says them."""


def build() -> None:
    """Writes what `tables` looks for, each file whole or not at all."""
    os.makedirs(tables.BUILT, exist_ok=True)
    for name, content in built().items():
        path = os.path.join(tables.BUILT, f"{name}.json")
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.replace(f"{path}.new", path)


def built() -> dict[str, Built]:
    """By the name of the file: each table of its own, and the heads of those in folders."""
    found: dict[str, Built] = {}
    for name in names():
        inside = os.path.dirname(name)
        text = tables.text_of(name)
        said = tables.head_of(text) if inside else text
        found.setdefault(inside or name, {})[said] = tables.parsed(said)
    return found


def names() -> list[str]:
    """All tables by the names that `tables.load` takes."""
    paths = glob("**/*.toml", root_dir=tables.FOLDER, recursive=True)
    return sorted(path.removesuffix(".toml") for path in paths)
