"""How far the boot in a log has come: what its last lines show of the time of the log.

A log that was taken early, or whose end is cut, lacks lines that the kernel printed later. All that
is built into the kernel, TDX among it, has run when the kernel frees its own initialization code
and starts the first program (kernel_init() in init/main.c of Linux 6.8 to 7.3).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_PROGRAMS_RUN = re.compile(
    r"Freeing unused kernel (?:image|memory)"
    r"|Write protecting the kernel read-only data"
    r"|Run /\S+ as init process"
    r"|(?:^|[\s;\]])systemd(?:-[a-z]+)?\[\d{1,10}\]: "
)


class End(NamedTuple):
    """What the lines of one boot show of the time at which the log ends."""

    lines: int
    """How many lines the boot has."""
    programs_run: bool
    """The kernel has started the first program, and all that is built into it has run."""


def end_of(lines: Sequence[str]) -> End:
    """The end of a boot's log."""
    return End(len(lines), any(_PROGRAMS_RUN.search(line) for line in lines))
