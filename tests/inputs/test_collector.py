"""The shell script that collects: the same facts as a capture, nothing that names the machine."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tdxinfo.host import fact_names, volatile_facts
from tdxinfo.inputs.collector import script
from tdxinfo.inputs.supplied import open_input
from tdxinfo.machine import Machine
from tdxinfo.machine.live import LiveMachine
from tdxinfo.report import Report, observe
from tests.machine.test_identity import COMMAND_LINE, LOG, secrets_in
from tests.parts import one_in

SHELLS = (("dash",), ("bash", "--posix"), ("busybox", "sh"))
VOLATILE = frozenset(volatile_facts())
NOT_COLLECTED = ("program:", "kvm:", "kmem:", "helper:", "compared:", "metadata:", "package:")


@cache
def text() -> str:
    return script()


def shell(command: tuple[str, ...]) -> tuple[str, ...]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return command


def report_of(path: str) -> Report:
    machine = open_input(path)
    assert isinstance(machine, Machine)
    return observe(machine)


def by_files(report: Report, name: str) -> bool:
    """Whether the fact's value is of a source that the script reads too."""
    origin = report.origin_of(name)
    return bool(origin) and not origin.startswith(NOT_COLLECTED)


@pytest.mark.parametrize("command", one_in(3, SHELLS), ids=" ".join)
def test_its_archive_has_the_facts_of_this_machine_and_nothing_is_left(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = subprocess.run(
        shell(command),
        input=text().encode(),
        capture_output=True,
        check=False,
        timeout=120,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
    wanted = rb"(?:A capture by root would also have: [^\n]+\.\n)?" if os.geteuid() else rb""
    assert re.fullmatch(wanted, done.stderr)
    archive = tmp_path / "host.tar"
    archive.write_bytes(done.stdout)
    collected, live = report_of(str(archive)), observe(LiveMachine())
    known = [n for n in fact_names() if by_files(collected, n) and n not in VOLATILE]
    assert len(known) > 5
    for name in known:
        if by_files(live, name):
            assert collected.host.fact(name) == live.host.fact(name), name
    missing = [n for n in fact_names() if by_files(live, n) and not collected.is_known(n)]
    assert [name for name in missing if name not in VOLATILE] == []
    secrets = LiveMachine().host_names[0].encode()
    assert len(secrets) < 4 or secrets not in done.stdout


def test_without_root_it_says_what_root_would_add(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("becoming another user needs root and setpriv")
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--clear-groups", "sh", "-s"],
        input=re.sub("dmesg(?= (-k )?>)|journalctl(?= -k)", "false", text()).encode(),
        capture_output=True,
        check=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.stderr.startswith(b"A capture by root would also have: ")
    assert b"the kernel log" in done.stderr
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        about = archive.extractfile("capture/about.toml")
        assert about is not None
        assert tomllib.load(about)["as_root"] == done.stderr.decode().strip()


def test_what_programs_wrote_to_the_kernels_log_is_left_out(tmp_path: Path) -> None:
    dmesg = tmp_path / "dmesg"
    dmesg.write_text(
        "#!/bin/sh\n"
        "echo '[    1.000000] virt/tdx: BIOS not enabled.'\n"
        "[ \"$1\" = -k ] || echo '[    9.000000] virt/tdx: module initialized'\n"
    )
    dmesg.chmod(0o755)
    done = subprocess.run(
        ["sh", "-s"],
        input=re.sub("dmesg (?=(-k )?>)", f"{dmesg} ", text()).encode(),
        capture_output=True,
        check=True,
        timeout=120,
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        log = archive.extractfile("capture/kernel.log")
        assert log is not None
        assert log.read().split(b"] ")[1:] == [b"virt/tdx: BIOS not enabled.\n"]


def functions() -> str:
    """The script's functions, without what it does."""
    return text().split("if [ -r /proc/cmdline ]")[0]


@pytest.mark.parametrize("command", SHELLS, ids=" ".join)
def test_a_file_whose_driver_has_lost_its_state_is_refused_as_such(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    file = tmp_path / "version"
    file.touch()
    lost = 'cat() { echo "cat: $2: No such device or address" >&2; return 1; }'
    done = subprocess.run(
        [*shell(command), "-c", f'{functions()}\n{lost}\nkeep "$0"\ncommand cat "$refused"', file],
        capture_output=True,
        check=True,
    )
    (found,) = tomllib.loads(done.stdout.decode())["refused"].values()
    assert (found["reason"], found["errno"]) == ("unsupported", "ENXIO")


@pytest.mark.parametrize("command", one_in(3, SHELLS), ids=" ".join)
def test_a_command_line_keeps_what_a_capture_keeps(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [*shell(command), "-c", functions() + "\ncommand_line"],
        input=COMMAND_LINE.encode() + b" *\n",
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == b"ro intel_iommu=on kvm_intel.tdx=1 memmap=1G!4G nohibernate quiet\n"


@pytest.mark.parametrize("command", one_in(3, SHELLS), ids=" ".join)
def test_lines_of_the_log_name_nobody(command: tuple[str, ...]) -> None:
    lines = [line for line in LOG.splitlines() if "kernel: " in line and "ommand" not in line]
    done = subprocess.run(
        [*shell(command), "-c", functions().replace("uname -n", "echo atlas17") + "\nclean"],
        input="\n".join(lines).encode() + b"\n\xff\xfe aa:bb:cc:dd:ee:01\n",
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert b"private KeyID range [64, 128)" in done.stdout
    assert secrets_in(done.stdout) == []


@pytest.mark.parametrize(
    "asked",
    [
        "/sys/devices/faux/tdx_host/version",
        "/sys/firmware/tdx/p_seamldr/minor",
        "/sys/fs/cgroup/misc.capacity",
        "/proc/zoneinfo",
        "0x982",
        "/dev/kvm",
    ],
)
def test_what_sources_ask_is_in_the_script(asked: str) -> None:
    assert f"\n{asked}\n" in text()
