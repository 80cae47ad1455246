"""KVM's own answers, through ioctls on /dev/kvm.

No TD is made: a KeyID is only taken by KVM_TDX_INIT_VM, which is never called. Every descriptor
is closed again. Source: arch/x86/kvm/vmx/tdx.c and the KVM API of Linux 6.16 to 7.3.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from typing import Any, NamedTuple

from tdxinfo.decode import kvm as decode
from tdxinfo.errors import Absent, Malformed, Unavailable, Unsupported, from_oserror
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.system import System

DEVICE = "/dev/kvm"

_GET_API_VERSION = 0xAE00
_CREATE_VM = 0xAE01
_CHECK_EXTENSION = 0xAE03
_MEMORY_ENCRYPT_OP = 0xC008AEBA
_API_VERSION = 12
_CAP_MAX_VCPUS = 66
_CAP_VM_TYPES = 235
_TDX_VM = 5
_TDX_CAPABILITIES = 0
_ENTRIES = (128, 256, 1024, 4096)
"""Room for CPUID entries, grown on E2BIG: the kernel does not say how many it needs."""


class KvmVmType:
    """Whether KVM offers the VM type KVM_X86_TDX_VM."""

    @property
    def origin(self) -> str:
        return "kvm:KVM_CAP_VM_TYPES"

    def read(self, machine: Machine) -> bool:
        types = machine.ask("kvm/vm_types", _vm_types)
        if not isinstance(types, int):
            raise Malformed("the record's VM types of KVM are not a number")
        return bool(types >> _TDX_VM & 1)


class KvmCapabilities(NamedTuple):
    """A member of `struct kvm_tdx_capabilities`, or `max_vcpus`."""

    member: str

    @property
    def origin(self) -> str:
        return "kvm:KVM_TDX_CAPABILITIES"

    def read(self, machine: Machine) -> Any:
        value = capabilities(machine).get(self.member)
        if value is None:
            raise Absent(f"KVM's TDX capabilities have no {self.member}")
        return decode.cpuid_configs(value) if self.member == "cpuid" else value


class KvmSucceeds(NamedTuple):
    """`value`, if KVM shows TDX capabilities: it does once it has initialized the TDX module."""

    value: str

    @property
    def origin(self) -> str:
        return "kvm:KVM_TDX_CAPABILITIES"

    def read(self, machine: Machine) -> str:
        capabilities(machine)
        return self.value


def capabilities(machine: Machine) -> dict[str, Answer]:
    """KVM's TDX capabilities by name. Raises Unavailable."""
    if not KvmVmType().read(machine):
        raise Unsupported("KVM does not offer the VM type for TDs")
    answer = machine.ask("kvm/tdx_capabilities", _tdx_capabilities)
    if not isinstance(answer, dict):
        raise Malformed("the record's TDX capabilities of KVM are not a table")
    return answer


@contextmanager
def _opened(system: System) -> Iterator[int]:
    """A descriptor of /dev/kvm; its ioctls need no right to write."""
    try:
        fd = system.open(DEVICE)
    except Unavailable as refusal:
        raise _not_opened(refusal) from None
    try:
        if ioctl(fd, _GET_API_VERSION, 0) != _API_VERSION:
            raise Unsupported(f"{DEVICE} has another version of the KVM API")
        yield fd
    except OSError as error:
        raise _not_answered(error) from None
    finally:
        os.close(fd)


def _not_opened(refusal: Unavailable) -> Unavailable:
    if refusal.errno == errno.ENOENT:
        return Absent(refusal.message, "Run `modprobe kvm_intel`.", errno.ENOENT)
    return refusal


def _not_answered(error: OSError) -> Unavailable:
    if error.errno in (errno.ENOTTY, errno.EINVAL):
        return Unsupported("this kernel's KVM does not support TDX", errno=error.errno)
    return from_oserror(error, DEVICE)


def _vm_types(system: System) -> int:
    with _opened(system) as kvm:
        return ioctl(kvm, _CHECK_EXTENSION, _CAP_VM_TYPES)


def _tdx_capabilities(system: System) -> Answer:
    with _opened(system) as kvm:
        vm = ioctl(kvm, _CREATE_VM, _TDX_VM)
        try:
            answer = decode.parse_capabilities(_ask_with_room(vm))
            return {**answer, "max_vcpus": ioctl(vm, _CHECK_EXTENSION, _CAP_MAX_VCPUS)}
        finally:
            os.close(vm)


def _ask_with_room(vm: int) -> bytes:
    """`struct kvm_tdx_capabilities` with all its CPUID entries."""
    for entries in _ENTRIES:
        try:
            return _ask(vm, entries)
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
    raise Malformed(f"KVM has more than {_ENTRIES[-1]} CPUID entries")


def _ask(vm: int, entries: int) -> bytes:
    """struct kvm_tdx_cmd: u32 id, u32 flags, u64 pointer to the buffer, u64 hw_error."""
    from array import array

    buffer = array("B", decode.buffer_for(entries))
    address, _ = buffer.buffer_info()
    command = bytearray(struct.pack("<IIQQ", _TDX_CAPABILITIES, 0, address, 0))
    ioctl(vm, _MEMORY_ENCRYPT_OP, command, True)
    return buffer.tobytes()
