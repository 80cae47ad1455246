"""What a command imports is felt on every call."""

from __future__ import annotations

import os

import pytest

from tests.cli.command import spawned

UNASKED = ["tdxinfo.decode.btf"]
"""What reads nothing of a host of which there is a kernel log alone."""


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        (["--version"], ["pydantic_core", "rich"]),
        (["--help"], ["pydantic_core", "rich"]),
        (["diff", "--help"], ["pydantic_core", "rich"]),
        (["schema"], ["rich"]),
        (["dump", "--json", "--from", "example:emr-five-cmrs"], ["rich", *UNASKED]),
        (["check", "--json", "--from", "example:linux-7.3-emulated"], ["rich"]),
        (["diff", "--json", *["example:emr-five-cmrs"] * 2], ["rich"]),
    ],
)
def test_a_command_does_not_import_what_it_does_not_need(
    command: list[str], heavy: list[str]
) -> None:
    watched = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    done = spawned(*command, text=True, env=watched)
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert imported.isdisjoint(heavy)
