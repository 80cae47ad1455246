"""What the guest does to show what a report opens: one of every source, then one without each.

strace writes down what is opened, the names of the reports among it: before a report the guest
opens a file of the report's name, which is not there. Each report is a process of its own, forked
from one warm interpreter, since to start Python takes seconds in there.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from tdxinfo.cli import run
from tdxinfo.machine import kinds
from tests.vm.guest import be_patient

RESULTS = Path("/run/vm")
TRACE = "opened.trace"
MARK = "/run/report-"
"""How the names of the files begin that are not there."""
CONTROL = "of-everything"
_OPENS = "trace=open,openat,openat2,execve"


def main(arguments: list[str]) -> None:
    if not arguments:
        traced = [sys.executable, "-m", "tests.vm.opened_guest", "traced"]
        options = ["-f", "-qq", "-s", "200", "-e", _OPENS, "-o", str(RESULTS / TRACE)]
        os.execvp("strace", ["strace", *options, *traced])
    be_patient()
    nothing = os.open("/dev/null", os.O_WRONLY)
    os.dup2(nothing, 1)
    run(["--from", "example:linux-7.3-emulated", "dump", "--json"])
    for name in (CONTROL, *kinds.NAMES):
        with suppress(FileNotFoundError):
            os.open(MARK + name, os.O_RDONLY)
        _report(name)


def _report(without: str) -> None:
    child = os.fork()
    if child == 0:
        errors = os.open(RESULTS / f"opened-{without}.err", os.O_WRONLY | os.O_CREAT)
        os.dup2(errors, 2)
        restriction = [] if without == CONTROL else ["--without", without]
        os._exit(run([*restriction, "dump", "--json"]))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    (RESULTS / f"opened-{without}.status").write_text(str(status))


if __name__ == "__main__":
    main(sys.argv[1:])
