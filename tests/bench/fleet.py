"""How fast `tdxinfo fleet` is and what it holds: `python -m tests.bench.fleet [MOST]`.

The reports of all examples in turn, those of `check`, which say themselves what was found, and
those of `dump`, which are judged: through a pipe up to MOST (10,000 by default, 100,000 for the
whole line), and as 10,000 files of a folder. Each figure is of a whole process, on all processors
and on one, beside a plain Python that reads the same lines with json.loads. The status is 1 where a
limit is missed.
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

from tdxinfo.inputs.supplied import example_names
from tests.cli.command import ran

COUNTS = (1_000, 10_000, 100_000)
FILES = 10_000

ALL_PROCESSORS = 3.0
"""Times as long as the floor, with a process on each of at least two processors."""
ONE_PROCESSOR = 5.0
MAX_MEMORY = 150
"""MB."""
MAX_SLOPE = 1.3
"""How much longer a report may take among the most than among the fewest."""

PLAIN = "import json, sys\nfor line in sys.stdin.buffer: json.loads(line)"
FLOOR = [sys.executable, "-c", PLAIN]
TDXINFO = [sys.executable, "-m", "tdxinfo", "-q", "fleet"]


@dataclass(frozen=True)
class Cost:
    """Of one process with so many reports: seconds on the clock and of processors, and MB."""

    count: int
    wall: float
    processor: float
    memory: float


def cost_of(command: list[str], texts: list[bytes], count: int, processors: set[int]) -> Cost:
    """Of the command with so many of the texts in turn on standard input."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, processors),  # noqa: PLW1509 - it only asks
    )
    assert process.stdin is not None
    threading.Thread(target=feed, args=(process.stdin, texts, count)).start()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # The examples hold hosts that are not ready, and all are read.
    assert process.returncode == (1 if command[: len(TDXINFO)] == TDXINFO else 0)
    wall = time.perf_counter() - start
    return Cost(count, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def feed(pipe: IO[bytes], texts: list[bytes], count: int) -> None:
    with pipe:
        for number in range(count if texts else 0):
            pipe.write(texts[number % len(texts)])


def main(most: int) -> int:
    over = 0
    for command in ("check", "dump"):
        reports = [report(command, name) for name in example_names()]
        over += of_pipe(command, reports, [count for count in COUNTS if count <= most])
        of_folder(command, reports)
    return 1 if over else 0


def report(command: str, example: str) -> dict[str, Any]:
    made: dict[str, Any] = ran("--from", example, command, "--json").json
    return made


def of_pipe(command: str, reports: list[dict[str, Any]], counts: list[int]) -> int:
    """How many limits are missed by reports that are a line each."""
    texts = [json.dumps(made).encode() + b"\n" for made in reports]
    all_processors = os.sched_getaffinity(0)
    costs = [cost_of([*TDXINFO, "-"], texts, count, all_processors) for count in counts]
    missed = 0
    for processors, limit in ((all_processors, ALL_PROCESSORS), ({0}, ONE_PROCESSOR)):
        floor = cost_of(FLOOR, texts, counts[-1], processors)
        cost = cost_of([*TDXINFO, "-"], texts, counts[-1], processors)
        ratio = cost.wall / floor.wall
        print(
            f"  {ratio:4.2f} of {limit} x json.loads ({floor.wall:.1f} s), "
            f"{len(processors)} processor(s): {counts[-1]} reports of {command} in a pipe",
            flush=True,
        )
        missed += ratio > limit
    for cost in costs:
        show(cost, f"reports of {command} in a pipe")
    slope = per_report(costs[-1]) / per_report(costs[0])
    print(f"  {slope:4.2f} of {MAX_SLOPE}  times as long for each of {counts[-1]}", flush=True)
    return missed + (slope > MAX_SLOPE) + (costs[-1].memory > MAX_MEMORY)


def per_report(cost: Cost) -> float:
    return cost.processor / cost.count


def of_folder(command: str, reports: list[dict[str, Any]]) -> None:
    """The cost of files that hold a report each, as tdxinfo prints it."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(FILES):
            path = os.path.join(folder, f"node{number}.json")
            if number < len(reports):
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(reports[number], file, indent=2)
            else:
                os.link(os.path.join(folder, f"node{number % len(reports)}.json"), path)
        cost = cost_of([*TDXINFO, folder], [], FILES, os.sched_getaffinity(0))
    show(cost, f"files with a report of {command}")


def show(cost: Cost, what: str) -> None:
    print(
        f"{cost.count / cost.processor:6.0f} in a second of a processor, "
        f"{cost.count / cost.wall:5.0f} by the clock  {cost.memory:3.0f} of {MAX_MEMORY} MB  "
        f"{cost.count} {what}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
