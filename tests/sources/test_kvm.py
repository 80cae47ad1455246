"""KVM's own answers, with a kernel that is played: nothing is left open, nothing is made."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Any

import pytest

from tdxinfo.errors import Absent, Denied, Malformed, Unavailable, Unsupported
from tdxinfo.machine.live import LiveMachine
from tdxinfo.model.values import CpuidConfig
from tdxinfo.sources import kvm
from tdxinfo.sources.kvm import KvmCapabilities, KvmSucceeds, KvmVmType
from tests.builders import captured_machine

KVM, VM = 70, 71
ATTRIBUTES = KvmCapabilities("supported_attrs")


class Kernel:
    """Answers the ioctls of Linux 6.16 and later."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.version = 12
        self.vm_types = 0x21
        self.entries = 3
        self.refuse: dict[int, int] = {}
        self.refuse_open = 0
        self.open_now: list[int] = []
        self.asked: list[int] = []
        self.rooms: list[int] = []
        monkeypatch.setattr(os, "open", self.open)
        monkeypatch.setattr(os, "close", self.open_now.remove)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setattr(kvm, "ioctl", self.ioctl)

    def open(self, path: str, flags: int) -> int:
        assert path == "/dev/kvm"
        if self.refuse_open:
            raise OSError(self.refuse_open, os.strerror(self.refuse_open))
        self.open_now.append(KVM)
        return KVM

    def ioctl(self, fd: int, request: int, argument: Any = 0, mutate: bool = False) -> int:
        assert fd in self.open_now
        self.asked.append(request)
        if request in self.refuse:
            raise OSError(self.refuse[request], os.strerror(self.refuse[request]))
        if request == 0xAE00:
            return self.version
        if request == 0xAE03:
            return {(KVM, 235): self.vm_types, (VM, 66): 1024}[fd, argument]
        if request == 0xAE01:
            assert (fd, argument) == (KVM, 5)
            self.open_now.append(VM)
            return VM
        assert (fd, request) == (VM, 0xC008AEBA)
        return self.capabilities(argument)

    def capabilities(self, command: bytearray) -> int:
        assert len(command) == 24
        kind, flags, address, hw_error = struct.unpack("<IIQQ", command)
        assert (kind, flags, hw_error) == (0, 0, 0)
        room = ctypes.c_uint32.from_address(address + 2048).value
        self.rooms.append(room)
        if room < self.entries:
            raise OSError(errno.E2BIG, "")
        answer = struct.pack("<6Q", 1 << 28, 0x602E7, 0, 2, 0, 0) + bytes(2000)
        answer += struct.pack("<II", self.entries, 0)
        answer += b"".join(
            struct.pack("<10I", n, 0, 0, n + 1, 2, 3, 4, 0, 0, 0) for n in range(self.entries)
        )
        ctypes.memmove(address, answer, len(answer))
        return 0


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


def test_capabilities_are_read_from_the_kernel(kernel: Kernel) -> None:
    machine = LiveMachine()
    assert ATTRIBUTES.read(machine) == "0x0000000010000000"
    assert KvmCapabilities("supported_xfam").read(machine) == "0x00000000000602e7"
    assert KvmCapabilities("max_vcpus").read(machine) == 1024
    assert KvmCapabilities("cpuid").read(machine)[1] == CpuidConfig(
        leaf=1, subleaf=0, eax=2, ebx=2, ecx=3, edx=4
    )
    assert KvmSucceeds("initialized").read(machine) == "initialized"
    assert kernel.open_now == []


def test_the_kernel_is_asked_once_for_all_of_them(kernel: Kernel) -> None:
    machine = LiveMachine()
    for member in ("supported_attrs", "supported_xfam", "cpuid", "max_vcpus"):
        KvmCapabilities(member).read(machine)
    assert kernel.asked.count(0xC008AEBA) == 1
    assert kernel.asked.count(0xAE01) == 1


