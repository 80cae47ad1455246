"""Each check on hosts built by hand, once for each verdict it can give."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.engine import CHECKS, judge_host
from tdxinfo.model.verdict import Outcome
from tests.checks.cases import CASES, failure
from tests.checks.edges import EDGES
from tests.hands import host_with

ROWS = [*CASES, *EDGES]
with (Path(__file__).parent / "says.toml").open("rb") as file:
    SAYS: dict[str, list[str]] = tomllib.load(file)


def outcome_of(check_id: str, facts: dict[str, Any], origins: dict[str, str] | None = None) -> str:
    """What the check alone says: nothing that it needs is judged."""
    others = set(CHECKS) - {check_id}
    (result,) = judge_host(host_with(facts, origins), left_out=others)
    return result.outcome.value


@pytest.mark.parametrize(("check_id", "facts", "outcome"), ROWS)
def test_a_check_judges_its_facts(check_id: str, facts: dict[str, Any], outcome: str) -> None:
    assert outcome_of(check_id, facts) == outcome


@pytest.mark.parametrize("check_id", sorted(CHECKS))
def test_a_check_says_what_it_found(check_id: str) -> None:
    others = set(CHECKS) - {check_id}
    hosts = [host_with(facts) for name, facts, _ in ROWS if name == check_id]
    said = [judge_host(host, left_out=others)[0].verdict.message for host in hosts]
    assert said == SAYS[check_id]


def test_msrs_of_two_packages_that_could_be_read_agree() -> None:
    facts = {"platform.packages": 2, "keys.tdx_keyids": 64}
    origins = {"keys.tdx_keyids": "msr:0x87"}
    assert outcome_of("firmware.packages_agree", facts, origins) == "PASS"


def test_every_check_is_in_the_table() -> None:
    assert {check_id for check_id, _, _ in CASES} == set(CHECKS)


def test_there_are_thirty_checks_that_decide_or_warn() -> None:
    assert len([c for c in CHECKS.values() if c.severity.value != "info"]) >= 30


@pytest.mark.parametrize("check_id", sorted(CHECKS))
def test_a_check_that_can_fail_or_warn_has_a_way_out(check_id: str) -> None:
    declared = CHECKS[check_id]
    bad = [
        facts for name, facts, outcome in CASES if name == check_id and outcome in ("FAIL", "WARN")
    ]
    for facts in bad:
        others = set(CHECKS) - {check_id}
        (result,) = judge_host(host_with(facts), left_out=others)
        assert result.remedy, f"{check_id} leaves the user alone"
    assert declared.title
    assert declared.title[0].isupper() or declared.title.startswith(("kvm", "libvirt"))


@pytest.mark.parametrize(
    ("release", "word"),
    [
        ("6.17.0", "modprobe"),
        ("6.12.0", "6.16"),
        ("6.8.0-1028-intel", "modprobe"),
        ("7.3.0", "log"),
    ],
)
def test_the_way_to_ask_for_the_module_depends_on_the_kernel(release: str, word: str) -> None:
    facts = {"module.state": "not-attempted", "kernel.release": release}
    (result,) = judge_host(host_with(facts), left_out=set(CHECKS) - {"module.attempted"})
    assert word in result.remedy


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (0xC000090000000000, "firmware"),
        (0xC000092100000122, "firmware"),
        (0xC0000C0000000000, "module"),
    ],
)
def test_a_known_status_leads_to_its_remedy(status: int, word: str) -> None:
    facts = {
        "module.state": "failed",
        "module.failure": failure(errno=5, leaf=0x21, leaf_name="TDH.SYS.INIT", status=status),
    }
    (result,) = judge_host(host_with(facts), left_out=set(CHECKS) - {"module.initialized"})
    assert result.outcome is Outcome.FAIL
    assert word in result.remedy
