"""How many examples Hypothesis tries: few by default, many with --hypothesis-profile=thorough.

Mutation testing has the profile `repeatable`: a mutant is caught by the same examples each time.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tdxinfo import tables
from tdxinfo.decode import releases

# On a busy machine examples take long, which is not a failure.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("few", _PATIENT, max_examples=25)
settings.register_profile("thorough", _PATIENT, max_examples=300)
settings.register_profile("repeatable", _PATIENT, max_examples=20, derandomize=True, database=None)
settings.load_profile("few")

# What is collected stays: a search for garbage among it would find none, and takes a quarter of
# the time of collecting the tests.
gc.disable()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many tests wait, for a child or for a limit in time."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def working_directory_stays() -> Iterator[None]:
    """A test that leaves the process elsewhere would change what later ones see."""
    before = os.getcwd()
    yield
    assert os.getcwd() == before


@pytest.fixture(scope="module")
def releases_of_2026_08() -> Iterator[None]:
    """The table of releases as it was when expectations were written: a newer row changes none."""
    as_of, load = "2026-08-12", tables.load
    whole = load("modules")
    known = [row for row in whole["release"] if row.get("build_date", as_of) <= as_of]
    then = {**whole, "as_of": as_of, "release": known}
    caches = (releases.releases, releases.newest_by_processor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "load", lambda name: then if name == "modules" else load(name))
        for cached in caches:
            cached.cache_clear()
        yield
    for cached in caches:
        cached.cache_clear()
