"""Text that somebody pasted becomes a machine of its own kind, or is refused."""

from __future__ import annotations

import gzip
import lzma
from typing import Any

import pytest

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.engine import run_checks
from tdxinfo.errors import BadInput
from tdxinfo.inputs.supplied import recognize
from tdxinfo.machine import Machine
from tdxinfo.report import Report, observe
from tests.decode.test_forms import FORMS
from tests.decode.test_sessions import LSCPU, REPORT

RDMSR = """\
sudo rdmsr 0x1401 -f 11:11
1
sudo rdmsr 0x982 -f 1:1
1
sudo rdmsr 0x87 -f 63:32
20
sudo rdmsr 0xa0
0
"""
LOG = "[    1.4] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"


def observed(text: str | bytes) -> Report:
    machine = recognize(text.encode() if isinstance(text, str) else text, "the-file")
    assert isinstance(machine, Machine)
    return observe(machine)


def values(report: Report, *names: str) -> dict[str, Any]:
    return {name: report.host.fact(name) for name in names}


def test_lscpu_is_read_for_the_processor() -> None:
    report = observed(LSCPU)
    assert report.subject.kind == "lscpu"
    assert values(report, "platform.codename", "platform.cpus", "platform.packages") == {
        "platform.codename": "Emerald Rapids",
        "platform.cpus": 32,
        "platform.packages": 2,
    }
    assert report.host.kernel.tdx_detected is True, "by the flag tdx_host_platform"
    assert report.host.platform.errata is None
    assert report.host.module.state == "unknown"


def test_flags_whose_end_is_not_there_prove_nothing_missing() -> None:
    cut = LSCPU[: LSCPU.index("Virtualization features")].replace("movdir64b ", "")
    assert observed(cut).host.platform.instructions is None
    assert observed(LSCPU).host.platform.instructions == ("vmx", "movdir64b", "ss", "xsave")


def test_rdmsr_is_read_for_the_bits_that_were_asked_for() -> None:
    report = observed(RDMSR)
    assert report.subject.kind == "rdmsr"
    assert values(report, "firmware.seamrr_enabled", "firmware.tme_enabled", "keys.tdx_keyids") == {
        "firmware.seamrr_enabled": True,
        "firmware.tme_enabled": True,
        "keys.tdx_keyids": 32,
    }
    assert report.host.firmware.mcheck_status == 0
    assert report.host.firmware.seamrr_locked is None, "bit 10 was not asked for"
    (attempt, *_) = report.attempts("firmware.seamrr_locked")
    assert attempt.reason == "not-recorded"


@pytest.mark.parametrize(
    "session",
    [
        "# rdmsr -a 0x982\n3\n3\n1\n",
        "# rdmsr -p 0 0x982\n3\n# rdmsr -p 64 0x982\n1\n",
        f"{LSCPU}# rdmsr -a 0x982\n3\n1\n",
        "# rdmsr -a 0x982 -f 1:1\n1\n0\n",
    ],
)
def test_rdmsr_of_cpus_that_differ_fails(session: str) -> None:
    report = observed(session)
    results = {result.check.id: result.outcome.value for result in run_checks(report)}
    assert results["firmware.packages_agree"] == "FAIL"
    assert results["firmware.tme_locked"] in ("UNKNOWN", "SKIP")


def test_a_system_report_is_read_for_all_that_it_has() -> None:
    report = observed(REPORT)
    assert report.subject.kind == "system-report"
    assert values(
        report,
        "kernel.release",
        "platform.model_name",
        "keys.tdx_keyids",
        "module.state",
        "firmware.mcheck_status",
        "stack.qemu_version",
        "stack.libvirt_version",
    ) == {
        "kernel.release": "6.8.0-1015-intel",
        "platform.model_name": "Intel(R) Xeon(R) Platinum 8480CTDX",
        "keys.tdx_keyids": 32,
        "module.state": "initialized",
        "firmware.mcheck_status": 0x1861,
        "stack.qemu_version": "8.2.2",
        "stack.libvirt_version": None,
    }
    assert report.host.kernel.log_complete is False, "the report greps the log"


def test_one_text_may_hold_several_things() -> None:
    report = observed(f"$ dmesg\n{LOG}$ lscpu\n{LSCPU}$ sudo rdmsr 0xa0\n1861\n")
    assert report.subject.kind == "kernel-log"
    assert report.host.keys.tdx_keyids == 64
    assert report.host.platform.model == 207
    assert report.host.firmware.mcheck_status == 0x1861


@pytest.mark.parametrize("data", FORMS.values(), ids=FORMS)
def test_a_log_is_recognized_in_every_form(data: bytes) -> None:
    report = observed(data)
    assert report.subject.kind == "kernel-log"
    assert (str(report.host.module.version), report.host.keys.tdx_keyids) == ("1.5.24", 64)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_packed_report_of_tdxinfo_is_one(pack: Any) -> None:
    document = observed(LOG).model_dump_json().encode()
    read = recognize(pack(document), "r.json.gz")
    assert isinstance(read, Report)
    assert read.host.keys.tdx_keyids == 64


@pytest.mark.parametrize(
    "text",
    [
        "hello\nthis is a shopping list: 8 eggs\n",
        "[    1.0] usb 1-1: new high-speed USB device\n",
        "Model: 7\n",
        "rdmsr: command not found\n",
        "# Notes\n\n## Kernel version\n",
    ],
)
def test_text_without_a_known_line_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="no line that this tdxinfo knows") as error:
        recognize(text.encode(), "the-file")
    assert "`tdxinfo explain -`" in str(error.value)
    for accepted in ("kernel log", "capture", "JSON report", "crash dump", "lscpu", "rdmsr"):
        assert accepted in str(error.value)


def test_the_log_of_a_crash_kernel_alone_is_refused() -> None:
    log = (
        "[    0.000000] Linux version 6.17.13 (x@y) #1 SMP\n"
        "[    0.000000] Command line: ro nr_cpus=1 reset_devices elfcorehdr=0x2000000\n"
    )
    with pytest.raises(BadInput, match="is the log of a crash kernel"):
        recognize(log.encode(), "a log")
