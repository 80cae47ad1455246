"""Other programs: run by full path, without a shell, with bounds. journalctl is the only one."""

from __future__ import annotations

import os

from tdxinfo.errors import Absent, Denied, TimedOut, Unsupported
from tdxinfo.machine import FILE_LIMIT

DIRECTORIES = ("/usr/bin", "/bin")
PATIENCE = 10.0
"""Seconds. A journal on a slow disk may take a few."""


def output_of(program: str, arguments: list[str]) -> str:
    """What the program prints, up to `FILE_LIMIT` bytes. Raises Unavailable."""
    import subprocess

    path = next(filter(_is_program, (f"{d}/{program}" for d in DIRECTORIES)), None)
    if path is None:
        raise Absent(f"{program} is not installed")
    try:
        done = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": ":".join(DIRECTORIES), "LC_ALL": "C.UTF-8"},
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimedOut(f"{program} did not end within {PATIENCE:g} s") from None
    except OSError as error:
        raise Unsupported(f"{program} cannot be run: {error.strerror}") from None
    if done.returncode:
        raise Denied(f"{program} ended with status {done.returncode}")
    return done.stdout[:FILE_LIMIT].decode("utf-8", "replace")


def _is_program(path: str) -> bool:
    return os.access(path, os.X_OK)
