"""What kernels print when they refuse, each answered by a check."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo import tables
from tdxinfo.checks.engine import CHECKS, first_failure, run_checks, run_some
from tdxinfo.decode import bits
from tdxinfo.render.headline import headline
from tdxinfo.report import observe
from tests.builders import captured_machine, report_from_log
from tests.recorded import folder_of

KEYIDS = "virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
STARTED = KEYIDS + "virt/tdx: 8396820 KB allocated for PAMT\nvirt/tdx: module initialized\n"

# Lines of Linux 6.8 to 7.3 and of KVM, what came before, and the check that answers.
REFUSALS = [
    ("", "initialization failed: too few private KeyIDs available.", "module.attempted", "FAIL"),
    (KEYIDS, "initialization failed: Hibernation support is enabled", "kernel.hibernation", "FAIL"),
    (
        KEYIDS,
        "initialization failed: register_memory_notifier() failed (-12)",
        "module.attempted",
        "FAIL",
    ),
    (KEYIDS, "XSAVE is required for TDX", "module.attempted", "FAIL"),
    (KEYIDS, "MOVDIR64B is required for TDX", "module.attempted", "FAIL"),
    (KEYIDS, "Self-snoop is required for TDX", "module.attempted", "FAIL"),
    ("", "TDX not supported by the host platform", "kernel.tdx_detected", "FAIL"),
    (KEYIDS, "module not loaded", "module.loaded", "FAIL"),
    (
        KEYIDS,
        "frame pointer (RBP) clobber bug present, upgrade TDX module",
        "module.no_rbp_mod",
        "FAIL",
    ),
    (KEYIDS, "initialization failed: TDMRs exhausted.", "memory.tdmrs_fit", "FAIL"),
    (
        STARTED,
        "consumed TDMRs reaching limit: 62 used out of 64",
        "memory.tdmr_headroom",
        "WARN",
    ),
    (
        KEYIDS,
        "initialization failed: TDMR [0x0, 0x80000000): reserved areas exhausted.",
        "memory.tdmrs_fit",
        "FAIL",
    ),
    (
        STARTED,
        "TDMR [0x0, 0x80000000): unable to find local NUMA node for PAMT allocation, "
        "fallback to use node 0.",
        "memory.pamt_local",
        "INFO",
    ),
]
KVM = [
    ("tdx: no TDX private KeyIDs available", "key split"),
    ("tdx: tdx requires kvm.enable_virt_at_load=1", "enable_virt_at_load=1"),
    ("EPT is required for TDX", "ept="),
    ("APICv is required for TDX", "enable_apicv="),
    (
        "Disable TDX: MAX_VCPU_PER_TD (64) smaller than number of logical CPUs (256).",
        "Update the TDX module",
    ),
]


def result_of(log: str, check_id: str) -> tuple[str, str, str]:
    results = run_checks(report_from_log(log))
    (found,) = [result for result in results if result.check.id == check_id]
    return found.outcome.value, found.verdict.message, found.remedy


REGISTERS = (
    "IA32_MKTME_KEYID_PARTITIONING",
    "IA32_TME_ACTIVATE",
    "IA32_SEAMRR_PHYS_BASE",
    "IA32_SEAMRR_PHYS_MASK",
)


@pytest.mark.parametrize("register", REGISTERS)
@pytest.mark.parametrize(("second", "outcome"), [("0x2", "FAIL"), ("0x1", "PASS")])
def test_packages_are_held_against_each_other_in_each_register_of_tdx(
    register: str, second: str, outcome: str
) -> None:
    cpuinfo = (folder_of("one-keyid") / "root/proc/cpuinfo").read_bytes()  # two packages
    answers = {f"msr/{bits.address_of(r):#x}/cpu{cpu}": "0x1" for r in REGISTERS for cpu in (0, 2)}
    answers[f"msr/{bits.address_of(register):#x}/cpu2"] = second
    report = observe(captured_machine({"/proc/cpuinfo": cpuinfo}, answers))
    (found,) = run_some(report, [CHECKS["firmware.packages_agree"]])
    assert found.outcome.value == outcome, found.verdict.message
    assert (register in found.verdict.message) == (outcome == "FAIL")


@pytest.mark.parametrize(("before", "line", "check_id", "outcome"), REFUSALS)
def test_a_refusal_of_the_kernel_is_answered_by_a_check(
    before: str, line: str, check_id: str, outcome: str
) -> None:
    value, message, remedy = result_of(f"{before}virt/tdx: {line}\n", check_id)
    assert value == outcome, message
    assert remedy


@pytest.mark.parametrize(("line", "word"), KVM)
def test_a_refusal_of_kvm_is_shown_in_its_own_words(line: str, word: str) -> None:
    log = f"{STARTED}kvm_intel: {line}\n"
    is_loaded = report_from_log(log).host.kvm.loaded
    value, message, remedy = result_of(log, "kvm.tdx_enabled" if is_loaded else "kvm.loaded")
    assert (value, line.rstrip(".") in message) == ("FAIL", True)
    assert word in remedy


EARLY: list[dict[str, Any]] = [
    row for row in tables.load("failures")["failure"] if row.get("before_module")
]


@pytest.mark.parametrize("row", EARLY, ids=[row["name"] for row in EARLY])
@pytest.mark.parametrize("option", ["", " kvm_intel.tdx=1"])
def test_what_kvm_requires_before_it_calls_the_module_is_the_first_finding(
    row: dict[str, Any], option: str
) -> None:
    first = f"Linux version 6.17.8 (x)\nCommand line: ro{option}\n"
    lines = (first + KEYIDS + row["example"].strip()).split("\n")
    log = "".join(f"[    1.0] {line}\n" for line in lines)
    report = observe(captured_machine(log=log))
    found = first_failure(run_checks(report))
    assert found is not None
    assert (found.check.id, found.remedy) == ("module.attempted", row["remedy"])
    assert found.effect == row.get("effect", "vms")
    assert lines[-1].rstrip(".") in headline(report).plain


def test_the_limit_of_virtual_cpus_is_read_out_of_kvms_refusal() -> None:
    from tests.checks.test_rules import outcome_and_message

    line = "kvm_intel: Disable TDX: MAX_VCPU_PER_TD (64) smaller than number of logical CPUs (256)."
    limit = report_from_log(STARTED + line + "\n").host.td.max_vcpus
    facts = {"td.max_vcpus": limit, "platform.cpus_present": 256, "kernel.release": "6.17.1"}
    assert (limit, outcome_and_message("module.vcpus", facts)[0]) == (64, "FAIL")


def test_a_machine_check_of_private_memory_is_shown() -> None:
    line = "mce: [Hardware Error]: Machine check: TDX private memory error. Possible kernel bug."
    assert result_of(STARTED + line + "\n", "kernel.machine_checks")[0] == "WARN"


def test_a_leaked_keyid_is_counted_once() -> None:
    line = "kvm_intel: tdh_mng_key_freeid() failed. HKID 66 is leaked.\n"
    outcome, message, _ = result_of(STARTED + line + line, "keys.leaked")
    assert (outcome, "leaked 1 KeyID " in message) == ("WARN", True)
