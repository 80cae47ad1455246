"""The stress run's judge sees what no host at rest would report."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.machine.captured import open_folder
from tdxinfo.report import observe
from tests.vm import stress

HOST = Path(__file__).parents[1] / "hosts" / "vm-ready-1.5-at-boot"


@pytest.fixture(scope="module")
def first() -> Any:
    return json.loads(observe(open_folder(str(HOST))).model_dump_json())


def judged(report: Any, first: Any) -> list[str]:
    return list(stress.inconsistencies(report, first, {}))


def test_a_report_at_rest_is_consistent(first: Any) -> None:
    assert judged(first, first) == []


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("module", {"version": "1.5.18"}),
        ("module", {"major": 2}),
        ("module", {"version": "2.0.18", "major": 2, "minor": 0, "update": 18}),
        ("module", {"no_rbp_mod": False}),
        ("keys", {"guest_keyids_in_use": 64}),
        ("keys", {"tdx_keyids": None}),
        ("platform", {"cpus": 3}),
        ("memory", {"tdmrs": []}),
    ],
)
def test_a_mixture_is_seen(section: str, changes: dict[str, Any], first: Any) -> None:
    report = copy.deepcopy(first)
    report["host"][section].update(changes)
    assert judged(report, first)


def test_what_was_read_at_boot_may_be_withheld_after_an_update(first: Any) -> None:
    report = copy.deepcopy(first)
    report["host"]["module"].update(
        {"version": "2.0.18", "major": 2, "minor": 0, "update": 18, "features0": None}
    )
    assert any("features0" in line for line in judged(report, first))
    report["unavailable"]["module.features0"] = [{"message": "the module was updated since"}]
    assert judged(report, first) == []


def test_one_version_has_one_release(first: Any) -> None:
    of_version: dict[str, Any] = {}
    list(stress.inconsistencies(first, first, of_version))
    report = copy.deepcopy(first)
    report["host"]["module"]["release"] = "1.5.24"
    assert any("before" in line for line in stress.inconsistencies(report, first, of_version))
