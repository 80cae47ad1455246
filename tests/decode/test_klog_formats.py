"""The headers that dmesg and journalctl put before what the kernel said."""

from __future__ import annotations

import pytest

from tdxinfo.decode.boot import Boot, module, platform
from tdxinfo.decode.klog import Event, read_log
from tests.parts import one_in

HEADERS = {
    "none": "",
    "indented": "    ",
    "dmesg": "[    5.300843] ",
    "dmesg unpadded": "[5.300843] ",
    "dmesg half padded": "[ 5.300843] ",
    "dmesg without space": "[    5.300843]",
    "time left out": "[] ",
    "dmesg -T": "[Wed Sep  6 11:29:15 2023] ",
    "dmesg -T on a two-digit day": "[Mon Nov 23 10:51:00 2026] ",
    "dmesg -T in German": "[Mi Mär 13 12:04:49 2024] ",
    "dmesg -T in German, one digit": "[Mi Mär  3 12:04:49 2024] ",
    "dmesg -T in French": "[mer. mars 13 12:04:49 2024] ",
    "dmesg -T in Finnish": "[ke maalis 13 12:04:49 2024] ",
    "dmesg -T in Chinese": "[三 3月 13 12:04:49 2024] ",
    "dmesg -T in Chinese, long": "[周三 3月 13 12:04:49 2024] ",
    "dmesg -T in Japanese": "[水  3月 13 12:04:49 2024] ",
    "dmesg -T in Russian": "[Ср мар 13 12:04:49 2024] ",  # noqa: RUF001
    "dmesg -T in Arabic": "[الأربعاء مارس 13 12:04:49 2024] ",
    "dmesg -x -T in German": "kern  :info  : [Mi Mär 13 12:04:49 2024] ",
    "dmesg -d": "[    5.300843 <    0.000012>] ",
    "dmesg -d -t": "[<    0.000012>] ",
    "dmesg -e": "[Mar13 12:04] ",
    "dmesg -e, later": "[  +0.000012] ",
    "journalctl short in German": "Mär 13 12:04:49 host kernel: ",
    "journalctl short in Japanese": "3月 13 12:04:49 host kernel: ",
    "journalctl short-full": "Wed 2023-09-06 11:29:15 CEST host kernel: ",
    "journalctl short-unix": "1694000000.300843 host kernel: ",
    "dmesg --time-format iso": "2023-09-06T11:29:15,300843+02:00 ",
    "dmesg -r": "<6>[    5.300843] ",
    "dmesg -r on a short line": "<6>",
    "dmesg -x": "kern  :info  : [    5.300843] ",
    "dmesg -x warning": "kern  :warn  : [    5.300843] ",
    "dmesg -x -T": "kern  :err   : [Wed Sep  6 11:29:15 2023] ",
    "caller column": "[    5.300843][    T1] ",
    "caller column apart": "[    5.300843] [    T1] ",
    "caller is a CPU": "[    5.300843][   C12] ",
    "journalctl short": "Feb 27 19:32:31 snp-1.example kernel: ",
    "journalctl short on a one-digit day": "Sep  6 11:29:15 host kernel: ",
    "journalctl short without host": "Feb 27 19:32:31 kernel: ",
    "journalctl short-precise": "Feb 27 19:32:31.123456 host kernel: ",
    "journalctl short-iso": "2023-09-06T11:29:15+0200 host kernel: ",
    "journalctl short-iso of systemd 255": "2023-09-06T11:29:15+02:00 host kernel: ",
    "journalctl short-iso-precise": "2023-09-06T11:29:15.300843+0200 host kernel: ",
    "journalctl short-monotonic": "[    5.300843] host kernel: ",
    "journalctl short-monotonic without host": "[    5.300843] kernel: ",
    "syslog with the kernel's own time": "Feb 27 19:32:31 host kernel: [    5.300843] ",
    "raw record": "6,339,5300843,-;",
    "raw record with caller": "6,339,5300843,-,caller=T1;",
    "quoted": "> ",
    "quoted twice": "> > [    5.300843] ",
    "quoted without space": ">[    5.300843] ",
    "in a table": "| [    5.300843] ",
    "indented with a time": "    [    5.300843] ",
}
SAID = {
    "virt/tdx: BIOS enabled: private KeyID range [64, 128)": {"first": 64, "end": 128},
    "tdx: BIOS enabled: private KeyID range [16, 32)": {"first": 16, "end": 32},
    "kvm_intel: tdx: live migration supported": {},
    "x86/mktme: BIOS enabled: x86_phys_bits reduced by 6": {"bits": 6},
    "Linux version 6.8.0-1028-intel (buildd@host) #35": {
        "release": "6.8.0-1028-intel (buildd@host) #35"
    },
    "Command line: BOOT_IMAGE=/vmlinuz ro nohibernate": {
        "text": "BOOT_IMAGE=/vmlinuz ro nohibernate"
    },
    "Hypervisor detected: KVM": {"name": "KVM"},
    "Memory Encryption Features active: Intel TDX": {},
    "DMI: Dell Inc. PowerEdge R760/0VRV9X, BIOS 2.9.4 12/30/2025": {
        "system": "Dell Inc. PowerEdge R760/0VRV9X",
        "bios_version": "2.9.4",
        "bios_date": "12/30/2025",
    },
}


def only(log: str) -> Event:
    found, *_ = read_log(log)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("said", one_in(4, SAID), ids=lambda text: text[:24])
