"""Other programs, run with bounds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tdxinfo.errors import Absent, Denied, TimedOut, Unsupported
from tdxinfo.sources import programs
from tdxinfo.sources.programs import filtered, output_of


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(programs, "DIRECTORIES", (str(tmp_path), "/usr/bin", "/bin"))
    return tmp_path


def script(directory: Path, text: str) -> str:
    path = directory / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return "program"


def test_what_a_program_prints_is_its_answer(directory: Path) -> None:
    assert output_of(script(directory, 'echo "$1"; echo noise >&2'), ["a b"]) == "a b\n"


def test_an_argument_is_no_shell(directory: Path) -> None:
    assert output_of(script(directory, 'printf %s "$1"'), ["$(id); `id`"]) == "$(id); `id`"


def test_a_program_gets_no_input_and_a_plain_environment(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", "evil")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    output = output_of(script(directory, "cat; env"), [])
    assert "PAGER" not in output
    assert "LC_ALL=C.UTF-8" in output


def test_a_program_that_takes_too_long_is_timed_out(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "TIMEOUT", 0.1)
    start = time.monotonic()
    with pytest.raises(TimedOut, match="program"):
        output_of(script(directory, "exec sleep 60"), [])
    assert time.monotonic() - start < 20


def test_a_program_that_fails_has_not_answered(directory: Path) -> None:
    with pytest.raises(Denied, match="status 3"):
        output_of(script(directory, "echo half; exit 3"), [])


def test_a_program_that_is_not_there_is_absent(directory: Path) -> None:
    with pytest.raises(Absent, match="not installed"):
        output_of("no-such-program-of-tdxinfo", [])


def test_a_program_that_cannot_be_run_is_unsupported(directory: Path) -> None:
    (directory / "program").write_bytes(b"\x7fELF broken")
    (directory / "program").chmod(0o755)
    with pytest.raises(Unsupported):
        output_of("program", [])
    with pytest.raises(Unsupported):
        filtered("program", [], b"data", 100)


def test_output_is_bounded(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "FILE_LIMIT", 1000)
    assert len(output_of(script(directory, "exec head -c 100000 /dev/zero"), [])) == 1000


def test_broken_characters_are_replaced(directory: Path) -> None:
    assert output_of(script(directory, r"printf 'a\377b'"), []) == "a�b"


def test_what_is_carried_out_speaks_on_stderr_and_gives_its_status(
    directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = programs.Command(script(directory, 'echo "did $1"; exit 3'), "a b")
    assert str(command) == "program 'a b'"
    assert programs.carry_out(command) == 3
    assert capfd.readouterr() == ("", "did a b\n")


def test_what_is_carried_out_quietly_prints_its_errors_alone(
    directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = programs.Command(script(directory, "echo noise; echo trouble >&2"))
    assert programs.carry_out(command, quiet=True) == 0
    assert capfd.readouterr() == ("", "trouble\n")


def test_what_cannot_be_carried_out_is_refused(directory: Path) -> None:
    with pytest.raises(Absent, match="not installed"):
        programs.carry_out(programs.Command("no-such-program-of-tdxinfo"))
