"""Every check has a file and every file a check; what the files say holds together."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tdxinfo import tables
from tdxinfo.checks.engine import CHECKS, Check, check, ids_by_alias, new_check
from tdxinfo.checks.policy_checks import POLICY_CHECKS
from tdxinfo.checks.rules import Rule, about_rule, head_of_rule

FOLDER = Path(tables.__file__).parent / "checks"
IDS = sorted(path.name.removesuffix(".toml") for path in FOLDER.iterdir())


def test_every_check_has_a_file_and_every_file_a_check() -> None:
    assert sorted([*CHECKS, *POLICY_CHECKS]) == IDS


@pytest.mark.parametrize("check_id", IDS)
def test_a_file_fits_the_model_and_is_named_for_its_check(check_id: str) -> None:
    assert head_of_rule(check_id).id == check_id
    assert about_rule(check_id).why
    whole = Rule.model_validate(tables.load(f"checks/{check_id}"))
    rule = whole.model_copy(update={"about": None})
    function = CHECKS["cpu.vendor"].function
    assert new_check(check_id, function) == Check(rule, function, rule.severity)


def test_what_the_files_refer_to_exists() -> None:
    for check_id in IDS:
        value = head_of_rule(check_id)
        assert {*value.needs, value.proof or check_id} <= set(IDS), check_id
        severity = value.severity.value
        assert severity in ("info", "applicability") or value.remedy or check_id == "cpu.seamrr"


def test_the_heads_that_judging_reads_hold_all_but_the_prose() -> None:
    for check_id in IDS:
        whole = dict(tables.load(f"checks/{check_id}"))
        del whole["about"]
        assert tables.head(f"checks/{check_id}") == whole


def test_no_former_id_is_in_use_again() -> None:
    olds = [old for check in CHECKS.values() for old in check.rule.aliases]
    assert not set(olds) & set(CHECKS)
    assert sorted(olds) == sorted(ids_by_alias())


def test_a_file_that_lacks_its_reason_is_refused() -> None:
    whole = dict(tables.load("checks/cpu.vendor"))
    with pytest.raises(ValidationError):
        Rule.model_validate({**whole, "about": {**whole["about"], "why": ""}})
    with pytest.raises(ValidationError):
        Rule.model_validate({**whole, "remedi": "Do nothing."})


def test_a_file_may_name_former_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    head = {
        "id": "x.y",
        "title": "It has had other names",
        "severity": "info",
        "aliases": ["a.b", "c.d"],
    }
    monkeypatch.setattr(tables, "head", {"checks/x.y": head}.__getitem__)
    declared = new_check("x.y", CHECKS["cpu.vendor"].function)
    assert declared.rule.aliases == ("a.b", "c.d")


def test_a_function_is_declared_under_its_id_and_stays_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CHECKS, "keys.enough", CHECKS["keys.enough"])
    function = CHECKS["cpu.vendor"].function
    assert check("keys.enough")(function) is function
    made = CHECKS["keys.enough"]
    assert (made.id, made.rule.group, made.function) == ("keys.enough", "keys", function)
