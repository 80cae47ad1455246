"""Answers what QEMU's processor lacks, from outside: SEAMCALL, VMXON and some MSRs.

QEMU's TCG has neither VMX nor SEAM, so that their instructions raise #UD in the guest's kernel.
The kernel's handler is replaced by a trap that stops the machine: the instruction's work is done
on the handler's `struct pt_regs`, and the handler returns behind it. TCG reads an MSR that it does
not know as 0, without a fault, so UD2 takes the place of the kernel's RDMSRs, too.

The trap is a read under a watchpoint. At a breakpoint QEMU's stub drops all that TCG has
translated: half the time of a guest that reads MSRs.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Set
from contextlib import suppress

from tests.vm.rsp import Closed, Gdb, Registers
from tests.vm.sites import RDMSR, Sites, occurrences
from tests.vm.tdx_module import TdxModule, VmFailInvalid

_PT_REGS = (
    *("r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si"),
    *("di", "orig_ax", "ip", "cs", "flags", "sp", "ss"),
)
_PT_REGS_FORM = struct.Struct("<21Q")
_LONGEST_INSTRUCTION = 15
_WORD = (1 << 64) - 1
_CARRY = 1
_STATUS_FLAGS = 0x8D5
"""CF, PF, AF, ZF, SF and OF: VMX instructions set or clear them all."""
_RING = 3

_TRAP = bytes.fromhex("8a05 faffffff ebf8")
"""`1: mov 1b(%rip), %al; jmp 1b`: whoever comes in reads the first byte until it is let go."""
_READ_LENGTH = 6
_UD2 = b"\x0f\x0b"
_CR4_WRITE = _UD2 + b"\x90"
"""What takes the place of a write of CR4: as long."""

DONE = 0x7FFFFFFF
"""No MSR: the guest reads it once its kernel is up, which reports it to the module."""
END = 0x7FFFFFFE
"""No MSR either: the guest reads it when it has nothing more to do."""

_CODE_REGIONS = (0, 4)
"""MOD_TEXT and MOD_INIT_TEXT of a module's memory."""


class PhysicalMemory:
    """The guest's memory as a SEAMCALL's operands name it."""

    def __init__(self, gdb: Gdb) -> None:
        self._gdb = gdb

    def read(self, address: int, size: int) -> bytes:
        with self._gdb.physical():
            return self._gdb.read(address, size)

    def write(self, address: int, data: bytes) -> None:
        with self._gdb.physical():
            self._gdb.write(address, data)


