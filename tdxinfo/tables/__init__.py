"""The tables: TOML, parsed when first used."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import tomli

FOLDER = os.path.dirname(__file__)


@cache
def load(name: str) -> dict[str, Any]:
    """The table `name`.toml as it is in the package."""
    return tomli.loads(_text(name))


@cache
def head(name: str) -> dict[str, Any]:
    """The keys before the first table of `name`.toml; the rest is not parsed."""
    return tomli.loads(_text(name).partition("\n[")[0])


def _text(name: str) -> str:
    with open(os.path.join(FOLDER, f"{name}.toml"), encoding="utf-8") as file:
        return file.read()
