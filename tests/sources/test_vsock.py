"""Listening vsock ports: answers in the kernel's layout, and the refusal to load a module."""

from __future__ import annotations

import struct

import pytest

from tdxinfo.errors import Absent, Denied, Malformed, Unavailable, Unsupported
from tdxinfo.machine.live import LiveMachine
from tdxinfo.machine.system import System
from tdxinfo.sources import vsock
from tdxinfo.sources.vsock import KEY, VsockListeners
from tests.builders import captured_machine

LISTEN, ESTABLISHED = 10, 1


def message(kind: int, body: bytes) -> bytes:
    """struct nlmsghdr and its payload, padded to four bytes."""
    head = struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0)
    return (head + body).ljust(16 + len(body) + 3 & ~3, b"\0")


def entry(port: int, state: int = LISTEN) -> bytes:
    """struct vsock_diag_msg: family, type, state, shutdown, then addresses, inode and cookie."""
    return message(20, struct.pack("=4B7I", 40, 1, state, 0, 0xFFFFFFFF, port, 0, 0, 7, 1, 0))


DONE = message(3, struct.pack("=i", 0))


def test_ports_that_listen_are_listed() -> None:
    assert vsock.parse(entry(4050) + entry(1024, ESTABLISHED) + entry(9)) == ([4050, 9], False)
    assert vsock.parse(entry(4050) + DONE + entry(5)) == ([4050], True)
    assert vsock.parse(b"") == ([], True)


def test_an_error_of_the_kernel_is_its_own() -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        vsock.parse(message(2, struct.pack("=i", -2)))
    assert caught.value.errno == 2


@pytest.mark.parametrize("data", [entry(1)[:20], struct.pack("=IHHII", 4, 20, 0, 0, 0)])
def test_a_cut_answer_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed, match="cut"):
        vsock.parse(data)


def test_no_module_is_loaded_for_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was made")

    monkeypatch.setattr("socket.socket", refuse)
    monkeypatch.setattr(System, "exists", lambda self, path: False)
    with pytest.raises(Unsupported, match="never loads one"):
        VsockListeners().read(LiveMachine())


def test_without_netlink_no_socket_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def refuse(*kind: object) -> None:
        made.append(kind)
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr("socket.socket", refuse)
    monkeypatch.setattr(System, "exists", lambda self, path: True)
    with pytest.raises(Unavailable, match="netlink"):
        VsockListeners().read(LiveMachine(without=["netlink"]))
    assert made == []
    with pytest.raises(Denied):
        VsockListeners().read(LiveMachine())
    assert len(made) == 1


def test_a_folder_has_no_sockets() -> None:
    with pytest.raises(Absent, match="--root"):
        VsockListeners().read(LiveMachine("/usr"))


def test_a_record_has_ports_or_is_malformed() -> None:
    assert VsockListeners().read(captured_machine(answers={KEY: [4050, 9]})) == [9, 4050]
    for wrong in ("4050", [True], [{"a": 1}]):
        with pytest.raises(Malformed):
            VsockListeners().read(captured_machine(answers={KEY: wrong}))
