"""`python -m tests.fuzz [TARGET]… [--seconds N | --runs N]`: fuzzes, and says how much.

Without TARGET all of them. The seconds are each target's own. An input that breaks a target is kept
in the folder that --keep names, and the status is 1.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets import LONGEST, MEMORY_MIB, SECONDS, TARGETS

_DONE = re.compile(rb"Done (\d+) runs in (\d+) second")
_COVERED = re.compile(rb"cov: (\d+)")


def fuzzed(name: str, amount: list[str], keep: Path) -> subprocess.CompletedProcess[bytes]:
    """The target's run; amount is what libFuzzer calls -runs or -max_total_time."""
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(TARGETS[name].seeds()):
            (Path(corpus) / f"seed{number}").write_bytes(seed)
        bounds = [f"-max_len={LONGEST}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEMORY_MIB}"]
        kept = f"-artifact_prefix={keep}/{name}-"
        command = [sys.executable, "-m", "tests.fuzz.one", name, *amount, *bounds, kept, corpus]
        return subprocess.run(command, capture_output=True, check=False)


def _said(name: str, done: subprocess.CompletedProcess[bytes]) -> tuple[int, int]:
    """Prints the target's line; gives its executions and seconds."""
    counted = _DONE.search(done.stderr)
    runs, seconds = (int(number) for number in counted.groups()) if counted else (0, 0)
    covered = _COVERED.findall(done.stderr)
    edges = int(covered[-1]) if covered else 0
    print(f"{name:<18} {runs:>12,} runs {seconds:>6} s {edges:>6} edges", flush=True)
    if done.returncode:
        print(done.stderr.decode("utf-8", "replace")[-4000:], flush=True)
    return runs, seconds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--seconds", type=int, default=2, help="for each target  [2]")
    amount.add_argument("--runs", type=int, help="of each target")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    for name in given.targets:
        if name not in TARGETS:
            parser.error(f"there is no target {name!r}; there are {', '.join(TARGETS)}")
    limit = [f"-runs={given.runs}"] if given.runs else [f"-max_total_time={given.seconds}"]
    broken, runs, seconds = [], 0, 0
    for name in given.targets or TARGETS:
        done = fuzzed(name, limit, given.keep)
        ran, took = _said(name, done)
        runs, seconds = runs + ran, seconds + took
        broken += [name] if done.returncode else []
    print(f"{'all':<18} {runs:>12,} runs {seconds:>6} s")
    if broken:
        print(f"broken: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
