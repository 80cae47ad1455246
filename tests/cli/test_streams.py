"""Standard streams that are broken, and bugs: no trace, no status that claims an answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tdxinfo.cli import options, run, subject
from tests.cli.command import ran

EXAMPLE = "example:emr-five-cmrs"
COMMANDS = (
    ("--version",),
    ("dump", "--from", EXAMPLE),
    ("dump", "--json", "--from", EXAMPLE),
    ("check", "--from", EXAMPLE),
    ("check", "--json", "--from", EXAMPLE),
    ("check", "-q", "--from", EXAMPLE),
    ("explain", "0xc000050500000000"),
    ("explain", "-"),
    ("diff", EXAMPLE, "example:linux-7.3-emulated"),
    ("fleet", EXAMPLE),
    ("capture", "-", "--from", EXAMPLE),
    ("schema", "dump"),
    ("check", "--from", "no-such-file"),
    ("check", "--json", "--from", "no-such-file"),
    ("dump", "--from", "-"),
)
WAYS = {
    "stdin closed": "{} <&-",
    "stdout closed": "{} >&-",
    "stderr closed": "{} 2>&-",
    "all closed": "{} <&- >&- 2>&-",
    "stdout full": "{} >/dev/full",
    "stderr full": "{} 2>/dev/full",
    "both full": "{} >/dev/full 2>/dev/full",
    "stdout without reader": "{} | true",
    "stderr without reader": "{{ {} 2>&1 >&3 | true; }} 3>/dev/null",
    "stdin not UTF-8": "printf '\\377\\376\\n' | {}",
    "stdin is a folder": "{} </",
}
ANSWERS = {0, 1, 3, 4}
BY_DEFAULT = (("check", "--json", "--from", EXAMPLE), ("explain", "-"))
MATRIX = [
    pytest.param(command, way, marks=() if command in BY_DEFAULT else pytest.mark.slow)
    for command in COMMANDS
    for way in WAYS
]


@pytest.mark.parametrize(("command", "way"), MATRIX)
def test_no_way_to_break_a_stream_gives_a_trace_or_a_false_answer(
    tmp_path: Path, command: tuple[str, ...], way: str
) -> None:
    words = " ".join([sys.executable, "-m", "tdxinfo", *command])
    line = WAYS[way].format(words) + '; echo "${PIPESTATUS[*]}" >"$STATUS"'
    kept = tmp_path / "status"
    done = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "STATUS": str(kept)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert b"Traceback" not in done.stdout + done.stderr
    assert b"Exception" not in done.stderr
    statuses = [int(word) for word in kept.read_text().split()]
    status = statuses[-1] if way == "stdin not UTF-8" else statuses[0]
    assert status in (0, 1, 2, 3, 4, 141), (status, done.stderr)
    if "stdout" in way and way.split()[1] in ("closed", "full") and "-q" not in command:
        assert status == 2


def _fails(error: Exception) -> Callable[..., object]:
    def fail(*arguments: object, **named: object) -> object:
        raise error

    return fail


@pytest.mark.parametrize(
    "error",
    [KeyError("k"), RuntimeError("can't start new thread"), OSError(5, "Input/output error"),
     RecursionError(), AssertionError()],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_a_bug_is_status_70_one_sentence_and_the_failure_document(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(subject, "examine", _fails(error))
    result = ran("check", "--json", "--from", EXAMPLE)
    assert result.status == options.ExitStatus.CRASH
    assert result.err.count("\n") == 1
    assert "report" in result.err
    assert json.loads(result.out)["errors"][0]["message"] in result.err
    with_trace = ran("check", "-v", "--from", EXAMPLE)
    assert "Traceback" in with_trace.err
    assert with_trace.status == 70


def test_no_memory_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "examine", _fails(MemoryError()))
    result = ran("check", "--from", EXAMPLE)
    assert (result.status, result.err) == (70, "tdxinfo: There is no memory left.\n")


@pytest.mark.slow
def test_a_working_directory_that_is_gone_is_none_of_the_answers(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    for words, allowed in (
        ("check -q --from example:emr-five-cmrs", ANSWERS),
        ("check -q --from relative", {2}),
        ("capture --from example:emr-five-cmrs relative", {2}),
        ("fleet -q . example:emr-five-cmrs", {2, 3}),
    ):
        gone.mkdir()
        script = f"cd {gone} && rmdir {gone} && {sys.executable} -m tdxinfo {words}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, check=False, timeout=60)
        assert done.returncode in allowed, done.stderr
        assert b"Traceback" not in done.stderr


def test_an_interrupt_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(subject, "examine", interrupt)
    assert run(["check", "--from", EXAMPLE]) == 130
