"""Reads with a limit of bytes and of time, of regular files only."""

from __future__ import annotations

import os
import select
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from tdxinfo.errors import Malformed, TimedOut, from_oserror

T = TypeVar("T")

OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""O_NONBLOCK, since open() of a FIFO without a writer would block."""

CHUNK = 1 << 20
"""Bytes of one read()."""


_USED = 0.005
"""Seconds of processor time below which nothing was done. A look at a thread takes a hundredth."""


_NAME = "tdxinfo-read"
"""Of a thread that does the work of `within`; one that still runs afterwards hangs."""


def within(seconds: float, what: str, work: Callable[[], T], idle: float | None = None) -> T:
    """The result of `work`. Raises TimedOut when it takes longer.

    With `idle`, work that has used no processor for so many seconds has timed out as well: it hangs
    in the kernel. Work that waits for another program uses none either.

    The work runs in a daemon thread and is left there when it times out, since a read that blocks
    in a driver cannot be cancelled. Where no thread can be started, an alarm interrupts the work;
    but not where earlier work hangs, since no alarm interrupts a driver that waits for its device.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True, name=_NAME)
    hung = [one for one in threading.enumerate() if one.name == _NAME]
    try:
        thread.start()
    except (RuntimeError, MemoryError):
        if hung:
            raise TimedOut(f"{what} was not read: earlier reads hang") from None
        return _until_alarm(seconds, what, work)
    waited = _join(thread, seconds, seconds if idle is None else min(idle, seconds))
    if errors:
        raise errors[0]
    if not results:
        raise TimedOut(f"{what} did not answer within {waited:g} s")
    return results[0]


def _join(thread: threading.Thread, seconds: float, idle: float) -> float:
    """Waits for the thread's end. Returns the limit that ended the wait: `seconds` or `idle`."""
    end = time.monotonic() + seconds
    while thread.is_alive() and (left := end - time.monotonic()) > 0:
        before = time.process_time()
        thread.join(min(idle, left))
        if left > idle and thread.is_alive() and time.process_time() - before < _USED:
            return idle
    return seconds


class _Alarm(BaseException):
    """Interrupts the work; not an Exception, so that the work does not catch it."""


def _until_alarm(seconds: float, what: str, work: Callable[[], T]) -> T:
    """The result of `work`, run in this thread and interrupted by SIGALRM after `seconds`."""
    if threading.current_thread() is not threading.main_thread():
        raise TimedOut(f"{what} was not read: no thread can be started to limit the wait")

    def interrupt(number: int, frame: object) -> None:
        raise _Alarm

    start = time.monotonic()
    before = signal.signal(signal.SIGALRM, interrupt)
    left, interval = 0.0, 0.0
    try:
        left, interval = signal.setitimer(signal.ITIMER_REAL, max(seconds, _SOON))
        return work()
    except _Alarm:
        raise TimedOut(f"{what} did not answer within {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:  # the program's own alarm, which is late where it was due meanwhile
            passed = time.monotonic() - start
            signal.setitimer(signal.ITIMER_REAL, max(left - passed, _SOON), interval)


_SOON = 0.001
"""Seconds of a timer that goes off at once; 0 would stop it."""


def readable(descriptors: Iterable[int], seconds: float | None) -> list[int]:
    """Those that can be read or are at their end, once one is or the seconds are over.

    This is poll(), since select() takes no descriptor above 1023: a caller may leave many open.
    """
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [found for found, _ in poll.poll(None if seconds is None else max(seconds, 0) * 1000)]


def is_device(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)


def read_file(path: str, limit: int, dir_fd: int | None = None, flags: int = 0) -> bytes:
    """The bytes of a regular file. Raises Unavailable; Malformed when it has more than `limit`."""
    try:
        # To open a device can change something: a watchdog begins to count.
        if is_device(os.stat(path, dir_fd=dir_fd, follow_symlinks=not flags & os.O_NOFOLLOW)):
            raise Malformed(f"{path} is not a regular file")
        fd = os.open(path, OPEN_FLAGS | flags, dir_fd=dir_fd)
    except OSError as error:
        raise from_oserror(error, path) from None
    except ValueError:
        raise Malformed(f"{path[:100]!r} is not a valid file name") from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Malformed(f"{path} is not a regular file")
        return read_descriptor(fd, limit, path)
    finally:
        os.close(fd)


def read_descriptor(fd: int, limit: int, what: str) -> bytes:
    chunks: list[bytes] = []
    left = limit + 1
    try:
        while left > 0 and (chunk := os.read(fd, min(CHUNK, left))):
            chunks.append(chunk)
            left -= len(chunk)
    except OSError as error:
        raise from_oserror(error, what) from None
    if left <= 0:
        raise Malformed(f"{what} holds more than {in_words(limit)}, the most that is read")
    return b"".join(chunks)


def in_words(size: int) -> str:
    """A limit of bytes in MiB or KiB, where it is a whole number of those."""
    for name, unit in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} bytes"
