"""Work on what others sent, in a child process: it can hang, swell or crash without harm.

A child has limits of memory, of address space and of processor time; its parent limits its time.
What it ends by tells its parent why: a refusal, too little memory, a signal, the time. A `Pool`
keeps several children for many pieces of work, and replaces those that ended.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import socket
import struct
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

from tdxinfo.errors import BadInput, TdxinfoError

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - what goes in


class Limits(NamedTuple):
    memory: int = 320 << 20
    """Bytes that may be written to, beyond those that the parent has."""
    processor: float = 10.0
    """Seconds of processor time for one piece of work."""
    time: float | None = 15.0
    """Seconds for one piece of work; None where it waits for somebody."""


LIMITS = Limits()

_PIECES = 500
"""Pieces of work after which a child of a pool is replaced, so that none swells slowly."""
_LIBRARIES = 256 << 20
"""Bytes of address space for libraries that are loaded, and files that they map."""
_LENGTH = struct.Struct("<Q")
_CHUNK = 1 << 20


class Crash(Exception):
    """An exception that was not expected, in a child; `trace` is where."""

    def __init__(self, what: str, trace: str) -> None:
        super().__init__(what, trace)
        self.what = what
        self.trace = trace

    def __str__(self) -> str:
        return self.what


def run(work: Callable[[], T], shown: str, limits: Limits = LIMITS) -> T:
    """What `work` gives, done in a child; the result is pickled.

    Raises what it raises of tdxinfo's own, BadInput where it broke a limit or died, and Crash.
    """
    child: _Child[None, T] = _Child(lambda _: work(), limits)
    try:
        child.give(None)
        return child.result(shown)
    finally:
        child.end()


class _Child(Generic[I, T]):
    """A process that does one piece of work after another."""

    def __init__(self, work: Callable[[I], T], limits: Limits) -> None:
        self._limits = limits
        try:
            self._socket, other = socket.socketpair()
            self.pid = _fork()
        except OSError as error:
            raise BadInput(f"No process can be started to read it: {error.strerror}.") from None
        self._since = 0.0
        self.pieces = 0
        if self.pid == 0:
            self._socket.close()
            _serve(other, work, limits)
        other.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def give(self, piece: I) -> None:
        self.pieces += 1
        self._since = time.monotonic()
        # A child that died meanwhile is found when its result is asked for.
        with suppress(OSError):
            _send(self._socket, piece)

    @property
    def left(self) -> float | None:
        """Seconds that are left for the piece of work."""
        if self._limits.time is None:
            return None
        return max(self._since + self._limits.time - time.monotonic(), 0)

    def result(self, shown: str) -> T:
        """The result of the piece of work. Raises what it raised, or BadInput."""
        try:
            kind, value = _receive(self._socket, lambda: self.left)
        except TimeoutError:
            raise BadInput(self._took_too_long(shown)) from None
        except (OSError, EOFError, pickle.UnpicklingError):
            raise self._died(shown) from None
        if kind == "value":
            return value  # type: ignore[no-any-return]
        if kind == "memory":
            raise self._too_large(shown)
        raise value

    def end(self) -> None:
        self._socket.close()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._wait()

    def _wait(self) -> int:
        """The status that the child ended with; 0 where that was asked before."""
        with suppress(ChildProcessError):
            return os.waitpid(self.pid, 0)[1]
        return 0

    def _died(self, shown: str) -> BadInput:
        status = self._wait()
        if not os.WIFSIGNALED(status):
            return self._too_large(shown)
        number = os.WTERMSIG(status)
        if number in (signal.SIGXCPU, signal.SIGKILL):
            return BadInput(self._took_too_long(shown))
        name = signal.Signals(number).name
        return BadInput(f"{shown} is damaged: reading it ended with {name}.")

    def _too_large(self, shown: str) -> BadInput:
        return BadInput(f"{shown} needs more than {self._limits.memory >> 20} MiB of memory.")

    def _took_too_long(self, shown: str) -> str:
        return f"{shown} takes more than {self._limits.processor:g} s to read."


def _fork() -> int:
    """fork(), also from a thread: the child runs nothing of the others, which wait for this one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and later warn of threads
        return os.fork()


