"""Every check has a file and every file a check; what the files say holds together."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from tdxinfo.checks.files import RuleFile, rule_file

from tdxinfo import tables
from tdxinfo.checks import policy
from tdxinfo.checks.engine import CHECKS, Check, check, declared, ids_by_alias

FOLDER = Path(tables.__file__).parent / "checks"
IDS = sorted(path.name.removesuffix(".toml") for path in FOLDER.iterdir())


def test_every_check_has_a_file_and_every_file_a_check() -> None:
    assert sorted([*CHECKS, *policy.RULES]) == IDS


@pytest.mark.parametrize("check_id", IDS)
def test_a_file_fits_the_model_and_is_named_for_its_check(check_id: str) -> None:
    assert rule_file(check_id).id == check_id


@pytest.mark.parametrize("check_id", IDS)
def test_what_a_file_refers_to_exists(check_id: str) -> None:
    told = rule_file(check_id)
    assert {*told.needs, told.proof or check_id} <= set(IDS)
    assert told.severity.value == "info" or told.remedy


@pytest.mark.parametrize("check_id", IDS)
def test_the_head_that_judging_reads_holds_all_but_the_prose(check_id: str) -> None:
    whole = dict(tables.load(f"checks/{check_id}"))
    del whole["about"]
    assert tables.head(f"checks/{check_id}") == whole


def test_no_former_id_is_in_use_again() -> None:
    olds = [old for check in CHECKS.values() for old in check.aliases]
    assert not set(olds) & set(CHECKS)
    assert sorted(olds) == sorted(ids_by_alias())


def test_a_file_that_lacks_its_reason_is_refused() -> None:
    whole = dict(tables.load("checks/cpu.vendor"))
    with pytest.raises(ValidationError):
        RuleFile.model_validate({**whole, "about": {**whole["about"], "why": ""}})
    with pytest.raises(ValidationError):
        RuleFile.model_validate({**whole, "remedi": "Do nothing."})


@pytest.mark.parametrize("check_id", IDS)
def test_a_check_is_declared_as_its_file_tells(check_id: str) -> None:
    told, judge = rule_file(check_id), CHECKS["cpu.vendor"].judge
    assert declared(check_id, judge) == Check(
        id=check_id,
        title=told.title,
        severity=told.severity,
        remedy=told.remedy or "",
        menus=told.menus,
        needs=tuple(told.needs),
        proof=told.proof or "",
        aliases=tuple(told.aliases),
        judge=judge,
    )


def test_a_file_may_name_former_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    head = {"title": "It has had other names", "severity": "info", "aliases": ["a.b", "c.d"]}
    monkeypatch.setattr(tables, "head", {"checks/x.y": head}.__getitem__)
    assert declared("x.y", CHECKS["cpu.vendor"].judge).aliases == ("a.b", "c.d")


def test_a_function_is_declared_under_its_id_and_stays_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CHECKS, "keys.enough", CHECKS["keys.enough"])
    judge = CHECKS["cpu.vendor"].judge
    assert check("keys.enough")(judge) is judge
    made = CHECKS["keys.enough"]
    assert (made.id, made.group, made.judge) == ("keys.enough", "keys", judge)
