"""Mutation testing of decoders and checks by mutmut: `python -m tests.mutation run`.

`pyproject.toml` names what is mutated and which tests must fail; `results`, `show NAME` and other
commands of mutmut show the outcome. This file changes mutmut in two ways: it mutates decorated
functions too, as all checks are, and it empties caches filled before the mutation.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable, Sequence
from functools import _lru_cache_wrapper
from types import ModuleType
from typing import Any

import libcst as cst
from mutmut.__main__ import cli
from mutmut.mutation import file_mutation
from mutmut.runners.harness import PytestRunner
from mutmut.workers import isolation

_MAX_MEMORY = 2 << 30  # for mutants that fill the memory in an endless loop
_NEVER_MUTATED = "tdxinfo.tables"  # its cache holds data files, which no mutant changes

_TIMEOUT_FACTOR = 20
"""How much longer than its processor time a run may take, since it gives way to other work."""

_leaves_alone = file_mutation.MutationVisitor._skip_node_and_children
_arranged = file_mutation.function_trampoline_arrangement
_execute = PytestRunner.execute_pytest
_register_timeout = isolation.register_timeout


def leaves_alone(self: file_mutation.MutationVisitor, node: cst.CSTNode) -> bool:
    """Whether a part of a module is left as it is; decorated functions are not."""
    if isinstance(node, cst.FunctionDef) and node.decorators:
        return False
    return bool(_leaves_alone(self, node))


def arranged(function: cst.FunctionDef, mutants: Iterable[Any], class_name: str | None) -> Any:
    """A function and its mutants. Only the function that calls one of them is decorated."""
    if not mutants or any(_is_classmethod(one) for one in function.decorators):
        return _arranged(function, mutants, class_name)
    bare = function.with_changes(decorators=())
    head, (choosing, *others), tail, names = _arranged(bare, mutants, class_name)
    assert isinstance(choosing, cst.FunctionDef)
    decorators = (*function.decorators, *choosing.decorators)
    return head, [choosing.with_changes(decorators=decorators), *others], tail, names


def _is_classmethod(decorator: cst.Decorator) -> bool:
    """Whether it is @classmethod, which mutmut handles itself."""
    return getattr(decorator.decorator, "value", "") == "classmethod"


def register_timeout(pid: int, timeout_s: float) -> None:
    """Ends a worker that waits for ever; one that computes for ever has a limit of its own."""
    _register_timeout(pid, timeout_s * _TIMEOUT_FACTOR)


class EmptyCaches:
    """Empties the caches before each test: a test is recorded only for functions that it calls."""

    def pytest_runtest_setup(self) -> None:
        empty_caches()


def execute(self: PytestRunner, params: list[str], **more: Any) -> int:
    """Runs tests with empty caches: a worker is forked where all tests had run."""
    empty_caches()
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
    if "plugins" in more:  # it is asked which tests call what
        more["plugins"].append(EmptyCaches())
    return int(_execute(self, params, **more))


def empty_caches() -> None:
    """Empties the caches of the package's functions."""
    for name, module in list(sys.modules.items()):
        if name.startswith("tdxinfo.") and name != _NEVER_MUTATED:
            _empty_caches_of(module)


def _empty_caches_of(module: ModuleType) -> None:
    for function in vars(module).values():
        if isinstance(function, _lru_cache_wrapper) and function.__module__ != _NEVER_MUTATED:
            function.cache_clear()


def main(arguments: Sequence[str]) -> None:
    """mutmut, with decorated functions and fresh caches."""
    file_mutation.MutationVisitor._skip_node_and_children = leaves_alone
    file_mutation.function_trampoline_arrangement = arranged
    PytestRunner.execute_pytest = execute
    isolation.register_timeout = register_timeout
    del sys.modules["tests"]  # so that it is imported again, from the mutated copy
    cli(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
