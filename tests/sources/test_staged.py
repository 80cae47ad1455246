"""The module in EFI/TDX: sigstructs in the published layout, with made-up contents."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest

from tdxinfo.machine.live import LiveMachine
from tdxinfo.machine.recording import RecordingMachine
from tdxinfo.report import Report, observe
from tests.builders import captured_machine
from tests.decode.test_sigstruct import MODULE, made

FACTS = [
    f"module.staged_{name}"
    for name in ("mrseam", "release", "svn", "date", "processors", "pair_matches", "fits_processor")
]
CPUINFO = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: {}\n\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "boot/efi/EFI/TDX"
    found.mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/version").write_text("Linux\n")
    (tmp_path / "proc/cpuinfo").write_text(CPUINFO.format(0xCF))
    return found


def stage(folder: Path, signed: bytes, module: bytes | None = MODULE, name: str = "TDX-SEAM.so"):  # type: ignore[no-untyped-def]
    (folder / f"{name}.sigstruct").write_bytes(signed)
    if module is not None:
        (folder / name).write_bytes(module)


def seen(folder: Path) -> Report:
    return observe(LiveMachine(str(folder.parents[3])), FACTS)


@pytest.mark.parametrize("name", ["TDX-SEAM.so", "tdx-seam.SO"])
def test_a_staged_module_is_opened(folder: Path, name: str) -> None:
    stage(folder, made(), name=name)
    module = seen(folder).host.module
    assert module.staged_mrseam == hashlib.sha384(MODULE).hexdigest()
    assert module.staged_release is None
    assert (module.staged_svn, module.staged_date) == ((13, 1), date(2025, 7, 29))
    assert module.staged_processors == (0x806F8, 0xC06F0)
    assert (module.staged_pair_matches, module.staged_fits_processor) == (True, True)


def test_another_processor_and_another_file_are_seen(folder: Path) -> None:
    stage(folder, made(cpus=(0xA06D0, 0xA06E0)), MODULE + b"!")
    module = seen(folder).host.module
    assert (module.staged_pair_matches, module.staged_fits_processor) == (False, False)


def test_a_published_release_is_named_by_its_hash(folder: Path) -> None:
    """1.5.24's MRSEAM as attestations show it."""
    from tdxinfo.decode import releases

    mrseam = next(r.mrseam for r in releases.releases() if str(r.version) == "1.5.24")
    data = bytearray(made())
    data[900:948] = bytes.fromhex(mrseam)
    stage(folder, bytes(data))
    module = seen(folder).host.module
    assert (module.staged_release, module.staged_pair_matches) == ("1.5.24", False)


def test_a_sigstruct_alone_has_no_pair(folder: Path) -> None:
    stage(folder, made(), None)
    report = seen(folder)
    assert report.host.module.staged_svn == (13, 1)
    assert report.is_absent("module.staged_pair_matches")


@pytest.mark.parametrize("signed", [b"", b"\0" * 2048, made()[:2000], made(day=0x20259999)])
def test_a_damaged_sigstruct_is_malformed(folder: Path, signed: bytes) -> None:
    stage(folder, signed)
    report = seen(folder)
    assert {a.reason for a in report.attempts("module.staged_svn")} == {"malformed"}


def test_no_folder_is_absent(folder: Path) -> None:
    folder.rmdir()
    assert seen(folder).is_absent("module.staged_mrseam")


def test_a_capture_keeps_facts_and_no_file(folder: Path) -> None:
    stage(folder, made())
    machine = RecordingMachine(LiveMachine(str(folder.parents[3])))
    report = observe(machine, FACTS)
    assert not [path for path in machine.files if "EFI" in path]
    files = {path: data.decode() for path, data in machine.files.items()}
    assert observe(captured_machine(files, machine.answers), FACTS).host == report.host