class Emulator:
    """Serves one boot, from its first instruction to its end."""

    def __init__(self, gdb: Gdb, sites: Sites, module: TdxModule, msrs: Mapping[int, int]) -> None:
        self._gdb = gdb
        self._sites = sites
        self._module = module
        self._msrs = msrs
        self._handler = b""
        """The first bytes of the kernel's own."""
        self._rdmsr: set[int] = set()
        self._cpus_in_vmx: set[int] = set()
        self._is_over = False
        self._stops: dict[int, Callable[[str, Registers], None]] = {}
        self._break_at(sites.module_start, self._on_module_start)
        for site in sites.rdmsr:
            self._break_at(site, self._on_first_rdmsr)

    def run(self) -> None:
        """Until the guest has nothing more to do, or the machine ends."""
        with suppress(Closed):
            while not self._is_over:
                thread = self._gdb.resume()
                self._gdb.select(thread)
                registers = self._gdb.registers()
                self._stops[registers["ip"]](thread, registers)

    def _break_at(self, site: int, on_stop: Callable[[str, Registers], None]) -> None:
        self._gdb.break_at(site)
        self._stops[site] = on_stop

    def _do_not_break_at(self, site: int) -> None:
        self._gdb.do_not_break_at(site)
        del self._stops[site]

    def _on_first_rdmsr(self, _thread: str, _registers: Registers) -> None:
        """By now the kernel handles #UD, and has set no CR4 that TCG does not know."""
        for site in self._sites.rdmsr:
            self._do_not_break_at(site)
        self._replace_rdmsr(self._sites.rdmsr)
        for site in self._sites.cr4:
            self._gdb.write(site, _CR4_WRITE)
        handler = self._sites.invalid_opcode
        self._handler = self._gdb.read(handler, len(_TRAP))
        self._gdb.write(handler, _TRAP)
        self._gdb.watch_reads(handler)
        # It may be noticed late, when the jump is done.
        for place in (handler, handler + _READ_LENGTH):
            self._stops[place] = self._on_invalid_opcode

    def _on_module_start(self, thread: str, registers: Registers) -> None:
        """Replaces the RDMSRs of kvm_intel, which asks for the VMX capabilities."""
        start, layout = self._sites.module_start, self._sites.module
        module = registers["di"]
        name = self._gdb.read(module + layout.name, 56).split(b"\0")[0]
        self._gdb.do_not_break_at(start)
        if name != b"kvm_intel":
            self._gdb.step(thread)
            self._gdb.break_at(start)
            return
        for region in _CODE_REGIONS:
            place = module + layout.mem + region * layout.stride
            code, size = self._gdb.number(place), self._gdb.number(place + layout.size, 4)
            found = occurrences(self._gdb.read(code, size), RDMSR)
            self._replace_rdmsr({code + at for at in found})

    def _replace_rdmsr(self, sites: Set[int]) -> None:
        for site in sites:
            self._gdb.write(site, _UD2)
        self._rdmsr |= sites

    def _on_invalid_opcode(self, thread: str, registers: Registers) -> None:
        frame = registers["di"]
        saved = dict(
            zip(
                _PT_REGS,
                _PT_REGS_FORM.unpack(self._gdb.read(frame, _PT_REGS_FORM.size)),
                strict=True,
            )
        )
        length = 0 if saved["cs"] & _RING else self._emulate(saved, registers, int(thread, 16))
        if not length:
            # Somebody's UD2: a WARN or a BUG, which is the kernel's own.
            self._leave_to_kernel(thread, registers)
            return
        saved["ip"] += length
        words = [saved[name] & _WORD for name in _PT_REGS]
        self._gdb.write(frame, _PT_REGS_FORM.pack(*words))
        # Return from the handler, which has put nothing on the stack.
        registers["ip"] = self._gdb.number(registers["sp"])
        registers["sp"] += 8
        self._gdb.set_registers(registers)

    def _leave_to_kernel(self, thread: str, registers: Registers) -> None:
        """Lets the handler begin as it was built."""
        handler = self._sites.invalid_opcode
        self._gdb.write(handler, self._handler)
        self._gdb.set_registers({**registers, "ip": handler})
        while self._gdb.registers()["ip"] - handler in range(len(_TRAP)):
            self._gdb.step(thread)
        self._gdb.write(handler, _TRAP)

    def _emulate(self, saved: Registers, registers: Registers, cpu: int) -> int:
        """Does the instruction; gives its length, or 0 for one that is not emulated."""
        site = saved["ip"]
        if site in self._rdmsr:
            self._read_msr(saved)
            return len(_UD2)
        if site in self._sites.cr4:
            # As the kernel writes it: TCG takes VMXE for a fault of SVM, and hangs.
            registers["cr4"] = saved[self._sites.cr4[site]]
            return len(_CR4_WRITE)
        code = self._gdb.read(site, _LONGEST_INSTRUCTION)
        if code.startswith(SEAMCALL):
            return self._seamcall(saved, cpu)
        length = vmx_length(code)
        if length:
            saved["flags"] &= ~_STATUS_FLAGS
            self._note_vmx(code, cpu)
        return length

    def _read_msr(self, saved: Registers) -> None:
        """The scenario's value, or 0 as from TCG for one that it does not know."""
        number = saved["cx"] & 0xFFFFFFFF
        if number == DONE:
            self._module.settle()
        self._is_over = number == END
        value = self._msrs.get(number, 0)
        saved["ax"], saved["dx"] = value & 0xFFFFFFFF, value >> 32

    def _seamcall(self, saved: Registers, cpu: int) -> int:
        if cpu not in self._cpus_in_vmx:
            return 0
        saved["flags"] &= ~_STATUS_FLAGS
        try:
            self._module.seamcall(saved, cpu)
        except VmFailInvalid:
            saved["flags"] |= _CARRY
        return len(SEAMCALL)

    def _note_vmx(self, code: bytes, cpu: int) -> None:
        if code.startswith(_VMXON):
            self._cpus_in_vmx.add(cpu)
        elif code.startswith(_VMXOFF):
            self._cpus_in_vmx.discard(cpu)


SEAMCALL = b"\x66\x0f\x01\xcf"
_VMXOFF = b"\x0f\x01\xc4"
_VMXON = b"\xf3\x0f\xc7"
_VMCLEAR = b"\x66\x0f\xc7"
_INVALIDATIONS = (b"\x66\x0f\x38\x80", b"\x66\x0f\x38\x81")
"""INVEPT and INVVPID."""
_GROUP_9 = 6
"""The opcode's extension of VMXON and VMCLEAR; with a register it would be RDRAND."""


def vmx_length(code: bytes) -> int:
    """Bytes of the VMX instruction at the start of the code, 0 where it is none of those."""
    if code.startswith(_VMXOFF):
        return len(_VMXOFF)
    for opcode in (_VMXON, _VMCLEAR):
        operand = code[len(opcode) :]
        if code.startswith(opcode) and operand[0] >> 3 & 7 == _GROUP_9 and operand[0] < 0xC0:
            return len(opcode) + _operand_length(operand)
    plain = code[:1] + code[2:] if 0x40 <= code[1] < 0x50 else code  # without REX
    for opcode in _INVALIDATIONS:
        if plain.startswith(opcode):
            prefix = len(code) - len(plain)
            return prefix + len(opcode) + _operand_length(plain[len(opcode) :])
    return 0


def _operand_length(code: bytes) -> int:
    """Bytes of ModRM, SIB and displacement."""
    mode, register = code[0] >> 6, code[0] & 7
    if mode == 3:
        return 1
    length = 1
    base = register
    if register == 4:
        length += 1
        base = code[1] & 7
    if mode == 0:
        return length + (4 if base == 5 else 0)
    return length + (1 if mode == 1 else 4)
