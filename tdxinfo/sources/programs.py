"""Other programs: run by full path, without a shell.

`output_of` runs programs that only read, with bounds; journalctl is the only one. `carry_out` runs
programs that change something, for `tdxinfo helper` alone.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from contextlib import suppress

from tdxinfo.errors import Absent, Denied, Malformed, Unsupported
from tdxinfo.machine import FILE_LIMIT
from tdxinfo.machine.bounded import within

DIRECTORIES = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
_ENVIRONMENT = {"PATH": ":".join(DIRECTORIES), "LC_ALL": "C.UTF-8"}
TIMEOUT = 10.0
"""Seconds. A journal on a slow disk may take a few."""


def output_of(program: str, arguments: list[str]) -> str:
    """What the program prints, up to `FILE_LIMIT` bytes. Raises Unavailable."""
    output, status = _run(program, arguments, subprocess.DEVNULL, FILE_LIMIT)
    if status:
        raise Denied(f"{program} ended with status {status}")
    return output.decode("utf-8", "replace")


def filtered(program: str, arguments: list[str], data: bytes, limit: int) -> bytes:
    """What the program makes of the data on its standard input, up to the limit of bytes.

    Raises Unavailable.
    """
    with tempfile.TemporaryFile() as given:
        given.write(data)
        given.seek(0)
        output, status = _run(program, arguments, given.fileno(), limit, f"Install {program}.")
    if status:
        raise Malformed(f"{program} ended with status {status}")
    return output


def _run(
    program: str, arguments: list[str], stdin: int, limit: int, remedy: str = ""
) -> tuple[bytes, int]:
    """What the program prints up to the limit, and its status. Raises Unavailable.

    `remedy` is what helps where the program is not installed.
    """
    path = path_of(program)
    if path is None:
        raise Absent(f"{program} is not installed", remedy)
    try:
        child = subprocess.Popen(
            [path, *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as error:
        raise Unsupported(f"{program} cannot be run: {error.strerror}") from None
    try:
        return within(TIMEOUT, program, lambda: _drained(child, limit))
    finally:
        _end(child)


class Command:
    """A program with its arguments; as text, the line to type."""

    def __init__(self, program: str, *arguments: str) -> None:
        self.program = program
        self.arguments = arguments

    def __str__(self) -> str:
        return shlex.join([self.program, *self.arguments])


def carry_out(command: Command, quiet: bool = False) -> int:
    """Runs the command to its end; what it prints goes to stderr, when quiet only its errors.

    Gives its exit status. Raises Unavailable when it cannot be started.
    """
    path = path_of(command.program)
    if path is None:
        raise Absent(f"{command.program} is not installed", f"Install {command.program}.")
    try:
        done = subprocess.run(
            [path, *command.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if quiet else 2,
            env=_ENVIRONMENT,
            umask=0o022,
            check=False,
        )
    except OSError as error:
        raise Unsupported(f"{command.program} cannot be run: {error.strerror}") from None
    return done.returncode


def path_of(program: str) -> str | None:
    """Its full path in a folder of the system; None where it is not installed."""
    return next(filter(_is_program, (f"{d}/{program}" for d in DIRECTORIES)), None)


def _drained(child: subprocess.Popen[bytes], limit: int) -> tuple[bytes, int]:
    """What the program prints up to the limit, and its status; 0 if it prints more than that."""
    assert child.stdout is not None
    with child.stdout:
        output = child.stdout.read(limit)
        if child.stdout.read(1):
            return output, 0
    return output, _status_of(child)


def _status_of(child: subprocess.Popen[bytes]) -> int:
    """The program's status. Raises Unsupported where another part of this process took it.

    Popen takes it for 0 then.
    """
    try:
        status = os.waitpid(child.pid, 0)[1]
    except ChildProcessError:
        child.returncode = 0
        raise Unsupported(
            "how the program ended is unknown: this process handles SIGCHLD in its own way"
        ) from None
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends the program, and what it has started: all of that is in a session of its own."""
    if child.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        child.wait(1)


def _is_program(path: str) -> bool:
    return os.access(path, os.X_OK)
