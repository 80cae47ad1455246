"""Tables of knowledge: TOML files, read when first asked for.

To parse them at every start would take longer than anything else a command does, so the package's
build leaves what they say as JSON (`building.py`). That is taken only for the very text that it
was made of: a table that was edited since, or was never built, is parsed as it stands.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

FOLDER = os.path.dirname(__file__)
BUILT = os.path.join(FOLDER, "built")
"""What the build left: the tables by their text, in a file NAME.json for each, and in one for all
heads of a folder."""


@cache
def load(name: str) -> dict[str, Any]:
    """The table `name`.toml as it stands in the package."""
    return _said(text_of(name), name)


@cache
def head(name: str) -> dict[str, Any]:
    """The keys that stand before the first table of `name`.toml; the rest is not parsed."""
    return _said(head_of(text_of(name)), os.path.dirname(name))


def text_of(name: str) -> str:
    with open(os.path.join(FOLDER, f"{name}.toml"), encoding="utf-8") as file:
        return file.read()


def head_of(text: str) -> str:
    return text.partition("\n[")[0]


def _said(text: str, built_as: str) -> dict[str, Any]:
    """What the TOML says."""
    found = _built(built_as).get(text)
    return parsed(text) if found is None else found


def parsed(text: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(text)


@cache
def _built(name: str) -> dict[str, dict[str, Any]]:
    try:
        with open(os.path.join(BUILT, f"{name}.json"), encoding="utf-8") as file:
            tables: dict[str, dict[str, Any]] = json.load(file)
    except FileNotFoundError:
        return {}
    return tables
