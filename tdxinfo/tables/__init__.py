"""Tables of knowledge: TOML files, read when first asked for."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any


@cache
def load(name: str) -> dict[str, Any]:
    """The table `name`.toml as it stands in the package."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text("utf-8"))
