"""Ports of vsock on which programs of this host listen, by the kernel's socket diagnosis.

Nothing is connected to, and no kernel module is loaded: where vsock_diag is not loaded, a request
would load it, so none is made. Source: Linux, include/uapi/linux/vm_sockets_diag.h (4.15+).
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress

from tdxinfo.errors import Absent, Malformed, Unavailable, Unsupported, from_oserror
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.system import System

KEY = "vsock/listeners"
_MODULE = "/sys/module/vsock_diag"
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ERROR, _DONE = 2, 3
_AF_VSOCK = 40
_LISTEN = 10  # TCP_LISTEN
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBHIIIII")
_SOCKET = struct.Struct("=BBBBIIIIIII")
_SECONDS = 2.0
_MAX_SOCKETS = 65_536


class VsockListeners:
    """The ports, in order; only where the kernel module vsock_diag is loaded already."""

    @property
    def origin(self) -> str:
        return "netlink:vsock_diag"

    def read(self, machine: Machine) -> list[int]:
        answer = machine.ask(KEY, _listeners)
        if not isinstance(answer, list) or not all(type(port) is int for port in answer):
            raise Malformed("the record of vsock ports is not a list of numbers")
        return sorted({port for port in answer if type(port) is int})


def _listeners(system: System) -> Answer:
    if not system.is_whole:
        raise Absent("the sockets of a system below --root cannot be listed")
    try:
        is_loaded = system.exists(_MODULE)
    except Unavailable:
        is_loaded = False
    if not is_loaded:
        raise Unsupported(
            "the kernel module vsock_diag is not loaded, and tdxinfo never loads one",
            "Run `ss --vsock -l` as root, which loads vsock_diag.",
        )
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as link:
            link.settimeout(_SECONDS)
            wanted = _REQUEST.pack(_AF_VSOCK, 0, 0, 1 << _LISTEN, 0, 0, 0, 0)
            size = _HEADER.size + len(wanted)
            link.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _DUMP, 1, 0) + wanted)
            return [*_ports(link)]
    except OSError as error:
        raise from_oserror(error, "the list of vsock sockets") from None


def _ports(link: socket.socket) -> list[int]:
    ports: list[int] = []
    while len(ports) <= _MAX_SOCKETS:
        found, is_last = parse(link.recv(1 << 16))
        ports += found
        if is_last:
            break
    return sorted(set(ports))


def parse(data: bytes) -> tuple[list[int], bool]:
    """The ports in a netlink answer, and whether it is the last. Raises OSError, Malformed."""
    ports: list[int] = []
    at = 0
    while at + _HEADER.size <= len(data):
        size, kind, *_ = _HEADER.unpack_from(data, at)
        if size < _HEADER.size or at + size > len(data):
            raise Malformed("the kernel's list of vsock sockets is cut short")
        body = data[at + _HEADER.size : at + size]
        if kind == _DONE:
            return ports, True
        if kind == _ERROR:
            number = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
            raise OSError(number, os.strerror(number))
        with suppress(struct.error):
            _, _, state, _, _, port, *_ = _SOCKET.unpack_from(body)
            ports += [port] if state == _LISTEN else []
        at += size + 3 & ~3
    return ports, at == 0
