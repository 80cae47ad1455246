"""What a log shows after the initialization: updates, CPUs that come online, calls of KVM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tdxinfo.decode.boot import Boot, module, platform, update
from tdxinfo.errors import Absent
from tdxinfo.model.values import Failure, ModuleVersion

NEW = "[    0.000000] Linux version 7.3.4 (x@y)\n"
FIRST = "[    0.000000] Linux version 7.1.9 (x@y)\n"
KVM = "[    0.000000] Linux version 6.17.13 (x@y)\n"
KEYIDS = "[    0.2] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
DONE = "[    2.2] virt/tdx: TDX-Module initialized\n"
DONE_OLD = "[   29.2] virt/tdx: module initialized\n"
INSTALL = "[  700.1] seamldr: SEAMCALL (0x8000000000000001) failed: 0x8000000000020000\n"
INFO = "[  700.1] seamldr: SEAMCALL (0x8000000000000000) failed: 0x8000000000030000\n"
SERIES = "[  700.2] seamldr: update failed, SEAMCALLs will report failure until TDs killed\n"


def call(leaf: int, status: int = 0xC000050900000000) -> str:
    return f"[  700.1] virt/tdx: SEAMCALL (0x{leaf:016x}) failed: 0x{status:016x}\n"


def operands(field: int) -> str:
    return (
        f"[  700.1] virt/tdx: RCX 0x0000000000000000 RDX 0x{field:016x} R08 0x0000000000000000\n"
        "[  700.1] virt/tdx: R09 0x0000000000000000 R10 0x0000000000000000 R11 0x0000000000000000\n"
    )


INIT, READ, LP_INIT, SHUTDOWN, UPDATE = 0x21, 0x22, 0x23, 0x34, 0x35
HANDOFF = 0x8900000100000000


FACTS: dict[str, Callable[[Boot], Any]] = {
    fact.__name__: fact
    for fact in (
        module.module_state,
        module.module_version,
        module.failure,
        module.failed_calls,
        platform.kvm_loaded,
        platform.kvm_tdx_enabled,
        platform.kvm_refusal,
        update.last_update,
        update.update_failure,
    )
}


def fact(log: str, name: str) -> Any:
    """The fact, or None where the log does not have it."""
    try:
        return FACTS[name](Boot.from_log(log))
    except Absent:
        return None


@pytest.mark.parametrize(
    ("log", "state", "update"),
    [
        (NEW + KEYIDS + DONE + INSTALL, "failed", "module-lost"),
        (NEW + KEYIDS + DONE + INSTALL * 64, "failed", "module-lost"),
        (NEW + KEYIDS + DONE + call(UPDATE), "failed", "module-lost"),
        (NEW + KEYIDS + DONE + SERIES, "failed", "module-lost"),
        (NEW + KEYIDS + DONE + call(INIT), "failed", "module-lost"),
        (NEW + KEYIDS + DONE + "[ 2000.0] virt/tdx: module not loaded\n", "failed", "module-lost"),
        (NEW + KEYIDS + DONE + call(LP_INIT) + call(UPDATE), "failed", "module-lost"),
        (NEW + KEYIDS + DONE + call(SHUTDOWN) + INSTALL, "failed", "module-lost"),
        (INSTALL, "failed", "module-lost"),
        (NEW + KEYIDS + DONE + call(SHUTDOWN), "initialized", "module-kept"),
        (call(SHUTDOWN), "initialized", "module-kept"),
        (NEW + KEYIDS + DONE + call(READ) + operands(HANDOFF), "initialized", "module-kept"),
        (NEW + KEYIDS + DONE + INFO, "initialized", None),
        (NEW + KEYIDS + DONE, "initialized", None),
        # One CPU was refused, or an update failed: nothing in the log shows which.
        (NEW + KEYIDS + DONE + call(LP_INIT), None, None),
        (DONE + call(LP_INIT), None, None),
        # Before 7.2 there are no updates.
        (FIRST + KEYIDS + DONE + call(LP_INIT), "initialized", None),
        (KVM + KEYIDS + DONE_OLD + call(LP_INIT), "initialized", None),
        (DONE_OLD + call(LP_INIT), "initialized", None),
        ("tdx: TDX module initialized.\ntdx: TD-preserving: No remaining update slot\n",
         "initialized", "module-kept"),
        ("tdx: TDX module initialized.\ntdx: SEAMLDR.INSTALL failed. Error 8000000000020000\n",
         "failed", "module-lost"),
    ],
)  # fmt: skip
def test_a_call_that_fails_after_the_initialization_says_what_still_runs(
    log: str, state: str | None, update: str | None
) -> None:
    assert (fact(log, "module_state"), fact(log, "last_update")) == (state, update)
    assert (fact(log, "update_failure") is None) is (update is None)


def test_a_failed_update_is_shown_with_its_call_and_status() -> None:
    wanted = Failure(
        errno=None,
        errno_name=None,
        leaf=0x8000000000000001,
        leaf_name="SEAMLDR.INSTALL",
        status=0x8000000000020000,
        status_name="SEAMLDR_EBADSIG",
        tdmr=None,
        message="seamldr: SEAMCALL (0x8000000000000001) failed: 0x8000000000020000",
    )
    log = NEW + KEYIDS + DONE + INSTALL + SERIES
    assert fact(log, "update_failure") == wanted
    assert fact(log, "failure") == wanted


def test_an_initialization_that_succeeds_once_more_is_another_attempt() -> None:
    again = "tdx: TDX module: features0: fbf\n"
    again += "tdx: SEAMCALL failed: leaf 45, error 0xc0000a0200000000.\n"
    end = "tdx: initialization failed (-5)\n"
    log = "tdx: TDX module initialized.\n"
    assert fact(log + again + end, "module_state") == "failed"
    assert fact(log + again[again.index("\n") + 1 :] + end, "failure").leaf_name == "TDH.SYS.CONFIG"


KVM_CALLS = {
    "kvm_intel: SEAMCALL TDH_MNG_CREATE failed: 0x8000020000000080": (
        "TDH_MNG_CREATE: 0x8000020000000080 TDX_OPERAND_BUSY"
    ),
    "kvm_intel: SEAMCALL TDH_MNG_INIT failed: 0xc000010000000001, rcx 0x45": (
        "TDH_MNG_INIT: 0xc000010000000001 TDX_OPERAND_INVALID"
    ),
    "kvm_intel: SEAMCALL TDH_MEM_PAGE_AUG failed: 0x8000020000000092, entry 0x1, level_state 0x2": (
        "TDH_MEM_PAGE_AUG: 0x8000020000000092 TDX_OPERAND_BUSY"
    ),
    "kvm_intel: SEAMCALL TDH_PHYMEM_PAGE_RECLAIM failed: 0xc000030000000001, rcx 0x1, rdx, 0x2, "
    "r8 0x3": "TDH_PHYMEM_PAGE_RECLAIM: 0xc000030000000001 TDX_PAGE_METADATA_INCORRECT",
    "kvm_intel: TDH_VP_RD[VMCS.0x4400] failed 0xc000010000000001": (
        "TDH.VP.RD: 0xc000010000000001 TDX_OPERAND_INVALID"
    ),
    "kvm_intel: TDH_VP_WR[VMCS.0x2016] |= 0x80 failed: 0xc000010000000001": (
        "TDH.VP.WR: 0xc000010000000001 TDX_OPERAND_INVALID"
    ),
    "virt/tdx: TDH.SYS.DISABLE failed: 0x8000020200000000": (
        "TDH.SYS.DISABLE: 0x8000020200000000 TDX_SYS_BUSY"
    ),
    "seamldr: SEAMCALL (0x8000000000000000) failed: 0x8000000000030000": (
        "SEAMLDR.INFO: 0x8000000000030000 SEAMLDR_EINTERRUPT"
    ),
    "virt/tdx: SEAMCALL (0x0000000000000023) failed: 0xc000050b00000000": (
        "TDH.SYS.LP.INIT: 0xc000050b00000000 TDX_SYSINITLP_NOT_PENDING"
    ),
}


@pytest.mark.parametrize("line", KVM_CALLS, ids=lambda line: line[:40])
def test_calls_that_fail_at_run_time_are_named_with_their_status(line: str) -> None:
    (value,) = fact(NEW + KEYIDS + DONE + f"[  900.0] {line}\n", "failed_calls")
    assert value.split(" ")[:2] == KVM_CALLS[line].split(" ")[:2]


def test_a_line_of_kvm_at_run_time_proves_that_it_is_loaded() -> None:
    line = "kvm_intel: TDH_VP_RD[VMCS.0x4400] failed 0xc000010000000001\n"
    assert fact(line, "kvm_loaded") is True


@pytest.mark.parametrize(
    "line",
    [
        "kvm_intel: Disable TDX: MAX_VCPU_PER_TD (64) smaller than number of logical CPUs (256).",
        "kvm_intel: MSR c0000103 isn't included by kvm_find_user_return_msr",
    ],
)
def test_kvm_does_not_load_after_some_refusals(line: str) -> None:
    assert fact(line, "kvm_loaded") is False
    assert fact(line, "kvm_tdx_enabled") is False
    assert fact(line, "kvm_refusal") == line.rstrip(".")


@pytest.mark.parametrize(
    "line",
    ["kvm_intel: TDX not supported by the host platform", "kvm_intel: APICv is required for TDX"],
)
def test_kvm_loads_without_tdx_after_others(line: str) -> None:
    assert fact(line, "kvm_loaded") is True
    assert fact(line, "kvm_tdx_enabled") is False


VERSION = "[    1.2] virt/tdx: Module version: {}\n"
UPDATE_VERSION, MAJOR, MINOR = 0x0800000100000005, 0x0800000100000004, 0x0800000100000003


@pytest.mark.parametrize(
    ("field", "printed", "wanted"),
    [
        (UPDATE_VERSION, "1.5.00", ModuleVersion(1, 5)),
        (MAJOR, "0.5.00", None),
        (MINOR, "0.0.00", None),
        (0x9100000100000008, "1.5.24", ModuleVersion(1, 5, 24)),
    ],
)
def test_a_part_of_the_version_that_could_not_be_read_is_unknown(
    field: int, printed: str, wanted: ModuleVersion | None
) -> None:
    log = NEW + KEYIDS + call(READ, 0xC0000C0000000000) + operands(field) + VERSION.format(printed)
    assert fact(log, "module_version") == wanted


def test_a_read_that_fails_below_the_version_is_not_of_it() -> None:
    log = NEW + VERSION.format("1.5.00") + call(READ) + operands(UPDATE_VERSION)
    assert fact(log, "module_version") == ModuleVersion(1, 5, 0)
