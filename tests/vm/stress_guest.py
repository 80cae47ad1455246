"""What the guest of a stress run does: reports, one after the other, while the machine changes.

Each is a process of its own, forked from one warm interpreter, since starting Python takes
seconds in there.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tdxinfo.cli import run
from tdxinfo.sources.kcore import symbols, types
from tdxinfo.sources.kobjects import KEYID_POOL, SYSINFO

RESULTS = Path("/run/vm")
_VERSION = {name: f"version.{name}_version" for name in ("major", "minor", "update")}
_PARAMETERS = Path("/sys/module/shaker/parameters")
_CPU = Path("/sys/devices/system/cpu/cpu1/online")
_REST = 2.0
"""Seconds between two changes of a CPU."""


def main(reports: int) -> None:
    _report("undisturbed")
    subprocess.run(["insmod", RESULTS / "shaker.ko", *_parameters()], check=True)
    toggling = _toggle_a_cpu()
    statuses = [_report("reports") for _ in range(reports)]
    os.kill(toggling, signal.SIGTERM)
    os.waitpid(toggling, 0)
    changes = {name: int((_PARAMETERS / name).read_text()) for name in ("updates", "keyids")}
    changes["cpu"] = int((RESULTS / "cpu").read_text())
    subprocess.run(["rmmod", "shaker"], check=True)
    told = {"statuses": statuses, "changes": changes}
    (RESULTS / "stress.json").write_text(json.dumps(told))


def _parameters() -> list[str]:
    """Where the kernel keeps what is to be changed."""
    found = symbols([SYSINFO, KEYID_POOL])
    kernel = types()
    offsets = {
        leaf.path: leaf.bit_offset // 8 for leaf in kernel.leaves(kernel.find("tdx_sys_info"))
    }
    places = {name: found[SYSINFO] + offsets[path] for name, path in _VERSION.items()}
    first, last = os.environ["KEYIDS"].split("-")
    whole = {**places, "pool": found[KEYID_POOL], "first": int(first), "last": int(last)}
    return [f"{name}={value}" for name, value in whole.items()]


def _report(name: str) -> int:
    """One `tdxinfo dump --json`, appended to the file of the name; its exit status."""
    child = os.fork()
    if child == 0:
        _append_to(1, f"{name}.out")
        _append_to(2, f"{name}.err")
        os._exit(run(["dump", "--json"]))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _append_to(stream: int, name: str) -> None:
    os.dup2(os.open(RESULTS / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)


def _toggle_a_cpu() -> int:
    """A process that takes the second CPU off and on, and notes how often it did."""
    child = os.fork()
    if child:
        return child
    done = 0
    for wanted in itertools.cycle("01"):
        with contextlib.suppress(OSError):  # TDs that run may need the CPU
            _CPU.write_text(wanted)
            done += 1
            (RESULTS / "cpu").write_text(str(done))
        time.sleep(_REST)
    raise AssertionError("never reached")


if __name__ == "__main__":
    main(int(sys.argv[1]))
