"""The README shows what the commands really print."""

from __future__ import annotations

import pytest

from tests.cli.command import shell
from tests.readme import README, examples, printed

PROGRAMS = ("jq", "promtool", "ansible-playbook")
"""Of others, which a line of the README may need; .ci/run has them all."""


def skip_without_programs(command: str) -> None:
    for program in PROGRAMS:
        if program in command and shell(f"command -v {program}").returncode:
            pytest.skip(f"{program} is not installed")


@pytest.mark.parametrize(("command", "shown"), examples())
def test_an_example_shows_what_its_command_prints(command: str, shown: str) -> None:
    skip_without_programs(command)
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
