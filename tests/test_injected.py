"""Errors and hangs of every path that a live run opens, injected by strace into a real process.

The paths are found by strace too: of this machine, and of a host's files below --root.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.recorded import folder_of

STRACE = shutil.which("strace")
pytestmark = pytest.mark.skipif(STRACE is None, reason="strace is not installed")

ASKING = "openat,newfstatat,fstat,readlink,readlinkat,getdents64,read,pread64,ioctl,lseek,statfs"
"""The calls by which a file is asked for anything."""
FAULTS = ("EIO", "EACCES", "ENOMEM", "EMFILE", "EINTR", "ENODEV")
HANG = 90
"""Seconds for which each call on the path waits."""
IN_TIME = 75
"""Seconds until the answer is there, on a busy machine."""
_PATH = re.compile(r'"((?:/(?:proc|sys|dev|boot|efi|etc|run|var)/)[^"]+)"')
_OTHERS = re.compile(
    r"/proc/(?:self|\d+)/|/dev/null$|/etc/(?:ld\.so|localtime)|/proc/sys/vm/|/sys/fs/cgroup/.*cpu"
)
"""What the interpreter and its libraries open, and the processes of the moment."""
BASE = "linux-7.2-ready-to-attest"


def traced(*options: str, arguments: tuple[str, ...]) -> list[str]:
    python = (sys.executable, "-m", "tdxinfo", *arguments)
    return [STRACE or "", "-f", "-qq", "-o", os.devnull, *options, *python]


def paths_of(tmp_path: Path, arguments: tuple[str, ...]) -> list[str]:
    """The paths that the run names in any call."""
    trace = tmp_path / "trace"
    command = traced("-e", "trace=%file", "-s", "400", arguments=arguments)
    command[command.index(os.devnull)] = str(trace)
    subprocess.run(command, capture_output=True, check=False, timeout=300)
    found = set(_PATH.findall(trace.read_text(errors="replace")))
    return sorted(path for path in found if not _OTHERS.search(path))


def parts_below(folder: Path) -> list[str]:
    """The names of all files below --root: each is opened relative to its folder."""
    return sorted({path.name for path in folder.rglob("*") if path.is_file()})


@functools.cache
def whole(arguments: tuple[str, ...]) -> int:
    """The status of the run without a fault."""
    command = [sys.executable, "-m", "tdxinfo", *arguments]
    return subprocess.run(command, capture_output=True, check=False, timeout=120).returncode


def holds(status: int, out: bytes, err: bytes, arguments: tuple[str, ...]) -> None:
    """An answer as without the fault, or one that says that it could not look."""
    assert b"Traceback" not in out + err
    assert err.count(b"\n") <= 1, err
    document = json.loads(out)
    assert status in (whole(arguments), 2, 3), (status, err)
    if status == 2:
        assert document["errors"]
    else:
        assert document["checks"]


def faulty(path: str, fault: str, arguments: tuple[str, ...]) -> None:
    options = ("-P", path, "-e", f"inject={ASKING}:error={fault}")
    command = traced(*options, arguments=arguments)
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    holds(done.returncode, done.stdout, done.stderr, arguments)


def hanging(path: str, arguments: tuple[str, ...]) -> None:
    """The answer is whole before the first call comes back. strace itself waits for that."""
    options = ("-P", path, "-e", f"inject={ASKING}:delay_enter={HANG}s")
    start = time.monotonic()
    child = subprocess.Popen(
        traced(*options, arguments=arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert child.stdout is not None
    out = b""
    try:
        while not out.endswith(b"\n}\n") and (more := os.read(child.stdout.fileno(), 1 << 16)):
            out += more
        assert time.monotonic() - start < IN_TIME, path
        document = json.loads(out)
        # Without the file of restrictions it must not go on: that is a failure, not a verdict.
        assert document["verdict"] != "ready" if "verdict" in document else document["errors"]
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()


def few(paths: list[str]) -> list[str]:
    """Every twentieth, those of interest among them."""
    return [*paths[::20], *(path for path in paths if path in ("/dev/kmsg", "/dev/kvm"))]


LIVE = ("check", "--json")


@pytest.mark.parametrize(
    "chosen", [few, pytest.param(list, marks=pytest.mark.slow)], ids=["few", "all"]
)
def test_an_error_of_any_path_of_this_machine_is_no_answer(tmp_path: Path, chosen: object) -> None:
    paths = paths_of(tmp_path, LIVE)
    assert len(paths) > 20
    assert callable(chosen)
    for number, path in enumerate(chosen(paths)):
        faulty(path, FAULTS[number % len(FAULTS)], LIVE)


@pytest.mark.parametrize("every", [40, pytest.param(1, marks=pytest.mark.slow)])
def test_an_error_of_any_file_below_root_is_no_answer(tmp_path: Path, every: int) -> None:
    root = tmp_path / "root"
    shutil.copytree(folder_of(BASE) / "root", root)
    arguments = ("--root", str(root), "check", "--json")
    names = parts_below(root)
    assert len(names) > 20
    for number, name in enumerate(names[::every]):
        faulty(name, FAULTS[number % len(FAULTS)], arguments)


@pytest.mark.slow
def test_a_path_that_hangs_does_not_hold_the_answer(tmp_path: Path) -> None:
    for path in paths_of(tmp_path, LIVE):
        hanging(path, LIVE)


def test_the_devices_that_hang_do_not_hold_the_answer() -> None:
    for path in ("/dev/kmsg", "/proc/cpuinfo"):
        if os.path.exists(path):
            hanging(path, LIVE)
