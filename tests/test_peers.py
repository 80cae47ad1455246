"""Faults of other tools, which tdxinfo does not have.

The tools: Intel's check-tdx-host.sh and test-suite (intel/tdx-tools), Canonical's scripts
(canonical/tdx), node feature discovery, snphost.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.engine import Result, run_checks
from tdxinfo.report import observe
from tests.builders import captured_machine
from tests.cli.command import ran
from tests.recorded import folder_of

CPU = (
    "processor\t: {number}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 207\n"
    "physical id\t: {number}\nflags\t\t: vmx movdir64b ss xsave sgx\n\n"
)
READY = {
    "msr/0x87/cpu0": "0x000000400000003f",
    "msr/0x981/cpu0": "0x000007f780000001",
    "msr/0x982/cpu0": "0x0000001700000003",
    "msr/0xfe/cpu0": "0x0000000000009d0a",
    "msr/0x1400/cpu0": "0x0000003ffe000008",
    "msr/0x1401/cpu0": "0x00003ffffe000c00",
}


def results_of(packages: int = 1, refused: Any = None, **changes: str) -> dict[str, Result]:
    """The results for a host with the registers of a ready one, except for the changes."""
    answers = dict(READY)
    for number in range(1, packages):
        answers |= {key.replace("cpu0", f"cpu{number}"): value for key, value in READY.items()}
    answers |= {key.replace("__", "/"): value for key, value in changes.items()}
    cpuinfo = "".join(CPU.format(number=number) for number in range(packages))
    machine = captured_machine({"/proc/cpuinfo": cpuinfo}, answers, refused)
    return {result.check.id: result for result in run_checks(observe(machine))}


def outcome(results: dict[str, Result], check_id: str) -> str:
    return results[check_id].outcome.value


def test_the_registers_of_a_ready_host_pass() -> None:
    results = results_of()
    for check_id in ("firmware.tme", "keys.tdx_share", "firmware.seamrr_enabled", "cpu.seamrr"):
        assert outcome(results, check_id) == "PASS"


def test_a_key_split_of_0_fails_though_there_could_be_many_keys() -> None:
    """check-tdx-host.sh reads the maximum of 0x981, and passes."""
    results = results_of(msr__0x87__cpu0="0x000000000000007f")
    assert outcome(results, "keys.tdx_share") == "FAIL"
    assert "MKTME" in results["keys.tdx_share"].verdict.message


def test_tme_and_tme_mt_are_kept_apart() -> None:
    """check-tdx-host.sh tests the same bit for both."""
    results = results_of(
        msr__0x982__cpu0="0x0000000000000003", msr__0x87__cpu0="0x0000000000000000"
    )
    assert outcome(results, "firmware.tme") == "PASS"
    assert "TME-MT is disabled" in results["keys.tdx_share"].verdict.message


@pytest.mark.parametrize("value", ["0x0000000000000009", "0x0000000000000000"])
def test_a_bit_is_a_bit_and_no_exclusive_or(value: str) -> None:
    """In Python 2^11 is 9: tests of Intel's suite that write bit 11 so look at bits 0 and 3."""
    assert outcome(results_of(msr__0x1401__cpu0=value), "firmware.seamrr_enabled") == "FAIL"
    only_bit_11 = results_of(msr__0x1401__cpu0="0x0000000000000800")
    assert outcome(only_bit_11, "firmware.seamrr_enabled") == "PASS"


@pytest.mark.parametrize(
    ("number", "name"),
    [("0x87", "IA32_MKTME_KEYID_PARTITIONING"), ("0x981", "IA32_TME_CAPABILITY")],
)
def test_a_register_has_its_own_name(number: str, name: str) -> None:
    """A comment of Canonical's script gives 0x87 the name of 0x981."""
    meanings = ran("explain", number, "--json").json["explanations"][number]
    assert name in [m["name"] for m in meanings if m["kind"] == "MSR"]


def test_keys_are_counted_in_decimal() -> None:
    """Canonical's report prints them in hex without a base: 40 for 64."""
    page = ran("--from", str(folder_of("linux-7.2-ready")), "dump").out
    (line,) = [line for line in page.splitlines() if line.strip().startswith("KeyIDs")]
    assert re.findall(r"\d+", line)[:4] == ["63", "64", "1", "63"]


def test_who_may_not_look_is_not_shown_that_all_is_well(tmp_path: Any) -> None:
    """Scripts print "run as root" and exit with 0."""
    (tmp_path / "about.toml").write_text('format = 1\nprovenance = "a test: nothing may be read"\n')
    (tmp_path / "answers.toml").write_text(
        '[refused."/proc/cpuinfo"]\nreason = "denied"\nmessage = "no"\nremedy = "Run as root."\n'
    )
    result = ran("check", "--from", str(tmp_path))
    assert result.status == 3
    assert "Run as root." in result.out


def test_what_could_not_be_read_is_not_off() -> None:
    """Node feature discovery does not distinguish the two."""
    denied = {"msr/0x1401/cpu0": {"reason": "denied", "message": "no", "remedy": "Run as root."}}
    unread, off = results_of(refused=denied), results_of(msr__0x1401__cpu0="0x0000000000000400")
    assert outcome(unread, "firmware.seamrr_enabled") == "UNKNOWN"
    assert unread["firmware.seamrr_enabled"].remedy == "Run as root."
    assert outcome(off, "firmware.seamrr_enabled") == "FAIL"


def test_a_second_package_is_looked_at_too() -> None:
    """snphost reads the registers of CPU 0 alone; the bits of TDX are those of a package."""
    assert outcome(results_of(packages=2), "firmware.packages_agree") == "PASS"
    results = results_of(packages=2, msr__0x87__cpu1="0x000000200000001f")
    assert outcome(results, "firmware.packages_agree") == "FAIL"
