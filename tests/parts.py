"""Which part of a large matrix runs by default."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

_SLOW = pytest.mark.slow


def one_in(step: int, cases: Iterable[Any]) -> list[Any]:
    """The cases: one in `step` runs by default, the others are slow and run with `-m slow`."""
    return [case if number % step == 0 else _slow(case) for number, case in enumerate(cases)]


def _slow(case: Any) -> Any:
    if isinstance(case, type(pytest.param())):
        return pytest.param(*case.values, id=case.id, marks=_SLOW)
    return pytest.param(case, marks=_SLOW)
