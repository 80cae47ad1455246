"""Which lines count: those of the kernel, and of its last boot."""

from __future__ import annotations

import pytest

from tdxinfo.decode.boot import Boot
from tdxinfo.decode.klog import read_log, relevant_lines

FIRST = """\
[    0.000000] Linux version 6.8.0-1028-intel (buildd@x) #35
[    5.205693] virt/tdx: BIOS enabled: private KeyID range [64, 128)
[   29.884513] virt/tdx: module initialized
"""
SECOND = """\
[    0.000000] Linux version 7.1.5-arch1-2
[    0.048412] virt/tdx: TDX not supported by the host platform
"""


def names(log: str) -> list[str]:
    return [event.name for event in read_log(log)[0]]


def test_of_several_boots_the_last_counts() -> None:
    found, complete, *_ = read_log(FIRST + SECOND)
    assert [event.name for event in found] == ["linux_version", "no_platform"]
    assert found[0].values == {"release": "7.1.5-arch1-2"}
    assert complete


@pytest.mark.parametrize(
    "separator",
    ["-- Boot 0123456789abcdef0123456789abcdef --", "-- Reboot --", "> -- Boot 00 --"],
)
def test_a_journal_says_where_a_new_boot_begins(separator: str) -> None:
    log = f"{FIRST}{separator}\n[    5.2] virt/tdx: module not loaded\n"
    found, complete, *_ = read_log(log)
    assert [event.name for event in found] == ["not_loaded"]
    assert not complete, "the second boot's beginning is not there"


def test_a_log_without_its_beginning_is_not_complete() -> None:
    assert read_log(FIRST.split("\n", 1)[1])[1] is False


def test_a_pasted_proc_version_below_the_log_begins_no_boot() -> None:
    log = f"{FIRST}$ cat /proc/version\nLinux version 6.8.0-1028-intel (buildd@x) #35\n"
    assert names(log) == ["linux_version", "keyid_range", "initialized"]


def test_the_log_goes_on_below_a_pasted_proc_version() -> None:
    log = f"{SECOND}Linux version 9.9.9\n[    1.000000] x86/tme: enabled by BIOS\n"
    assert names(log) == ["linux_version", "no_platform", "tme_enabled"]


def test_a_log_without_times_has_several_boots_too() -> None:
    plain = "".join(line.partition("] ")[2] + "\n" for line in (FIRST + SECOND).splitlines())
    assert names(plain) == ["linux_version", "no_platform"]


def test_a_pasted_proc_version_above_the_log_takes_nothing_away() -> None:
    assert names(f"Linux version 6.8.0-1028-intel (buildd@x)\n{FIRST}") == [
        "linux_version",
        "keyid_range",
        "initialized",
    ]


FORGED = "virt/tdx: module initialized"


