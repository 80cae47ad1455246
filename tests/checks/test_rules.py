"""Each check on hosts built by hand, once for each verdict it can give."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.engine import CHECKS, judge_host
from tdxinfo.model.memory import NamedRange
from tdxinfo.model.observed import Attempt
from tdxinfo.model.values import Failure, MemoryRange
from tdxinfo.model.verdict import Outcome
from tests.hands import host_with

GIB = 1 << 30
DENIED = Attempt("msr:0x87", "denied", "/dev/cpu/0/msr may not be read", "Run as root.")
UNEQUAL = Attempt("msr:0x87", "inconsistent", "IA32_MKTME_KEYID_PARTITIONING differs")
ALL_INSTRUCTIONS = ("vmx", "movdir64b", "ss", "xsave")


def failure(**parts: Any) -> Failure:
    empty = dict.fromkeys(
        ("errno", "errno_name", "leaf", "leaf_name", "status", "status_name", "tdmr")
    )
    return Failure(**{**empty, "message": "virt/tdx: module initialization failed", **parts})


def cmrs(*ends: tuple[int, int]) -> tuple[MemoryRange, ...]:
    return tuple(MemoryRange.between(base, end) for base, end in ends)


REFUSED_SEAMCALL = failure(leaf=0x22, leaf_name="TDH.SYS.RD", status=0xC0000505 << 32)
EXHAUSTED = failure(errno=28, tdmr=MemoryRange.between(0, 2 * GIB))
SANE = cmrs((0x100000, GIB), (4 * GIB, 8 * GIB))
OUTSIDE = (NamedRange(2 * GIB, 3 * GIB, GIB, None),)

# The facts a check looks at, and what it must say of them.
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("cpu.vendor", {"platform.vendor": "GenuineIntel"}, "PASS"),
    ("cpu.vendor", {"platform.vendor": "AuthenticAMD"}, "FAIL"),
    ("cpu.vendor", {}, "UNKNOWN"),
    ("cpu.bare_metal", {"platform.virtualization": "none"}, "PASS"),
    ("cpu.bare_metal", {"platform.virtualization": "vm"}, "FAIL"),
    ("cpu.bare_metal", {"platform.virtualization": "td-guest"}, "FAIL"),
    ("cpu.model", {"platform.family": 6, "platform.model": 207}, "PASS"),
    ("cpu.model", {"platform.family": 6, "platform.model": 106}, "FAIL"),
    ("cpu.model", {"platform.family": 6, "platform.model": 250}, "WARN"),
    ("cpu.model", {"platform.family": 6, "platform.model": 250, "keys.tdx_keyids": 4}, "PASS"),
    ("cpu.instructions", {"platform.instructions": ALL_INSTRUCTIONS}, "PASS"),
    ("cpu.instructions", {"platform.instructions": ("vmx", "ss", "xsave")}, "FAIL"),
    ("cpu.seamrr", {"firmware.seamrr_supported": True}, "PASS"),
    ("cpu.seamrr", {"firmware.seamrr_supported": False}, "FAIL"),
    ("cpu.production", {"firmware.preproduction": False}, "PASS"),
    ("cpu.production", {"firmware.preproduction": True}, "WARN"),
    ("firmware.tme", {"firmware.tme_enabled": True}, "PASS"),
    ("firmware.tme", {"firmware.tme_enabled": False}, "FAIL"),
    ("firmware.tme", {"firmware.tme_enabled": DENIED}, "UNKNOWN"),
    ("firmware.packages_agree", {"platform.packages": 1}, "PASS"),
    ("firmware.packages_agree", {"platform.packages": 2, "keys.tdx_keyids": UNEQUAL}, "FAIL"),
    ("firmware.packages_agree", {"platform.packages": 2, "keys.tdx_keyids": DENIED}, "UNKNOWN"),
    ("firmware.seamrr_enabled", {"firmware.seamrr_enabled": True}, "PASS"),
    ("firmware.seamrr_enabled", {"firmware.seamrr_enabled": False}, "FAIL"),
    ("firmware.seamrr_locked", {"firmware.seamrr_locked": True}, "PASS"),
    ("firmware.seamrr_locked", {"firmware.seamrr_locked": False}, "WARN"),
    ("firmware.sgx", {"firmware.sgx_enabled": True}, "PASS"),
    ("firmware.sgx", {"firmware.sgx_enabled": False}, "WARN"),
    ("firmware.mcheck", {"firmware.mcheck_status": 0}, "PASS"),
    ("firmware.mcheck", {"firmware.mcheck_status": 0x1861}, "FAIL"),
    ("keys.tdx_share", {"keys.tdx_keyids": 16}, "PASS"),
    ("keys.tdx_share", {"keys.tdx_keyids": 0}, "FAIL"),
    ("keys.tdx_share", {"keys.tdx_keyids": DENIED}, "UNKNOWN"),
    ("keys.enough", {"keys.tdx_keyids": 2}, "PASS"),
    ("keys.enough", {"keys.tdx_keyids": 1}, "FAIL"),
    ("keys.headroom", {"keys.guest_keyids": 10, "keys.guest_keyids_in_use": 8}, "PASS"),
    ("keys.headroom", {"keys.guest_keyids": 10, "keys.guest_keyids_in_use": 9}, "WARN"),
    ("kernel.config_tdx_host", {"kernel.config_tdx_host": True}, "PASS"),
    ("kernel.config_tdx_host", {"kernel.config_tdx_host": False}, "FAIL"),
    ("kernel.config_kvm_tdx", {"kernel.release": "6.12.1"}, "SKIP"),
    ("kernel.config_kvm_tdx", {"kernel.config_kvm_intel_tdx": True}, "PASS"),
    ("kernel.config_kvm_tdx", {"kernel.config_kvm_intel_tdx": False}, "FAIL"),
    ("kernel.hibernation", {"kernel.hibernation": False}, "PASS"),
    ("kernel.hibernation", {"kernel.hibernation": True}, "FAIL"),
    ("kernel.hibernation", {"kernel.hibernation": True, "kernel.release": "6.2.16"}, "PASS"),
    ("kernel.command_line", {"kernel.command_line": "ro nohibernate kvm_intel.tdx=1"}, "PASS"),
    ("kernel.command_line", {"kernel.command_line": "ro memmap=4G!8G"}, "WARN"),
    ("kernel.command_line", {"kernel.command_line": "kvm_intel.tdx=1 kvm_intel.tdx=0"}, "WARN"),
    ("kernel.tdx_detected", {"kernel.tdx_detected": True}, "PASS"),
    ("kernel.tdx_detected", {"kernel.tdx_detected": False}, "FAIL"),
    ("kernel.places_agree", {"kernel.disagreements": ()}, "PASS"),
    ("kernel.places_agree", {"kernel.disagreements": ("keys.tdx_keyids: 1, 2",)}, "WARN"),
    ("kernel.places_agree", {}, "UNKNOWN"),
    ("kernel.log", {"kernel.log_complete": True}, "PASS"),
    ("kernel.log", {"kernel.log_complete": False}, "INFO"),
    ("module.attempted", {"module.state": "failed"}, "PASS"),
    ("module.attempted", {"module.state": "not-attempted"}, "FAIL"),
    ("module.attempted", {}, "UNKNOWN"),
    ("module.loaded", {"module.state": "not-loaded"}, "FAIL"),
    ("module.loaded", {"module.state": "failed"}, "PASS"),
    ("module.line", {"module.failure": REFUSED_SEAMCALL}, "FAIL"),
    ("module.no_rbp_mod", {"module.no_rbp_mod": True}, "PASS"),
    ("module.no_rbp_mod", {"module.no_rbp_mod": False}, "FAIL"),
    ("module.no_rbp_mod", {}, "UNKNOWN"),
    ("module.initialized", {"module.state": "initialized"}, "PASS"),
    ("module.initialized", {"module.state": "failed", "module.failure": failure(errno=5)}, "FAIL"),
    ("module.production", {"module.debug": False}, "PASS"),
    ("module.production", {"module.debug": True}, "WARN"),
    ("module.topology_enum", {"module.features0": 1 << 20, "kernel.release": "6.17.1"}, "PASS"),
    ("module.topology_enum", {"module.features0": 0xFBF, "kernel.release": "6.17.1"}, "FAIL"),
    ("module.topology_enum", {"module.features0": 0xFBF}, "UNKNOWN"),
    ("module.topology_enum", {"kernel.release": "6.8.0-1028-intel"}, "SKIP"),
    ("memory.cmrs_sane", {"memory.cmrs": SANE, "memory.cmr_bytes": 5 * GIB}, "PASS"),
    ("memory.cmrs_sane", {"memory.cmrs": ()}, "FAIL"),
    ("memory.cmrs_sane", {"memory.cmrs": cmrs((0, GIB), (GIB // 2, 2 * GIB))}, "FAIL"),
    ("memory.cmrs_sane", {"memory.cmrs": cmrs((0x100, GIB))}, "FAIL"),
    (
        "memory.cmrs_cover_ram",
        {"memory.cmrs": SANE, "memory.regions": SANE, "memory.ram_outside_cmrs": ()},
        "PASS",
    ),
    (
        "memory.cmrs_cover_ram",
        {"memory.cmrs": SANE, "memory.regions": SANE, "memory.ram_outside_cmrs": OUTSIDE},
        "WARN",
    ),
    ("memory.tdmrs_fit", {"module.state": "initialized"}, "PASS"),
    ("memory.tdmrs_fit", {"module.state": "failed", "module.failure": EXHAUSTED}, "FAIL"),
    ("memory.tdmrs_fit", {"module.state": "failed", "module.failure": failure(errno=5)}, "UNKNOWN"),
    ("memory.pamt", {"memory.pamt_bytes": 4 << 30}, "INFO"),
    ("kvm.loaded", {"kvm.loaded": True}, "PASS"),
    ("kvm.loaded", {"kvm.loaded": False}, "FAIL"),
    ("kvm.virt_at_load", {"kernel.release": "6.17.0", "kvm.virt_at_load": False}, "FAIL"),
    ("kvm.virt_at_load", {"kernel.release": "6.17.0", "kvm.virt_at_load": True}, "PASS"),
    ("kvm.virt_at_load", {"kernel.release": "7.1.0", "kvm.virt_at_load": False}, "SKIP"),
    ("kvm.tdx_enabled", {"kvm.tdx_enabled": True}, "PASS"),
    ("kvm.tdx_enabled", {"kvm.tdx_enabled": False}, "FAIL"),
    ("kvm.vm_type", {"kvm.vm_type_supported": True}, "PASS"),
    ("kvm.vm_type", {"kvm.vm_type_supported": False}, "FAIL"),
]
PARAMETERS = dict.fromkeys(("ept", "eptad", "apicv", "tdp_mmu", "mmio_caching"), True)
CASES += [
    ("kvm.parameters", {f"kvm.{name}": on for name, on in PARAMETERS.items()}, "PASS"),
    ("kvm.parameters", {f"kvm.{n}": n != "tdp_mmu" for n in PARAMETERS}, "FAIL"),
]
VERSIONS = [("1.0", "6.8.0", "FAIL"), ("1.5.06", "6.8.0", "PASS"), ("1.0", "5.19.17", "PASS")]


def outcome_of(check_id: str, facts: dict[str, Any], origins: dict[str, str] | None = None) -> str:
    """What the check alone says: nothing that it needs is judged."""
    others = set(CHECKS) - {check_id}
    (result,) = judge_host(host_with(facts, origins), left_out=others)
    return result.outcome.value


@pytest.mark.parametrize(("check_id", "facts", "outcome"), CASES)
def test_a_check_judges_its_facts(check_id: str, facts: dict[str, Any], outcome: str) -> None:
    assert outcome_of(check_id, facts) == outcome


@pytest.mark.parametrize(("version", "release", "outcome"), VERSIONS)
def test_a_module_of_the_first_line_does_not_go_with_newer_kernels(
    version: str, release: str, outcome: str
) -> None:
    from tdxinfo.model.values import ModuleVersion

    facts = {"module.version": ModuleVersion.parse(version), "kernel.release": release}
    assert outcome_of("module.line", facts) == outcome


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
    assert declared.title[0].isupper() or declared.title.startswith("kvm")


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
