"""Errors and hangs of every path that a live run opens, in a real process.

The paths are found by strace: of this machine, and of a host's files below --root. Errors are
injected by strace as well, hangs by a preloaded library, since strace does not let a process end
while one of its calls is delayed.
"""

from __future__ import annotations

import atexit
import functools
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.recorded import folder_of
from tests.straced import needs_strace, straced

pytestmark = needs_strace

ASKING = "openat,newfstatat,fstat,readlink,readlinkat,getdents64,read,pread64,ioctl,lseek,statfs"
"""The calls by which a file is asked for anything."""
FAULTS = ("EIO", "EACCES", "ENOMEM", "EMFILE", "EINTR", "ENODEV")
HANG = Path(__file__).parent / "machine" / "hang.c"
IN_TIME = 180
"""Seconds until the process has ended on a busy machine; a dozen on an idle one."""
RESTRICTIONS = "/etc/tdxinfo.toml"
"""Where it does not answer, nothing may be read."""
SOMETIMES = ("/proc/version",)
"""Read only where a process ended while it was looked at."""
COULD_NOT_LOOK = ("UNKNOWN", "SKIP")
_PATH = re.compile(r'"((?:/(?:proc|sys|dev|boot|efi|etc|run|var)/)[^"]+)"')
_RELATIVE = re.compile(r'<([^>]+)>, "([^/"][^"]*)"')
_OTHERS = re.compile(
    r"/proc/(?:self|\d+)/|/dev/null$|/etc/(?:ld\.so|localtime)|/proc/sys/vm/|/sys/fs/cgroup/.*cpu"
)
"""What the interpreter and its libraries open, and the processes of the moment."""
BASE = "linux-7.2-ready-to-attest"


def run_of(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "tdxinfo", *arguments]


class Hang(NamedTuple):
    """Where a call never returns: `within` is "path" where it is named, or "file" once open."""

    path: str
    within: str = "path"


class Paths(NamedTuple):
    """What a run names in any call, and what it opens for reading."""

    named: list[str]
    opened: list[str]

    @property
    def hangs(self) -> list[Hang]:
        return [*map(Hang, self.named), *(Hang(path, "file") for path in self.opened)]


def paths_of(tmp_path: Path, arguments: tuple[str, ...], below: str = "") -> Paths:
    """The paths of a run; with `below` those of this folder."""
    trace = tmp_path / "trace"
    command = straced(trace, "%file", "-y", "-s", "400")
    subprocess.run([*command, *run_of(arguments)], capture_output=True, check=False, timeout=300)
    lines = trace.read_text(errors="replace").splitlines()
    opens = [line for line in lines if " openat(" in line and "O_PATH" not in line]
    opened = {os.path.realpath(path) for path in named_in(opens, below) if os.path.exists(path)}
    return Paths(sorted(named_in(lines, below)), sorted(opened))


def named_in(lines: list[str], below: str) -> set[str]:
    if below:
        found = {f"{folder}/{name}" for line in lines for folder, name in _RELATIVE.findall(line)}
        return {path for path in found if path.startswith(f"{below}/")}
    found = {path for line in lines for path in _PATH.findall(line)}
    return {path for path in found if not _OTHERS.search(path)}


def parts_below(folder: Path) -> list[str]:
    """The names of all files below --root: each is opened relative to its folder."""
    return sorted({path.name for path in folder.rglob("*") if path.is_file()})


class Whole(NamedTuple):
    """The run without a fault."""

    status: int
    outcomes: dict[str, str]
    """By id of the check; empty for commands that do not judge."""


@functools.cache
def whole(arguments: tuple[str, ...]) -> Whole:
    done = subprocess.run(run_of(arguments), capture_output=True, check=False, timeout=120)
    found = outcomes(json.loads(done.stdout)) if "check" in arguments else {}
    return Whole(done.returncode, found)


def holds(status: int, out: bytes, err: bytes, arguments: tuple[str, ...], what: object) -> None:
    """Each check is as without the fault, or it could not look; nothing passes or fails instead."""
    assert b"Traceback" not in out + err, what
    assert err.count(b"\n") <= 1, (what, err)
    document = json.loads(out)
    if status == 2:
        assert document["errors"], what
        return
    assert status in (whole(arguments).status, 3), (what, status)
    before, after = whole(arguments).outcomes, outcomes(document)
    assert before.keys() == after.keys()
    claimed = {
        name: outcome
        for name, outcome in after.items()
        if outcome not in (before[name], *COULD_NOT_LOOK)
    }
    assert not claimed, (what, claimed)


