"""The table of fuzz targets is whole, and each takes its seeds, and what is broken of them."""

from __future__ import annotations

import importlib.util
import itertools
import pkgutil
import random
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tdxinfo import decode
from tests.fuzz import targets
from tests.fuzz.targets import TARGETS, Target, try_out

_FEW, _MANY = 2, 200
"""Inputs of a target; coverage-guided runs try thousands a second."""


def broken(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """The seed whole, cut, with bytes changed, and with a piece of it twice."""
    yield data
    if not data:
        return
    at = chance.randrange(len(data))
    yield data[:at]
    yield data[:at] + chance.randbytes(4) + data[at + 4 :]
    yield data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
    yield data[: at + 64] + data[at:]
    yield data[at:] + b"9" * 5000


def inputs(target: Target) -> Iterator[bytes]:
    chance = random.Random(1)
    seeds = list(target.seeds())
    chance.shuffle(seeds)
    return itertools.chain.from_iterable(broken(seed, chance) for seed in seeds)


@pytest.mark.parametrize("most", [_FEW, pytest.param(_MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_seeds_and_what_is_broken_of_them(name: str, most: int) -> None:
    taken = list(itertools.islice(inputs(TARGETS[name]), most))
    assert len(taken) > 1
    for data in taken:
        try_out(TARGETS[name], data)


def test_every_decoder_is_a_target() -> None:
    known = {value.__name__ for value in vars(targets).values() if isinstance(value, ModuleType)}
    named = {f"{decode.__name__}.{found.name}" for found in pkgutil.iter_modules(decode.__path__)}
    reached = ("boot", "logend", "loghosts", "logorder", "logtext", "silence")
    reached_by_others = {f"{decode.__name__}.{name}" for name in reached}
    assert named - known == reached_by_others


def test_an_error_of_another_kind_is_a_fault() -> None:
    def run(data: bytes) -> None:
        raise IndexError

    with pytest.raises(IndexError):
        try_out(Target(run, list), b"")
    try_out(Target(run, list, also=(IndexError,)), b"")


def test_the_fuzzer_finds_what_is_there_to_find() -> None:
    """A run of a second, with the count of what was tried."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install -e '.[fuzz]'")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "kernels", "--seconds", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    words = done.stdout.split()
    assert words[0] == "kernels"
    assert int(words[1].replace(",", "")) > 100
