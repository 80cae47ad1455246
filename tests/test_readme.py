"""The README shows what the commands really print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tdxinfo.deploy import DEPLOYMENTS
from tests.artifacts import PICTURES
from tests.cli.command import shell
from tests.readme import README, TABLE, examples, printed, table_of_checks

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


def lines_for_fleets() -> list[str]:
    """The commands of the section on fleets that show no output, in their order."""
    section = README.read_text().partition("## Fleets and monitoring\n")[2].partition("\n## ")[0]
    return [line.strip() for line in section.splitlines() if line.startswith("    tdxinfo ")]


INVENTORY = """
[all]
node1 ansible_connection=local
node2 ansible_connection=local

[all:vars]
ansible_python_interpreter={python}
tdxinfo_become=false
"""


@pytest.mark.slow
def test_the_commands_for_fleets_run_as_they_stand(tmp_path: Path) -> None:
    """In one folder, on this machine, whatever its verdict."""
    (tmp_path / "hosts").write_text(INVENTORY.format(python=sys.executable))
    lines = lines_for_fleets()
    assert len(lines) >= 5
    for line in lines:
        skip_without_programs(line)
        done = shell(line, str(tmp_path))
        allowed = (0,) if "deploy" in line else (0, 1, 3, 4)
        assert done.returncode in allowed, (line, done.stdout, done.stderr)
        assert "promtool" not in line or done.stdout + done.stderr == ""
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("**/*")}
    assert {"tdxinfo.prom", "tdxinfo.features", "units/tdxinfo.service"} <= made
    assert {path.name for path in (tmp_path / "reports/dump").iterdir()} == {
        "node1.json",
        "node2.json",
    }


def test_the_table_of_files_to_deploy_is_that_of_the_command() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", README.read_text(), re.MULTILINE)
    assert dict(rows) == {name: found.does for name, found in DEPLOYMENTS.items()}


def test_the_pictures_shown_are_those_that_are_made() -> None:
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README.read_text())
    assert sorted(shown) == sorted(PICTURES)


def test_the_table_of_checks_is_that_of_their_files() -> None:
    found = TABLE.search(README.read_text())
    assert found is not None
    assert table_of_checks() in found.group(), "run `python -m tests.readme`"


def test_the_policy_shown_is_one() -> None:
    import re
    import tomllib

    from tdxinfo.checks.policy import Policy

    (shown,) = re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
    policy = Policy.model_validate(tomllib.loads(shown))
    assert policy.exception[0].check == "firmware.seamrr_locked"


def test_the_python_example_prints_what_is_said_below_it() -> None:
    program, _, below = README.read_text().partition("```python\n")[2].partition("```")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    sentence = below.partition("It prints ")[2].partition(". ")[0]
    assert done.stdout.splitlines() == re.findall("`([^`]+)`", sentence)
