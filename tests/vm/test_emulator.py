"""The emulator knows its instructions, and its client the protocol."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.vm import scenario
from tests.vm.emulator import END, SEAMCALL, Emulator, vmx_length
from tests.vm.fields import Fields
from tests.vm.rsp import REGISTERS, Closed, Gdb, Refused
from tests.vm.sites import ModuleLayout, Sites
from tests.vm.tdx_module import Seamldr, TdxModule


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
            value = answer(packet)
            if value == "end":
                connection.shutdown(socket.SHUT_RDWR)
                return
            # Piece by piece, as a slow stub would.
            for byte in f"+${value}#00".encode():
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


def test_memory_is_read_in_pieces_and_a_refusal_is_shown(stub: Callable[[Stub], Gdb]) -> None:
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


SITES = Sites(
    invalid_opcode=0x1000,
    module_start=0x2000,
    rdmsr=frozenset({0x3000, 0x3100}),
    cr4={0x4000: "di"},
    module=ModuleLayout(name=24, mem=320, stride=72, size=12),
)
HANDLER = bytes.fromhex("55 4889e5 f6878800000003")
"""`push %rbp; mov %rsp, %rbp; testb $3, 0x88(%rdi)`: 1, 3 and 7 bytes."""
FRAME, STACK, CALLER = 0x8008, 0x8000, 0x1234
KERNEL, USER = 0x10, 0x33
KEYIDS = 0x40_0000003F


class Stopped:
    """A machine with the kernel's code in it, which stops at the given address, and then ends."""

    def __init__(self) -> None:
        self.memory = bytearray(1 << 16)
        self.register = dict.fromkeys(REGISTERS, 0)
        self.stops: list[Callable[[], None]] = []
        self.breakpoints: set[int] = set()
        self.watched: set[int] = set()
        self.stepped_over: list[bytes] = []
        self.write(SITES.invalid_opcode, HANDLER)
        for site in SITES.rdmsr:
            self.write(site, b"\x0f\x32")
        self.write(0x4000, bytes.fromhex("0f22e7"))

    def resume(self) -> str:
        if not self.stops:
            raise Closed("the end")
        self.stops.pop(0)()
        return "01"

    def step(self, thread: str) -> None:
        start = SITES.invalid_opcode
        self.stepped_over.append(self.read(start, len(HANDLER)))
        lengths = {start: 1, start + 1: 3, start + 4: 7}
        self.register["ip"] += lengths[self.register["ip"]]

    def select(self, thread: str) -> None:
        assert thread == "01"

    def registers(self) -> dict[str, int]:
        return dict(self.register)

    def set_registers(self, registers: dict[str, int]) -> None:
        self.register = dict(registers)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.memory[address : address + size])

    def number(self, address: int, size: int = 8) -> int:
        return int.from_bytes(self.read(address, size), "little")

    def write(self, address: int, data: bytes) -> None:
        self.memory[address : address + len(data)] = data

    def break_at(self, address: int) -> None:
        self.breakpoints.add(address)

    def do_not_break_at(self, address: int) -> None:
        self.breakpoints.remove(address)

    def watch_reads(self, address: int) -> None:
        self.watched.add(address)

    def at(self, address: int) -> Callable[[], None]:
        def stop() -> None:
            assert address in self.breakpoints
            self.register["ip"] = address

        return stop

    def invalid_opcode(self, site: int, selector: int = KERNEL, **registers: int) -> None:
        """The next stop: #UD at the site, with these registers."""

        def stop() -> None:
            assert SITES.invalid_opcode in self.watched
            assert self.read(SITES.invalid_opcode, 8) != HANDLER[:8]
            names = ("cx", "dx", "si", "di", "orig_ax", "ip", "cs", "flags", "sp", "ss")
            values = {**registers, "ip": site, "cs": selector, "flags": 0x203}
            frame = struct.pack("<10Q", *(values.get(name, 0) for name in names))
            self.write(FRAME + 88, frame)
            self.write(STACK, CALLER.to_bytes(8, "little"))
            self.register.update(ip=SITES.invalid_opcode + 6, di=FRAME, sp=STACK)

        self.stops.append(stop)

    def saved(self, name: str) -> int:
        at = {"ax": 80, "cx": 88, "dx": 96, "ip": 128, "flags": 144}
        return self.number(FRAME + at[name])

    def run(self) -> None:
        """From the kernel's first RDMSR on."""
        self.stops.insert(0, self.at(0x3000))
        fields = Fields(scenario.profile("1.5.08-emr"))
        Emulator(self, SITES, TdxModule(fields, Seamldr(1, 5, 12), self), {0x87: KEYIDS}).run()  # type: ignore[arg-type]

    def has_returned_to(self, address: int) -> bool:
        return self.saved("ip") == address and self.register["ip"] == CALLER


@pytest.fixture
def machine() -> Stopped:
    return Stopped()


def test_the_first_rdmsr_leaves_a_trap_and_no_breakpoint_but_for_modules(machine: Stopped) -> None:
    machine.run()
    assert machine.breakpoints == {SITES.module_start}
    assert machine.watched == {SITES.invalid_opcode}
    assert {machine.read(site, 2) for site in (*SITES.rdmsr, *SITES.cr4)} == {b"\x0f\x0b"}


@pytest.mark.parametrize(("number", "value"), [(0x87, KEYIDS), (0x1A0, 0)])
def test_an_msr_is_the_scenarios_or_0(number: int, value: int, machine: Stopped) -> None:
    machine.invalid_opcode(0x3100, cx=number, dx=5)
    machine.run()
    assert (machine.saved("dx") << 32) + machine.saved("ax") == value
    assert machine.has_returned_to(0x3102)
    assert machine.register["sp"] == STACK + 8


def test_the_guest_ends_the_run_by_an_msr(machine: Stopped) -> None:
    machine.invalid_opcode(0x3100, cx=END)
    machine.invalid_opcode(0x3100, cx=0x87)
    machine.run()
    assert len(machine.stops) == 1


def test_cr4_becomes_what_the_kernel_writes(machine: Stopped) -> None:
    machine.invalid_opcode(0x4000, di=0x2020)
    machine.run()
    assert machine.register["cr4"] == 0x2020
    assert machine.has_returned_to(0x4003)


def test_a_seamcall_needs_vmxon(machine: Stopped) -> None:
    machine.write(0x5000, SEAMCALL)
    machine.invalid_opcode(0x5000)
    machine.run()
    assert machine.saved("ip") == 0x5000
    assert machine.register["ip"] == SITES.invalid_opcode + 11

    machine.write(0x5100, bytes.fromhex("f30fc737"))  # vmxon (%rdi)
    machine.invalid_opcode(0x5100)
    machine.invalid_opcode(0x5000)
    machine.write(SITES.invalid_opcode, HANDLER)
    machine.run()
    assert machine.has_returned_to(0x5004)
    assert machine.saved("flags") == 0x202


@pytest.mark.parametrize(("site", "selector"), [(0x6000, KERNEL), (0x3100, USER)])
def test_an_instruction_of_somebody_else_is_the_kernels(
    site: int, selector: int, machine: Stopped
) -> None:
    machine.write(site, b"\x0f\x0b")
    machine.invalid_opcode(site, selector)
    machine.run()
    assert machine.register["ip"] == SITES.invalid_opcode + 11
    assert machine.saved("ip") == site
    assert set(machine.stepped_over) == {HANDLER}
    assert machine.read(SITES.invalid_opcode, 8) != HANDLER[:8]
