"""Nothing that names an invented machine, its owner or a secret is shown anywhere."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from tdxinfo import tables
from tdxinfo.machine import identity
from tdxinfo.machine.identity import without_identity
from tdxinfo.machine.recording import RecordingMachine, contents
from tests.builders import captured_machine
from tests.cli.command import ran

HOST = "atlas17"
SECRETS = (
    HOST,
    "ATLAS17",
    "corp-x.example",
    "10.77.3.4",
    "2001:db8:77::5",
    "aa:bb:cc:dd:ee:01",
    "AABBCCDDEE02",
    "aabb.ccdd.ee03",
    "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "hunter2",
    "S3R1AL99X",
    "bertha",
    "K10tok3n",
    "5002538f00aabb11",
    "vg_data",
)
COMMAND_LINE = (
    f"BOOT_IMAGE=/vmlinuz root=/dev/mapper/vg_data-root ro hostname={HOST} "
    f"ip=10.77.3.4::10.77.3.1:255.255.255.0:{HOST}.corp-x.example:eth0:none "
    "ifname=eno1:aa:bb:cc:dd:ee:01 bootmac=AABBCCDDEE02 hwaddr=aabb.ccdd.ee03 "
    "root=UUID=6f9619ff-8b86-d011-b42d-00cf4fc964ff root=/dev/disk/by-id/wwn-0x5002538f00aabb11 "
    "user.password=hunter2 token=K10tok3n sn=S3R1AL99X nameserver=[2001:db8:77::5] "
    "intel_iommu=on kvm_intel.tdx=1 memmap=1G!4G nohibernate crashkernel=bertha quiet"
)
LOG = (
    f"Nov 28 03:10:11 {HOST} kernel: Linux version 6.8.0-1004-intel (bertha@{HOST}) #1\n"
    f"Nov 28 03:10:11 {HOST} kernel: Command line: {COMMAND_LINE}\n"
    f"Nov 28 03:10:12 {HOST} kernel: virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
    f"Nov 28 03:10:12 {HOST} kernel: igb: aa:bb:cc:dd:ee:01 10.77.3.4 {HOST}.corp-x.example\n"
    f"Nov 28 03:10:12 {HOST} kernel: usb 1-1: SerialNumber: S3R1AL99X virt/tdx: x\n"
    f"Nov 28 03:10:12 {HOST} kernel: virt/tdx: host {HOST}, mac aabb.ccdd.ee03, 2001:db8:77::5\n"
    f"Nov 28 03:10:12 {HOST} sshd[12]: Accepted publickey for bertha from 10.77.3.4 port 22\n"
    f"Nov 28 03:10:12 {HOST} su: session opened for user bertha token=K10tok3n hunter2\n"
)


def secrets_in(data: bytes) -> list[str]:
    return [secret for secret in SECRETS if secret.encode().lower() in data.lower()]


def test_of_a_command_line_only_known_options_with_known_forms_are_kept() -> None:
    assert identity.command_line(COMMAND_LINE.encode()) == (
        b"ro intel_iommu=on kvm_intel.tdx=1 memmap=1G!4G nohibernate quiet"
    )


@pytest.mark.parametrize("row", tables.load("options")["option"], ids=lambda row: row["example"])
def test_a_row_of_the_options_keeps_its_example(row: dict[str, str]) -> None:
    assert identity.command_line(row["example"].encode()) == row["example"].encode()
    assert identity.command_line(row["names"][0].encode() + b"=bertha/hunter2") == b""


@pytest.mark.parametrize("broken", [b"", b"\xff\xfe", b"\xe9\n"])
def test_a_byte_that_is_no_utf8_switches_nothing_off(broken: bytes) -> None:
    cleaned = without_identity(broken + LOG.encode() + broken)
    left = secrets_in(re.sub(rb"[^\n]*(?:sshd|su)[^\n]*", b"", cleaned))
    assert left == []


@pytest.mark.parametrize(
    "text",
    [
        "[   10.1] virt/tdx: TDX module 1.5.06.00, build number 744, build date 0134d817",
        "[  146.572797] virt/tdx: module verson: 1.5.0.0",
        "virt/tdx: module version: 1.5.00.00.0481 (build_date 20230323).",
        "BIOS 2023.05-2+tdx1.0~ubuntu23.10.1 10/17/2023",
        "virt/tdx: RCX 0x0000000000000000 RDX 0x9100000100000008 R08 0x0000000000000000",
        "00100000-777fffff : System RAM",
        "BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable",
        "[    5.2] serial 00:04: ttyS0 at I/O 0x3f8 (irq = 4)",
        "igb 0000:01:00.0: added PHC",
        "tdx-host-70 and my-host",
        "/sys/firmware/efi/efivars/SgxRegistrationStatus-f236c5dc-a491-4bbe-bcdd-88885770df45",
    ],
)
def test_what_names_no_machine_is_kept(text: str) -> None:
    assert without_identity(text.encode(), ["tdx-host-7"]) == text.encode()


def test_a_host_called_like_a_word_of_the_log_does_not_spoil_it() -> None:
    line = b"[    5.2] virt/tdx: BIOS enabled: private KeyID range [64, 128)"
    for name in ("", "tdx", "x", "BIOS"):
        assert without_identity(line, [name]) == line


def test_a_capture_holds_none_of_them_in_files_answers_refusals_and_the_log() -> None:
    config = f'CONFIG_CMDLINE="{COMMAND_LINE}"\nCONFIG_KVM=y\n'.encode()
    machine = RecordingMachine(
        captured_machine(
            {
                "/proc/cmdline": COMMAND_LINE + "\n",
                "/proc/config.gz": gzip.compress(config),
                "/sys/x": b"\xff 10.77.3.4 aa:bb:cc:dd:ee:01 " + HOST.encode(),
            },
            {"config//etc/x#y": f"https://{HOST}.corp-x.example:8081/", "list": [HOST]},
            {"/sys/y": {"reason": "denied", "message": f"10.77.3.4 of {HOST}"}},
            LOG,
        )
    )
    for path in ("/proc/cmdline", "/proc/config.gz", "/sys/x"):
        machine.read(path)
    for key in ("config//etc/x#y", "list", "kernel-log"):
        machine.ask(key, lambda system: "")
    with pytest.raises(Exception, match=HOST):
        machine.read("/sys/y")
    kept = contents(
        machine,
        None,
        lambda data: without_identity(data, [HOST]),
        lambda log: identity.without_programs(log.encode()).decode(),
    )
    packed = gzip.decompress(kept["root/proc/config.gz"])
    assert b"CONFIG_KVM=y" in packed
    assert b"kvm_intel.tdx=1" in packed
    for name, data in {**kept, "config": packed}.items():
        assert secrets_in(data) == [], name


FORMATS = (
    ("dump",),
    ("dump", "-v"),
    ("dump", "--json"),
    ("dump", "--all-sources", "--json"),
    ("check", "-v"),
    ("check", "--json"),
    ("check", "--format", "markdown"),
    ("check", "--format", "junit"),
    ("check", "--format", "prometheus"),
)


@pytest.mark.parametrize("command", FORMATS, ids=" ".join)
def test_no_format_shows_any_of_them(tmp_path: Path, command: tuple[str, ...]) -> None:
    log = tmp_path / "journal.log"
    log.write_text(LOG)
    shown = ran(*command, "--from", str(log), columns=400)
    assert shown.status in (0, 1, 3)
    assert secrets_in((shown.out + shown.err).encode()) == []


def test_who_asks_for_them_gets_them(tmp_path: Path) -> None:
    log = tmp_path / "journal.log"
    log.write_text(LOG)
    shown = ran("dump", "kernel.command_line", "--from", str(log), "--keep-identity", columns=900)
    assert "hunter2" in shown.out


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b'Command line: ro nohibernate -- -c "mount -t secret=abc && x"', b"ro nohibernate"),
        (b'Kernel command line: pw="a secret" nohibernate', b"nohibernate"),
        (b'CONFIG_CMDLINE="dyndbg=\\"file secret\\" nohibernate"', b"nohibernate"),
    ],
)
def test_quotes_in_a_command_line_hide_nothing(line: bytes, kept: bytes) -> None:
    cleaned = without_identity(line + b"\nnext\n")
    assert b"secret" not in cleaned
    assert kept in cleaned
    assert cleaned.endswith(b"\nnext\n")
