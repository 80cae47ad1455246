"""The host of a command: what others made is read by a child process, this machine is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tdxinfo.cli.options import Settings
from tdxinfo.cli.subject import examine
from tdxinfo.machine import confined
from tests.cli.command import ran


def test_only_what_others_made_is_read_by_a_child(tmp_path: Path) -> None:
    settings = Settings()
    assert examine(settings, lambda _: os.getpid()) == os.getpid()
    settings.root = str(tmp_path)
    assert examine(settings, lambda _: os.getpid()) != os.getpid()


LARGE = (
    *("proc/cmdline", "proc/cpuinfo", "proc/iomem", "proc/meminfo", "proc/zoneinfo"),
    *("proc/sys/kernel/osrelease", "proc/sys/kernel/numa_balancing"),
    *("sys/power/disk", "sys/power/mem_sleep", "sys/kernel/security/lockdown"),
    *("sys/kernel/kexec/loaded", "sys/kernel/kexec/crash_loaded"),
    *(f"sys/class/dmi/id/{name}" for name in ("bios_vendor", "bios_version", "bios_date")),
    *(f"sys/class/dmi/id/{name}" for name in ("sys_vendor", "product_name")),
    *(f"sys/devices/system/node/{name}" for name in ("possible", "online")),
    *(f"sys/module/kvm_intel/parameters/{name}" for name in ("tdx", "ept")),
    *("sys/devices/system/cpu/present", "sys/devices/system/memory/auto_online_blocks"),
    *("sys/devices/faux/tdx_host/version", "sys/firmware/tdx/nr_guest_keyids"),
)
"""Files that a run keeps, of which each may be large: all of them have 390 MiB."""


@pytest.mark.slow
def test_the_files_below_a_root_cannot_use_up_the_memory(tmp_path: Path) -> None:
    for name in ("proc/version", "sys/kernel/x", "dev/null", *LARGE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in LARGE:
        os.truncate(tmp_path / name, 15 << 20)
    found = ran("--root", str(tmp_path), "dump")
    assert (found.status, found.out) == (2, "")
    assert found.err == f"tdxinfo: {tmp_path} needs more than 320 MiB of memory.\n"


def test_the_files_below_a_root_cannot_make_a_run_endless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confined, "LIMITS", confined.LIMITS._replace(processor=0.5))
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/zoneinfo").write_bytes(b"\n" * (15 << 20))
    found = ran("--root", str(tmp_path), "dump", "memory.nodes")
    assert (found.status, found.out) == (2, "")
    assert found.err == f"tdxinfo: {tmp_path} takes more than 0.5 s to read.\n"
