"""The arrow between the layers turns nowhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "tdxinfo"
LAYERS = (
    ("errors",),
    ("model",),
    ("decode", "tables", "deploy"),
    ("machine",),
    ("sources",),
    ("host",),
    ("report",),
    ("inputs",),
    ("checks",),
    ("compare", "explain", "fleet"),
    ("native",),
    ("api",),
    ("render",),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
OUTSIDE = ("__init__", "__main__")
"""What offers the package to programs and to the shell."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def _layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _nodes(path: Path) -> Iterator[ast.AST]:
    """All nodes of a module's syntax tree."""
    return ast.walk(ast.parse(path.read_text()))


def _imports(path: Path) -> set[str]:
    """The layers that a module imports from, also inside functions."""
    names = set()
    for node in _nodes(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            base = node.module
            names |= (
                {f"{base}.{alias.name}" for alias in node.names} if base == "tdxinfo" else {base}
            )
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    inside = {name.split(".")[1] for name in names if name.startswith("tdxinfo.")}
    return inside & set(RANK)


def test_a_module_imports_from_its_own_layer_or_from_the_left() -> None:
    for path in MODULES:
        layer = _layer(path)
        if layer not in OUTSIDE:
            assert {n for n in _imports(path) if RANK[n] > RANK[layer]} == set(), path


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    assert [path for path in MODULES if len(path.read_text().splitlines()) > 400] == []


def test_only_the_machine_and_the_live_sources_open_files_of_the_host() -> None:
    """One door: `open`, `os.open` and `subprocess` stand where DESIGN says, and nowhere else."""
    doors = {"machine", "sources", "inputs", "tables", "deploy"}
    own_files = {"native/__init__.py", "native/trust.py", "cli/streams.py"}
    for path in MODULES:
        calls = {ast.unparse(node.func) for node in _nodes(path) if isinstance(node, ast.Call)}
        if calls & {"open", "os.open", "os.listdir", "os.scandir"} | {
            call for call in calls if call.startswith("subprocess.")
        }:
            assert _layer(path) in doors or str(path.relative_to(PACKAGE)) in own_files, path
