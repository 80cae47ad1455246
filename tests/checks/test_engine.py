"""The engine: checks that need others, proofs by later checks, and the verdict of all results."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import (
    CHECKS,
    Result,
    deciding_checks,
    first_failure,
    in_order,
    run_checks,
    run_some,
    verdict_of,
)
from tdxinfo.host.observe import Observed
from tdxinfo.model.provenance import Attempt, Origin
from tdxinfo.model.verdict import HostVerdict, Severity
from tdxinfo.report import report_of
from tests.builders import report_with

LIVE = Origin.of("live")
READY: dict[str, Any] = {
    "platform.vendor": "GenuineIntel",
    "platform.virtualization": "none",
    "platform.family": 6,
    "platform.model": 207,
    "platform.instructions": ("vmx", "movdir64b", "ss", "xsave"),
    "platform.packages": 1,
    "firmware.preproduction": False,
    "firmware.seamrr_supported": True,
    "firmware.tme_enabled": True,
    "firmware.seamrr_enabled": True,
    "firmware.seamrr_locked": True,
    "firmware.sgx_enabled": True,
    "firmware.mcheck_status": 0,
    "keys.tdx_keyids": 64,
    "keys.guest_keyids": 63,
    "keys.guest_keyids_in_use": 0,
    "kernel.release": "7.3.4",
    "kernel.command_line": "ro",
    "kernel.config_tdx_host": True,
    "kernel.config_kvm_intel_tdx": True,
    "kernel.hibernation": False,
    "kernel.tdx_detected": True,
    "kernel.log_complete": True,
    "module.state": "initialized",
    "module.no_rbp_mod": True,
    "module.debug": False,
    "kvm.loaded": True,
    "kvm.ept": True,
    "kvm.eptad": True,
    "kvm.apicv": True,
    "kvm.tdp_mmu": True,
    "kvm.mmio_caching": True,
    "kvm.tdx_enabled": True,
    "kvm.vm_type_supported": True,
}


def results_of(**changes: Any) -> dict[str, Result]:
    """The results for a ready host with some facts changed; None makes one unknown."""
    facts = {**READY, **{name.replace("__", "."): value for name, value in changes.items()}}
    known = {name: value for name, value in facts.items() if value is not None}
    return {result.check.id: result for result in run_checks(report_with(known))}


def verdict(results: dict[str, Result], strict: bool = False) -> str:
    return verdict_of(list(results.values()), strict).value


def test_a_ready_host_is_ready() -> None:
    assert verdict(results_of()) == "ready"


def test_the_first_failure_names_the_earliest_stage() -> None:
    results = results_of(module__state="not-attempted", keys__tdx_keyids=0, kvm__tdx_enabled=False)
    first = first_failure(results.values())
    assert first is not None
    assert first.check.id == "keys.tdx_share"


def test_what_needs_a_failed_check_is_skipped_and_names_it() -> None:
    results = results_of(keys__tdx_keyids=0, module__state=None, kvm__tdx_enabled=None)
    skipped = results["kernel.tdx_detected"]
    assert skipped.outcome.value == "SKIP"
    assert "keys.tdx_share" in skipped.verdict.message
    assert "keys.tdx_share" in results["module.initialized"].verdict.message


def test_a_check_that_does_not_apply_does_not_block_those_that_need_it() -> None:
    results = results_of()
    assert results["kvm.virt_at_load"].outcome.value == "SKIP"
    assert results["kvm.tdx_enabled"].outcome.value == "PASS"


def test_an_unknown_is_implied_by_a_later_success_and_says_so() -> None:
    result = results_of(firmware__tme_enabled=None)["firmware.tme"]
    assert result.outcome.value == "PASS"
    assert "implied: module.initialized passed" in result.verdict.message


def test_a_failure_against_a_later_success_is_a_warning() -> None:
    results = results_of(firmware__tme_enabled=False)
    doubted = results["firmware.tme"]
    assert doubted.outcome.value == "WARN"
    assert doubted.verdict.message == (
        "memory encryption (TME) is disabled, but module.initialized passed, which contradicts it"
    )
    assert "Socket Configuration" in doubted.remedy
    assert verdict(results) == "ready"
    assert verdict(results, strict=True) == "not-ready"


def test_without_a_later_success_an_unknown_leaves_the_host_undecided() -> None:
    denied = Attempt(
        origin="msr:0x982",
        reason="denied",
        message="/dev/cpu/0/msr may not be read",
        remedy="Run as root.",
    )
    results = results_of(
        firmware__tme_enabled=denied,
        module__state=None,
        kvm__tdx_enabled=None,
        kvm__vm_type_supported=None,
    )
    assert results["firmware.tme"].outcome.value == "UNKNOWN"
    assert results["firmware.tme"].remedy == "Run as root."
    assert verdict(results) == "undecided"


@pytest.mark.parametrize(
    ("attempts", "message", "remedy"),
    [
        ((), "platform.vendor is unknown", ""),
        (
            (
                Attempt(origin="a", reason="absent", message="no a", remedy=""),
                Attempt(origin="b", reason="absent", message="no b", remedy=""),
            ),
            "no a",
            "",
        ),
        (
            (
                Attempt(origin="a", reason="absent", message="no a", remedy=""),
                Attempt(origin="b", reason="denied", message="no b", remedy="Run as root."),
            ),
            "no b",
            "Run as root.",
        ),
    ],
)
def test_of_the_sources_without_a_value_the_one_that_could_be_helped_is_named(
    attempts: tuple[Attempt, ...], message: str, remedy: str
) -> None:
    report = report_of({"platform.vendor": Observed(None, "", attempts)}, LIVE)
    (result,) = run_some(report, [CHECKS["cpu.vendor"]])
    assert result.verdict.message.endswith(message)
    assert result.remedy == remedy


def test_an_unknown_that_only_warns_decides_nothing() -> None:
    assert verdict(results_of(firmware__sgx_enabled=None, module__debug=None)) == "ready"


def test_another_vendor_makes_the_question_not_applicable() -> None:
    results = results_of(platform__vendor="AuthenticAMD", module__state=None, kvm__tdx_enabled=None)
    assert verdict(results) == "not-applicable"


def test_a_failure_outweighs_what_is_unknown() -> None:
    results = results_of(
        module__state="failed", firmware__mcheck_status=None, kvm__tdx_enabled=False
    )
    assert verdict(results) == "not-ready"


def test_the_evidence_holds_the_facts_that_were_looked_at() -> None:
    report = report_with(READY)
    run = CheckRun(report, run_checks(report), HostVerdict.READY, 0.0)
    (headroom,) = [check for check in run.document().checks if check.id == "keys.headroom"]
    assert headroom.evidence == {
        "keys.guest_keyids": 63,
        "keys.guest_keyids_in_use": 0,
        "keys.guest_keyids_peak": None,
    }


def test_no_check_stands_before_one_that_it_needs() -> None:
    order = [check.id for check in in_order()]
    assert sorted(order) == sorted(CHECKS)
    for check in in_order():
        assert all(order.index(need) < order.index(check.id) for need in check.rule.needs)


def test_a_check_that_is_skipped_does_not_block_those_that_need_it() -> None:
    host = report_with({**READY, "module.no_rbp_mod": True, "keys.tdx_keyids": 0})
    results = run_checks(host, skip={"keys.tdx_share", "keys.enough"})
    assert "keys.tdx_share" not in {result.check.id for result in results}
    assert first_failure(results) is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"firmware__tme_enabled": None},
        {"firmware__tme_enabled": False, "kernel__hibernation": True},
        {"platform__vendor": "AuthenticAMD", "module__state": None, "kvm__tdx_enabled": None},
        {"keys__tdx_keyids": 0, "module__state": None, "kvm__tdx_enabled": None},
        {"module__state": None, "kvm__tdx_enabled": None, "kvm__vm_type_supported": None},
    ],
)
def test_the_deciding_checks_have_the_same_results_without_the_others(
    changes: dict[str, Any],
) -> None:
    facts = {**READY, **{name.replace("__", "."): value for name, value in changes.items()}}
    host = report_with({name: value for name, value in facts.items() if value is not None})
    among_all = results_of(**changes)
    without_others = run_some(host, deciding_checks())
    assert {result.check.id for result in without_others} == {
        name for name, result in among_all.items() if result.check.severity.decides
    }
    for result in without_others:
        assert among_all[result.check.id] == result
    first, first_of_all = first_failure(without_others), first_failure(among_all.values())
    assert (first and first.check.id) == (first_of_all and first_of_all.check.id)
    assert verdict_of(without_others).value == verdict(among_all)


def test_needs_and_proofs_of_a_deciding_check_are_deciding_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, severity in {"module.loaded": Severity.WARN, "kvm.vm_type": Severity.INFO}.items():
        monkeypatch.setitem(CHECKS, name, CHECKS[name]._replace(severity=severity))
    chosen = [check.id for check in deciding_checks()]
    assert "module.loaded" in chosen, "module.line needs it"
    assert "kvm.vm_type" in chosen, "it proves kvm.loaded"
    assert "kernel.msr" not in chosen
    assert chosen == [check.id for check in in_order() if check.id in chosen]


def test_a_check_that_informs_never_counts_but_says_what_to_do() -> None:
    result = results_of(attestation__registration="not sent")["attestation.registration"]
    assert result.outcome.value == "INFO"
    assert "MP Registration" in result.remedy


def test_the_remedy_names_the_menu_of_the_machines_maker() -> None:
    change = {"firmware__tme_enabled": False, "module__state": None, "kvm__tdx_enabled": None}
    dell = results_of(platform__system="Dell Inc. PowerEdge R760", **change)["firmware.tme"].remedy
    other = results_of(platform__system="Example Server", **change)["firmware.tme"].remedy
    assert "Multiple Keys" in dell
    assert "Socket Configuration" in other
    assert results_of(platform__system_vendor="Dell Inc.", **change)["firmware.tme"].remedy == dell
    assert results_of(**change)["firmware.tme"].remedy == other


def test_a_former_id_of_a_check_still_chooses_it(monkeypatch: Any) -> None:
    from tests.cli.command import ran

    rule = CHECKS["keys.enough"].rule.model_copy(update={"aliases": ("keys.sufficient",)})
    monkeypatch.setitem(CHECKS, "keys.enough", CHECKS["keys.enough"]._replace(rule=rule))
    example = ("--from", "example:emr-five-cmrs")
    result = ran("check", "--only", "keys.sufficient", "--json", *example)
    assert [check["id"] for check in result.json["checks"]] == ["keys.enough"]
    (meaning,) = ran("explain", "keys.sufficient", "--json", *example).json["explanations"].values()
    assert meaning[0]["name"] == "keys.enough"
    assert {"name": "now called", "text": "keys.enough"} in meaning[0]["details"]


def test_strictness_counts_warnings_alone() -> None:
    passed = [result for result in results_of().values() if result.outcome.value == "PASS"]
    assert verdict_of(passed, strict=True).value == "ready"


@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        ("ubuntu", "-intel"),
        ("suse", "kernel-coco"),
        ("debian", "Build and boot"),
        ("alpine", "Boot a kernel that was built with CONFIG_INTEL_TDX_HOST=y."),
        (None, "Boot a kernel that was built with CONFIG_INTEL_TDX_HOST=y."),
    ],
)
def test_a_remedy_has_the_names_of_the_distribution(distribution: str | None, words: str) -> None:
    facts = {"kernel.config_tdx_host": False, "module.state": None, "kvm.tdx_enabled": None}
    known_facts = {**READY, **facts, "platform.distribution": distribution}
    report = report_with({name: value for name, value in known_facts.items() if value is not None})
    results = {result.check.id: result for result in run_checks(report)}
    assert words in results["kernel.config_tdx_host"].remedy
