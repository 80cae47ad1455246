"""The host of a command: what others made is read by a child process, this machine is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tdxinfo.cli.options import Settings
from tdxinfo.cli.subject import examine
from tests.cli.command import ran

MANY = b"<launchSecurity type='tdx'>"
"""Each may be that of an element which ends thousands of characters later."""


def test_only_what_others_made_is_read_by_a_child(tmp_path: Path) -> None:
    settings = Settings()
    assert examine(settings, lambda _: os.getpid()) == os.getpid()
    settings.root = str(tmp_path)
    assert examine(settings, lambda _: os.getpid()) != os.getpid()


def test_the_files_below_a_root_cannot_use_up_the_memory(tmp_path: Path) -> None:
    for folder in ("proc", "sys/kernel", "dev", "etc/libvirt/qemu", "etc/modprobe.d"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "proc/version").touch()
    (tmp_path / "proc/zoneinfo").write_bytes(b"\n" * (15 << 20))
    found = ran("--root", str(tmp_path), "dump")
    assert found.status in (0, 2)
    assert found.err.count("\n") == (found.status == 2)


@pytest.mark.slow
def test_the_files_below_a_root_cannot_make_a_run_endless(tmp_path: Path) -> None:
    folder = tmp_path / "etc/libvirt/qemu"
    folder.mkdir(parents=True)
    (folder / "host.xml").write_bytes(MANY * ((15 << 20) // len(MANY)))
    found = ran("--root", str(tmp_path), "dump", "attestation.quote_clients")
    assert (found.status, found.out) == (2, "")
    assert found.err == f"tdxinfo: {tmp_path} takes more than 10 s to read.\n"
