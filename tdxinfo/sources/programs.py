"""Other programs: run by full path, without a shell, with bounds. journalctl is the only one."""

from __future__ import annotations

import os
import subprocess

from tdxinfo.errors import Absent, Denied, Unsupported
from tdxinfo.machine import FILE_LIMIT
from tdxinfo.machine.bounded import within

DIRECTORIES = ("/usr/bin", "/bin")
PATIENCE = 10.0
"""Seconds. A journal on a slow disk may take a few."""


def output_of(program: str, arguments: list[str]) -> str:
    """What the program prints, up to `FILE_LIMIT` bytes. Raises Unavailable."""
    path = next(filter(_is_program, (f"{d}/{program}" for d in DIRECTORIES)), None)
    if path is None:
        raise Absent(f"{program} is not installed")
    try:
        child = subprocess.Popen(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": ":".join(DIRECTORIES), "LC_ALL": "C.UTF-8"},
        )
    except OSError as error:
        raise Unsupported(f"{program} cannot be run: {error.strerror}") from None
    try:
        output, status = within(PATIENCE, program, lambda: _drained(child))
    finally:
        child.kill()
    if status:
        raise Denied(f"{program} ended with status {status}")
    return output.decode("utf-8", "replace")


def _drained(child: subprocess.Popen[bytes]) -> tuple[bytes, int]:
    """What the program prints up to the limit, and its status; 0 for one that prints on."""
    assert child.stdout is not None
    with child.stdout:
        output = child.stdout.read(FILE_LIMIT)
        if child.stdout.read(1):
            return output, 0
    return output, child.wait()


def _is_program(path: str) -> bool:
    return os.access(path, os.X_OK)
