"""Runs the command line: inside this process, or as one of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest import mock

from tdxinfo.cli import run
from tests.documents import assert_valid


@dataclass
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def ran(*arguments: str, columns: int = 100) -> Ran:
    """What `tdxinfo ARGUMENTS` prints and returns; its width is fixed, colour is off.

    JSON is validated against its schema.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict("os.environ", {"COLUMNS": str(columns), "NO_COLOR": "1"}),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status = run(list(arguments))
    assert_valid(arguments, out.getvalue())
    return Ran(status, out.getvalue(), err.getvalue())


def spawned(*arguments: str, **options: Any) -> subprocess.CompletedProcess[Any]:
    """`tdxinfo ARGUMENTS`, run as a process of its own for at most a minute."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-m", "tdxinfo", *arguments]
    return subprocess.run(command, check=False, **{"timeout": 60, **streams, **options})


def shell(command: str, folder: str | None = None) -> subprocess.CompletedProcess[str]:
    """A line of a shell whose `tdxinfo` is this one; the status is that of a failed part."""
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-uo", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
