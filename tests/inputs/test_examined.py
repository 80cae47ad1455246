"""Input that is made to hang, swell or crash: it ends in one sentence, alone and in a fleet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import tdxinfo
from tests.cli.command import spawned
from tests.parts import one_in

SECONDS = 60
"""Of a busy machine; on an idle one each ends within 20."""
MEMORY_MIB = 512


def capture(folder: Path, **files: str) -> Path:
    folder.mkdir()
    (folder / "about.toml").write_text("format = 1\n")
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def toml_memory(folder: Path) -> Path:
    """Dotted keys: a table for each part of each key."""
    keys = "\n".join(f"a{number}." + ".".join("b" * 400) + " = 1" for number in range(4000))
    source = capture(folder / "source", **{"answers.toml": f"[answers]\n{keys}\n"})
    made = folder / "toml.tgz"
    with tarfile.open(made, "w:gz") as archive:
        archive.add(source, "capture")
    return made


def nested(folder: Path) -> Path:
    lists = "[" * 300 + "]" * 300
    return capture(folder / "nested", **{"answers.toml": f'[answers]\n"kvm/x" = {lists}\n'})


def long_integer(folder: Path) -> Path:
    text = f'[answers]\n"kvm/vm_types" = {"1" * 5000}\n'
    return capture(folder / "integer", **{"answers.toml": text})


def release(folder: Path) -> Path:
    made = folder / "release.log"
    made.write_text(
        f"[    0.000000] Linux version {'5.15.' * 20_000}x (a@b) #1\n[    1.0] virt/tdx: x\n"
    )
    return made


def ranges(folder: Path) -> Path:
    lines = [f"{at:08x}-{at + 0xFFF:08x} : System RAM" for at in range(1 << 20, 1 << 31, 1 << 14)]
    nodes = [
        f"Node {n}, zone Normal\n        spanned  1\n  start_pfn: {(1 << 36) + n * 2}"
        for n in range(9999)
    ]
    return capture(
        folder / "ranges",
        root__proc__iomem="\n".join(lines) + "\n",
        root__proc__zoneinfo="\n".join(nodes) + "\n",
        root__proc__sys__kernel__osrelease="6.18.0\n",
    )


def log_of_ranges(folder: Path) -> Path:
    made = folder / "ranges.log"
    lines = ["[    0.000000] Linux version 6.8.0", "[    0.000000] Early memory node ranges"]
    for at in range(1 << 20, (1 << 20) + (20_000 << 13), 1 << 13):
        lines.append(f"[    0.000000]   node   0: [mem 0x{at:016x}-0x{at + 0xFFF:016x}]")
    for number in range(20_000):
        base = (1 << 24) + (number << 13)
        lines.append(f"[    5.0] virt/tdx: CMR[{number}]: [0x{base:x}, 0x{base + 4096:x})")
    made.write_text("\n".join(lines) + "\n")
    return made


def quotes(folder: Path) -> Path:
    made = folder / "quotes.log"
    made.write_bytes(b">" * (30 << 20) + b"\nvirt/tdx: module initialized\n")
    return made


def json_of_lists(folder: Path) -> Path:
    made = folder / "deep.json"
    made.write_text('{"schema_version": "1.0", "host": ' + "[" * 200_000)
    return made


def endless_report(folder: Path) -> Path:
    made = folder / "large.json"
    report = json.loads(tdxinfo.observe("example:emr-five-cmrs").model_dump_json())
    report["host"]["memory"]["cmrs"] *= 20_000
    made.write_text(json.dumps(report))
    return made


HOSTILE: dict[str, Callable[[Path], Path]] = {
    made.__name__: made
    for made in (
        nested,
        toml_memory,
        long_integer,
        release,
        ranges,
        log_of_ranges,
        quotes,
        json_of_lists,
        endless_report,
    )
}


SAID = {
    "toml_memory": "toml.tgz needs more than 320 MiB of memory.",
    "nested": "it has lists nested more than 16 deep.",
    "long_integer": "it is not valid TOML: Exceeds the limit",
    "release": "the kernel log's release is longer than a kernel's",
    "ranges": "/proc/iomem: /proc/iomem lists System RAM in 131008 pieces",
    "log_of_ranges": "Tuple should have at most 64 items after validation",
    "quotes": "quotes.log needs more than 320 MiB of memory.",
    "json_of_lists": "begins like JSON, but is not complete: Invalid JSON: recursion limit",
    "endless_report": "is not a valid report: host.memory.cmrs: Tuple should have at most 64 items",
}
"""What stops each of them: other limits would end most of them as well, and later."""


def ends(status: int, out: bytes, err: bytes) -> None:
    assert status in (0, 1, 2, 3), err
    assert b"Traceback" not in out + err
    if status == 2:
        assert err.count(b"\n") == 1
        assert err.startswith(b"tdxinfo: ")


def measured(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[bytes], int]:
    """`tdxinfo ARGUMENTS`, and the memory of the largest of its processes, in KiB."""
    out, err = folder / "out", folder / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        command = [sys.executable, "-m", "tdxinfo", *arguments]
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
        limit = threading.Timer(SECONDS, process.kill)
        limit.start()
        _, status, usage = os.wait4(process.pid, 0)
        limit.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    done = subprocess.CompletedProcess(
        command, process.returncode, out.read_bytes(), err.read_bytes()
    )
    return done, usage.ru_maxrss


@pytest.mark.parametrize("name", one_in(9, HOSTILE))
def test_alone_it_ends_in_time_within_memory_with_one_sentence(tmp_path: Path, name: str) -> None:
    path = HOSTILE[name](tmp_path)
    start = time.monotonic()
    done, most = measured(tmp_path, "check", "--json", "--from", str(path))
    assert time.monotonic() - start < SECONDS
    ends(done.returncode, done.stdout, done.stderr)
    document = json.loads(done.stdout)
    refusals = [one for refused in document["unavailable"].values() for one in refused]
    assert any(SAID[name] in one["message"] for one in (*document["errors"], *refusals))
    if sys.platform == "linux":
        assert most < MEMORY_MIB << 10


@pytest.mark.slow
def test_in_a_fleet_the_other_hosts_are_reported(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    for name in ("toml_memory", "nested", "json_of_lists", "long_integer"):
        HOSTILE[name](bad)
    done = spawned(
        "fleet", "example:emr-five-cmrs", str(bad), "example:linux-7.3-emulated", "--json",
        timeout=4 * SECONDS,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    verdicts = {line["name"]: line["verdict"] for line in lines}
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert verdicts["example:emr-five-cmrs"]
    assert verdicts["example:linux-7.3-emulated"] == "ready"
    assert sum(line["error"] is not None for line in lines) >= 4
