"""It only reads: held against the system calls it makes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STRACE = shutil.which("strace")
CALLS = (
    "execve,execveat,open,openat,openat2,creat,connect,mount,unlink,unlinkat,rename,renameat2,"
    "mkdir,mkdirat,write,ioctl"
)
WRITES = re.compile(r"O_(?:WRONLY|RDWR|CREAT|TRUNC|APPEND)")
KVM_READS = (
    "KVM_GET_API_VERSION",
    "KVM_CHECK_EXTENSION",
    "KVM_CREATE_VM",
    "KVM_MEMORY_ENCRYPT_OP",
)
TERMINAL = ("TCGETS", "TIOCGWINSZ", "FIOCLEX")

pytestmark = pytest.mark.skipif(STRACE is None, reason="strace is not installed")


def calls_of(tmp_path: Path, *arguments: str) -> list[str]:
    """The system calls of `tdxinfo ARGUMENTS`, after the interpreter itself was started."""
    trace = tmp_path / "trace"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [STRACE or "", "-f", "-qq", "-e", f"trace={CALLS}", "-o", str(trace)]
    done = subprocess.run(
        [*command, sys.executable, "-m", "tdxinfo", *arguments],
        env=environment,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, 1, 3, 4), done.stderr
    lines = [line.split(maxsplit=1)[1] for line in trace.read_text().splitlines()]
    assert len(lines) > 50
    return lines[1:]


@pytest.mark.parametrize("command", ["dump", "check"])
@pytest.mark.parametrize("source", [(), ("--from", "example:emr-five-cmrs")])
def test_nothing_is_opened_for_writing_executed_or_changed(
    tmp_path: Path, command: str, source: tuple[str, ...]
) -> None:
    for line in calls_of(tmp_path, *source, command, "-v"):
        name = line.split("(")[0]
        if name in ("open", "openat", "openat2"):
            assert not WRITES.search(line), line
        elif name == "write":
            assert re.match(r"write\([12],", line), line
        elif name == "ioctl":
            assert any(word in line for word in (*KVM_READS, *TERMINAL)), line
        elif name.startswith("exec"):
            assert "journalctl" in line, line
        else:
            # The interpreter's own look-ups fail; a call that changes something succeeds.
            assert "= -1" in line, line


def test_status_of_the_helper_changes_nothing_and_starts_no_program(tmp_path: Path) -> None:
    for line in calls_of(tmp_path, "helper", "status", "-v"):
        name = line.split("(")[0]
        if name in ("open", "openat", "openat2"):
            assert not WRITES.search(line), line
        elif name not in ("write", "ioctl"):
            assert "= -1" in line, line


def test_with_from_this_machine_is_never_read(tmp_path: Path) -> None:
    paths = re.compile(r'"(/proc/(?!self)|/sys/|/dev/(?!null|urandom))')
    for line in calls_of(tmp_path, "--from", "example:emr-five-cmrs", "check"):
        assert not paths.search(line), line


def test_only_the_places_of_the_facts_asked_for_are_read(tmp_path: Path) -> None:
    lines = calls_of(tmp_path, "dump", "kernel.release")
    read = [line for line in lines if '"/proc/' in line and "self" not in line]
    assert read
    assert all("/proc/sys/kernel/osrelease" in line for line in read)


AS_NOBODY = """
import contextlib, io, os, sys
from tdxinfo.cli import run
with contextlib.redirect_stdout(io.StringIO()):
    for command in ("dump", "check"):  # loads all modules while their files may be read
        run(["--from", "example:emr-five-cmrs", command, "--json"])
        run(["--from", "example:emr-five-cmrs", command])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "command", [("dump",), ("dump", "--json"), ("check",), ("check", "--json")]
)
def test_as_nobody_it_still_reports(command: tuple[str, ...]) -> None:
    if os.geteuid() != 0:
        pytest.skip("becoming nobody needs root")
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.returncode in (0, 1, 3, 4)
    assert done.stdout
