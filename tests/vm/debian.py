"""A Debian 12 for a guest that boots systemd: tdxinfo in a virtual environment, and its service.

Everything is installed by the commands that a user would type. Beside it runs what only a program
that sees the whole host can find: a quote service of another user, with its socket.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests import pccs
from tests.vm.missing import Missing, need_programs
from tests.vm.systemd_guest import CHECKOUT, METRICS, PYTHON

QUOTE_PORT = 4050

_TOP = Path(__file__).resolve().parents[2]
_PACKAGES = ("systemd-sysv", "kmod", "python3", "python3-venv")
_UNITS = {
    "bed.service": """[Service]
Type=exec
ExecStart=/bin/sh /run/vm/guest.sh
[Install]
WantedBy=multi-user.target
""",
    # Python starts slowly in the guest.
    "tdxinfo.service.d/time.conf": "[Service]\nTimeoutStartSec=infinity\n",
    "qgsd.service": f"""[Service]
Type=exec
User=nobody
RuntimeDirectory=tdx-qgs
ExecStart=/usr/bin/python3 /usr/local/sbin/qgs -p={QUOTE_PORT}
""",
}
_QUOTE_SERVICE = f"""
import signal, socket

path = socket.socket(socket.AF_UNIX)
path.bind("/run/tdx-qgs/qgs.socket")
port = socket.socket(socket.AF_VSOCK)
port.bind((socket.VMADDR_CID_ANY, {QUOTE_PORT}))
path.listen()
port.listen()
signal.pause()
"""
"""A stand-in, which listens where the quote service does and answers nothing."""


def install(root: Path) -> None:
    """Makes the folder the guest's root. Raises Missing where packages cannot be fetched."""
    _bootstrap(root)
    _install_tdxinfo(root)
    tests = root / CHECKOUT.lstrip("/") / "tests"
    tests.mkdir(parents=True)
    shutil.copy(_TOP / "tests/__init__.py", tests)
    shutil.copytree(_TOP / "tests/vm", tests / "vm", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in _UNITS.items():
        unit = root / "etc/systemd/system" / name
        unit.parent.mkdir(exist_ok=True)
        unit.write_text(text)
    (root / "usr/local/sbin/qgs").write_text(_QUOTE_SERVICE)
    metrics = root / METRICS.lstrip("/")
    metrics.mkdir(parents=True)
    # With Debian's package it belongs to a user of the exporter's own.
    os.chown(metrics, 1, 1)
    with closing(pccs.connect(root / "opt/intel/pccs/pckcache.db")) as cache:
        pccs.add_platform(cache)
        pccs.add_tcb_info(cache, pccs.tcb_info())
    _in_root(root, "systemctl", "enable", "bed.service", "tdxinfo.timer")


def _bootstrap(root: Path) -> None:
    need_programs(("debootstrap", "chroot"))
    packages = f"--include={','.join(_PACKAGES)}"
    done = _run("debootstrap", "--variant=minbase", packages, "bookworm", str(root))
    if done.returncode:
        raise Missing(f"debootstrap cannot install Debian 12: {done.stdout.strip()[-200:]}")


def _install_tdxinfo(root: Path) -> None:
    """tdxinfo and its base install from wheels, and the units as it prints them there."""
    wheels = root / "wheels"
    pip = (sys.executable, "-m", "pip", "--quiet")
    _checked(*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(_TOP))
    (wheel,) = wheels.glob("tdxinfo-*.whl")
    for_guest = ("--only-binary=:all:", "--python-version", "3.11")
    done = _run(*pip, "download", "--dest", str(wheels), *for_guest, str(wheel))
    if done.returncode:
        raise Missing(f"pip cannot download tdxinfo's packages: {done.stdout.strip()[-200:]}")
    _in_root(root, "python3", "-m", "venv", "/opt/tdxinfo")
    from_wheels = ("--no-index", "--find-links", "/wheels")
    _in_root(root, PYTHON, "-m", "pip", "--quiet", "install", *from_wheels, "tdxinfo")
    program = str(Path(PYTHON).parent / "tdxinfo")
    _in_root(root, program, "deploy", "systemd", "--output", "/etc/systemd/system")


def _in_root(root: Path, *command: str) -> None:
    clean = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root")
    _checked("chroot", str(root), *clean, *command)


def _checked(*command: str) -> None:
    done = _run(*command)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stdout.strip()[-500:]}")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
