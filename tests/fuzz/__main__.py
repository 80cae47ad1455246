"""`python -m tests.fuzz [TARGET]… [--seconds N | --runs N]`: fuzzes, and says how much.

Without TARGET all of them. The seconds are each target's own. An input that breaks a target is kept
in the folder that --keep names, and the status is 1.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from contextlib import redirect_stderr
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

_DONE = re.compile(rb"Done (\d+) runs in (\d+) second")
_COVERED = re.compile(rb"cov: (\d+)")
_MOST_SHOWN = 4000
_RUNS_OF_A_PROCESS = 50
"""A target that starts a process for each input is run once in so many times."""


class Outcome(NamedTuple):
    """What one target's run came to."""

    runs: int
    seconds: int
    edges: int
    """Branches of tdxinfo that were taken."""
    fault: str
    """What libFuzzer says of the input that broke it; nothing where none did."""


def _fuzz(target: Target, options: Iterable[str], log: int) -> None:
    """Does not return: libFuzzer ends the process that it runs in."""
    import atheris  # optional, and for some Pythons only

    from tests.fuzz.targets import try_out

    os.dup2(log, 1)
    os.dup2(log, 2)
    atheris.Setup(["tests.fuzz", *options], lambda data: try_out(target, data))
    atheris.Fuzz()


def fuzzed(name: str, target: Target, amount: str, keep: Path) -> Outcome:
    """The target's run in a process of its own; `amount` is an option of libFuzzer's."""
    from tests.fuzz.targets import LONGEST, MEMORY_MIB, SECONDS

    with tempfile.TemporaryDirectory() as corpus, tempfile.TemporaryFile() as log:
        for number, seed in enumerate(target.seeds()):
            (Path(corpus) / f"seed{number}").write_bytes(seed)
        bounds = (f"-max_len={LONGEST}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEMORY_MIB}")
        options = (amount, *bounds, f"-artifact_prefix={keep}/{name}-", corpus)
        child = os.fork()
        if child == 0:
            try:
                _fuzz(target, options, log.fileno())
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        log.seek(0)
        return _outcome(log.read(), is_broken=status != 0)


def _outcome(said: bytes, is_broken: bool) -> Outcome:
    counted = _DONE.search(said)
    runs, seconds = (int(number) for number in counted.groups()) if counted else (0, 0)
    covered = _COVERED.findall(said)
    value = said[said.find(b" === Uncaught") :] if b" === Uncaught" in said else said
    shown = value.decode("utf-8", "replace")[-_MOST_SHOWN:]
    return Outcome(runs, seconds, int(covered[-1]) if covered else 0, shown if is_broken else "")


def _limit(target: Target, runs: int | None, seconds: int) -> str:
    if runs is None:
        return f"-max_total_time={seconds}"
    return f"-runs={max(runs // _RUNS_OF_A_PROCESS, 1) if target.starts_process else runs}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TARGET")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--seconds", type=int, default=2, help="for each target  [2]")
    amount.add_argument(
        "--runs", type=int, help="of each target; a fiftieth of those that start processes"
    )
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    if find_spec("atheris") is None:
        parser.error("atheris is not installed. Run `pip install -e '.[fuzz]'`.")
    import atheris

    # It lists the modules on stderr.
    with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["tdxinfo"]):
        from tests.fuzz.targets import TARGETS
    for name in given.names:
        if name not in TARGETS:
            parser.error(f"there is no target {name!r}; there are {', '.join(TARGETS)}")
    outcomes: dict[str, Outcome] = {}
    for name in given.names or TARGETS:
        limit = _limit(TARGETS[name], given.runs, given.seconds)
        found = outcomes[name] = fuzzed(name, TARGETS[name], limit, given.keep)
        print(f"{name:<18} {found.runs:>12,} runs {found.seconds:>6} s {found.edges:>6} edges")
        print(found.fault, end="", flush=True)
    runs = sum(found.runs for found in outcomes.values())
    seconds = sum(found.seconds for found in outcomes.values())
    print(f"{'all':<18} {runs:>12,} runs {seconds:>6} s")
    broken = [name for name, found in outcomes.items() if found.fault]
    if broken:
        print(f"broken: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