@pytest.mark.parametrize("entries", [128, 129, 300, 4000])
def test_the_room_grows_until_the_entries_fit(kernel: Kernel, entries: int) -> None:
    kernel.entries = entries
    assert len(KvmCapabilities("cpuid").read(LiveMachine())) == entries
    assert kernel.rooms[-1] >= entries
    assert kernel.rooms == sorted(set(kernel.rooms))
    assert kernel.open_now == []


def test_entries_without_end_are_given_up(kernel: Kernel) -> None:
    kernel.entries = 1 << 20
    with pytest.raises(Malformed):
        ATTRIBUTES.read(LiveMachine())
    assert kernel.open_now == []
    assert len(kernel.rooms) < 10


@pytest.mark.parametrize("request_", [0xC008AEBA, 0xAE01], ids=["capabilities", "create"])
@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOTTY, Unsupported),
        (errno.EINVAL, Unsupported),
        (errno.EIO, Unsupported),
        (errno.EACCES, Denied),
    ],
)
def test_a_kernel_that_refuses_says_why(
    kernel: Kernel, request_: int, number: int, kind: type[Unavailable]
) -> None:
    kernel.refuse[request_] = number
    with pytest.raises(kind):
        ATTRIBUTES.read(LiveMachine())
    assert kernel.open_now == []


def test_a_kernel_that_refuses_is_not_said_to_have_the_module(kernel: Kernel) -> None:
    kernel.refuse[0xC008AEBA] = errno.EINVAL
    with pytest.raises(Unavailable):
        KvmSucceeds("initialized").read(LiveMachine())


@pytest.mark.parametrize(("types", "offers"), [(0x21, True), (1, False), (0, False), (0x20, True)])
def test_the_vm_type_is_bit_5(kernel: Kernel, types: int, offers: bool) -> None:
    kernel.vm_types = types
    assert KvmVmType().read(LiveMachine()) is offers
    assert kernel.open_now == []


def test_where_kvm_does_not_offer_tdx_no_vm_is_made(kernel: Kernel) -> None:
    kernel.vm_types = 1
    with pytest.raises(Unsupported):
        ATTRIBUTES.read(LiveMachine())
    assert 0xAE01 not in kernel.asked


def test_another_version_of_the_api_is_not_asked(kernel: Kernel) -> None:
    kernel.version = 13
    with pytest.raises(Unsupported):
        KvmVmType().read(LiveMachine())
    assert kernel.asked == [0xAE00]
    assert kernel.open_now == []


@pytest.mark.parametrize(
    ("number", "kind", "remedy"),
    [
        (errno.ENOENT, Absent, "Run `modprobe kvm_intel`."),
        (errno.EACCES, Denied, "Run as root."),
        (errno.ENODEV, Unsupported, ""),
    ],
)
def test_a_device_that_cannot_be_opened_says_why(
    kernel: Kernel, number: int, kind: type[Unavailable], remedy: str
) -> None:
    kernel.refuse_open = number
    with pytest.raises(kind) as refusal:
        KvmVmType().read(LiveMachine())
    assert refusal.value.remedy == remedy


def test_no_td_is_made(kernel: Kernel) -> None:
    ATTRIBUTES.read(LiveMachine())
    assert set(kernel.asked) == {0xAE00, 0xAE01, 0xAE03, 0xC008AEBA}


@pytest.mark.parametrize(
    "answers",
    [
        {"kvm/vm_types": "many"},
        {"kvm/vm_types": 0x20, "kvm/tdx_capabilities": 5},
        {"kvm/vm_types": 0x20, "kvm/tdx_capabilities": []},
    ],
)
def test_a_record_of_another_shape_is_malformed(answers: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        ATTRIBUTES.read(captured_machine(answers=answers))


def test_a_record_without_the_member_is_absent() -> None:
    machine = captured_machine(answers={"kvm/vm_types": 0x20, "kvm/tdx_capabilities": {}})
    with pytest.raises(Absent):
        ATTRIBUTES.read(machine)
