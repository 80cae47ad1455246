"""Which part of a large matrix runs by default, and how many examples of what is costly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings

_SLOW = pytest.mark.slow


def one_in(step: int, cases: Iterable[Any]) -> list[Any]:
    """The cases: one in `step` runs by default, the others are slow and run with `-m slow`."""
    return [case if number % step == 0 else _slow(case) for number, case in enumerate(cases)]


def fewer_examples(test: Any) -> Any:
    """The test with a third of the examples, for one that takes a tenth of a second for each."""
    return settings(max_examples=settings().max_examples // 3)(test)


def _slow(case: Any) -> Any:
    if isinstance(case, type(pytest.param())):
        return pytest.param(*case.values, id=case.id, marks=_SLOW)
    return pytest.param(case, marks=_SLOW)
