"""Man pages and completions are what the program makes of itself."""

from __future__ import annotations

import re

from tests.artifacts import TOP, artifacts, made_by_nobody


def test_the_generated_files_are_current_and_no_other_is_left() -> None:
    made = artifacts()
    assert made_by_nobody(made) == set()
    old = [path for path, text in made.items() if (TOP / path).read_text() != text]
    assert old == [], "run `python -m tests.artifacts`"


def test_the_top_level_holds_what_it_may_and_nothing_else() -> None:
    allowed = {"pyproject.toml", "tdxinfo", "tests", "completions", "man", "README.md", "LICENSE"}
    built = {"build", "dist"}
    found = {path.name for path in TOP.iterdir() if not path.name.startswith(".")}
    assert found - built == allowed


def test_no_page_has_a_name_that_was_not_filled_in() -> None:
    for page in (TOP / "man").rglob("*.[17]"):
        assert not re.search(r"\{\w+_(?:package|unit|user|path|tool)\}", page.read_text()), (
            page.name
        )