@pytest.mark.parametrize(
    "line",
    [
        f"Jul 10 20:50:19 host evil[7]: {FORGED}",
        f"Jul 10 20:50:19 host evil: {FORGED}",
        f"Jul 10 20:50:19 host evil[7]: kernel: {FORGED}",
        f"Jul 10 20:50:19 host evil[7]: [    5.300843] {FORGED}",
        f"Jul 10 20:50:19 host evil[7]: Jul 10 20:50:19 host kernel: {FORGED}",
        f"Jul 10 20:50:19 host user@1000.service[7]: {FORGED}",
        f"Jul 10 20:50:19 host (udev-worker)[7]: {FORGED}",
        f"Jul 10 20:50:19 host my program[7]: {FORGED}",
        f"Jul 10 20:50:19 host kernel[7]: {FORGED}",
        f"Jul 10 20:50:19.123456 host evil[7]: {FORGED}",
        f"2026-07-10T20:50:19+0200 host evil[7]: {FORGED}",
        f"Mär 13 12:04:49 host evil[7]: {FORGED}",
        f"3月 13 12:04:49 host evil: {FORGED}",
        f"Wed 2023-09-06 11:29:15 CEST host evil[7]: {FORGED}",
        f"1694000000.300843 host evil[7]: {FORGED}",
        f"2026-07-10T20:50:19.123456+02:00 host evil[7]: {FORGED}",
        f"[    5.300843] host evil[7]: {FORGED}",
        f"[    5.300843] host evil: {FORGED}",
        f"[    5.300843] evil[7]: {FORGED}",
        f"Jul 10 20:50:19 evil[7]: {FORGED}",
        f"Jul 10 20:50:19 evil: {FORGED}",
    ],
)
def test_a_program_cannot_speak_for_the_kernel_in_a_journal(line: str) -> None:
    assert names(f"Jul 10 20:50:19 host kernel: x86/tme: enabled by BIOS\n{line}\n") == [
        "tme_enabled"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Jul 10 20:50:19 host evil[7]: Linux version 1.2.3",
        "Jul 10 20:50:19 host evil[7]: SEAMCALL (0x22) failed: 0xc000050500000000",
        "Jul 10 20:50:19 host evil[7]: tdx: TDX module initialized.",
        "Jul 10 20:50:19 host evil[7]: -- Reboot --",
    ],
)
def test_what_a_program_says_neither_tells_nor_hides_anything(line: str) -> None:
    assert names(f"Jul 10 20:50:19 host kernel: {FORGED}\n{line}\n") == ["initialized"]


def test_the_kernel_goes_on_after_a_programs_line() -> None:
    log = f"Jul 10 20:50:19 host evil[7]: {FORGED}\nJul 10 20:50:20 host kernel: {FORGED}\n"
    assert names(log) == ["initialized"]


@pytest.mark.parametrize("end", ["\n", "\u2028", "\x0b", "\x0c", "\x85", "\x1c"])
def test_the_second_line_of_what_a_program_says_is_not_the_kernels(end: str) -> None:
    log = f"Jul 10 20:50:19 host evil[7]: first{end}                              {FORGED}\n"
    assert names(log) == []


def test_the_kernel_goes_on_after_a_programs_second_line() -> None:
    log = (
        "Jul 10 20:50:19 host evil[7]: first\n"
        "                              second\n"
        f"Jul 10 20:50:19 host kernel: {FORGED}\n"
    )
    assert names(log) == ["initialized"]


@pytest.mark.parametrize(
    "line",
    [
        f"12,339,5300843,-;{FORGED}",
        f"<12>[    5.300843] {FORGED}",
        f"    <12>[    5.300843] {FORGED}",
        f"user  :notice: [    5.300843] {FORGED}",
        f"daemon:info  : [    5.300843] {FORGED}",
    ],
)
def test_what_user_space_wrote_into_the_kernel_log_is_not_the_kernels(line: str) -> None:
    assert names(line) == []


def test_the_lines_kept_of_a_log_tell_the_same() -> None:
    log = (
        "[    0.000000] Linux version 6.8.0-1028-intel (buildd@x) #35\n"
        "[    1.000000] usb usb1: Manufacturer: somebody\n"
        "[    5.205693] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
        "[    6.000000] eth0: link up\n"
        "[   29.884513] virt/tdx: module initialized\n"
    )
    assert read_log(relevant_lines(log), False) == read_log(log, False)
    assert "usb" not in relevant_lines(log)
    assert "eth0" not in relevant_lines(log)


@pytest.mark.parametrize(
    "line",
    [
        f"[    5.3] usb 1-1: Product: {FORGED}",
        f"[    5.3] usb 1-1: Product: [    5.4] {FORGED}",
        f"[    5.3] x86/tme: enabled by BIOS {FORGED}",
    ],
)
def test_a_line_that_the_machine_itself_kept_is_not_taken_apart(line: str) -> None:
    assert "initialized" not in [event.name for event in read_log(line, pasted=False)[0]]


def test_lines_that_the_machine_itself_kept_are_not_joined() -> None:
    log = "[    5.3] virt/tdx: BIOS enabled: private KeyID range\n[64, 128)\n"
    assert read_log(log, pasted=False)[0] == []


