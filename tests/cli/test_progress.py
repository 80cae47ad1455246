"""What takes long says so on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import spawned
from tests.cli.test_fleet import on_a_terminal
from tests.parts import one_in

SLOW = """
import sys, time
from tdxinfo.cli import progress
progress._TIMEOUT = 0.1
with progress.progress(sys.argv[1], sys.argv[2] == "quiet"):
    time.sleep(SECONDS)
print("done")
"""
SHOWN = SLOW.replace("SECONDS", "3")
"""Long enough for a line on a busy machine."""
QUICK = """
from tdxinfo.cli import main, progress
progress._TIMEOUT = 60
main()
"""


def on_terminal(program: str, *arguments: str) -> tuple[bytes, bytes]:
    return on_a_terminal(*arguments, command=[sys.executable, "-c", program])


def test_a_terminal_shows_what_goes_on_and_clears_it() -> None:
    out, shown = on_terminal(SHOWN, "Reading vmcore", "loud")
    assert b"\rReading vmcore: 0 s" in shown
    assert shown.endswith(b"\r\x1b[K")
    assert out == b"done\n"


def test_it_fits_the_line_and_cannot_steer_the_terminal() -> None:
    _, shown = on_terminal(SHOWN, "Reading " + "x" * 300, "loud")
    assert b"xxx" not in shown
    assert b"\rWorking: 0 s" in shown
    _, shown = on_terminal(SHOWN, "Reading \x1b[2J", "loud")
    assert b"\x1b[2J" not in shown


def test_quiet_and_a_pipe_see_nothing() -> None:
    program = SLOW.replace("SECONDS", "0.6")
    assert on_terminal(program, "Reading vmcore", "quiet") == (b"done\n", b"")
    command = [sys.executable, "-c", program, "Reading vmcore", "loud"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"done\n", b"")


def test_what_is_quick_shows_nothing_on_a_terminal_either() -> None:
    out, shown = on_terminal(QUICK, "dump", "module.version", "--from", "example:emr-five-cmrs")
    assert out
    assert shown == b""


@pytest.mark.parametrize("command", one_in(2, ["dump", "check"]))
def test_input_that_is_slow_to_come_is_named(tmp_path: Path, command: str) -> None:
    """A log that somebody writes into a pipe bit by bit."""
    pipe = tmp_path / "slow.log"
    os.mkfifo(pipe)
    log = "[    0.0] virt/tdx: TDX-Module initialized\\n"
    writer = subprocess.Popen(
        ["sh", "-c", f"exec >'{pipe}'; printf '{log}'; sleep 2.5; printf '{log}'"]
    )
    begin = time.monotonic()
    _, shown = on_a_terminal(command, "--from", str(pipe))
    assert writer.wait() == 0
    assert time.monotonic() - begin > 2
    assert b"\rReading slow.log: 1 s" in shown
    assert b"Reading" not in spawned(command, "--from", "example:emr-five-cmrs").stderr


def test_an_interrupted_run_leaves_no_process_behind() -> None:
    program = SLOW.replace("SECONDS", "60")
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", program, "Reading vmcore", "loud"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower) as process:
        os.close(follower)
        shown = b""
        while b"Reading" not in shown:
            shown += os.read(leader, 4096)
        process.kill()
        process.wait()
        end = time.monotonic() + 10
        # The terminal ends once nobody writes to it any more.
        try:
            while os.read(leader, 4096):
                assert time.monotonic() < end
        except OSError:
            pass
    os.close(leader)
    assert time.monotonic() < end
