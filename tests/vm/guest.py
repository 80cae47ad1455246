"""What the guest does: tdxinfo's commands, one after the other, and their results.

Runs in the guest, where starting Python takes seconds: one interpreter runs all of them. It is
the same code as the `tdxinfo` script from there on, and reads what stays as it is but once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tdxinfo.cli import run
from tdxinfo.machine import bounded, live
from tdxinfo.sources import helper, kcore, programs, userspace

T = TypeVar("T")

RESULTS = Path("/run/vm")
COMMANDS = {
    "dump": ["dump", "--all-sources", "--json"],
    "check": ["check", "--json"],
    "capture": ["capture", str(RESULTS / "capture")],
}
_STAYS = ((kcore, "symbols"), (kcore, "types"), (userspace, "_searched"))
"""What finds the kernel's addresses and types, and reads the program file of QEMU."""


_SLOWER = 50
"""How many times longer than on a processor a source may take, in a guest beside other work."""


def main() -> None:
    be_patient()
    read_once()
    statuses = {name: _status(name) for name in COMMANDS}
    (RESULTS / "statuses.json").write_text(json.dumps(statuses))


def be_patient() -> None:
    """Waits longer for each source: the guest's clock goes on while others use the processors."""
    for module in (helper, live, programs):
        vars(module)["within"] = _within


def _within(seconds: float, what: str, work: Callable[[], T], idle: float | None = None) -> T:
    return bounded.within(_SLOWER * seconds, what, work)


def read_once() -> None:
    """Keeps what no kernel and no program changes while it runs."""
    for module, name in _STAYS:
        setattr(module, name, _once(getattr(module, name)))


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, run once for the same arguments; the first one is always this machine."""
    known: dict[tuple[Any, ...], Any] = {}

    def once(system: Any, *arguments: Any) -> Any:
        if arguments not in known:
            known[arguments] = function(system, *arguments)
        return known[arguments]

    return once


def _status(name: str) -> int:
    """Runs the command, its output to files named for it."""
    for stream, suffix in ((1, "out"), (2, "err")):
        output = os.open(RESULTS / f"{name}.{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, stream)
        os.close(output)
    return run(COMMANDS[name])


if __name__ == "__main__":
    main()
