"""What `--from` was given, examined in a child process; only the examples are tdxinfo's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from tdxinfo.inputs.supplied import EXAMPLE_PREFIX, open_input
from tdxinfo.machine import Machine
from tdxinfo.report import Report

T = TypeVar("T")


def examine(given: str, work: Callable[[Machine | Report], T], vmlinux: str | None = None) -> T:
    """What `work` makes of the machine or report that `given` names. Raises BadInput.

    Nothing that `given` holds can hang, swell or end this process.
    """
    if given.startswith(EXAMPLE_PREFIX) or not given:
        return work(open_input(given, vmlinux))
    from tdxinfo.machine.confined import LIMITS, run

    shown = "standard input" if given == "-" else given
    # What is written while it is read takes as long as its writer does.
    is_stored = os.path.isfile(given) or os.path.isdir(given)
    limits = LIMITS if is_stored else LIMITS._replace(time=None)
    return run(lambda: work(open_input(given, vmlinux)), shown, limits)
