"""What `import tdxinfo` offers to programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tdxinfo

PROGRAM = """
import tdxinfo
report = tdxinfo.observe("example:emr-five-cmrs")
count: int | None = report.host.keys.tdx_keyids
verdict: str = tdxinfo.check(report).verdict
"""


def test_all_names_are_there() -> None:
    for name in tdxinfo.__all__:
        assert getattr(tdxinfo, name)
    with pytest.raises(AttributeError, match="weather"):
        _ = tdxinfo.weather


def test_a_verdict_and_its_checks() -> None:
    judged = tdxinfo.check(tdxinfo.observe("example:linux-6.17-emulated"))
    assert judged.verdict == "ready"
    assert judged.first_failure is None
    assert sum(judged.summary.values()) == len(judged.checks)


def test_a_policy_counts(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[checks]\nrequired = ["attestation.pccs"]\n')
    report = tdxinfo.observe("example:linux-6.17-emulated")
    judged = tdxinfo.check(report, policy=str(policy))
    assert judged.verdict != "ready"
    with pytest.raises(tdxinfo.BadInput):
        tdxinfo.check(report, policy=str(tmp_path / "none.toml"))


@pytest.mark.parametrize("wrong", ["example:nowhere", "/nowhere"])
def test_an_input_that_is_none_is_refused_in_a_sentence(wrong: str) -> None:
    with pytest.raises(tdxinfo.BadInput, match=r"\.$"):
        tdxinfo.observe(wrong)


def test_facts_are_named() -> None:
    report = tdxinfo.observe("example:emr-five-cmrs", ["keys.tdx_keyids"])
    assert report.host.keys.model_fields_set == {"tdx_keyids"}
    with pytest.raises(tdxinfo.BadInput, match="no fact"):
        tdxinfo.observe("example:emr-five-cmrs", ["keys.many"])


def mypy(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Without the project's settings, and so without pydantic's plugin."""
    (folder / "program.py").write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "program.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_programs_are_checked_by_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    done = mypy(PROGRAM, tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "report.host.keys.tdx_keyids = 5",
        "report.host.keys = report.host.keys",
        "wrong: str | None = report.host.keys.tdx_keyids",
        "report.host.keys.many",
    ],
)
def test_a_program_that_is_wrong_is_refused_by_types(line: str, tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    done = mypy(PROGRAM + line + "\n", tmp_path)
    assert done.returncode == 1, done.stdout
    assert "program.py:6: error" in done.stdout
