"""A line on standard error that shows what takes long and for how many seconds, on terminals.

A child process writes the line. This process forks, which does not go with a thread, and a timer's
signal would interrupt reads of drivers.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

CLEARED = "\r\x1b[K"
"""Takes the line away."""

_TIMEOUT = 1.0
"""Seconds before the line is shown, and between its changes."""


def is_shown(quiet: bool) -> bool:
    """Whether the line is shown: on a terminal and without -q."""
    return not quiet and sys.stderr.isatty()


@contextmanager
def progress(doing: str, quiet: bool) -> Iterator[None]:
    """Shows `doing`, a participle with its object, while the work goes on.

    Nothing may be printed meanwhile.
    """
    child = _started(doing) if is_shown(quiet) else None
    try:
        yield
    finally:
        if child is not None:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(child, signal.SIGTERM)
                os.waitpid(child, 0)


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _started(doing: str) -> int | None:
    """The process that writes the line; None where none can be started.

    The writing end of the pipe stays open in this process, so that the line ends with it.
    """
    sys.stderr.flush()
    try:
        here, there = os.pipe()
    except OSError:
        return None
    # Until the child has its own handlers, a signal must not run this process's code in it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        child = os.fork()
        if child == 0:
            os.close(there)
            _tick(doing, here)
    except OSError:
        os.close(there)
        return None
    finally:
        os.close(here)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return child


class _Ended(BaseException):
    """A signal asked this process to end."""


def _end(number: int, frame: object) -> NoReturn:
    raise _Ended


def _tick(doing: str, parent: int) -> NoReturn:
    """Writes the line until it is ended or the parent has gone, and clears it; never returns."""
    from tdxinfo.machine.bounded import readable

    is_written = False
    try:
        for number in _ENDING:
            signal.signal(number, _end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        begin = time.monotonic()
        while not readable([parent], _TIMEOUT):
            is_written = True
            os.write(2, _line(doing, time.monotonic() - begin).encode("utf-8", "backslashreplace"))
    finally:
        if is_written:
            with suppress(OSError):
                os.write(2, CLEARED.encode())
        os._exit(0)


def _line(doing: str, seconds: float) -> str:
    from tdxinfo.render.safe import printable

    line = f"{printable(doing)}: {seconds:.0f} s"
    # A terminal that does not know its width has 0 columns.
    columns = os.get_terminal_size(2).columns or 80
    return "\r" + (line if len(line) < columns else f"Working: {seconds:.0f} s")