def faulty(path: str, fault: str, arguments: tuple[str, ...]) -> None:
    fails = ("-P", path, "-e", f"inject={ASKING}:error={fault}")
    command = [*straced(os.devnull, ASKING, *fails), *run_of(arguments)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    holds(done.returncode, done.stdout, done.stderr, arguments, (path, fault))


def all_faulty(paths: list[str], arguments: tuple[str, ...]) -> None:
    """Each path with one of the errors."""
    whole(arguments)
    faults = [FAULTS[number % len(FAULTS)] for number in range(len(paths))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda path, fault: faulty(path, fault, arguments), paths, faults):
            pass


@functools.cache
def preloaded() -> str:
    """The library that lets calls hang, compiled once."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = f"{folder}/hang.so"
    command = [compiler, "-shared", "-fPIC", "-o", library, str(HANG)]
    subprocess.run(command, check=True, timeout=120)
    return library


def hanging(hang: Hang, arguments: tuple[str, ...]) -> None:
    """The run meets the hang, ends by itself in time, and claims nothing that it did not see."""
    with tempfile.TemporaryDirectory() as folder:
        mark = f"{folder}/met"
        variables = {"HANG_PATH": hang.path, "HANG_IN": hang.within, "HANG_MARK": mark}
        done = subprocess.run(
            run_of(arguments),
            env={**os.environ, "LD_PRELOAD": preloaded(), **variables},
            capture_output=True,
            check=False,
            timeout=IN_TIME,
        )
        assert os.path.exists(mark) or hang.path in SOMETIMES, f"no call met {hang}"
    assert b"Traceback" not in done.stdout + done.stderr, hang
    if "capture" in arguments:
        captures(done, hang)
    else:
        judges(done, hang, arguments)


def captures(done: subprocess.CompletedProcess[bytes], hang: Hang) -> None:
    """The archive is whole, and has nothing of the file; without restrictions there is none."""
    if hang.path == RESTRICTIONS:
        assert (done.returncode, done.stdout) == (2, b"")
        return
    assert done.returncode == 0, (hang, done.stderr)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        names = archive.getnames()
    assert any(name.endswith("about.toml") for name in names)
    assert not any(name.endswith(f"/root{hang.path}") for name in names), hang


def judges(
    done: subprocess.CompletedProcess[bytes], hang: Hang, arguments: tuple[str, ...]
) -> None:
    """Only where the restrictions do not answer is there no report."""
    holds(done.returncode, done.stdout, done.stderr, arguments, hang)
    assert (done.returncode == 2) == (hang.path == RESTRICTIONS), hang


def outcomes(document: Any) -> dict[str, str]:
    return {check["id"]: check["outcome"] for check in document["checks"]}


def failure(hang: Hang, arguments: tuple[str, ...]) -> str:
    """What is wrong with the run; empty where nothing is."""
    try:
        hanging(hang, arguments)
    except (AssertionError, ValueError, subprocess.TimeoutExpired) as error:
        return f"{hang.path}, {hang.within}: {error!r}"
    return ""


def all_hang(hangs: list[Hang], arguments: tuple[str, ...]) -> None:
    """They wait most of the time: several for each processor."""
    whole(arguments), preloaded()
    with ThreadPoolExecutor(4 * (os.cpu_count() or 1)) as pool:
        found = list(pool.map(lambda hang: failure(hang, arguments), hangs))
    assert not any(found), [text for text in found if text]


def few(paths: list[str]) -> list[str]:
    """Some, those of interest among them: enough for each kind of fault."""
    return [*paths[1::1000], *(path for path in paths if path == "/dev/kmsg")]


LIVE = ("check", "--json")
CAPTURE = ("capture", "-")


@pytest.mark.slow
def test_an_error_of_any_path_of_this_machine_is_no_answer(tmp_path: Path) -> None:
    paths = paths_of(tmp_path, LIVE).named
    assert len(paths) > 20
    all_faulty(paths, LIVE)


def decisive(names: list[str]) -> list[str]:
    """A file whose absence is an answer, for one error in three."""
    return [name for name in names if name == "ept" for _ in FAULTS[::3]]


@pytest.mark.parametrize(
    "chosen",
    [decisive, pytest.param(list, marks=pytest.mark.slow)],
    ids=["decisive", "all"],
)
def test_an_error_of_any_file_below_root_is_no_answer(
    tmp_path: Path, chosen: Callable[[list[str]], list[str]]
) -> None:
    root = tmp_path / "root"
    shutil.copytree(folder_of(BASE) / "root", root)
    arguments = ("--root", str(root), "check", "--json")
    names = parts_below(root)
    assert len(names) > 20
    assert chosen(names)
    all_faulty(chosen(names), arguments)


@pytest.mark.slow
def test_a_path_that_hangs_does_not_hold_the_answer(tmp_path: Path) -> None:
    all_hang(paths_of(tmp_path, LIVE).hangs, LIVE)


@pytest.mark.slow
def test_a_path_that_hangs_does_not_hold_a_capture(tmp_path: Path) -> None:
    """Of the paths that only a capture reads, and some of the others."""
    judged, captured = paths_of(tmp_path, LIVE), paths_of(tmp_path, CAPTURE)
    more = [hang for hang in captured.hangs if hang not in judged.hangs]
    all_hang([*map(Hang, (RESTRICTIONS, *few(judged.named))), *more], CAPTURE)


@pytest.mark.slow
def test_a_file_below_root_that_hangs_does_not_hold_the_answer(tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(folder_of(BASE) / "root", root)
    arguments = ("--root", str(root), "check", "--json")
    found = paths_of(tmp_path, arguments, below=str(root))
    assert len(found.named) > 100
    assert len(found.opened) > 30
    all_hang(found.hangs, arguments)


def test_the_devices_that_hang_do_not_hold_the_answer() -> None:
    hangs = [Hang(RESTRICTIONS), Hang("/dev/kmsg"), Hang("/proc/cpuinfo", "file")]
    all_hang([hang for hang in hangs if os.path.exists(hang.path) or hang == hangs[0]], LIVE)
