"""The README shows what the commands really print."""

from __future__ import annotations

import pytest

from tests.readme import README, TABLE, examples, printed, table_of_checks


@pytest.mark.parametrize(("command", "shown"), examples())
def test_an_example_shows_what_its_command_prints(command: str, shown: str) -> None:
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


def test_the_table_of_checks_is_that_of_their_files() -> None:
    found = TABLE.search(README.read_text())
    assert found is not None
    assert table_of_checks() in found.group(), "run `python -m tests.readme`"


def test_the_policy_shown_is_one() -> None:
    import re
    import tomllib

    from tdxinfo.model.policy import Policy

    (shown,) = re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
    policy = Policy.model_validate(tomllib.loads(shown))
    assert policy.exception[0].check == "firmware.seamrr_locked"
