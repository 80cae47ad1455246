"""All texts that a user can see: `python -m tests.texts` prints them, each with its place.

They are the help, what the code can say, the tables, the catalogue's sentences, and the README. In
a message that is put together, `{}` stands for a part that is known only at run time.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tdxinfo.host import SECTIONS, fact_names, meaning, section_meaning
from tests.artifacts.tree import Node, top

TOP = Path(__file__).parents[2]
PACKAGE = TOP / "tdxinfo"

_UNSEEN = (
    "example",
    "log",
    "release",
    "pattern",
    "regex",
    "kind",
    "references",
    "menus",
    "kernels",
    "format",
)
"""Keys of tables whose text is not ours: what kernels print, names of firmware menus, sources."""


class Text(NamedTuple):
    """A text and where it stands."""

    place: str
    text: str


def all_texts() -> list[Text]:
    return [*_help(top()), *_catalogue(), *_messages(), *_tables(), *_readme()]


def _help(node: Node) -> Iterator[Text]:
    place = f"{node.path} --help"
    for text in (node.command.help, node.command.short_help, node.command.epilog):
        if text:
            yield Text(place, text)
    for option in node.options():
        if option.help:
            yield Text(f"{place} {option.opts[-1]}", option.help)
    for child in node.children():
        yield from _help(child)


def _catalogue() -> Iterator[Text]:
    for section in SECTIONS:
        yield Text(section, section_meaning(section))
        yield from (Text(name, meaning(name)) for name in fact_names(section))


def _messages() -> Iterator[Text]:
    """What the code can say: its strings of more than one word, without docstrings."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        unseen = {id(node) for node in _not_messages(tree)}
        for node in ast.walk(tree):
            text = _said(node, unseen)
            if text and _is_sentence(text):
                yield Text(f"{path.relative_to(TOP)}:{getattr(node, 'lineno', 0)}", text)


def _not_messages(tree: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, patterns, and the parts of strings that are put together."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        if isinstance(node, ast.JoinedStr):
            yield from (part for part in ast.walk(node) if part is not node)
        is_pattern = isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.")
        if is_pattern and isinstance(node, ast.Call):
            yield from (part for argument in node.args for part in ast.walk(argument))


def _said(node: ast.AST, unseen: set[int]) -> str:
    if id(node) in unseen:
        return ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return ""


def _is_sentence(text: str) -> bool:
    words = re.findall(r"[A-Za-z]{2,}", text)
    return len(words) > 1 and " " in text.strip() and not text.startswith(("  #", "#include"))


def _tables() -> Iterator[Text]:
    for path in sorted((PACKAGE / "tables").rglob("*.toml")):
        table = tomllib.loads(path.read_text())
        yield from _strings(str(path.relative_to(TOP)), table)


def _strings(place: str, value: Any) -> Iterator[Text]:
    if isinstance(value, str):
        if _is_sentence(value):
            yield Text(place, value)
        return
    rows: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        rows = ((f"{place} {key}", found) for key, found in value.items() if key not in _UNSEEN)
    elif isinstance(value, list):
        rows = ((place, found) for found in value)
    for inner, found in rows:
        yield from _strings(inner, found)


def _readme() -> Iterator[Text]:
    text = re.sub(r"```.*?```", "", (TOP / "README.md").read_text(), flags=re.DOTALL)
    for paragraph in text.split("\n\n"):
        if _is_sentence(paragraph) and not paragraph.startswith("    "):
            yield Text("README.md", paragraph)
