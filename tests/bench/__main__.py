"""Start-up times against the floor, measured in turn, so that a slow moment hits all alike.

Prints a table of medians and ratios, those of programs that look at a host likewise too, where they
are installed, and ends with status 1 where a ratio or the memory is over its limit.
"""

from __future__ import annotations

import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

EXAMPLE = "example:emr-five-cmrs"
FLOORS = {
    "click": "import click",
    "pydantic": "from pydantic import BaseModel\nclass M(BaseModel): x: int",
}
IN_PROCESS = f"from tdxinfo.cli import run; run(['--from', '{EXAMPLE}', 'dump', '--json'])"
"""The same for a process that goes on afterwards, to report what it took."""


@dataclass(frozen=True)
class Measured:
    """A command line of tdxinfo, what it is compared with, and the ratio it must keep."""

    arguments: tuple[str, ...]
    floor: str
    limit: float


COMMANDS = (
    Measured(("--version",), "click", 1.2),
    Measured(("--help",), "click", 1.2),
    Measured(("--from", EXAMPLE, "dump", "--json"), "pydantic", 2.0),
    Measured(("--from", EXAMPLE, "dump"), "pydantic", 2.5),
    Measured(("--from", EXAMPLE, "check", "--json"), "pydantic", 2.2),
    Measured(("--from", EXAMPLE, "check"), "pydantic", 2.5),
)

PEERS = (
    ("lscpu",),
    ("virt-host-validate", "qemu"),
    ("chipsec_util", "--help"),
    ("fwupdmgr", "--version"),
)
"""Programs that describe a host, with the least work that they can do; run if installed."""

MAX_MEMORY = 45
"""MB that `dump --json` of an example may take."""


def seconds(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return time.perf_counter() - start


def main(rounds: int) -> int:
    """Runs everything once unmeasured, then `rounds` times in turn."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    floors = {name: [sys.executable, "-c", code] for name, code in FLOORS.items()}
    own = {m: [sys.executable, "-m", "tdxinfo", *m.arguments] for m in COMMANDS}
    peers = {peer: [*peer] for peer in PEERS if shutil.which(peer[0])}
    commands: dict[object, list[str]] = dict([*floors.items(), *own.items(), *peers.items()])
    times: dict[object, list[float]] = {key: [] for key in commands}
    for number in range(rounds + 1):
        for key, command in commands.items():
            taken = seconds(command, environment)
            if number:
                times[key].append(taken)
    medians = {key: statistics.median(taken) for key, taken in times.items()}
    for name, code in FLOORS.items():
        print(f"{medians[name] * 1000:7.1f} ms  python -c {code!r}")
    over = 0
    for m in COMMANDS:
        ratio = medians[m] / medians[m.floor]
        over += ratio > m.limit
        typed = f"tdxinfo {' '.join(m.arguments)}"
        print(f"{medians[m] * 1000:7.1f} ms  {ratio:.2f} of {m.limit:.2f} x {m.floor:9} {typed}")
    for peer in peers:
        ratio = medians[peer] / medians["pydantic"]
        print(f"{medians[peer] * 1000:7.1f} ms  {ratio:.2f}         x pydantic  {' '.join(peer)}")
    taken = peak(IN_PROCESS) * 1.048576
    print(f"{taken:7.1f} MB  of {MAX_MEMORY} at the most, for {EXAMPLE} dump --json")
    return 1 if over or taken > MAX_MEMORY else 0


def in_process(rounds: int) -> int:
    """Decoding a page of metadata, and loading the table of fields, in milliseconds."""
    from tdxinfo import tables
    from tdxinfo.decode import metadata

    everything = {f.name: [0] * f.words for f in metadata.declared().values()}
    page = metadata.encode_rdall({**everything, "NUM_CMRS": 32})
    decoding = median_of(rounds * 10, lambda: metadata.parse_rdall(page))
    loading = median_of(rounds, lambda: tables.load.__wrapped__("fields"))
    print(f"{decoding:7.1f} ms  of  5.0 to decode a page of metadata")
    print(f"{loading:7.1f} ms  of 10.0 to parse the table of fields")
    types = kernel_types()
    finding = median_of(rounds, lambda: find_structures(types))
    print(f"{finding:7.1f} ms  of 120.0 to find five structures in {len(types) >> 20} MiB of BTF")
    above = peak_above_floor(types)
    print(f"{above:7.1f} MiB of 60.0 above the floor at the most, to find them")
    return 1 if decoding > 5 or loading > 10 or finding > 120 or above > 60 else 0


WANTED = ("tdx_sys_info", "tdmr_info_list", "tdmr_info", "tdx_module_state", "tdx_memblock")


def kernel_types() -> bytes:
    """BTF of a kernel's size: structures of four members, a pointer and a typedef to each."""
    names, types = bytearray(b"\0"), bytearray()
    for number in range(60_000):
        text = WANTED[number - 59_995] if number >= 59_995 else f"structure_{number}"
        at = len(names)
        names += text.encode() + b"\0"
        types += struct.pack("<III", at, 4 << 24 | 4, 32)
        for member in range(4):
            types += struct.pack("<III", at, 3 * number + 2, member * 64)
        types += struct.pack("<III", 0, 2 << 24, 3 * number + 1)
        types += struct.pack("<III", at, 8 << 24, 3 * number + 1)
    sizes = (24, 0, len(types), len(types), len(names))
    return struct.pack("<HBBIIIII", 0xEB9F, 1, 0, *sizes) + types + names


def find_structures(data: bytes) -> None:
    from tdxinfo.decode.btf import Btf

    types = Btf(data)
    for name in WANTED:
        types.leaves(types.find(name))


def peak_above_floor(types: bytes) -> float:
    """MiB that a process which finds the structures takes more than pydantic's import alone."""
    finding = (
        "import sys; from tests.bench.__main__ import find_structures; "
        "find_structures(open(sys.argv[1], 'rb').read())"
    )
    with tempfile.NamedTemporaryFile() as file:
        file.write(types)
        file.flush()
        return peak(finding, file.name) - peak(FLOORS["pydantic"])


def peak(code: str, *arguments: str) -> float:
    """Resident MiB at the most of a process that runs the code.

    By the process's own account: ru_maxrss begins with what its parent had.
    """
    answer = "; print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    command = [sys.executable, "-c", code + answer, *arguments]
    last_line = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()[-1]
    return int(last_line) / 1024


def median_of(rounds: int, work: Callable[[], object]) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    chosen = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    sys.exit(main(chosen) | in_process(chosen))
