"""What the test bed needs and this machine does not have: a reason to skip, never to fail."""

from __future__ import annotations

import shutil
from collections.abc import Iterable


class Missing(Exception):  # named for what happened, as in tdxinfo.errors
    """A piece that is not there, named in one sentence."""


def need_programs(names: Iterable[str]) -> None:
    """Raises Missing for the programs that are not installed."""
    absent = [name for name in names if shutil.which(name) is None]
    if absent:
        raise Missing(f"not installed: {', '.join(absent)}")
