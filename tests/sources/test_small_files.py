"""Small files of the host that are made large: cheap to parse up to their limit, refused above."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tdxinfo.errors import Malformed
from tdxinfo.machine.kinds import kind_of
from tdxinfo.machine.live import LiveMachine
from tdxinfo.machine.system import TEXTS_LIMIT, System
from tdxinfo.report import observe
from tests.parts import one_in

SECONDS = 2.0
"""Of processor time for one MiB; the slowest takes a third of it, what is quadratic minutes."""
MIB = 1 << 20

GRUB = ("boot/grub/grub.cfg", "boot.next_kernel")
SETTINGS = ("etc/default/grub", "boot.configured_options")
DOMAIN = ("etc/libvirt/qemu/host.xml", "attestation.quote_clients")
QCNL = ("etc/sgx_default_qcnl.conf", "attestation.pccs_is_local")
KATA = ("etc/kata-containers/configuration.toml", "attestation.quote_clients")
PORT = ("etc/qgs.conf", "attestation.quote_endpoint")
MODPROBE = ("etc/modprobe.d/kvm.conf", "kvm.tdx_option")
ENTRY = ("boot/loader/entries/host.conf", "boot.next_kernel")
DESCRIPTOR = ("usr/share/qemu/firmware/60-ovmf.json", "stack.tdx_firmware")
RELEASE = ("etc/os-release", "platform.distribution")
AGENT = ("var/log/mpa_registration.log", "attestation.registration_log")

HOSTILE = [
    (*GRUB, "\n"),
    (*GRUB, "set a=$a$a\n"),
    (*GRUB, "menuentry a {\n"),
    (*GRUB, "if [ " + "! " * 8000 + "]\nfi\n"),
    (*GRUB, "linux '\n"),
    (*SETTINGS, "GRUB_CMDLINE_LINUX+=$GRUB_CMDLINE_LINUX$GRUB_CMDLINE_LINUX\n"),
    (*SETTINGS, "export "),
    (*DOMAIN, "<launchSecurity type='tdx'>"),
    (*DOMAIN, "<launchSecurity "),
    (*DOMAIN, "<launchSecurity type='tdx'><quoteGenerationService "),
    (*QCNL, "\n"),
    (*QCNL, "pccs_url "),
    (*QCNL, " "),
    (*KATA, "\n"),
    (*KATA, " "),
    (*KATA, "tdx_quote_generation_service_socket_port = 1 "),
    (*PORT, "\n"),
    (*PORT, "port=1\n"),
    (*MODPROBE, "options kvm_intel tdx=1\n"),
    (*MODPROBE, "\\\n"),
    (*ENTRY, "options a\n"),
    (*ENTRY, "\n"),
    (*DESCRIPTOR, "["),
    (*RELEASE, "ID=a\n"),
    (*AGENT, "Starts Registration Agent Flow\n"),
]


def machine(root: Path, path: str, data: bytes) -> LiveMachine:
    for folder in ("proc", "sys/kernel", "dev", str(Path(path).parent)):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "proc/version").touch()
    (root / path).write_bytes(data)
    return LiveMachine(str(root))


CASES = [pytest.param(*case, id=f"{case[0]} {case[2][:20]!r}") for case in HOSTILE]


@pytest.mark.parametrize(("path", "fact", "unit"), one_in(6, CASES))
def test_up_to_its_limit_a_file_is_cheap_to_parse(
    tmp_path: Path, path: str, fact: str, unit: str
) -> None:
    data = (unit * (MIB // len(unit))).encode()
    assert any(seconds(machine(tmp_path, path, data), fact) < SECONDS for _ in range(2))


def seconds(given: LiveMachine, fact: str) -> float:
    start = time.process_time()
    observe(given, [fact])
    return time.process_time() - start


@pytest.mark.parametrize(
    ("path", "fact"),
    [GRUB, SETTINGS, DOMAIN, QCNL, KATA, PORT, MODPROBE, ENTRY, DESCRIPTOR, RELEASE, AGENT],
)
def test_a_file_larger_than_such_files_are_is_refused(tmp_path: Path, path: str, fact: str) -> None:
    report = observe(machine(tmp_path, path, b"\n" * (MIB + 1)), [fact])
    assert not report.is_known(fact)
    refused = {attempt.message: attempt.reason for attempt in report.attempts(fact)}
    assert refused[f"/{path} holds more than 1 MiB, the most that is read"] == Malformed.reason


def test_the_files_of_a_folder_have_a_limit_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tdxinfo.machine.system.TEXTS_LIMIT", 2 * MIB)
    given = machine(tmp_path, DOMAIN[0], b"\n" * MIB)
    for name in ("other", "third"):
        (tmp_path / f"etc/libvirt/qemu/{name}.xml").write_bytes(b"\n" * MIB)
    report = observe(given, [DOMAIN[1]])
    messages = [attempt.message for attempt in report.attempts(DOMAIN[1])]
    assert messages == ["the files in /etc/libvirt/qemu have more than 2 MiB"]
    assert TEXTS_LIMIT == 64 * MIB


def test_a_removed_file_of_a_folder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("text")
    paths = [str(tmp_path / name) for name in ("gone", "one")]
    assert list(System().texts(paths)) == [(paths[1], "text")]


@pytest.mark.parametrize(
    ("path", "mebibytes"), [("/etc/x", 1), ("/boot/x", 1), ("/proc/x", 16), ("/sys/x", 16)]
)
def test_only_what_the_kernel_writes_may_be_large(path: str, mebibytes: int) -> None:
    assert kind_of(path).limit == mebibytes * MIB
