"""Values that a process and its child send each other, over a pair of sockets."""

from __future__ import annotations

import fcntl
import pickle
import socket
import struct
from collections.abc import Callable
from typing import Any

_LOOK = 1.0
"""Seconds between looks whether a child that sends nothing has ended."""
_LAST_STREAM = 2
"""The descriptor of standard error."""
_LENGTH = struct.Struct("<Q")
_CHUNK = 1 << 20


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets. Raises OSError."""
    one, other = socket.socketpair()
    return _above_streams(one), _above_streams(other)


def _above_streams(one: socket.socket) -> socket.socket:
    """The socket with a descriptor above those of the standard streams.

    Where a caller closed these, a socket gets their numbers, and what is printed goes into it.
    """
    if one.fileno() > _LAST_STREAM:
        return one
    with one:
        return socket.socket(fileno=fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, _LAST_STREAM + 1))


def send(connection: socket.socket, value: Any, kind: str = "value") -> None:
    data = pickle.dumps((kind, value), pickle.HIGHEST_PROTOCOL)
    connection.sendall(_LENGTH.pack(len(data)))
    connection.sendall(data)


def receive(
    connection: socket.socket, left: Callable[[], float | None], has_ended: Callable[[], bool]
) -> Any:
    """Kind and value. Raises TimeoutError, EOFError, OSError and what pickle raises.

    EOFError also when the other process ended and yet the connection stays open, because a process
    that another thread forked meanwhile has it.
    """
    (size,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, left, has_ended))
    return pickle.loads(_exactly(connection, size, left, has_ended))


def _exactly(
    connection: socket.socket,
    size: int,
    left: Callable[[], float | None],
    has_ended: Callable[[], bool],
) -> bytearray:
    data = bytearray()
    while len(data) < size:
        seconds = left()
        if seconds == 0:
            raise TimeoutError
        ended = has_ended()
        connection.settimeout(_LOOK if seconds is None else min(seconds, _LOOK))
        try:
            chunk = connection.recv(min(size - len(data), _CHUNK))
        except TimeoutError:
            if ended:
                raise EOFError from None
            continue
        if not chunk:
            raise EOFError
        data += chunk
    return data
