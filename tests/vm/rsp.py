"""A client of GDB's remote serial protocol, as far as QEMU's stub for x86-64 is needed.

Source: the GDB manual, appendix "GDB Remote Serial Protocol", and QEMU's gdbstub.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

REGISTERS = (
    *("ax", "bx", "cx", "dx", "si", "di", "bp", "sp"),
    *(f"r{number}" for number in range(8, 16)),
    *("ip", "flags"),
    *("cs", "ss", "ds", "es", "fs", "gs", "fs_base", "gs_base", "kernel_gs_base"),
    *("cr0", "cr2", "cr3", "cr4"),
)
"""The first registers of the `g` packet, in its order; `flags` and selectors have 32 bits."""
_REGISTERS = struct.Struct("<17Q7I7Q")
_CHUNK = 1024

Registers = dict[str, int]


class Closed(Exception):  # named for what happened
    """The machine has ended."""


class Refused(Exception):
    """The stub answered with an error."""


class Gdb:
    """A stopped machine; `resume` lets it run until it stops again."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = b""
        self._rest_of_registers = b""
        self.packets = 0
        self._ask("qSupported:")

    def resume(self) -> str:
        """Runs until a stop; gives the CPU's thread id. Raises Closed."""
        return self._stopped(self._ask("vCont;c"))

    def step(self, thread: str) -> None:
        """One instruction of one CPU."""
        self._stopped(self._ask(f"vCont;s:{thread}"))

    def select(self, thread: str) -> None:
        """The CPU that `registers` and `read` are about."""
        self._order(f"Hg{thread}")

    def registers(self) -> Registers:
        raw = bytes.fromhex(self._ask("g"))
        self._rest_of_registers = raw[_REGISTERS.size :]
        return dict(zip(REGISTERS, _REGISTERS.unpack_from(raw), strict=True))

    def set_registers(self, registers: Registers) -> None:
        """Writes what `registers` gave, changed, of the same CPU in the same stop."""
        words = [registers[name] for name in REGISTERS]
        self._order("G" + (_REGISTERS.pack(*words) + self._rest_of_registers).hex())

    def read(self, address: int, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = min(_CHUNK, size - len(found))
            answer = self._ask(f"m{address + len(found):x},{part:x}")
            if answer.startswith("E"):
                raise Refused(f"no {part} bytes at {address + len(found):#x}: {answer}")
            found += bytes.fromhex(answer)
        return found

    def number(self, address: int, size: int = 8) -> int:
        return int.from_bytes(self.read(address, size), "little")

    def write(self, address: int, data: bytes) -> None:
        for at in range(0, len(data), _CHUNK):
            part = data[at : at + _CHUNK]
            self._order(f"M{address + at:x},{len(part):x}:{part.hex()}")

    @contextmanager
    def physical(self) -> Iterator[None]:
        """`read` and `write` take physical addresses."""
        self._order("Qqemu.PhyMemMode:1")
        try:
            yield
        finally:
            self._order("Qqemu.PhyMemMode:0")

    def break_at(self, address: int) -> None:
        self._order(f"Z0,{address:x},1")

    def do_not_break_at(self, address: int) -> None:
        self._order(f"z0,{address:x},1")

    def watch_reads(self, address: int) -> None:
        """Stops behind every read of the byte."""
        self._order(f"Z3,{address:x},1")

    def _stopped(self, answer: str) -> str:
        if not answer.startswith("T"):
            raise Closed(answer)
        for pair in answer[3:].split(";"):
            if pair.startswith("thread:"):
                return pair.removeprefix("thread:")
        raise Refused(f"a stop without a thread: {answer}")

    def _order(self, packet: str) -> None:
        answer = self._ask(packet)
        if answer != "OK":
            raise Refused(f"{packet:.60} gave {answer!r}")

    def _ask(self, packet: str) -> str:
        self.packets += 1
        data = packet.encode()
        try:
            self._socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))
            return self._answer()
        except ConnectionError as error:
            raise Closed(str(error)) from None

    def _answer(self) -> str:
        """The next packet; acknowledgements before it are passed over."""
        while True:
            start = self._received.find(b"$")
            end = self._received.find(b"#", start) if start >= 0 else -1
            if end >= 0 and len(self._received) >= end + 3:
                body = self._received[start + 1 : end]
                self._received = self._received[end + 3 :]
                self._socket.sendall(b"+")
                return _unescaped(body).decode()
            more = self._socket.recv(1 << 16)
            if not more:
                raise Closed("the connection ended")
            self._received += more


def _unescaped(body: bytes) -> bytes:
    if b"}" not in body:
        return body
    found = bytearray()
    escaped = False
    for byte in body:
        if not escaped and byte == ord("}"):
            escaped = True
            continue
        found.append(byte ^ 0x20 if escaped else byte)
        escaped = False
    return bytes(found)
