"""What the guest does: tdxinfo's commands, each in a process of its own, and their results.

Runs in the guest, where starting Python takes seconds: the commands are forked from one warm
interpreter. It is the same code as the `tdxinfo` script from there on.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path

from tdxinfo.cli import run

RESULTS = Path("/run/vm")
COMMANDS = {
    "dump": ["dump", "--json"],
    "all-sources": ["dump", "--all-sources", "--json"],
    "check": ["check", "--json"],
    "capture": ["capture", str(RESULTS / "capture")],
}


def main() -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        run(["--from", "example:linux-7.3-emulated", "check", "--json"])
    statuses = {name: _status(name) for name in COMMANDS}
    (RESULTS / "statuses.json").write_text(json.dumps(statuses))


def _status(name: str) -> int:
    """Runs the command in a new process, its output to files named for it."""
    child = os.fork()
    if child == 0:
        for stream, suffix in ((1, "out"), (2, "err")):
            output = os.open(RESULTS / f"{name}.{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, stream)
        sys.exit(run(COMMANDS[name]))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
