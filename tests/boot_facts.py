"""Facts of a kernel log by name, as the rows of tests name them."""

from __future__ import annotations

from typing import Any

from tdxinfo.decode.boot import Boot, module, platform, ram, update


def read_fact(boot: Boot, name: str) -> Any:
    """The value of a fact. Raises Absent or Malformed."""
    places = (module, platform, ram, update)
    return next(getattr(place, name) for place in places if hasattr(place, name))(boot)
