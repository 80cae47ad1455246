"""Runs work on untrusted input in a child process, which can hang, use up memory or crash.

A child has limits of memory, of address space and of processor time; its parent limits its time.
When a child breaks a limit or dies, the parent raises BadInput with the reason. A `Pool` keeps
several children for many pieces of work, and replaces those that ended.
"""

from __future__ import annotations

import errno
import gc
import os
import pickle
import re
import resource
import signal
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

from tdxinfo.errors import BadInput, TdxinfoError
from tdxinfo.machine.bounded import readable
from tdxinfo.machine.messages import pair, receive, send

T = TypeVar("T")
Input = TypeVar("Input")


class Limits(NamedTuple):
    """What one piece of work may use."""

    memory: int = 320 << 20
    """Bytes of writable memory, in addition to what the parent has."""
    processor: float = 10.0
    """Seconds of processor time for one piece of work."""
    time: float | None = 15.0
    """Seconds for one piece of work; None for work that waits for a person."""


LIMITS = Limits()

_PIECES_PER_CHILD = 500
"""Pieces of work after which a pool's child is replaced, in case its memory grows slowly."""
_LIBRARIES = 256 << 20
"""Bytes of address space for libraries that are loaded, and files that they map."""
_END_TIMEOUT = 1.0
"""Seconds to wait for the end of a child that was killed."""


class Crash(Exception):
    """An unexpected exception in a child, with its traceback as text in `trace`."""

    def __init__(self, what: str, trace: str) -> None:
        super().__init__(what, trace)
        self.what = what
        self.trace = trace

    def __str__(self) -> str:
        return self.what


def run(work: Callable[[], T], shown: str, limits: Limits = LIMITS) -> T:
    """The result of `work`, run in a child; it must be picklable. `shown` names the input.

    Raises the TdxinfoError that the work raises, BadInput when it breaks a limit or the child dies,
    and Crash for any other exception.
    """
    child: _Child[None, T] = _Child(lambda _: work(), limits)
    try:
        child.give(None)
        return child.result(shown)
    finally:
        child.end()


class _Child(Generic[Input, T]):
    """A process that does one piece of work after another."""

    def __init__(self, work: Callable[[Input], T], limits: Limits) -> None:
        self._limits = limits
        try:
            self._socket, other = pair()
        except OSError as error:
            raise _not_started(error) from None
        try:
            self.pid = _fork()
        except OSError as error:
            self._socket.close()
            other.close()
            raise _not_started(error) from None
        self._since = 0.0  # when the current piece of work began
        self.pieces = 0
        if self.pid == 0:
            self._socket.close()
            _serve(other, work, limits)
        other.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def give(self, piece: Input) -> None:
        self.pieces += 1
        self._since = time.monotonic()
        self._socket.settimeout(self._limits.time)
        # If the child died meanwhile, result() raises the error.
        with suppress(OSError):
            send(self._socket, piece)

    @property
    def left(self) -> float | None:
        """Seconds until the piece of work times out; None for no limit."""
        if self._limits.time is None:
            return None
        return max(self._since + self._limits.time - time.monotonic(), 0)

    def result(self, shown: str) -> T:
        """Waits for the result. Raises the work's error, or BadInput for a limit."""
        try:
            kind, value = receive(self._socket, lambda: self.left, self._has_ended)
        except TimeoutError:
            raise _took_too_long(shown, self._limits.time or 0) from None
        except (OSError, EOFError, pickle.UnpicklingError):
            raise self._died(shown) from None
        if kind == "value":
            return value  # type: ignore[no-any-return]
        if kind == "memory":
            raise self._too_large(shown)
        raise value

    def end(self) -> None:
        """Kills the child. One that a driver blocks ends later, and is not waited for.

        One that was waited for already is not killed: its number may be another process's.
        """
        self._socket.close()
        end = time.monotonic() + _END_TIMEOUT
        with suppress(ChildProcessError, ProcessLookupError):
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            os.kill(self.pid, signal.SIGKILL)
            while not os.waitpid(self.pid, os.WNOHANG)[0] and time.monotonic() < end:
                time.sleep(0.001)

    def _has_ended(self) -> bool:
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def _died(self, shown: str) -> BadInput:
        """The error for the way in which the child ended."""
        try:
            status = os.waitpid(self.pid, 0)[1]
        except ChildProcessError:  # SIGCHLD is ignored, or its handler waits for every child
            return BadInput(f"{shown} cannot be read: the process that read it died.")
        if not os.WIFSIGNALED(status):
            return self._too_large(shown)
        number = os.WTERMSIG(status)
        if number in (signal.SIGXCPU, signal.SIGKILL):
            return _took_too_long(shown, self._limits.processor)
        name = signal.Signals(number).name
        # Libraries in Rust and C abort where they get no memory, also for input that is whole.
        what = f"needs more than {self._limits.memory >> 20} MiB of memory, or is damaged"
        what = what if number == signal.SIGABRT else "is damaged"
        return BadInput(f"{shown} {what}: reading it ended with {name}.")

    def _too_large(self, shown: str) -> BadInput:
        return BadInput(f"{shown} needs more than {self._limits.memory >> 20} MiB of memory.")


def _took_too_long(shown: str, seconds: float) -> BadInput:
    return BadInput(f"{shown} takes more than {seconds:g} s to read.")


def _not_started(error: OSError) -> BadInput:
    return BadInput(f"No process can be started to read it: {error.strerror}.")


def _fork() -> int:
    """fork(). Other threads of the parent only wait, and the child does not need them."""
    # Python 3.12 and later warn of threads. catch_warnings() would change the filters of all of
    # them; this one is about this module alone.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=re.escape(__name__))
    # A lock that another thread holds is never released in the child. pydantic has one for all
    # models, also for those of a program.
    models = getattr(sys.modules.get("pydantic.main"), "_rebuild_lock", nullcontext())
    with models:
        return os.fork()