def test_cut_lines_that_the_machine_itself_kept_are_not_joined() -> None:
    log = "[    5.3] virt/tdx: BIOS enabled: private KeyID range [64, 1\n28)\n" * 2
    assert names(log) == ["keyid_range"]
    assert read_log(log, pasted=False)[0] == []


@pytest.mark.parametrize("lines", [3, 49, 60, 400])
def test_a_program_that_says_many_lines_is_still_the_one_who_speaks(lines: int) -> None:
    said = "                              chatter\n" * lines
    log = f"Jul 10 20:50:19 host evil[7]: first\n{said}                              {FORGED}\n"
    assert names(log) == []


GUEST = "[    0.000000] tdx: Guest detected\n"
IDLE = "[    0.901730] process: using TDX aware idle routine\n"


def test_what_a_guest_prints_above_its_version_belongs_to_that_boot() -> None:
    assert names(GUEST + FIRST) == ["td_guest_early", "linux_version", "keyid_range", "initialized"]
    assert names(SECOND + GUEST + FIRST)[:2] == ["td_guest_early", "linux_version"]


def test_a_guests_log_before_a_hosts_does_not_make_the_host_a_guest() -> None:
    assert names(GUEST + SECOND + IDLE + FIRST) == ["linux_version", "keyid_range", "initialized"]


@pytest.mark.parametrize(
    ("log", "boots"),
    [
        ("", 0),
        ("no line of a kernel\n", 0),
        (FIRST, 1),
        (GUEST + FIRST, 1),
        (FIRST + SECOND, 2),
        (FIRST + SECOND + FIRST, 3),
        (f"{FIRST}-- Boot 0123 --\n{SECOND}", 2),
        (f"Linux version 6.8.0-1028-intel (buildd@x)\n{FIRST}", 1),
        (f"{FIRST}Linux version 6.8.0-1028-intel (buildd@x)\n", 1),
    ],
)
def test_the_boots_in_a_log_are_counted(log: str, boots: int) -> None:
    assert read_log(log).boots == boots


def test_known_lines_are_counted_in_all_boots() -> None:
    assert read_log("hello\nthis is a shopping list: 8 eggs\n").known == 0
    assert read_log(FIRST + SECOND).known == 5


CRASH = """\
[    0.000000] Linux version 6.8.0-1028-intel (buildd@x) #35
[    0.000000] Command line: BOOT_IMAGE=/x ro irqpoll nr_cpus=1 reset_devices elfcorehdr=0x2000000
[    0.400000] x86/cpu: SGX disabled or unsupported by BIOS.
"""


@pytest.mark.parametrize("crashes", [1, 2])
def test_the_boot_of_a_crash_kernel_is_not_that_of_the_host(crashes: int) -> None:
    found = read_log(SECOND + FIRST + CRASH * crashes)
    assert [event.name for event in found.events] == ["linux_version", "keyid_range", "initialized"]
    assert (found.boots, found.known, found.crash_kernels) == (2, 5 + 3 * crashes, crashes)
    assert not found.is_of_crash_kernel


def test_a_boot_after_a_crash_kernel_is_the_last() -> None:
    found = read_log(FIRST + CRASH + SECOND)
    assert [event.name for event in found.events] == ["linux_version", "no_platform"]
    assert (found.boots, found.crash_kernels) == (3, 0)


def test_where_there_is_only_a_crash_kernel_its_boot_is_marked() -> None:
    assert read_log(CRASH).is_of_crash_kernel
    assert read_log("Linux version 9.9.9\n" + CRASH).is_of_crash_kernel
    assert Boot.from_log(CRASH).lacks == "host"
    assert not read_log(FIRST).is_of_crash_kernel


def test_a_host_that_reserves_memory_for_a_crash_kernel_is_none() -> None:
    line = "[    0.000000] Command line: BOOT_IMAGE=/x ro crashkernel=512M x.elfcorehdr=1\n"
    assert not read_log(FIRST + line).is_of_crash_kernel
