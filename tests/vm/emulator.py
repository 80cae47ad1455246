"""Answers what QEMU's processor lacks, from outside: SEAMCALL, VMXON and some MSRs.

QEMU's TCG has neither VMX nor SEAM, so that their instructions raise #UD in the guest's kernel.
One breakpoint on the kernel's handler catches them all: the instruction's work is done on the
handler's `struct pt_regs`, and the handler returns behind it. TCG reads an MSR that it does not
know as 0, without a fault; these reads are answered at breakpoints of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
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
_CR4_WRITE_LENGTH = 3
_RING = 3

SETTLED = 0x7FFFFFFF
"""No MSR: the guest reads it once its kernel is up, when most breakpoints have done their work."""

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
        self._handlers: dict[int, Callable[[str, Registers], None]] = {}
        self._cpus_in_vmx: set[int] = set()
        self._break_at(sites.invalid_opcode, self._on_invalid_opcode)
        self._break_at(sites.module_start, self._on_module_start)
        for site in sites.rdmsr:
            self._break_at(site, self._on_rdmsr)
        for site in sites.cr4:
            self._break_at(site, self._on_cr4_write)

    def run(self) -> None:
        """Until the machine ends."""
        with suppress(Closed):
            while True:
                thread = self._gdb.resume()
                self._gdb.select(thread)
                registers = self._gdb.registers()
                self._handlers[registers["ip"]](thread, registers)

    def _break_at(self, site: int, handler: Callable[[str, Registers], None]) -> None:
        self._gdb.break_at(site)
        self._handlers[site] = handler

    def _settle(self, device: int) -> None:
        """Leaves SEAMCALL, CR4 and /dev/cpu/N/msr: TCG is slow near a breakpoint, and with many."""
        self._module.settle()
        for site in set(self._handlers) - {self._sites.invalid_opcode, device, *self._sites.cr4}:
            self._gdb.do_not_break_at(site)
            del self._handlers[site]

    def _step_over(self, site: int, thread: str) -> None:
        """Lets the kernel do the instruction at a breakpoint itself.

        Each change of breakpoints makes TCG translate the kernel anew.
        """
        self._gdb.do_not_break_at(site)
        self._gdb.step(thread)
        self._gdb.break_at(site)

    def _on_invalid_opcode(self, thread: str, registers: Registers) -> None:
        frame = registers["di"]
        saved = dict(
            zip(
                _PT_REGS,
                _PT_REGS_FORM.unpack(self._gdb.read(frame, _PT_REGS_FORM.size)),
                strict=True,
            )
        )
        length = 0
        if not saved["cs"] & _RING:
            length = self._emulate(self._gdb.read(saved["ip"], _LONGEST_INSTRUCTION), saved, thread)
        if not length:
            # Somebody's UD2: a WARN or a BUG, which is the kernel's own.
            self._step_over(self._sites.invalid_opcode, thread)
            return
        saved["ip"] += length
        words = [saved[name] & _WORD for name in _PT_REGS]
        self._gdb.write(frame, _PT_REGS_FORM.pack(*words))
        # Return from the handler before its first instruction.
        registers["ip"] = self._gdb.number(registers["sp"])
        registers["sp"] += 8
        self._gdb.set_registers(registers)

    def _emulate(self, code: bytes, saved: Registers, thread: str) -> int:
        """Does the instruction; gives its length, or 0 for one that is not emulated."""
        length = vmx_length(code)
        is_seamcall = code.startswith(SEAMCALL)
        if not length and not is_seamcall:
            return 0
        cpu = int(thread, 16)
        if is_seamcall and cpu not in self._cpus_in_vmx:
            return 0
        saved["flags"] &= ~_STATUS_FLAGS
        if not is_seamcall:
            self._note_vmx(code, cpu)
            return length
        try:
            self._module.seamcall(saved, cpu)
        except VmFailInvalid:
            saved["flags"] |= _CARRY
        return len(SEAMCALL)

    def _on_rdmsr(self, thread: str, registers: Registers) -> None:
        number = registers["cx"] & 0xFFFFFFFF
        if number == SETTLED:
            self._settle(registers["ip"])
        if number not in self._msrs:
            self._step_over(registers["ip"], thread)
            return
        value = self._msrs[number]
        registers["ax"], registers["dx"] = value & 0xFFFFFFFF, value >> 32
        registers["ip"] += len(RDMSR)
        self._gdb.set_registers(registers)

    def _on_cr4_write(self, thread: str, registers: Registers) -> None:
        """Writes what the kernel writes: TCG itself takes VMXE for a fault of SVM, and hangs."""
        registers["cr4"] = registers[self._sites.cr4[registers["ip"]]]
        registers["ip"] += _CR4_WRITE_LENGTH
        self._gdb.set_registers(registers)

    def _note_vmx(self, code: bytes, cpu: int) -> None:
        if code.startswith(_VMXON):
            self._cpus_in_vmx.add(cpu)
        elif code.startswith(_VMXOFF):
            self._cpus_in_vmx.discard(cpu)

    def _on_module_start(self, thread: str, registers: Registers) -> None:
        """Answers the RDMSRs of kvm_intel, which asks for the VMX capabilities."""
        layout = self._sites.module
        module = registers["di"]
        name = self._gdb.read(module + layout.name, 56).split(b"\0")[0]
        for region in _CODE_REGIONS if name == b"kvm_intel" else ():
            place = module + layout.mem + region * layout.stride
            start, size = self._gdb.number(place), self._gdb.number(place + layout.size, 4)
            for at in occurrences(self._gdb.read(start, size), RDMSR):
                self._break_at(start + at, self._on_rdmsr)
        self._step_over(self._sites.module_start, thread)


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