def test_a_line_is_read_behind_every_header(header: str, said: str) -> None:
    assert only(f"{header}{said}\n").values == SAID[said]


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_call_that_failed_is_read_behind_every_header(header: str) -> None:
    event = only(f"{header}virt/tdx: SEAMCALL (0x0000000000000022) failed: 0xc000050500000000")
    assert event.values == {"leaf": 0x22, "status": 0xC000050500000000}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_lines_next_to_each_other_stay_apart_under_every_header(header: str) -> None:
    log = "".join(
        f"{header}{line}\n"
        for line in (
            "Linux version 7.1.5-arch1-2",
            "virt/tdx: BIOS enabled: private KeyID range [64, 128)",
            "virt/tdx: Module version: 1.5.24",
            "virt/tdx: 1034220 KB allocated for PAMT",
            "virt/tdx: TDX-Module initialized",
        )
    )
    boot = Boot.from_log(log)
    assert boot.complete
    assert platform.kernel_release(boot) == "7.1.5-arch1-2"
    assert str(module.module_version(boot)) == "1.5.24"
    assert module.pamt_bytes(boot) == 1034220 * 1024
    assert module.module_state(boot) == "initialized"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
def test_line_ends_of_other_systems_make_no_difference(end: str) -> None:
    found, complete, *_ = read_log(
        end.join(
            [
                "[    0.000000] Linux version 6.8.0-1028-intel",
                "[    5.205693] virt/tdx: BIOS enabled: private KeyID range [64, 128)",
                "[   29.884513] virt/tdx: module initialized",
                "",
            ]
        )
    )
    assert [event.name for event in found] == ["linux_version", "keyid_range", "initialized"]
    assert found[0].values == {"release": "6.8.0-1028-intel"}
    assert complete


def test_two_entries_glued_into_one_line_are_both_read() -> None:
    found, *_ = read_log(
        "[   29.884504] virt/tdx: 1050644 KB allocated for PAMT"
        "[   29.884513] virt/tdx: module initialized"
    )
    assert [(event.name, event.values) for event in found] == [
        ("pamt_kb", {"kb": 1050644}),
        ("initialized", {}),
    ]


def test_three_entries_glued_into_one_line_are_all_read() -> None:
    log = (
        "[    5.205693] virt/tdx: BIOS enabled: private KeyID range [64, 128)"
        "[    5.205700] virt/tdx: Module version: 1.5.24"
        "[   29.884513] virt/tdx: module initialized"
    )
    assert [event.values for event in read_log(log)[0]] == [
        {"first": 64, "end": 128},
        {"major_version": 1, "minor_version": 5, "update_version": 24},
        {},
    ]


def test_entries_glued_without_times_are_all_read() -> None:
    found, *_ = read_log(
        "virt/tdx: TDX module version: 1.5.24 virt/tdx: 1034220 KB allocated for PAMT "
        "virt/tdx: module initialized"
    )
    assert [event.name for event in found] == ["module_info", "pamt_kb", "initialized"]
    assert found[0].values["update_version"] == 24


def test_glued_entries_of_vendor_kernels_are_all_read() -> None:
    found, *_ = read_log(
        "[   18.149996] tdx: 4202516 KBs allocated for PAMT. "
        "[   18.150000] tdx: module initialized."
    )
    assert [event.name for event in found] == ["pamt_kb", "initialized"]


def test_a_range_is_not_taken_for_the_time_of_a_glued_entry() -> None:
    event = only("tdx: CMR: [0x100000000, 0x407a000000)")
    assert event.values == {"base": 0x100000000, "end": 0x407A000000}


def test_broken_characters_between_the_words_do_no_harm() -> None:
    for broken in ("KB?", "KB�", "KB\u00a0", "KBâ€™s"):
        assert only(f"[17.723174] virt/tdx: 1575964 {broken} allocated for PAMT").values["kb"] == (
            1575964
        )


def test_a_log_of_mojibake_around_the_lines_is_read() -> None:
    found, *_ = read_log("�\x1b[0m\n\x1b[32m\n[    5.3] virt/tdx: module not loaded\n\ufeffÃ©\n")
    assert [event.name for event in found] == ["not_loaded"]


@pytest.mark.parametrize(
    "line",
    [
        "# virt/tdx: module initialized",
        "  # virt/tdx: module initialized",
        "$ dmesg | grep 'virt/tdx: module initialized'",
        "% dmesg | grep 'virt/tdx: module initialized'",
        "> # virt/tdx: module initialized",
        "root@host:~# dmesg | grep 'virt/tdx: module initialized'",
        "user@host:~$ dmesg | grep 'virt/tdx: module initialized'",
        "[root@host ~]# dmesg | grep 'virt/tdx: module initialized'",
    ],
)
def test_comments_and_shell_prompts_are_no_log(line: str) -> None:
    assert read_log(f"[    5.3] x86/tme: enabled by BIOS\n{line}\n")[0] == [
        Event("tme_enabled", {}, "x86/tme: enabled by BIOS")
    ]


def test_lines_glued_behind_a_journals_header_are_two() -> None:
    found, *_ = read_log(
        "Feb 27 19:32:31 h kernel: [    5.2] virt/tdx: 1 KB allocated for PAMT "
        "virt/tdx: module initialized\n"
    )
    assert [event.name for event in found] == ["pamt_kb", "initialized"]


def test_what_somebody_says_of_the_kernel_is_not_the_kernels_word() -> None:
    assert read_log("he said virt/tdx: module initialized\n")[0] == []
    assert read_log("[    5.2] init[1]: begin\nvirt/tdx: module initialized\n")[0] == []
