"""Tables of knowledge: TOML files, read when first asked for."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from typing import Any


@cache
def load(name: str) -> dict[str, Any]:
    """The table `name`.toml as it stands in the package."""
    with open(os.path.join(os.path.dirname(__file__), f"{name}.toml"), "rb") as file:
        return tomllib.load(file)
