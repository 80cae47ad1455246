"""For a fact that is asked for, only its own places are looked at, and those it follows from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from unittest import mock

import pytest

from tdxinfo.errors import Unavailable
from tdxinfo.host import SECTIONS, fact_names, sources_of
from tdxinfo.host.section import Compared, From
from tdxinfo.machine.captured import open_folder
from tests.cli.command import ran
from tests.test_fault_matrix import BASES, Watched


def needed_by(name: str) -> Iterator[str]:
    """The fact, and all that it follows from, by what the catalogue declares."""
    seen: set[str] = set()
    left = [name]
    while left:
        fact = left.pop()
        if fact in seen:
            continue
        seen.add(fact)
        for place in sources_of(fact):
            if isinstance(place, From):
                left += place.needed
            elif isinstance(place, Compared):
                left += place.names
    yield from seen


def watched(folder: Path) -> Watched:
    return Watched(open_folder(str(folder)))


@cache
def read_by(folder: Path, name: str) -> frozenset[str]:
    """What the fact's own places read, each asked by itself."""
    machine = watched(folder)
    for place in sources_of(name):
        if not isinstance(place, From | Compared):
            try:
                place.read(machine)
            except Unavailable:
                continue
    return frozenset(machine.files | machine.keys)


def examined(machine: Watched) -> AbstractContextManager[object]:
    """Has commands look at the machine, in this process."""
    return mock.patch("tdxinfo.cli.subject.examine", lambda settings, work: work(machine))


def asked_for(folder: Path, *arguments: str) -> set[str]:
    """What the command line looks at on a recorded host."""
    machine = watched(folder)
    with examined(machine):
        assert ran("dump", *arguments).status == 0
    return machine.files | machine.keys


@pytest.mark.parametrize("folder", BASES, ids=lambda folder: folder.name)
@pytest.mark.parametrize("name", fact_names())
def test_only_the_sources_of_the_fact_are_looked_at(folder: Path, name: str) -> None:
    allowed = frozenset().union(*(read_by(folder, fact) for fact in needed_by(name)))
    assert asked_for(folder, name) <= allowed


@pytest.mark.parametrize("section", SECTIONS)
def test_only_the_sources_of_the_section_are_looked_at(section: str) -> None:
    names = {fact for name in fact_names(section) for fact in needed_by(name)}
    allowed = frozenset().union(*(read_by(BASES[0], name) for name in names))
    assert asked_for(BASES[0], section, "--json") <= allowed


def test_what_is_allowed_is_little_of_all() -> None:
    """Else the tests above would hold nothing."""
    whole = asked_for(BASES[0])
    few = [
        name
        for name in fact_names()
        if len(frozenset().union(*(read_by(BASES[0], fact) for fact in needed_by(name)))) <= 4
    ]
    assert len(whole) > 40
    assert len(few) > len(fact_names()) // 2
    assert asked_for(BASES[0], "kernel.release") < whole


def test_the_first_source_that_answers_is_the_last_that_is_asked() -> None:
    machine = watched(BASES[0])
    with examined(machine):
        ran("dump", "kernel.release")
    assert machine.files == {"/proc/sys/kernel/osrelease"}
    assert machine.keys == set()
