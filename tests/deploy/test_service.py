"""The service under systemd itself: confined as printed, it must not lose a fact.

A container boots systemd on a copy-on-write view of this machine's root, and starts the service.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tdxinfo.host import volatile_facts
from tests.artifacts import TOP
from tests.cli.command import ran
from tests.render.test_prometheus import samples

NSPAWN = shutil.which("systemd-nspawn")
PYTHON = os.path.realpath(sys.executable)
PACKAGES = (
    *("annotated_types", "click", "markdown_it", "mdurl", "pydantic", "pydantic_core", "pygments"),
    *("rich", "tomli", "tomli_w", "typing_extensions.py", "typing_inspection"),
)
"""What a base install has."""
COMPILED = "*__mypyc*.so"
"""What tomli's compiled modules stand on; its name differs with each release."""

START = f"""#!/bin/sh
PYTHONPATH=/opt/tdxinfo exec {PYTHON} -m tdxinfo "$@"
"""

DUMP = """[Service]
ExecStart=
ExecStart=/usr/local/bin/tdxinfo dump --json --all-sources
ExecStartPost=/bin/sh /probe
StandardOutput=append:/var/lib/prometheus/node-exporter/out
"""
"""The same service, but it prints all that it reads, and then what is behind no fact here."""

PROBE = """
grep -q '^f[0-9a-f]* ' /proc/kallsyms; echo kallsyms $?
head -c 4 /proc/kcore 2>/dev/null | grep -q ELF; echo kcore $?
grep -q '^00100000-' /proc/iomem; echo iomem $?
head -n 1 /dev/kmsg >/dev/null; echo kmsg $?
test "$(dd if=/dev/cpu/0/msr bs=8 count=1 iflag=skip_bytes skip=16 2>/dev/null | wc -c)" = 8
echo msr $?
sh -c ': <>/dev/kvm' 2>/dev/null; echo kvm $?
ls /lib/modules /sys/kernel/debug >/dev/null; echo folders $?
! touch /etc/written 2>/dev/null; echo etc $?
! touch /var/lib/written 2>/dev/null; echo var $?
"""
"""What must be readable although the service is confined, and two folders that it cannot change."""

BOOT = """
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mkdir -p /lib/modules
systemctl start tdxinfo.service && cp {metrics}/tdxinfo.prom /result/metrics
mkdir /etc/systemd/system/tdxinfo.service.d
cp /dump.conf /etc/systemd/system/tdxinfo.service.d/
systemctl daemon-reload
systemctl start tdxinfo.service; cp {metrics}/out /result/confined
/usr/local/bin/tdxinfo dump --json --all-sources >/result/free; sh /probe >>/result/free
journalctl -u tdxinfo.service --no-pager >/result/journal
systemctl poweroff
""".format(metrics="/var/lib/prometheus/node-exporter")

BOOT_UNIT = """[Service]
Type=oneshot
ExecStart=/bin/sh /boot.sh
[Install]
WantedBy=multi-user.target
"""


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine cannot mount an overlay of its root: {done.stderr.strip()}")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """This machine's root; what is written goes to a memory file system."""
    changes, top = tmp_path / "changes", tmp_path / "root"
    changes.mkdir()
    top.mkdir()
    mount("-t", "tmpfs", "tmpfs", str(changes))
    try:
        (changes / "upper").mkdir()
        (changes / "work").mkdir()
        layers = f"lowerdir=/,upperdir={changes / 'upper'},workdir={changes / 'work'}"
        mount("-t", "overlay", "overlay", "-o", layers, str(top))
        try:
            yield top
        finally:
            subprocess.run(["umount", str(top)], check=True)
    finally:
        subprocess.run(["umount", str(changes)], check=True)


def furnish(root: Path) -> None:
    """Puts a base install, the service and what starts it into the container's root."""
    library = root / "opt/tdxinfo"
    library.mkdir(parents=True)
    shutil.copytree(TOP / "tdxinfo", library / "tdxinfo")
    for found in map(Path, {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
        for package in (*(found / name for name in PACKAGES), *found.glob(COMPILED)):
            if package.is_dir():
                shutil.copytree(package, library / package.name, dirs_exist_ok=True)
            elif package.exists():
                shutil.copy(package, library / package.name)
    program = root / "usr/local/bin/tdxinfo"
    program.write_text(START)
    program.chmod(0o755)
    units = root / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(parents=True, exist_ok=True)
    assert ran("deploy", "systemd", "--output", str(units)).status == 0
    service = units / "tdxinfo.service"
    service.write_text(
        re.sub(
            r"(?m)^ExecStart=.* check ",
            f"ExecStart=/{program.relative_to(root)} check ",
            service.read_text(),
        )
    )
    (units / "boot.service").write_text(BOOT_UNIT)
    (units / "multi-user.target.wants/boot.service").symlink_to(units / "boot.service")
    (root / "var/lib/prometheus/node-exporter").mkdir(parents=True, exist_ok=True)
    (root / "result").mkdir()
    for name, text in {"dump.conf": DUMP, "probe": PROBE, "boot.sh": BOOT}.items():
        (root / name).write_text(text)


def split(path: Path) -> tuple[dict[str, object], dict[str, str]]:
    """What every source has of the facts that are not volatile, and what the probe printed."""
    document, end = json.JSONDecoder().raw_decode(path.read_text())
    rest = path.read_text()[end:].split()
    volatile = volatile_facts()
    facts = {name: v for name, v in document["all_sources"].items() if name not in volatile}
    return facts, dict(zip(rest[::2], rest[1::2], strict=True))


@pytest.mark.slow
@pytest.mark.skipif(
    NSPAWN is None or os.getuid() != 0 or PYTHON.startswith("/tmp/"),
    reason="systemd-nspawn is not installed, this is not root, or Python is in /tmp",
)
def test_the_confined_service_reads_what_root_reads(root: Path) -> None:
    furnish(root)
    devices = [
        f"--bind={path}" for path in ("/dev/kvm", "/dev/kmsg", "/dev/cpu") if os.path.exists(path)
    ]
    done = subprocess.run(
        [
            *(str(NSPAWN), "--register=no", "--keep-unit", "--quiet", "--capability=all"),
            *(*devices, f"--directory={root}", "--boot", "systemd.unit=multi-user.target"),
        ],
        env={**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=300,
    )
    result = root / "result"
    if not (result / "free").exists():
        pytest.skip(f"systemd does not boot in a container here: {done.stdout[-300:]!r}")
    journal = (result / "journal").read_text()
    assert (result / "metrics").exists(), journal
    assert samples((result / "metrics").read_text())["tdxinfo_last_run_timestamp_seconds",]
    confined, confined_probe = split(result / "confined")
    free, free_probe = split(result / "free")
    assert confined == free
    assert confined_probe["etc"] == confined_probe["var"] == "0"
    assert free_probe["etc"] == free_probe["var"] == "1"
    readable = {name: status for name, status in free_probe.items() if name not in ("etc", "var")}
    assert {name: confined_probe[name] for name in readable} == readable
    assert readable["kallsyms"] == readable["iomem"] == readable["folders"] == "0"
