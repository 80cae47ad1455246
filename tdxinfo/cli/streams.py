"""Standard streams that may be closed, full, without a reader or not UTF-8."""

from __future__ import annotations

import io
import os
import select
import sys
from contextlib import suppress

from tdxinfo.errors import BadInput


class NotWritten(BadInput):
    """Standard output could not be written."""


class _Output(io.FileIO):
    """Standard output: its errors become NotWritten, and a slow reader is waited for."""

    def write(self, data: object) -> int:
        while True:
            try:
                written = super().write(data)  # type: ignore[arg-type]  # any buffer
            except BrokenPipeError:
                raise
            except OSError as error:
                raise NotWritten(f"The output cannot be written: {error.strerror}.") from None
            if written is not None:
                return written
            select.select([], [self.fileno()], [])


class _Errors(io.FileIO):
    """Standard error: if it cannot be written, there is no place to report that."""

    def write(self, data: object) -> int:
        with suppress(OSError):
            written = super().write(data)  # type: ignore[arg-type]
            if written is not None:
                return written
        return len(memoryview(data))  # type: ignore[arg-type]


def prepare() -> bool:
    """Makes the streams of this process safe to use; False where standard output is closed.

    A character that the terminal's encoding lacks becomes an escape. Descriptors that are closed
    are opened on /dev/null, so that no file that is read takes their place.
    """
    is_open = sys.stdout is not None
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_RDWR), number)
    if is_open:
        sys.stdout = _wrapped(sys.stdout, _Output(1, "wb", closefd=False))
    sys.stderr = _wrapped(sys.stderr, _Errors(2, "wb", closefd=False))
    return is_open


def _wrapped(before: object, raw: io.FileIO) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    is_terminal = raw.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=is_terminal,
        write_through=raw.fileno() == 2,
    )


def columns() -> int:
    """The width of standard output: what COLUMNS says, that of the terminal, or 80."""
    given = os.environ.get("COLUMNS", "")
    if len(given) < 6 and given.isdecimal() and int(given) > 0:
        return int(given)
    with suppress(OSError):
        return os.get_terminal_size(1).columns or 80
    return 80


def silence_output() -> None:
    """Keeps what is left in buffers from being written when the interpreter ends."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def input_bytes(limit: int) -> bytes:
    """The beginning of standard input. Raises BadInput when it is closed, or silent for long."""
    from tdxinfo.inputs.supplied import next_chunk, opened

    data = bytearray()
    with opened("-", "standard input") as fd:
        while len(data) < limit and (chunk := next_chunk(fd, "standard input")):
            data += chunk
    return bytes(data[:limit])