class Pool(Generic[I, T]):
    """Children for many pieces of work; a piece that breaks a limit stops only itself."""

    def __init__(self, work: Callable[[I], T], size: int, limits: Limits = LIMITS) -> None:
        self._work = work
        self._limits = limits
        self._size = size
        self._idle: list[_Child[I, T]] = []
        self._busy: dict[_Child[I, T], Slot[T]] = {}

    def __enter__(self) -> Pool[I, T]:
        return self

    def __exit__(self, *error: object) -> None:
        for child in (*self._idle, *self._busy):
            child.end()

    def submit(self, shown: str, piece: I) -> Slot[T]:
        """Has the piece done; waits where all children are busy. `shown` names it in messages."""
        slot: Slot[T] = Slot(shown)
        child = self._free_child()
        child.give(piece)
        self._busy[child] = slot
        return slot

    def result(self, slot: Slot[T]) -> T:
        """The result of what was submitted. Raises what it raised, BadInput or Crash."""
        while not slot.is_done:
            self._collect()
        return slot.result

    def _free_child(self) -> _Child[I, T]:
        while not self._idle and len(self._busy) >= self._size:
            self._collect()
        return self._idle.pop() if self._idle else _Child(self._work, self._limits)

    def _collect(self) -> None:
        """Waits for a child that is busy, and takes its result."""
        waits = [child.left for child in self._busy]
        patience = min((wait for wait in waits if wait is not None), default=None)
        ready = select.select(list(self._busy), [], [], patience)[0]
        late = [child for child in self._busy if child.left == 0]
        for child in dict.fromkeys([*ready, *late]):
            slot = self._busy.pop(child)
            try:
                slot.done(child.result(slot.shown))
            except (TdxinfoError, Crash) as error:
                slot.done(None, error)
                child.end()
                continue
            if child.pieces < _PIECES:
                self._idle.append(child)
            else:
                child.end()


class Slot(Generic[T]):
    """The place of one result."""

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
    """Does work until the parent has gone; never returns, and runs nothing of the parent's."""
    status = 1
    try:
        _limit(limits)
        while True:
            piece = _receive(connection, lambda: None)[1]
            _limit_processor(limits.processor)
            _send_result(connection, _result(work, piece))
    except (EOFError, OSError):
        status = 0
    finally:
        os._exit(status)


def _limit(limits: Limits) -> None:
    """Confines this process. What it and its libraries say on standard error is not shown."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC), 2)
    if "faulthandler" in sys.modules:
        sys.modules["faulthandler"].disable()
    mapped, data = _mapped()
    for kind, most in (
        (resource.RLIMIT_DATA, data + limits.memory),
        (resource.RLIMIT_AS, mapped + limits.memory + _LIBRARIES),
    ):
        resource.setrlimit(kind, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _mapped() -> tuple[int, int]:
    """Bytes of address space that this process has, and those of them that it may write to."""
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = [int(count) * resource.getpagesize() for count in file.read().split()]
        return pages[0], pages[5]
    except (OSError, ValueError, IndexError):
        return 256 << 20, 128 << 20  # /proc is missing: a usual amount


def _limit_processor(seconds: float) -> None:
    """The limit counts from now; the kernel counts whole seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    end = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))


def _result(work: Callable[[Any], Any], piece: Any) -> tuple[str, Any]:
    try:
        return "value", work(piece)
    except TdxinfoError as error:
        return "error", error.with_traceback(None)
    except MemoryError:
        return "memory", None
    except Exception as error:
        return "error", Crash(f"{type(error).__name__}: {error}"[:500], traceback.format_exc())


def _send_result(connection: socket.socket, result: tuple[str, Any]) -> None:
    try:
        _send(connection, result[1], result[0])
    except MemoryError:
        _send(connection, None, "memory")
    except Exception as error:  # the result cannot be pickled
        what = f"{type(error).__name__}: {error}"[:500]
        _send(connection, Crash(what, traceback.format_exc()), "error")


# --- between both -------------------------------------------------------------------------------


def _send(connection: socket.socket, value: Any, kind: str = "value") -> None:
    data = pickle.dumps((kind, value), pickle.HIGHEST_PROTOCOL)
    connection.sendall(_LENGTH.pack(len(data)))
    connection.sendall(data)


def _receive(connection: socket.socket, left: Callable[[], float | None]) -> Any:
    """Kind and value. Raises TimeoutError, EOFError, OSError and what pickle raises."""
    (size,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, left))
    return pickle.loads(_exactly(connection, size, left))


def _exactly(connection: socket.socket, size: int, left: Callable[[], float | None]) -> bytearray:
    data = bytearray()
    while len(data) < size:
        seconds = left()
        if seconds == 0:
            raise TimeoutError
        connection.settimeout(seconds)
        chunk = connection.recv(min(size - len(data), _CHUNK))
        if not chunk:
            raise EOFError
        data += chunk
    return data
