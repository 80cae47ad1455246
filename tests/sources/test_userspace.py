"""The software above KVM by its files: real files, and recorded answers. Nothing is run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tdxinfo.errors import Absent, Malformed, NotRecorded
from tdxinfo.machine.live import LiveMachine
from tdxinfo.report import observe
from tdxinfo.sources import folders, userspace
from tdxinfo.sources.folders import Device, Listing
from tdxinfo.sources.userspace import (
    ConfigValue,
    Epc,
    Libvirt,
    ModprobeOption,
    Qemu,
    TdxFirmware,
)
from tests.builders import captured_machine


def program(folder: Path, text: bytes) -> str:
    path = folder / "qemu-system-x86_64"
    path.write_bytes(b"\x7fELF" + bytes(100) + text + bytes(100))
    return str(path)


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(userspace, "QEMU_PATHS", (str(tmp_path / "qemu-system-x86_64"),))
    return tmp_path


def test_a_program_file_tells_version_and_object(qemu: Path) -> None:
    text = b"\0tdx-guest\0\0QEMU emulator version 10.1.2 (vendor)\n\0"
    path = program(qemu, text)
    machine = LiveMachine()
    assert Qemu("path").read(machine) == path
    assert Qemu("version").read(machine) == "10.1.2"
    assert Qemu("tdx_guest").read(machine) is True


def test_what_lies_across_two_reads_is_found(qemu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(userspace, "CHUNK", 110)
    program(qemu, b"tdx-guest\0" + bytes(90) + b"QEMU emulator version 8.2.2 (x)\n")
    machine = LiveMachine()
    assert (Qemu("version").read(machine), Qemu("tdx_guest").read(machine)) == ("8.2.2", True)


def test_a_name_that_only_begins_so_is_not_the_object(qemu: Path) -> None:
    program(qemu, b"tdx-guest-memory\0QEMU emulator version 8.2.2 (x)\n")
    assert Qemu("tdx_guest").read(LiveMachine()) is False


def test_a_program_without_a_version_says_so(qemu: Path) -> None:
    program(qemu, b"nothing")
    with pytest.raises(Malformed, match="does not name its version"):
        Qemu("version").read(LiveMachine())


def test_a_fifo_in_the_programs_source_does_not_hold_the_read(qemu: Path) -> None:
    os.mkfifo(qemu / "qemu-system-x86_64")
    with pytest.raises(Malformed, match="not a program file"):
        Qemu("path").read(LiveMachine())


def test_no_program_anywhere_is_absent_but_no_record_is_not(qemu: Path) -> None:
    with pytest.raises(Absent, match="installed") as live:
        Qemu("path").read(LiveMachine())
    assert not isinstance(live.value, NotRecorded)
    with pytest.raises(NotRecorded):
        Qemu("path").read(captured_machine())


@pytest.mark.skipif(
    not Path("/usr/bin/qemu-system-x86_64").exists(), reason="qemu-system-x86 is not installed"
)
def test_the_installed_qemu_is_read_as_it_says_itself() -> None:
    import subprocess

    result = subprocess.run(
        ["/usr/bin/qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True
    )
    version = Qemu("version").read(LiveMachine())
    assert f"version {version}" in result.stdout


def test_libvirts_version_is_in_the_links_target() -> None:
    answers = {"link//usr/lib64/libvirt.so.0": "libvirt.so.0.11006.0"}
    assert Libvirt().read(captured_machine(answers=answers)) == "11.6.0"


def test_a_link_leads_somewhere(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    assert folders.link_target(LiveMachine(), str(tmp_path / "a")) == "b"


def test_descriptors_of_tdx_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(userspace, "DESCRIPTORS", str(tmp_path))
    (tmp_path / "60-tdx.json").write_text('{"features": ["intel-tdx"]}')
    (tmp_path / "50-edk2.json").write_text('{"features": ["acpi-s3"]}')
    (tmp_path / "README").write_text("no descriptor")
    assert TdxFirmware().read(LiveMachine()) == ["60-tdx.json"]


def test_the_later_folder_of_modprobe_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lib, etc = tmp_path / "lib", tmp_path / "etc"
    for folder, value in ((lib, "0"), (etc, "1")):
        folder.mkdir()
        (folder / "kvm.conf").write_text(f"options kvm_intel tdx={value}\n")
    monkeypatch.setattr(userspace, "MODPROBE_FOLDERS", (str(lib), str(tmp_path / "no"), str(etc)))
    assert ModprobeOption("kvm_intel", "tdx").read(LiveMachine()) == "1"


def test_a_value_keeps_the_file_out_of_the_record(tmp_path: Path) -> None:
    from tdxinfo.machine.recording import RecordingMachine

    path = tmp_path / "conf"
    path.write_text("secret=hunter2\n")
    machine = RecordingMachine(LiveMachine())
    assert ConfigValue(str(path), "length", len).read(machine) == 15
    assert machine.files == {}
    assert machine.answers == {f"config/{path}#length": 15}


def test_a_value_that_is_empty_is_absent(tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_text("")
    with pytest.raises(Absent, match="has no url"):
        ConfigValue(str(path), "url", str.strip).read(LiveMachine())


NODES = "/sys/devices/system/node"


def test_the_memory_for_enclaves_is_that_of_all_nodes() -> None:
    files = {f"{NODES}/node{n}/x86/sgx_total_bytes": f"{(n + 1) << 20}\n" for n in (0, 1)}
    answers = {f"list/{NODES}": ["has_cpu", "node0", "node1", "possible"]}
    assert Epc().read(captured_machine(files, answers)) == 3 << 20


def test_a_node_that_tells_no_number_is_malformed() -> None:
    files = {f"{NODES}/node0/x86/sgx_total_bytes": ""}
    with pytest.raises(Malformed, match="node0"):
        Epc().read(captured_machine(files, {f"list/{NODES}": ["node0"]}))


def test_a_device_is_not_opened(tmp_path: Path) -> None:
    assert Device("/dev/null").read(LiveMachine()) is True
    assert Device(str(tmp_path / "none")).read(LiveMachine()) is False
    (tmp_path / "file").write_text("")
    assert Device(str(tmp_path / "file")).read(LiveMachine()) is False


def test_the_first_folder_that_is_there_is_listed(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "OVMF.fd").write_text("")
    listing = Listing((str(tmp_path / "a"), str(tmp_path / "b")))
    assert listing.read(LiveMachine()) == ["OVMF.fd"]


def test_a_record_with_another_kind_of_answer_is_malformed() -> None:
    with pytest.raises(Malformed):
        folders.names_in(captured_machine(answers={"list//x": "text"}), "/x")
    with pytest.raises(Malformed):
        Qemu("path").read(captured_machine(answers={f"qemu/{userspace.QEMU_PATHS[0]}": 3}))


@pytest.mark.parametrize(
    ("init", "own", "writable"), [("rw", "ro", True), ("ro", "ro", False), (None, "rw", True)]
)
def test_efi_variables_are_mounted_as_for_init(
    tmp_path: Path, init: str | None, own: str, writable: bool
) -> None:
    """A confined service has mounts of its own. Where those of init are hidden, its own count."""
    for process, mode in (("1", init), ("self", own)):
        (tmp_path / "proc" / process).mkdir(parents=True)
        if mode:
            mount = f"efivarfs /sys/firmware/efi/efivars efivarfs {mode},nosuid,nodev 0 0\n"
            (tmp_path / "proc" / process / "mounts").write_text(mount)
    report = observe(LiveMachine(str(tmp_path)), ["attestation.efivars_writable"])
    assert report.host.attestation.efivars_writable is writable
