"""Tables are TOML, parsed when they are first used and not again."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tdxinfo import tables

TABLES = Path(tables.__file__).parent
NAMES = sorted(str(p.relative_to(TABLES).with_suffix("")) for p in TABLES.rglob("*.toml"))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of tables of which nothing was parsed yet."""
    monkeypatch.setattr(tables, "FOLDER", str(tmp_path))
    for cached in (tables.load, tables.head):
        cached.cache_clear()
    yield tmp_path
    for cached in (tables.load, tables.head):
        cached.cache_clear()


def test_all_kinds_of_tables_are_looked_at() -> None:
    assert {"klog", "msr", "checks/cpu.vendor"} < set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_says_what_its_toml_says(name: str) -> None:
    assert tables.load(name) == tomllib.loads((TABLES / f"{name}.toml").read_text())


def test_a_table_is_parsed_once(own: Path) -> None:
    (own / "msr.toml").write_text("[NEW]\naddress = 1\n")
    assert tables.load("msr") == {"NEW": {"address": 1}}
    (own / "msr.toml").unlink()
    assert tables.load("msr") == {"NEW": {"address": 1}}


def test_the_rest_of_a_table_is_not_parsed_for_its_head(own: Path) -> None:
    head = 'id = "a.b"\nneeds = [\n    "c.d",\n]\n'
    (own / "check.toml").write_text(f"{head}\n[about]\nwhy = not TOML")
    assert tables.head("check") == {"id": "a.b", "needs": ["c.d"]}
