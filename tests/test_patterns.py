"""Every pattern of the tables and of the code takes time in proportion to the text."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]  # the only parser of its own patterns
from typing import Any, NamedTuple

import pytest

import tdxinfo
from tdxinfo import tables
from tdxinfo.decode import klog
from tests.parts import one_in

LENGTH = 20_000
SECONDS = 0.2
"""For a text of `LENGTH`; the slowest takes a tenth of it, the mildest quadratic one three times
as long."""


def _modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(tdxinfo.__path__, "tdxinfo."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def _strings(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """All text of a table with its key."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _strings(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)
    elif isinstance(value, str):
        yield key, value


PATTERN_KEYS = ("release", "pattern", "regex")
"""Keys of tables whose text is a pattern."""


_SEARCHES = ("search", "finditer", "findall", "sub", "subn", "split")
_MATCHES = ("match", "fullmatch")
_CALLS = re.compile(rf"\bre\.(?:{'|'.join((*_SEARCHES, *_MATCHES))})\b")


class Used(NamedTuple):
    """A pattern, and whether it is looked for at every place of a text or at its beginning."""

    pattern: re.Pattern[Any]
    anywhere: bool


@cache
def patterns() -> dict[str, Used]:
    found: dict[str, Used] = {}
    for module in _modules():
        source = Path(str(module.__file__)).read_text()
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                is_searched = re.search(rf"(?<!\w){name}\.(?:{'|'.join(_SEARCHES)})\b", source)
                found[f"{module.__name__}.{name}"] = Used(value, is_searched is not None)
        if _CALLS.search(source):
            found |= dict(_in_calls(module, ast.parse(source)))
    for wording in klog.wordings():
        found[f"klog {wording.prefix}: {wording.format}"[:90]] = Used(
            klog.CompiledWording(wording).pattern, False
        )
    found["klog leads"] = Used(klog._lead_pattern(), True)
    for name in ("kernels",):
        for key, text in _strings(tables.load(name)):
            if key in PATTERN_KEYS:
                found[f"{name} {text}"] = Used(re.compile(text), True)
    return found


def _in_calls(module: Any, tree: ast.Module) -> Iterator[tuple[str, Used]]:
    """The patterns in the text of calls such as `re.search(PATTERN, text, re.ASCII)`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Attribute(ast.Name("re"), call), [first, *rest]) if call in (
                *_SEARCHES,
                *_MATCHES,
            ):
                text = _text_of(first, module)
                if text is not None:
                    given = [*rest, *(word.value for word in node.keywords)]
                    name = f"{module.__name__} {text!r}"[:90]
                    yield name, Used(re.compile(text, _flags_in(given)), call in _SEARCHES)


def _text_of(node: ast.expr, module: Any) -> Any:
    """The pattern, with x for what is put into it; None where the code calculates it."""
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return getattr(module, name, None)
        case ast.JoinedStr(parts):
            return "".join(str(p.value) if isinstance(p, ast.Constant) else "x" for p in parts)
    return None


def _flags_in(arguments: list[ast.expr]) -> re.RegexFlag:
    names = {
        node.attr
        for argument in arguments
        for node in ast.walk(argument)
        if isinstance(node, ast.Attribute) and node.attr.isupper()
    }
    flags = re.RegexFlag(0)
    for name in names:
        flags |= getattr(re, name, 0)
    return flags


def _sample(parsed: Any) -> Iterator[str]:
    """Pieces of a text that the pattern matches, a piece for each of its parts."""
    for kind, argument in parsed:
        name = str(kind)
        if name == "LITERAL":
            yield chr(argument)
        elif name == "NOT_LITERAL":
            yield "0" if argument != ord("0") else "1"
        elif name == "IN":
            yield _of_class(argument)
        elif name == "ANY":
            yield "0"
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield "".join(_sample(argument[2])) * max(argument[0], 1)
        elif name == "SUBPATTERN":
            yield "".join(_sample(argument[3]))
        elif name == "ATOMIC_GROUP":
            yield "".join(_sample(argument))
        elif name == "BRANCH":
            yield "".join(_sample(argument[1][0]))


def _of_class(members: Any) -> str:
    for kind, argument in members:
        name = str(kind)
        if name == "LITERAL":
            return chr(argument)
        if name == "RANGE":
            return chr(argument[0])
        if name == "CATEGORY":
            return {"CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " "}.get(str(argument), "a")
    return "a"


def hostile(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Texts that begin as the pattern does, again and again, and never end so."""
    pieces = list(_sample(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)))
    whole = "".join(pieces)
    units = {" ", "0", "a", ".", "\n", "[", "> ", "\t", ", ", whole, whole[:-1], *pieces}
    units |= {"".join(pieces[:end]) for end in range(1, len(pieces))}
    for unit in sorted(filter(None, units)):
        many = unit * (LENGTH // len(unit))
        yield many
        yield whole[: len(whole) // 2] + many
        yield whole + many + "\0"


def seconds(used: Used, text: str) -> float:
    given: Any = text.encode() if isinstance(used.pattern.pattern, bytes) else text
    start = time.process_time()
    used.pattern.match(given)
    used.pattern.fullmatch(given)
    if used.anywhere:
        for _ in used.pattern.finditer(given):
            if time.process_time() - start > SECONDS:
                break
    return time.process_time() - start


@pytest.mark.parametrize("name", one_in(16, patterns()))
def test_a_pattern_takes_time_in_proportion(name: str) -> None:
    used = patterns()[name]
    for text in hostile(used.pattern):
        taken = next((s for s in (seconds(used, text) for _ in range(3)) if s < SECONDS), SECONDS)
        assert taken < SECONDS, f"{SECONDS} s for {text[:60]!r}..."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "anywhere"),
    [
        (r"5\.15.*(mvp|bsk)", True),
        (r"(\w+)\s*=", True),
        (r"(a+)+b", False),
    ],
)
def test_the_judge_of_patterns_knows_one_that_is_not(pattern: str, anywhere: bool) -> None:
    used = Used(re.compile(pattern), anywhere)
    short = (text[:22] if "a+" in pattern else text[:9000] for text in hostile(used.pattern))
    assert max(seconds(used, text) for text in short) > 0.05
