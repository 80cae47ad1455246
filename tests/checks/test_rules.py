"""Each check on hosts built by hand, once for each verdict it can give."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.engine import CHECKS, run_checks
from tdxinfo.model.verdict import Outcome, Severity
from tests.builders import report_with
from tests.checks.cases import CASES, DENIED, failure
from tests.checks.edges import EDGES

pytestmark = pytest.mark.usefixtures("releases_of_2026_08")

ROWS = [*CASES, *EDGES]


def outcome_and_message(
    check_id: str, facts: dict[str, Any], origins: dict[str, str] | None = None
) -> tuple[str, str]:
    """Outcome and message of the check alone, without what it needs."""
    (result,) = run_checks(report_with(facts, origins), skip=set(CHECKS) - {check_id})
    return result.outcome.value, result.verdict.message


@pytest.mark.parametrize(("check_id", "facts", "outcome", "message"), ROWS)
def test_a_check_judges_its_facts(
    check_id: str, facts: dict[str, Any], outcome: str, message: str
) -> None:
    assert outcome_and_message(check_id, facts) == (outcome, message)


# A check, the facts, their origin, and the outcome and message.
BY_ORIGIN = [
    (
        "keys.counted",
        {"keys.guest_keyids": 63},
        "cgroup:tdx",
        ("PASS", "misc.capacity has 63 KeyIDs for TDs"),
    ),
    (
        "module.no_rbp_mod",
        {"module.no_rbp_mod": True},
        "helper:x",
        ("PASS", "the module has NO_RBP_MOD"),
    ),
    (
        "module.no_rbp_mod",
        {"module.no_rbp_mod": True},
        "inferred:kernel.release",
        ("PASS", "implied: this kernel refuses modules without NO_RBP_MOD"),
    ),
]


@pytest.mark.parametrize(("check_id", "facts", "origin", "expected"), BY_ORIGIN)
def test_some_checks_ask_for_the_source(
    check_id: str, facts: dict[str, Any], origin: str, expected: tuple[str, str]
) -> None:
    assert outcome_and_message(check_id, facts, dict.fromkeys(facts, origin)) == expected


NEW_MODULE = "Put the new module into EFI/TDX on the EFI system partition, and reboot."

# Where the remedy is not that of the check's file.
REMEDIES: list[tuple[str, dict[str, Any], str]] = [
    (
        "firmware.packages_agree",
        {"platform.packages": 2, "firmware.package_differences": DENIED},
        "Run as root.",
    ),
    (
        "keys.tdx_share",
        {"keys.tdx_keyids": 0, "firmware.keyid_bits": 0},
        "Enable TME-MT in the firmware setup, and reboot.",
    ),
    (
        "module.attempted",
        {"module.state": "not-attempted", "module.failure": failure()},
        "Remove what the kernel names, and reboot.",
    ),
    (
        "module.initialized",
        {"module.state": "failed", "module.driver_loaded": True},
        "Reboot the host. Its running VMs stop.",
    ),
    ("module.update_ready", {"platform.errata": ("seamret_invd_vmcs",)}, NEW_MODULE),
    ("module.update_ready", {"module.features0": 0xFBD}, NEW_MODULE),
    ("module.update_ready", {"kernel.release": "7.1.3"}, NEW_MODULE),
]


@pytest.mark.parametrize(("check_id", "facts", "remedy"), REMEDIES)
def test_a_cause_may_have_a_remedy_of_its_own(
    check_id: str, facts: dict[str, Any], remedy: str
) -> None:
    (result,) = run_checks(report_with(facts), skip=set(CHECKS) - {check_id})
    assert result.remedy == remedy


def test_every_check_has_a_case() -> None:
    assert {check_id for check_id, *_ in CASES} == set(CHECKS)


def test_there_are_thirty_checks_that_decide_or_warn() -> None:
    assert len([c for c in CHECKS.values() if c.severity.value != "info"]) >= 30


@pytest.mark.parametrize("check_id", sorted(CHECKS))
def test_a_check_that_can_fail_or_warn_has_a_remedy(check_id: str) -> None:
    declared = CHECKS[check_id]
    bad = [
        facts
        for name, facts, outcome, _ in CASES
        if name == check_id and outcome in ("FAIL", "WARN")
    ]
    for facts in bad:
        others = set(CHECKS) - {check_id}
        (result,) = run_checks(report_with(facts), skip=others)
        # There is no remedy for a processor without TDX.
        is_final = declared.rule.severity is Severity.APPLICABILITY or check_id == "cpu.seamrr"
        assert result.remedy or is_final, f"{check_id} has no remedy"
    title = declared.rule.title
    assert title
    assert title[0].isupper() or title.startswith(("kvm", "libvirt", "kexec"))


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
    (result,) = run_checks(report_with(facts), skip=set(CHECKS) - {"module.attempted"})
    assert word in result.remedy


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (0xC000090000000000, "firmware"),
        (0xC000092100000122, "tsx=on"),
        (0xC0000C0000000000, "module"),
    ],
)
def test_a_known_status_leads_to_its_remedy(status: int, word: str) -> None:
    facts = {
        "module.state": "failed",
        "module.failure": failure(errno=5, leaf=0x21, leaf_name="TDH.SYS.INIT", status=status),
    }
    (result,) = run_checks(report_with(facts), skip=set(CHECKS) - {"module.initialized"})
    assert result.outcome is Outcome.FAIL
    assert word in result.remedy
