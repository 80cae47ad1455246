"""The README's examples, run: `python -m tests.readme` writes what the commands print now."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from tests.cli.command import ran

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"```console\n\$ (tdxinfo [^\n]*)\n(.*?)```", re.DOTALL)


def printed(command: str) -> str:
    """What the command prints on a pipe 100 columns wide, without spaces at line ends."""
    out = _piped(command) if "|" in command else ran(*shlex.split(command)[1:]).out
    return "".join(line.rstrip() + "\n" for line in out.splitlines())


def _piped(command: str) -> str:
    """What a pipeline prints, with the tdxinfo of this interpreter."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def missing(command: str) -> list[str]:
    """Programs of a pipeline that are not installed here."""
    words = list(shlex.shlex(command, posix=True, punctuation_chars="|"))
    programs = [after for before, after in pairwise(words) if before == "|"]
    return [program for program in programs if not shutil.which(program)]


def examples() -> list[tuple[str, str]]:
    """Each command of the README with the output that stands below it."""
    return BLOCK.findall(README.read_text())


def write() -> None:
    def current(block: re.Match[str]) -> str:
        return f"```console\n$ {block.group(1)}\n{printed(block.group(1))}```"

    README.write_text(BLOCK.sub(current, README.read_text()))


if __name__ == "__main__":
    write()
