"""Mutation testing of decoders and checks by mutmut: `python -m tests.mutation run`.

What is mutated, and which tests must notice, stands in `pyproject.toml`; `results`, `show NAME` and
mutmut's other commands tell more. mutmut alone leaves decorated functions as they are, which here
are the checks, and its workers would keep what cached functions computed before the mutation.
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

_MOST_MEMORY = 2 << 30  # an endless loop may gather things
_KEPT = "tdxinfo.tables"  # files as they are read; no mutant changes them

_PATIENCE = 20
"""How much longer a run may take than it computes: mutation testing gives way to other work."""

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
    """A function and its mutants, of which only the one that chooses between them is decorated."""
    if not mutants or any(_is_classmethod(one) for one in function.decorators):
        return _arranged(function, mutants, class_name)
    bare = function.with_changes(decorators=())
    head, (choosing, *others), tail, names = _arranged(bare, mutants, class_name)
    assert isinstance(choosing, cst.FunctionDef)
    decorators = (*function.decorators, *choosing.decorators)
    return head, [choosing.with_changes(decorators=decorators), *others], tail, names


def _is_classmethod(decorator: cst.Decorator) -> bool:
    return getattr(decorator.decorator, "value", "") == "classmethod"


def register_timeout(pid: int, timeout_s: float) -> None:
    """Ends a worker that waits for ever; one that computes for ever has a limit of its own."""
    _register_timeout(pid, timeout_s * _PATIENCE)


class Forgetful:
    """Empties the caches before each test, so that the test that learns from them is seen to."""

    def pytest_runtest_setup(self) -> None:
        forget()


def execute(self: PytestRunner, params: list[str], **more: Any) -> int:
    """Runs tests with empty caches: a worker is forked where all tests had run."""
    forget()
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    if "plugins" in more:  # it is asked which tests call what
        more["plugins"].append(Forgetful())
    return int(_execute(self, params, **more))


def forget() -> None:
    """Empties what the package's functions remember."""
    for name, module in list(sys.modules.items()):
        if name.startswith("tdxinfo.") and name != _KEPT:
            _forget(module)


def _forget(module: ModuleType) -> None:
    for function in vars(module).values():
        if isinstance(function, _lru_cache_wrapper) and function.__module__ != _KEPT:
            function.cache_clear()


def main(arguments: Sequence[str]) -> None:
    """mutmut, with decorated functions and fresh caches."""
    file_mutation.MutationVisitor._skip_node_and_children = leaves_alone
    file_mutation.function_trampoline_arrangement = arranged
    PytestRunner.execute_pytest = execute
    isolation.register_timeout = register_timeout
    del sys.modules["tests"]  # it is imported anew, from the copy whose functions are mutated
    cli(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
