"""The docstrings below a class's fields, read from its source when a schema is made.

pydantic's own `use_attribute_docstrings` reads them whenever the class is made.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from typing import Any


@cache
def field_docs(cls: type) -> dict[str, str]:
    """The docstring of each field that has one, those of base classes included."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("tdxinfo."):
            found |= _own_docs(base)
    return found


def _own_docs(cls: type) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for declared, below in zip(tree.body, [*tree.body[1:], None], strict=True):
        if not (isinstance(declared, ast.AnnAssign) and isinstance(declared.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[declared.target.id] = " ".join(str(below.value.value).split())
    return found


def describe(cls: type, schema: dict[str, Any]) -> None:
    """Adds to each property of the class's JSON Schema its docstring and its unit."""
    docs = field_docs(cls)
    for name, part in schema.get("properties", {}).items():
        if name in docs:
            part["description"] = " ".join(filter(None, (docs[name], _unit(part))))


def _unit(part: dict[str, Any]) -> str:
    """The description of the property's type, which names its unit."""
    own = part.get("description")
    alternatives = part.get("anyOf", ())
    return own or next((a["description"] for a in alternatives if "description" in a), "")