class Pool(Generic[Input, T]):
    """Children for many pieces of work. A piece that breaks a limit does not affect the others."""

    def __init__(self, work: Callable[[Input], T], size: int, limits: Limits = LIMITS) -> None:
        self._work = work
        self._limits = limits
        self._size = size
        self._idle: list[_Child[Input, T]] = []
        self._busy: dict[_Child[Input, T], Slot[T]] = {}

    def __enter__(self) -> Pool[Input, T]:
        return self

    def __exit__(self, *error: object) -> None:
        for child in (*self._idle, *self._busy):
            child.end()

    def submit(self, shown: str, piece: Input) -> Slot[T]:
        """Starts the piece of work when a child is idle. `shown` names it in messages."""
        slot: Slot[T] = Slot(shown)
        child = self._free_child()
        child.give(piece)
        self._busy[child] = slot
        return slot

    def result(self, slot: Slot[T]) -> T:
        """Waits for the result. Raises the work's TdxinfoError, BadInput for a limit, or Crash."""
        while not slot.is_done:
            self._collect()
        return slot.result

    def _free_child(self) -> _Child[Input, T]:
        """An idle child; a new one while there are fewer than the pool's size."""
        while not self._idle and len(self._busy) >= self._size:
            self._collect()
        return self._idle.pop() if self._idle else _Child(self._work, self._limits)

    def _collect(self) -> None:
        """Waits until a busy child has a result or times out, and stores it in its slot."""
        times_left = [child.left for child in self._busy]
        timeout = min((left for left in times_left if left is not None), default=None)
        by_descriptor = {child.fileno(): child for child in self._busy}
        ready = [by_descriptor[found] for found in readable(by_descriptor, timeout)]
        timed_out = [child for child in self._busy if child.left == 0]
        for child in dict.fromkeys([*ready, *timed_out]):
            slot = self._busy.pop(child)
            try:
                slot.done(child.result(slot.shown))
            except (TdxinfoError, Crash) as error:
                slot.done(None, error)
                child.end()
                continue
            if child.pieces < _PIECES_PER_CHILD:
                self._idle.append(child)
            else:
                child.end()


class Slot(Generic[T]):
    """The result of one piece of work, once it is done."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.is_done = False
        self._value: Any = None
        self._error: Exception | None = None

    def done(self, value: Any, error: Exception | None = None) -> None:
        self._value, self._error, self.is_done = value, error, True

    @property
    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]


# --- in the child -------------------------------------------------------------------------------


def _serve(connection: socket.socket, work: Callable[[Any], Any], limits: Limits) -> NoReturn:
    """Works until the parent closes the connection, then exits without the parent's clean-up."""
    status = 1
    try:
        _limit(limits)
        gc.freeze()  # what the parent has is no garbage, and is not searched below
        while True:
            piece = receive(connection, lambda: None, lambda: False)[1]
            _limit_processor(limits.processor)
            _send_result(connection, _result(work, piece))
            # What is left of this piece counts against the memory of the next.
            del piece
            gc.collect()
    except (EOFError, OSError):
        status = 0
    finally:
        os._exit(status)


def _limit(limits: Limits) -> None:
    """Sets the limits of this process, and discards what it and libraries print on stderr.

    What a program does at a signal is not for this process.
    """
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if callable(signal.getsignal(number)) or number in _DEFAULT:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.dup2(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC), 2)
    if "faulthandler" in sys.modules:
        sys.modules["faulthandler"].disable()
    mapped, data = _mapped()
    for kind, limit in (
        (resource.RLIMIT_DATA, data + limits.memory),
        (resource.RLIMIT_AS, mapped + limits.memory + _LIBRARIES),
    ):
        lowest = _lowest(limit, *resource.getrlimit(kind))
        resource.setrlimit(kind, (lowest, lowest))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


_DEFAULT = (
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU),
    *(signal.SIGCHLD, signal.SIGALRM),
)
"""Signals that have their usual effect here, also where the parent ignores them."""


def _lowest(limit: int, *own: int) -> int:
    """The lowest of the limit and those that this process has, which only root can raise."""
    return min([limit, *(one for one in own if one != resource.RLIM_INFINITY)])


def _mapped() -> tuple[int, int]:
    """Bytes of address space that this process has, and those of them that it may write to."""
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = [int(count) * resource.getpagesize() for count in file.read().split()]
        return pages[0], pages[5]
    except (OSError, ValueError, IndexError):
        return 256 << 20, 128 << 20  # an estimate: /proc is missing


def _limit_processor(seconds: float) -> None:
    """Limits the processor time from now on; the kernel's limit is in whole seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    end = int(used.ru_utime + used.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (_lowest(end, hard), hard))


def _result(work: Callable[[Any], Any], piece: Any) -> tuple[str, Any]:
    """The message for the parent: "value", "error" or "memory", and the value or error."""
    try:
        return "value", work(piece)
    except TdxinfoError as error:
        return "error", error.with_traceback(None)
    except MemoryError:
        return "memory", None
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            return "memory", None
        return "error", Crash(f"{type(error).__name__}: {error}"[:500], traceback.format_exc())


def _send_result(connection: socket.socket, result: tuple[str, Any]) -> None:
    try:
        send(connection, result[1], result[0])
    except MemoryError:
        send(connection, None, "memory")
    except Exception as error:  # the result cannot be pickled
        what = f"{type(error).__name__}: {error}"[:500]
        send(connection, Crash(what, traceback.format_exc()), "error")
