"""Every call of `known` reads its fact in the argument: the last one read is reported missing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tdxinfo import checks
from tdxinfo.host import SECTIONS, fact_names

FILES = sorted(Path(checks.__file__).parent.glob("*.py"))
SECTION_CHAINS = {f"report.host.{section}" for section in SECTIONS}
FACT_CHAINS = {f"report.host.{name}" for name in fact_names()}


def chain(node: ast.expr) -> str:
    """The text of an attribute chain like `a.b.c`; empty for other expressions."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := chain(node.value)):
        return f"{before}.{node.attr}"
    return ""


def reads_a_fact(node: ast.expr) -> bool:
    """Whether it reads a fact by attribute, getattr or host.fact(), or one of two of them."""
    if isinstance(node, ast.IfExp):
        return reads_a_fact(node.body) and reads_a_fact(node.orelse)
    if isinstance(node, ast.Call) and chain(node.func) == "getattr":
        return len(node.args) == 2 and chain(node.args[0]) in SECTION_CHAINS
    if isinstance(node, ast.Call):
        return chain(node.func) == "report.host.fact"
    return chain(node) in FACT_CHAINS


def unread(source: str) -> list[str]:
    """The calls of `known` whose argument reads no fact."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        f"line {call.lineno}: {ast.unparse(call)}"
        for call in calls
        if chain(call.func).rpartition(".")[2] == "known"
        and not (len(call.args) == 1 and not call.keywords and reads_a_fact(call.args[0]))
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_must_be_known_is_read_where_it_is_asked_for(file: Path) -> None:
    assert unread(file.read_text()) == []


@pytest.mark.parametrize(
    ("argument", "is_read"),
    [
        ("report.host.keys.tdx_keyids", True),
        ("report.host.keys.tdx_keyids if old else report.host.keys.guest_keyids", True),
        ("getattr(report.host.keys, name)", True),
        ("report.host.fact(name)", True),
        ("fact(name)", False),
        ("limit", False),
        ("report.host.keys", False),
        ("report.host.keys.tdx_keyid", False),
        ("keys.tdx_keyids", False),
        ("report.host.keys.tdx_keyids or report.host.keys.guest_keyids", False),
        ("report.host.keys.tdx_keyids if old else limit", False),
        ("getattr(keys, name)", False),
        ("len(report.host.memory.cmrs)", False),
    ],
)
def test_an_argument_that_was_read_before_is_found(argument: str, is_read: bool) -> None:
    assert (unread(f"known({argument})") == []) == is_read
