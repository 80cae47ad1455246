"""How fast `tdxinfo fleet` is and what it holds: `python -m tests.bench.fleet [MOST]`.

Reports are one example's, over and over: through a pipe up to MOST (10,000 unless told, 100,000 for
the whole line), and as 10,000 files of a folder. Each figure is of a whole process. A busy machine
stretches wall-clock time, so the limits hold processor time; both are printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import IO, Any

from tests.cli.command import ran

EXAMPLE = "example:linux-7.3-emulated"
FEWEST = 1_000
FILES = 10_000

LEAST_RATE = 1_000
"""Reports of `check` in a second."""
MOST_MEMORY = 150
"""MB."""
MOST_SLOPE = 1.3
"""How much longer a report may take among the most than among the fewest."""


@dataclass(frozen=True)
class Cost:
    """Of one process: seconds on the clock and of the processor, and MB at most."""

    wall: float
    processor: float
    memory: float


def cost_of(arguments: list[str], text: bytes = b"", times: int = 0) -> Cost:
    """Of `tdxinfo ARGUMENTS` with `text` on standard input so many times."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "tdxinfo", "-q", *arguments], stdin=subprocess.PIPE
    )
    assert process.stdin is not None
    threading.Thread(target=feed, args=(process.stdin, text, times)).start()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    wall = time.perf_counter() - start
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def feed(pipe: IO[bytes], text: bytes, times: int) -> None:
    block, rest = divmod(times, 20)
    with pipe:
        for _ in range(block):
            pipe.write(text * 20)
        pipe.write(text * rest)


def main(most: int) -> int:
    over = 0
    for command in ("check", "dump"):
        text = json.dumps(report(command)).encode() + b"\n"
        floor = cost_of(["fleet", "-"], text, 1)
        counts = [n for n in (FEWEST, 10_000, 100_000) if n <= most]
        costs: dict[int, Cost] = {}
        for count in counts:
            costs[count] = cost_of(["fleet", "-"], text, count)
            show(f"{count} reports of {command} in a pipe", count, costs[count])
        over += any(cost.memory > MOST_MEMORY for cost in costs.values())
        last = costs[counts[-1]]
        slope = per_report(last, counts[-1], floor) / per_report(costs[FEWEST], FEWEST, floor)
        print(f"        {slope:.2f} of {MOST_SLOPE} times as long for each of {counts[-1]}")
        over += slope > MOST_SLOPE
        over += command == "check" and counts[-1] / last.processor < LEAST_RATE
    cost = of_folder()
    show(f"{FILES} files with a report of check", FILES, cost)
    over += cost.memory > MOST_MEMORY or FILES / cost.processor < LEAST_RATE
    return 1 if over else 0


def report(command: str) -> dict[str, Any]:
    made: dict[str, Any] = ran("--from", EXAMPLE, command, "--json").json
    return made


def per_report(cost: Cost, count: int, floor: Cost) -> float:
    return (cost.processor - floor.processor) / count


def of_folder() -> Cost:
    """One report under so many names."""
    with tempfile.TemporaryDirectory() as folder:
        first = os.path.join(folder, "node0.json")
        with open(first, "w", encoding="utf-8") as file:
            json.dump(report("check"), file, indent=2)
        for number in range(1, FILES):
            os.link(first, os.path.join(folder, f"node{number}.json"))
        return cost_of(["fleet", folder])


def show(what: str, count: int, cost: Cost) -> None:
    by_clock, by_processor = count / cost.wall, count / cost.processor
    print(
        f"{cost.memory:5.0f} MB  {by_clock:6.0f} a second, "
        f"{by_processor:6.0f} in a second of the processor: {what}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
