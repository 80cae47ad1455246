"""What the guest of a stress run does: reports, one after the other, while the machine changes.

Each is a process of its own, forked from one warm interpreter that has made a report: starting
Python takes seconds in there. What no kernel and no program changes while it runs is read once.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tdxinfo.cli import run
from tdxinfo.machine.system import System
from tdxinfo.sources import kcore
from tdxinfo.sources.kobjects import KEYID_POOL, SYSINFO
from tests.vm.guest import be_patient, read_once

RESULTS = Path("/run/vm")
_VERSION = {name: f"version.{name}_version" for name in ("major", "minor", "update")}
_PARAMETERS = Path("/sys/module/shaker/parameters")
_CPU = Path("/sys/devices/system/cpu/cpu1/online")
_REST = 5.0
"""Seconds between two changes of a CPU; each adds lines to the log, which every report reads."""


def main(reports: int) -> None:
    be_patient()
    read_once()
    _here("undisturbed")
    gc.freeze()  # or each child's collector copies all pages
    subprocess.run(["insmod", RESULTS / "shaker.ko", *_parameters()], check=True)
    toggling = _toggle_a_cpu()
    statuses = [_report("reports") for _ in range(reports)]
    os.kill(toggling, signal.SIGTERM)
    os.waitpid(toggling, 0)
    changes = {name: int((_PARAMETERS / name).read_text()) for name in ("updates", "keyids")}
    changes["cpu"] = int((RESULTS / "cpu").read_text())
    subprocess.run(["rmmod", "shaker"], check=True)
    value = {"statuses": statuses, "changes": changes}
    (RESULTS / "stress.json").write_text(json.dumps(value))


def _parameters() -> list[str]:
    """Where the kernel keeps what is to be changed."""
    system = System()
    found = {
        name: listed[0].address
        for name, listed in kcore.symbols(system, (SYSINFO, KEYID_POOL)).items()
    }
    kernel = kcore.types(system)
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
        os._exit(_here(name))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _here(name: str) -> int:
    """The same in this process."""
    _append_to(1, f"{name}.out")
    _append_to(2, f"{name}.err")
    return run(["dump", "--json"])


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
