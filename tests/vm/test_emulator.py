"""The emulator knows its instructions, and its client the protocol."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.vm.emulator import vmx_length
from tests.vm.rsp import REGISTERS, Closed, Gdb, Refused


# Assembled by GNU as 2.40.
@pytest.mark.parametrize(
    ("code", "length"),
    [
        ("f3 0f c7 37", 4),  # vmxon (%rdi)
        ("f3 0f c7 74 24 08", 6),  # vmxon 8(%rsp)
        ("f3 0f c7 b4 24 00 01 00 00", 9),  # vmxon 256(%rsp)
        ("f3 0f c7 34 25 00 10 00 00", 9),  # vmxon 0x1000
        ("f3 0f c7 35 00 10 00 00", 8),  # vmxon 0x1000(%rip)
        ("0f 01 c4", 3),  # vmxoff
        ("66 0f c7 30", 4),  # vmclear (%rax)
        ("66 0f 38 80 04 24", 6),  # invept (%rsp), %rax
        ("66 44 0f 38 81 41 10", 7),  # invvpid 16(%rcx), %r8
        ("f3 0f c7 f8", 0),  # rdpid %rax
        ("66 0f c7 f0", 0),  # rdrand %ax
        ("0f 0b", 0),  # ud2
        ("0f c7 37", 0),  # vmptrld (%rdi), which is not emulated
    ],
)
def test_the_length_of_an_instruction(code: str, length: int) -> None:
    assert vmx_length(bytes.fromhex(code).ljust(15, b"\x90")) == length


Stub = Callable[[str], str]


@pytest.fixture
def stub() -> Iterator[Callable[[Stub], Gdb]]:
    """Makes a client of a stub that answers packets by a function."""
    with ExitStack() as opened:

        def start(answer: Stub) -> Gdb:
            ours, theirs = socket.socketpair()
            thread = threading.Thread(target=_serve, args=(theirs, answer))
            thread.start()
            # The last first: the client's end is closed, then the stub ends, then its own end.
            opened.enter_context(theirs)
            opened.callback(thread.join)
            opened.enter_context(ours)
            return Gdb(ours)

        yield start


def _serve(connection: socket.socket, answer: Stub) -> None:
    pending = b""
    while data := connection.recv(4096):
        pending += data
        while b"#" in pending and len(pending) >= pending.index(b"#") + 3:
            start, end = pending.index(b"$"), pending.index(b"#")
            packet = pending[start + 1 : end].decode()
            pending = pending[end + 3 :]
            told = answer(packet)
            if told == "end":
                connection.shutdown(socket.SHUT_RDWR)
                return
            # Piece by piece, as a slow stub would.
            for byte in f"+${told}#00".encode():
                connection.sendall(bytes((byte,)))


def test_registers_are_written_as_they_were_read(stub: Callable[[Stub], Gdb]) -> None:
    written = []

    def answer(packet: str) -> str:
        if packet == "g":
            general = b"".join(number.to_bytes(8, "little") for number in range(17))
            selectors = b"".join(number.to_bytes(4, "little") for number in range(2, 9))
            control = b"".join(number.to_bytes(8, "little") for number in range(20, 27))
            return (general + selectors + control).hex() + "ab" * 40
        if packet.startswith("G"):
            written.append(packet[1:])
        return "OK"

    gdb = stub(answer)
    registers = gdb.registers()
    assert [registers[name] for name in REGISTERS] == [*range(17), *range(2, 9), *range(20, 27)]
    assert registers["cr4"] == 26
    gdb.set_registers({**registers, "ax": 1})
    assert written == ["01" + "00" * 7 + answer("g")[16:]]


def test_memory_is_read_in_pieces_and_a_refusal_is_told(stub: Callable[[Stub], Gdb]) -> None:
    def answer(packet: str) -> str:
        if not packet.startswith("m"):
            return "OK"
        address, size = (int(part, 16) for part in packet[1:].split(","))
        return "E14" if address >= 0x9000 else "5a" * size

    gdb = stub(answer)
    assert gdb.read(0x1000, 2500) == b"Z" * 2500
    with pytest.raises(Refused):
        gdb.read(0x9000, 8)


def test_a_stop_names_its_processor_and_an_end_is_an_end(stub: Callable[[Stub], Gdb]) -> None:
    stops = iter(["T05thread:02;", "W00", "end"])
    gdb = stub(lambda packet: next(stops) if packet == "vCont;c" else "OK")
    assert gdb.resume() == "02"
    with pytest.raises(Closed):
        gdb.resume()
    with pytest.raises(Closed):
        gdb.resume()


def test_escaped_bytes_are_read(stub: Callable[[Stub], Gdb]) -> None:
    gdb = stub(lambda packet: "T05thread:01;note:}\x03;" if packet == "vCont;c" else "OK")
    assert gdb.resume() == "01"
