"""For a fact that is asked for, only its own sources are read, and those of facts it needs."""

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
from tests.parts import one_in
from tests.test_fault_matrix import BASES, Watched


def needed_by(name: str) -> Iterator[str]:
    """The fact, and all facts that it is derived from or compared with, by its declaration."""
    seen: set[str] = set()
    left = [name]
    while left:
        fact = left.pop()
        if fact in seen:
            continue
        seen.add(fact)
        for source in sources_of(fact):
            if isinstance(source, From):
                left += source.needed
            elif isinstance(source, Compared):
                left += source.names
    yield from seen


def watched(folder: Path) -> Watched:
    return Watched(open_folder(str(folder)))


@cache
def read_by(folder: Path, name: str) -> frozenset[str]:
    """The paths and keys that the fact's own sources read."""
    machine = watched(folder)
    for source in sources_of(name):
        if not isinstance(source, From | Compared):
            try:
                source.read(machine)
            except Unavailable:
                continue
    return frozenset(machine.files | machine.keys)


def commands_read(machine: Watched) -> AbstractContextManager[object]:
    """Makes commands read this machine, in this process."""
    return mock.patch("tdxinfo.cli.subject.examine", lambda settings, work: work(machine))


def asked_for(folder: Path, *arguments: str) -> set[str]:
    """The paths and keys that `tdxinfo dump` reads on a recorded host."""
    machine = watched(folder)
    with commands_read(machine):
        assert ran("dump", *arguments).status == 0
    return machine.files | machine.keys


@pytest.mark.parametrize("folder", one_in(4, BASES), ids=lambda folder: folder.name)
@pytest.mark.parametrize("section", SECTIONS)
def test_only_the_sources_of_the_fact_are_read(folder: Path, section: str) -> None:
    for name in fact_names(section):
        allowed = frozenset().union(*(read_by(folder, fact) for fact in needed_by(name)))
        assert asked_for(folder, name) <= allowed, name


@pytest.mark.parametrize("section", SECTIONS)
def test_only_the_sources_of_the_section_are_read(section: str) -> None:
    names = {fact for name in fact_names(section) for fact in needed_by(name)}
    allowed = frozenset().union(*(read_by(BASES[0], name) for name in names))
    assert asked_for(BASES[0], section, "--json") <= allowed


def test_most_facts_may_only_read_a_few_sources() -> None:
    """Otherwise the tests above would pass whatever is read."""
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
    with commands_read(machine):
        ran("dump", "kernel.release")
    assert machine.files == {"/proc/sys/kernel/osrelease"}
    assert machine.keys == set()
