"""The sentences of the catalogue, read from its source when somebody asks."""

import ast
import inspect
from functools import cache

from tdxinfo.host import SECTIONS


def meaning(fact: str) -> str:
    """What the fact tells, in the catalogue's own words."""
    section, _, field = fact.partition(".")
    return _docs(section).get(field, "")


def about(section: str) -> str:
    """What the section holds, in the first line of its module."""
    return (inspect.getdoc(inspect.getmodule(SECTIONS[section])) or "").partition("\n")[0]


@cache
def _docs(name: str) -> dict[str, str]:
    (tree,) = ast.parse(inspect.getsource(SECTIONS[name])).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for declared, below in zip(tree.body, [*tree.body[1:], None], strict=True):
        if not (isinstance(declared, ast.AnnAssign) and isinstance(declared.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[declared.target.id] = " ".join(str(below.value.value).split())
    return found
