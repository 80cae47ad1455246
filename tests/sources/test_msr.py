"""Registers through /dev/cpu/N/msr: of all packages, or with the reason why not."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from tdxinfo.errors import (
    Absent,
    Denied,
    Inconsistent,
    Malformed,
    NotRecorded,
    Unavailable,
    Unsupported,
)
from tdxinfo.machine.live import LiveMachine
from tdxinfo.sources.msr import Msr, PackageDifferences
from tests.builders import captured_machine

TDX = Msr("IA32_MKTME_KEYID_PARTITIONING", "num_tdx_keyids")
MKTME = Msr("IA32_MKTME_KEYID_PARTITIONING", "num_mktme_keyids")
ENABLED = Msr("IA32_SEAMRR_PHYS_MASK", "valid", bool)
SPLIT = "0x000000400000003f"


def cpuinfo(*packages: int, vendor: str = "GenuineIntel") -> dict[str, str]:
    text = "\n".join(
        f"processor\t: {cpu}\nvendor_id\t: {vendor}\nphysical id\t: {package}\n"
        for cpu, package in enumerate(packages)
    )
    return {"/proc/cpuinfo": text}


def test_a_field_is_taken_out_of_the_register() -> None:
    machine = captured_machine(cpuinfo(0, 0), {"msr/0x87/cpu0": SPLIT})
    assert TDX.read(machine) == 64
    assert MKTME.read(machine) == 63
    assert TDX.origin == "msr:0x87"


def test_a_flag_is_a_truth() -> None:
    assert (
        ENABLED.read(captured_machine(cpuinfo(0), {"msr/0x1401/cpu0": "0x0000000000000c00"}))
        is True
    )
    assert (
        ENABLED.read(captured_machine(cpuinfo(0), {"msr/0x1401/cpu0": "0x0000000000000400"}))
        is False
    )


def test_one_cpu_of_each_package_is_asked() -> None:
    answers = {"msr/0x87/cpu0": SPLIT, "msr/0x87/cpu2": SPLIT}
    assert TDX.read(captured_machine(cpuinfo(0, 0, 1, 1), answers)) == 64


def test_packages_that_differ_are_inconsistent() -> None:
    answers = {"msr/0x87/cpu0": SPLIT, "msr/0x87/cpu1": "0x0000002000000020"}
    with pytest.raises(Inconsistent) as refusal:
        TDX.read(captured_machine(cpuinfo(0, 1), answers))
    assert "package 0: 0x400000003f" in refusal.value.message
    assert "package 1: 0x2000000020" in refusal.value.message


def test_a_package_that_does_not_answer_leaves_the_fact_unknown() -> None:
    with pytest.raises(NotRecorded):
        TDX.read(captured_machine(cpuinfo(0, 1), {"msr/0x87/cpu0": SPLIT}))


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        # `rdmsr -a` without a list of the CPUs.
        (
            {
                "msr/0x1401/cpu0": "0x0003ffffff800c00",
                "msr/0x1401/cpu1": "0x0003ffffff800c00",
                "msr/0x1401/cpu2": "0x0003ffffff800000",
            },
            "IA32_SEAMRR_PHYS_MASK differs between CPUs (CPU 0: 0x3ffffff800c00, "
            "CPU 2: 0x3ffffff800000)",
        ),
        # `rdmsr -p 64` after the bits of CPU 0.
        (
            {"msr/0x1401/cpu0": {"11:11": "0x1"}, "msr/0x1401/cpu64": "0x0003ffffff800400"},
            "IA32_SEAMRR_PHYS_MASK differs between CPUs (CPU 0: 0x800, CPU 64: 0x3ffffff800400)",
        ),
        # One CPU whose bits are others says nothing of these.
        (
            {
                "msr/0x1401/cpu0": {"11:11": "0x1"},
                "msr/0x1401/cpu1": {"10:10": "0x1"},
                "msr/0x1401/cpu2": {"11:11": "0x0"},
            },
            "IA32_SEAMRR_PHYS_MASK differs between CPUs (CPU 0: 0x800, CPU 2: 0x0)",
        ),
    ],
)
def test_cpus_of_a_record_that_differ_leave_no_value(answers: dict[str, Any], shown: str) -> None:
    machine = captured_machine(answers=answers)
    with pytest.raises(Inconsistent) as refusal:
        ENABLED.read(machine)
    assert refusal.value.message == shown
    assert PackageDifferences().read(machine) == (shown,)


@pytest.mark.parametrize(
    "other", ["0x0000000000000c00", {"11:11": "0x1"}, {"10:10": "0x1"}, {"31:12": "0x0"}]
)
def test_cpus_of_a_record_that_agree_leave_the_value(other: object) -> None:
    answers = {"msr/0x1401/cpu0": "0x0000000000000c00", "msr/0x1401/cpu7": other}
    assert ENABLED.read(captured_machine(answers=answers)) is True


def test_two_cpus_of_one_package_can_differ() -> None:
    answers = {"msr/0x87/cpu0": SPLIT, "msr/0x87/cpu1": "0x0000002000000020"}
    with pytest.raises(Inconsistent, match=r"between CPUs \(CPU 0: 0x400000003f, CPU 1: 0x2000"):
        TDX.read(captured_machine(cpuinfo(0, 0), answers))


def test_a_difference_that_was_seen_counts_without_the_other_registers() -> None:
    answers = {
        "msr/0x87/cpu0": SPLIT,
        "msr/0x1401/cpu0": "0x0000000000000c00",
        "msr/0x1401/cpu1": "0x0000000000000400",
    }
    (difference,) = PackageDifferences().read(captured_machine(cpuinfo(0, 1), answers))
    assert difference.startswith("IA32_SEAMRR_PHYS_MASK differs between packages (package 0: ")
    del answers["msr/0x1401/cpu1"]
    with pytest.raises(NotRecorded, match="MSR 0x87 of CPU 1"):
        PackageDifferences().read(captured_machine(cpuinfo(0, 1), answers))


def test_packages_that_differ_do_so_while_a_third_does_not_answer() -> None:
    answers = {"msr/0x87/cpu0": SPLIT, "msr/0x87/cpu2": "0x0000002000000020"}
    with pytest.raises(Inconsistent):
        TDX.read(captured_machine(cpuinfo(0, 1, 2), answers))


def test_without_cpuinfo_the_first_cpu_is_asked() -> None:
    assert TDX.read(captured_machine(answers={"msr/0x87/cpu0": SPLIT})) == 64


def test_another_vendors_processor_is_not_asked() -> None:
    with pytest.raises(Unsupported):
        TDX.read(captured_machine(cpuinfo(0, vendor="AuthenticAMD"), {"msr/0x87/cpu0": SPLIT}))


def test_a_denied_msr_stays_denied() -> None:
    refused = {
        "msr/0x87/cpu0": {"reason": "denied", "message": "no", "remedy": "Run as root."},
    }
    with pytest.raises(Denied) as refusal:
        TDX.read(captured_machine(cpuinfo(0), refused=refused))
    assert refusal.value.remedy == "Run as root."


@pytest.mark.parametrize("value", ["", "64 keys", "0x", [1], True])
def test_a_record_that_holds_no_number_is_malformed(value: object) -> None:
    with pytest.raises(Malformed):
        TDX.read(captured_machine(cpuinfo(0), {"msr/0x87/cpu0": value}))


def no_file(machine: object, path: str) -> bytes:
    raise Absent("no file")


class Device:
    """Stands for /dev/cpu/0/msr."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[str] = []
        self.closed = 0
        self.refuse_open: OSError | None = None
        self.answer: bytes | OSError = bytes.fromhex("3f00000040000000")
        self.addresses: list[int] = []
        monkeypatch.setattr(os, "open", self.open)
        monkeypatch.setattr(os, "pread", self.pread)
        monkeypatch.setattr(os, "close", self.close)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setattr(LiveMachine, "_read", no_file)

    def open(self, path: str, flags: int) -> int:
        self.opened.append(path)
        assert not flags & (os.O_WRONLY | os.O_RDWR), "an MSR is only read"
        if self.refuse_open:
            raise self.refuse_open
        return 77

    def pread(self, fd: int, size: int, address: int) -> bytes:
        assert (fd, size) == (77, 8)
        self.addresses.append(address)
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer

    def close(self, fd: int) -> None:
        assert fd == 77
        self.closed += 1


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    return Device(monkeypatch)


