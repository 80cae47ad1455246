"""The README's examples, run: `python -m tests.readme` writes what the commands print now."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.engine import in_order
from tdxinfo.model.verdict import Severity
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


TABLE = re.compile(r"(<!-- checks -->\n).*?(<!-- end -->)", re.DOTALL)


def table_of_checks() -> str:
    """The groups in the order of the chain, what each asks, and its checks by severity."""
    rows = ["| group | asks | checks |", "|---|---|---|"]
    for group in dict.fromkeys(check.rule.group for check in in_order()):
        own = [check for check in in_order() if check.rule.group == group]
        question = (sys.modules[own[0].function.__module__].__doc__ or "").splitlines()[0]
        names = ", ".join(check.id.partition(".")[2] + _SIGNS[check.severity] for check in own)
        rows.append(f"| {group} | {question} | {names} |")
    return "\n".join(rows) + "\n"


_SIGNS = {
    Severity.APPLICABILITY: "",
    Severity.FAIL: "",
    Severity.WARN: " (w)",
    Severity.INFO: " (i)",
}


def write() -> None:
    def current(block: re.Match[str]) -> str:
        return f"```console\n$ {block.group(1)}\n{printed(block.group(1))}```"

    text = BLOCK.sub(current, README.read_text())
    README.write_text(TABLE.sub(rf"\g<1>{table_of_checks()}\g<2>", text))


if __name__ == "__main__":
    write()
