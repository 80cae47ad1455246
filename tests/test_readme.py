"""The README shows what the commands really print."""

from __future__ import annotations

import pytest

from tests.readme import README, examples, missing, printed


@pytest.mark.parametrize(("command", "shown"), examples())
def test_an_example_shows_what_its_command_prints(command: str, shown: str) -> None:
    if missing(command):
        pytest.skip(f"not installed: {', '.join(missing(command))}")
    assert printed(command) == shown, "run `python -m tests.readme`"


def test_the_readme_has_examples_and_its_two_commands() -> None:
    text = README.read_text()
    assert len(examples()) >= 5
    assert (
        len(
            [line for line in text.splitlines() if line.startswith("    python3 -m venv .venv && ")]
        )
        == 2
    )