def test_a_live_register_is_read_once_at_its_address(device: Device) -> None:
    machine = LiveMachine()
    assert TDX.read(machine) == 64
    assert MKTME.read(machine) == 63
    assert device.opened == ["/dev/cpu/0/msr"]
    assert device.addresses == [0x87]
    assert device.closed == 1


@pytest.mark.parametrize(
    ("number", "kind", "remedy"),
    [
        (errno.ENOENT, Absent, "Run `modprobe msr`."),
        (errno.ENXIO, Absent, "Run `modprobe msr`."),
        (errno.EACCES, Denied, "Run as root."),
        (errno.EPERM, Denied, "Run as root."),
    ],
)
def test_a_device_that_cannot_be_opened_says_why(
    device: Device, number: int, kind: type[Unavailable], remedy: str
) -> None:
    device.refuse_open = OSError(number, os.strerror(number))
    with pytest.raises(kind) as refusal:
        TDX.read(LiveMachine())
    assert refusal.value.remedy == remedy
    assert device.closed == 0


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.EIO, Unsupported), (errno.EPERM, Denied), (errno.ENXIO, Unavailable)],
)
def test_a_register_that_cannot_be_read_says_why(
    device: Device, number: int, kind: type[Unavailable]
) -> None:
    device.answer = OSError(number, os.strerror(number))
    with pytest.raises(kind):
        TDX.read(LiveMachine())
    assert device.closed == 1


@pytest.mark.parametrize("answer", [b"", b"\x3f\0\0\0"])
def test_a_short_read_is_no_value(device: Device, answer: bytes) -> None:
    device.answer = answer
    with pytest.raises(Unavailable):
        TDX.read(LiveMachine())


def test_a_refusal_is_not_asked_for_twice(device: Device) -> None:
    device.answer = OSError(errno.EIO, "")
    machine = LiveMachine()
    for _ in range(2):
        with pytest.raises(Unsupported):
            TDX.read(machine)
    assert len(device.addresses) == 1


@pytest.mark.parametrize(
    ("isolated", "nohz_full", "cpus"),
    [
        ("\n", "(null)\n", {0, 2}),
        ("0\n", "\n", {1, 2}),
        ("0\n", "2\n", {1, 3}),
        ("0-1\n", "3\n", {0, 2}),
    ],
)
def test_registers_are_read_on_cpus_that_the_kernel_uses_itself(
    isolated: str, nohz_full: str, cpus: set[int]
) -> None:
    """Two packages of two CPUs; where all of one are isolated, its first is read."""
    blocks = [
        f"processor : {cpu}\nvendor_id : GenuineIntel\nphysical id : {cpu // 2}\n"
        for cpu in range(4)
    ]
    files = {
        "/proc/cpuinfo": "\n".join(blocks),
        "/sys/devices/system/cpu/isolated": isolated,
        "/sys/devices/system/cpu/nohz_full": nohz_full,
    }
    asked = {f"msr/0x87/cpu{cpu}": "0x0000004000000040" for cpu in cpus}
    assert TDX.read(captured_machine(files, asked)) == 64
