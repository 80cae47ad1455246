"""Man pages and completions are what the program makes of itself."""

from __future__ import annotations

import pytest

from tests.artifacts import TOP, artifacts, made_by_nobody

MADE = artifacts()


@pytest.mark.parametrize("path", sorted(MADE))
def test_a_generated_file_is_current(path: str) -> None:
    assert (TOP / path).read_text() == MADE[path], "run `python -m tests.artifacts`"


def test_no_file_is_left_of_what_is_no_longer_generated() -> None:
    assert made_by_nobody() == set()


def test_the_top_level_holds_what_it_may_and_nothing_else() -> None:
    allowed = {"pyproject.toml", "tdxinfo", "tests", "completions", "man", "README.md", "LICENSE"}
    built = {"build", "dist"}
    found = {path.name for path in TOP.iterdir() if not path.name.startswith(".")}
    assert found - built == allowed
