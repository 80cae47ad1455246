"""Each check about what runs around the module has a host that passes, one with the finding, and
one where the answer is unknown; those of a policy have a host and a policy for each.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.engine import CHECKS, run_checks
from tdxinfo.checks.policy_checks import POLICY_CHECKS, checks_of, read_policy
from tests.recorded import NAMES, expected, report_of

GROUPS = ("attestation", "boot", "devices")
OTHERS = (
    "cpu.microcode", "keys.headroom", "memory.tdmr_headroom", "module.esp", "module.last_update",
    "module.release", "module.staged_fits", "module.update_ready", "stack.pairing",
)  # fmt: skip
AROUND = [i for i, check in CHECKS.items() if check.rule.group in GROUPS or i in OTHERS]
FINDING = frozenset({"FAIL", "WARN", "INFO"})


@cache
def outcomes() -> dict[str, set[str]]:
    """By check, how it ends on the recorded hosts."""
    found: dict[str, set[str]] = {check_id: set() for check_id in CHECKS}
    for name in NAMES:
        for outcome, ids in expected(name)["outcomes"].items():
            for check_id in ids:
                found[check_id].add(outcome)
    return found


def test_the_checks_around_the_module_are_these() -> None:
    assert len(AROUND) >= 29


@pytest.mark.parametrize("check_id", AROUND)
def test_hosts_show_how_a_check_passes_finds_and_does_not_know(check_id: str) -> None:
    found = outcomes()[check_id]
    assert {"PASS", "UNKNOWN"} <= found
    assert found & FINDING


READY = "linux-7.2-ready-to-attest"
POLICIES = {
    "policy.module_version": '[module]\nminimum = {{ "1.5" = "{}" }}\n',
    "policy.features": '[module]\nfeatures = ["{}"]\n',
    "policy.floors": '[floors]\n"stack.qemu_version" = "{}"\n',
}
CASES = [
    ("policy.module_version", "1.5.24", READY, "PASS"),
    ("policy.module_version", "1.5.34", READY, "FAIL"),
    ("policy.module_version", "1.5.24", "kvm-y-on-6.8", "UNKNOWN"),
    ("policy.features", "NO_RBP_MOD", "vm-ready-1.5-at-boot", "PASS"),
    ("policy.features", "NO_RBP_MOD", "mvp-6.2-lacks-no-rbp-mod", "FAIL"),
    ("policy.features", "NO_RBP_MOD", "kvm-y-on-6.8", "UNKNOWN"),
    ("policy.floors", "10.1.0", READY, "PASS"),
    ("policy.floors", "10.2.0", READY, "FAIL"),
    ("policy.floors", "10.1.0", "kvm-y-on-6.8", "UNKNOWN"),
]


def test_every_check_of_a_policy_has_its_three_cases() -> None:
    assert {(i, outcome) for i, _, _, outcome in CASES} == {
        (i, outcome) for i in POLICY_CHECKS for outcome in ("PASS", "FAIL", "UNKNOWN")
    }


@pytest.mark.parametrize(("check_id", "wanted", "host", "outcome"), CASES)
def test_a_policy_decides_on_a_host(
    check_id: str, wanted: str, host: str, outcome: str, tmp_path: Path
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(POLICIES[check_id].format(wanted))
    policy = read_policy(str(path))
    results = run_checks(report_of(host), policy=policy, added=checks_of(policy))
    assert {r.check.id: r.outcome.value for r in results}[check_id] == outcome
