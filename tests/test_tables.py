"""Tables say the same as TOML and as the package's build left them."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tdxinfo import tables
from tdxinfo.tables import building

TABLES = Path(tables.__file__).parent
NAMES = sorted(str(p.relative_to(TABLES).with_suffix("")) for p in TABLES.rglob("*.toml"))
TOP = [name for name in NAMES if "/" not in name]
CHECKS = [name for name in NAMES if "/" in name]


def _refuse(text: str) -> NoReturn:
    raise AssertionError(f"{text:.60} was not built")


def said_by_toml(name: str) -> dict[str, Any]:
    return tomllib.loads((TABLES / f"{name}.toml").read_text())


@pytest.fixture(autouse=True)
def afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A copy of the tables, of which nothing is known yet and nothing was built."""
    copy = shutil.copytree(TABLES, tmp_path / "tables", ignore=shutil.ignore_patterns("built"))
    monkeypatch.setattr(tables, "FOLDER", str(copy))
    monkeypatch.setattr(tables, "BUILT", str(copy / "built"))
    caches = (tables.load, tables.head, tables._built)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def only_built(monkeypatch: pytest.MonkeyPatch) -> None:
    building.build()
    monkeypatch.setattr(tables, "parsed", _refuse)


def test_all_kinds_of_tables_are_looked_at() -> None:
    assert {"klog", "msr"} < set(TOP)
    assert "checks/cpu.vendor" in CHECKS


@pytest.mark.usefixtures("only_built")
@pytest.mark.parametrize("name", TOP)
def test_a_table_that_was_built_says_what_its_toml_says(name: str) -> None:
    assert tables.load(name) == said_by_toml(name)


@pytest.mark.usefixtures("only_built")
@pytest.mark.parametrize("name", CHECKS)
def test_the_head_of_a_check_that_was_built_is_all_but_its_prose(name: str) -> None:
    whole = said_by_toml(name)
    assert whole.pop("about")
    assert tables.head(name) == whole


def test_without_a_build_tables_are_parsed() -> None:
    assert tables.load("klog") == said_by_toml("klog")
    assert tables.head("checks/cpu.vendor")["id"] == "cpu.vendor"


def test_a_table_that_was_edited_since_says_what_it_says_now() -> None:
    building.build()
    for name, edited in (("msr", "[NEW]\naddress = 1\n"), ("checks/cpu.vendor", 'id = "other"\n')):
        Path(tables.FOLDER, f"{name}.toml").write_text(edited)
    assert tables.load("msr") == {"NEW": {"address": 1}}
    assert tables.head("checks/cpu.vendor") == {"id": "other"}


def test_a_second_build_takes_what_was_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    building.build()
    Path(tables.FOLDER, "msr.toml").write_text("[NEW]\naddress = 1\n")
    building.build()
    assert sorted(p.name for p in Path(tables.BUILT).iterdir()) == sorted(
        f"{name}.json" for name in [*TOP, "checks"]
    )
    monkeypatch.setattr(tables, "parsed", _refuse)
    assert tables.load("msr") == {"NEW": {"address": 1}}
