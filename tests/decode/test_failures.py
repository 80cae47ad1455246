"""Each row of the table of failures, by the lines that a kernel printed."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tdxinfo import tables
from tdxinfo.decode import failures
from tdxinfo.decode.boot import Boot
from tdxinfo.machine.captured import CapturedMachine
from tdxinfo.model.values import Failure
from tdxinfo.report import observe
from tests.builders import captured_machine, report_from_log

ROWS: list[dict[str, Any]] = tables.load("failures")["failure"]


KEYIDS = "virt/tdx: BIOS enabled: private KeyID range [64, 128)"
STATE_LAYOUT = ["initialized 0 8 1 0", "sysinit_done 8 8 1 0", "sysinit_ret 32 32 1 1"]
"""`struct tdx_module_state` of Linux 7.2 and later, by its declaration."""


def silent_world(row: dict[str, Any]) -> CapturedMachine:
    """A host whose kernel printed what the row has, and keeps in memory how its call ended."""
    release = row.get("release", "7.3.4")
    lines = [f"Linux version {release} (x)", *row.get("example", KEYIDS).strip().split("\n")]
    log = "".join(f"[    1.0] {line}\n" for line in lines)
    if "first_call" not in row:
        off = {"/sys/module/kvm_intel/parameters/tdx": "N\n"} if row.get("tdx_off") else {}
        return captured_machine(off, log=log)
    is_made = row["first_call"] != failures.NOT_MADE
    result = -row["first_call"] if isinstance(row["first_call"], int) else 0
    data = struct.pack("<??2xi", False, is_made, result).hex()
    state = {"data": data, "layout": STATE_LAYOUT}
    return captured_machine(log=log, answers={"kernel-memory": {"tdx_module_state": state}})


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_the_lines_of_a_row_are_read_as_the_row_says(row: dict[str, Any]) -> None:
    generation: str | None
    if "state" in row:
        host = observe(silent_world(row)).host
        assert host.module.state == row["state"]
        assert host.module.failure is None
        generation = host.kernel.generation
        requested = host.kvm.tdx_requested
        call = row.get("first_call")
        enabled = host.kvm.tdx_enabled
        reading = failures.of_silence(row["state"], generation, requested, call, enabled)
        if row.get("blocked"):
            reading = failures.of_block(generation)
    elif "kvm" in row:
        line = report_from_log(row["example"]).host.kvm.refusal
        assert line is not None
        reading = failures.of_refusal(line)
    elif "update" in row:
        (event,) = Boot.from_log(row["example"]).events
        assert event.name == "update_refused"
        reading = failures.of_refusal(event.text)
    else:
        release = f"Linux version {row['release']} (x)\n" if "release" in row else ""
        host = report_from_log(release + row["example"]).host
        assert host.module.failure is not None
        reading = failures.of_failure(host.module.failure, host.kernel.generation)
    assert reading == (row["cause"], row["remedy"], row.get("effect"))


def test_a_status_without_a_row_is_read_by_itself() -> None:
    log = "virt/tdx: SEAMCALL (0x2d) failed: 0xc0000a0200000000\n"
    report = report_from_log(log + "virt/tdx: module initialization failed (-5)\n")
    assert report.host.module.failure is not None
    reading = failures.of_failure(report.host.module.failure)
    assert "convertible" in reading.cause
    assert "memmap=" in reading.remedy


def test_what_nobody_knows_is_left_unread() -> None:
    report = report_from_log("virt/tdx: module initialization failed (-99)\n")
    assert report.host.module.failure is not None
    assert failures.of_failure(report.host.module.failure) == ("", "", None)


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_row_is_a_clause_and_an_order(row: dict[str, Any]) -> None:
    assert not row["cause"].endswith(".")
    assert row["remedy"].endswith(".")
    assert set(row.get("kernels", ())) <= set(tables.load("kernels")["generation"])


FAILED = Failure(
    errno=5,
    errno_name="EIO",
    leaf=0x22,
    leaf_name=None,
    status=None,
    status_name=None,
    tdmr=None,
    message="module initialization failed",
)


@pytest.mark.parametrize(
    ("name", "status", "cause"),
    [
        ("TDH.SYS.RD", 0xC000050500000000, "line 1.0"),
        ("TDH_SYS_RD", 0xC000050500000007, "line 1.0"),
        ("TDH.SYS.INIT", 0xC000050500000000, "not initialized as far as this call needs"),
        (None, 0xC000050500000000, "not initialized as far as this call needs"),
        ("TDH.SYS.RD", None, ""),
    ],
)
def test_a_row_is_for_its_call_and_status_alone(
    name: str | None, status: int | None, cause: str
) -> None:
    assert (
        cause
        in failures.of_failure(
            FAILED.model_copy(update={"leaf_name": name, "status": status})
        ).cause
    )


def test_what_a_status_means_becomes_a_clause() -> None:
    reading = failures.of_failure(FAILED.model_copy(update={"status": 0xC0000A0200000000}))
    assert reading.cause == "a TDMR reaches beyond the convertible memory"
