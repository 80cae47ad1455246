"""The README's examples, run: `python -m tests.readme` writes what the commands print now."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.cli.command import ran, shell

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"```console\n\$ (tdxinfo [^\n]*)\n(.*?)```", re.DOTALL)


def printed(command: str) -> str:
    """What the command prints on a pipe 100 columns wide, without spaces at line ends."""
    out = shell(command).stdout if "|" in command else ran(*shlex.split(command)[1:]).out
    lines = out.splitlines()
    return "".join(line.rstrip() + "\n" for line in lines)


def examples() -> list[tuple[str, str]]:
    """Each command of the README with the output that stands below it."""
    return BLOCK.findall(README.read_text())


def write() -> None:
    def current(block: re.Match[str]) -> str:
        return f"```console\n$ {block.group(1)}\n{printed(block.group(1))}```"

    README.write_text(BLOCK.sub(current, README.read_text()))


if __name__ == "__main__":
    write()
