"""Standard streams that are broken, and bugs: no trace, no status that claims an answer."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tdxinfo
from tdxinfo.cli import options, run, subject
from tests.artifacts.tree import Node, top
from tests.cli.command import ran
from tests.parts import one_in

EXAMPLE = "example:emr-five-cmrs"
LINES: dict[str, tuple[str, ...]] = {
    "": ("--version",),
    "dump": (f"--from {EXAMPLE}", f"--json --from {EXAMPLE}", "--from -"),
    "check": (
        f"--json --from {EXAMPLE}",
        f"--from {EXAMPLE}",
        f"-q --from {EXAMPLE}",
        "--from no-such-file",
        "--json --from no-such-file",
        f"--policy no-such-file --from {EXAMPLE}",
    ),
    "explain": ("-", "0xc000050500000000"),
    "diff": (f"{EXAMPLE} example:linux-7.3-emulated", f"--json {EXAMPLE} {EXAMPLE}"),
    "fleet": (EXAMPLE, f"--json {EXAMPLE} -"),
    "capture": (f"- --from {EXAMPLE}", "--print-script"),
    "schema": ("dump", ""),
    "policy": (f"--from {EXAMPLE}",),
    "deploy": ("",),
    "helper status": ("", "--json"),
}
"""Arguments by command. Of others, which may change the machine, only the help is asked for."""


def leaves(node: Node, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of all commands that have none below them."""
    inner = list(node.children())
    if not inner:
        yield words
    for child in inner:
        yield from leaves(child, (*words, child.name))


def command_lines() -> Iterator[tuple[str, ...]]:
    for words in ((), *leaves(top())):
        yield (*words, "--help")
        for line in LINES.get(" ".join(words), ()):
            yield (*words, *line.split())


COMMANDS = tuple(command_lines())
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
MATRIX = one_in(
    47,  # has no factor in common with the number of ways: each of them runs by default
    (
        pytest.param(command, way, id=f"{' '.join(command)}, {way}")
        for command in COMMANDS
        for way in WAYS
    ),
)


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
    if way in ("stdout closed", "stdout full", "all closed", "both full") and "-q" not in command:
        assert status == 2, done.stderr


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
    assert (result.status, result.err) == (70, "tdxinfo: Not enough memory.\n")


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


@pytest.mark.parametrize(("raised", "status"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_a_signal_while_a_class_is_made_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException, status: int
) -> None:
    """Python 3.11 makes a RuntimeError of what its handler raises there."""

    class Interrupted:
        def __set_name__(self, owner: object, name: str) -> None:
            raise raised

    def examine(*arguments: object) -> object:
        return type("Made", (), {"field": Interrupted()})

    monkeypatch.setattr(subject, "examine", examine)
    try:
        found: int | str | None = run(["check", "--from", EXAMPLE])
    except SystemExit as ended:
        found = ended.code
    assert found == status


MANY = """
import os, resource, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
for number in range(3, 1100):
    os.dup2(0, number)
os.execv(sys.executable, [sys.executable, "-m", "tdxinfo", *sys.argv[1:]])
"""


@pytest.mark.skipif(
    0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 1200, reason="few descriptors are allowed"
)
@pytest.mark.parametrize(
    ("line", "text", "status"),
    one_in(
        3,
        [
            pytest.param("--from - check -q", "virt/tdx: module initialized\n", 3),
            pytest.param("fleet - -q", "virt/tdx: module initialized\n", 3),
            pytest.param("explain - -q", "NO_RBP_MOD\n", 0),
        ],
    ),
)
def test_a_caller_may_leave_a_thousand_descriptors_open(line: str, text: str, status: int) -> None:
    command = [sys.executable, "-c", MANY, *line.split()]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (status, "")


IGNORED = """
import signal, sys
from tdxinfo import cli
from tdxinfo.sources.programs import Command, carry_out
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGXCPU, signal.SIGTERM])
sys.argv = ["tdxinfo", "--version"]
try:
    cli.main()
except SystemExit:
    print(carry_out(Command("false")), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


def test_a_program_that_fails_is_seen_to_fail_whatever_signals_the_caller_ignores() -> None:
    done = subprocess.run([sys.executable, "-c", IGNORED], stdout=subprocess.PIPE, check=True)
    assert done.stdout.splitlines()[1:] == [b"1 set()"]


INTERRUPTING = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"


@pytest.mark.parametrize(
    "start", [["-m", "tdxinfo"], ["-c", "from tdxinfo.__main__ import begin; begin()"]]
)
def test_an_interrupt_while_modules_are_loaded_leaves_no_trace(
    tmp_path: Path, start: list[str]
) -> None:
    (tmp_path / "click.py").write_text(INTERRUPTING)
    path = f"{tmp_path}:{Path(tdxinfo.__file__).parents[1]}"
    done = subprocess.run(
        [sys.executable, *start, "--version"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        check=False,
        timeout=60,
        # A shell starts what runs in the background with interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def test_an_interrupt_that_the_caller_ignores_stays_ignored(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(
        "import os, signal, sys\nos.kill(os.getpid(), signal.SIGINT)\nsys.exit(7)"
    )
    path = f"{tmp_path}:{Path(tdxinfo.__file__).parents[1]}"
    done = subprocess.run(
        [sys.executable, "-m", "tdxinfo", "--version"],
        env={**os.environ, "PYTHONPATH": path},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 7
