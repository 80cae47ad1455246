"""Queries of `queries.toml` and `queries_kernel.toml`, whole lines, and what means nothing."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tdxinfo import tables
from tdxinfo.explain import explanations, nearest_to, queries
from tests.parts import one_in

pytestmark = pytest.mark.usefixtures("releases_of_2026_08")

QUERIES: list[dict[str, Any]] = [
    row
    for file in sorted(Path(__file__).parent.glob("queries*.toml"))
    for row in tomllib.loads(file.read_text())["query"]
]


@pytest.mark.parametrize(
    "row", one_in(8, (pytest.param(row, id=row["query"][:60]) for row in QUERIES))
)
def test_a_query_has_its_meaning(row: dict[str, Any]) -> None:
    found = explanations(row["query"])
    assert (row["kind"], row["name"]) in [(m.kind, m.name) for m in found[:2]]
    whole = "\n".join(meaning.model_dump_json() for meaning in found)
    assert [text for text in row.get("has", ()) if text not in whole] == []
    assert [text for text in row.get("lacks", ()) if text in whole] == []


@pytest.mark.parametrize(
    "query",
    ["", " ", "foo", "0x",
     "0x0000120000000000", "kvm_nothing=1", "/sys/no/such/version",
     "0xzz", "1.2.3.4.5.6", "TDX_NO_SUCH_STATUS", "0xffff888012345678",
     "[1000, 1]", "SVN zz", "TDCALL 77", "cpuid 0x99", "TDVMCALL 0x20000", "GetQuote 5",
     "CONFIG_USB_SERIAL", "CONFIG_INTEL_TDX_HOST_FOO", "numa=off",
     "5th Gen Intel Core", "4th gen", "PCCS 999",
     "[  10.0] RIP: ffffffff81234567", "\"retry_interval\": 6",
     "TDX_FEATURES0 bit 70", "hello world", "the quick brown fox",
     "kvm_intel: frobnicated the kvm.tdp_mmu", "OS: CentOS Linux 7 (Core)",
     "Core(s) per socket:    28", "clocksource: tsc-early: mask: 0xffffffffffffffff",
     "release 22.04", "version 11.6", "build 20240725 of gcc", "commit deadbeef12 broke it",
     "bar at 0x100000000", "Architecture: x86_64", "a URL with HTTP and JSON on USB",
     "64 00000000 00000001",
     "nvme nvme0: error -5", "usb 1-1: device descriptor read/64, error -71", "60 - 46 keyid",
     "cat: /proc/1/mem: Permission denied", "emerald city", "granite rock",
     "bit 70 of TDX_FEATURES0", "R=0", "features0=zz", "/no/such/file.sigstruct"],
)  # fmt: skip
def test_what_means_nothing_has_no_meaning(query: str) -> None:
    assert explanations(query) == []


# A line, and all names that its answer has, in any order.
LINES = [
    (
        "virt/tdx: SEAMCALL (0x0000000000000022) failed: 0xc0000c0000000000",
        {"TDH.SYS.RD", "TDX_METADATA_FIELD_ID_INCORRECT"},
    ),
    (
        "[   20.1] virt/tdx: SEAMCALL (0x0000000000000024) failed: 0x8000020300000000",
        {"TDH.SYS.TDMR.INIT", "TDX_RND_NO_ENTROPY"},
    ),
    (
        "virt/tdx: RCX 0x0000000000000000 RDX 0x9100000100000008 R08 0x0000000000000000",
        {"MAX_TDMRS"},
    ),
    ("tdx: SEAMCALL failed: CPU 94: leaf 33, error 0xc000092100000122",
     {"TDH.SYS.INIT", "TDX_INCORRECT_MSR_VALUE"}),
    ("virt/tdx: module initialization failed (-5)", {"EIO"}),
    ("virt/tdx: module initialization failed (-28)", {"ENOSPC"}),
    ("kvm_intel: TDH_VP_RD[VMCS.0x4002] failed 0x8000020000000082",
     {"Primary Processor-Based VM-Execution Controls", "TDX_OPERAND_BUSY"}),
    ("kvm_intel: TDH_VP_WR[MANAGEMENT.0xb]0x1 failed: 0xc000072000000000",
     {"TDX_FIELD_NOT_WRITABLE"}),
    ("seamldr: SEAMCALL (0x8000000000000001) failed: 0x8000000000010004",
     {"SEAMLDR.INSTALL", "SEAMLDR_EUNSUPCPU"}),
    ("SEAMCALL TDH_MEM_PAGE_ADD failed: 0xc0000b0d00000001",
     {"TDH.MEM.PAGE.ADD", "TDX_EPT_ENTRY_STATE_INCORRECT"}),
    ("[QPL] Failed to get quote config. Error code is 0xe011", {"SGX_QL_NO_PLATFORM_CERT_DATA"}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "names"), LINES, ids=[row[0][:50] for row in LINES])
def test_a_line_is_explained_in_all_its_parts(line: str, names: set[str]) -> None:
    assert names <= {meaning.name for meaning in explanations(line)}


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("MSR 0x982", ["MSR 0x982"]),
        ("TDX_FEATURES0 bit 18", ["TDX_FEATURES0 bit 18"]),
        ("Dynamic PAMT", ["Dynamic PAMT"]),
        ("SVN 0x305 KeyID", ["SVN 0x305", "KeyID"]),
        ("SEAMCALL 33 TDCALL 4 EIO", ["SEAMCALL 33", "TDCALL 4", "EIO"]),
        ("TDX_SYS_BUSY EIO", ["TDX_SYS_BUSY", "EIO"]),
        ("CMR TDMR PAMT", ["CMR", "TDMR", "PAMT"]),
        ("virt/tdx: module not loaded", ["virt/tdx: module not loaded"]),
        ("KVM No matching TCB level found", ["KVM No matching TCB level found"]),
        ("TDX_SYS_BUSY nonsense", ["TDX_SYS_BUSY", "nonsense"]),
        ("NO_RBP_MOD", ["NO_RBP_MOD"]),
    ],
)
def test_words_that_mean_one_thing_together_are_one_query(words: str, asked: list[str]) -> None:
    assert queries(words.split()) == asked


def test_what_is_quoted_stays_as_it_is() -> None:
    quoted = ["KeyID", "No matching TCB level found", "MSR", "0x982"]
    assert queries(quoted) == quoted


def test_addresses_of_memory_in_a_line_are_no_codes() -> None:
    assert explanations("BIOS-e820: [mem 0x0000000100000000-0x000000107fffffff] usable") == []


def test_every_brand_that_names_a_processor_names_one_of_the_table() -> None:
    codenames = {row["codename"] for row in tables.load("cpus")["model"]}
    for row in tables.load("cpus")["brand"]:
        assert row.get("codename") in codenames or (row["name"] and row["doc"])


def test_a_short_part_of_a_line_means_nothing() -> None:
    # "failed: " and the like are in lines of many meanings.
    assert explanations("is required") == []


def test_a_line_that_check_knows_has_its_cause_and_remedy() -> None:
    line = "virt/tdx: initialization failed: TDMR [0x0, 0x80000000): reserved areas exhausted."
    (meaning,) = [m for m in explanations(line) if m.kind == "kernel log line"]
    found = {detail.name: detail.text for detail in meaning.details}
    assert "reserved areas" in found["cause"]
    assert found["what to do"]


@pytest.mark.parametrize("word", ["HKID", "RTMR", "XFAM", "GPAW", "MRTD"])
def test_what_a_word_means_comes_before_the_field_of_that_name(word: str) -> None:
    found = [meaning.kind for meaning in explanations(word)]
    assert found[0] == "term"
    assert any("field" in kind for kind in found[1:])


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("NO_RPB_MODS", "Did you mean NO_RBP_MOD"),
        ("CONFIG_INTEL_TDX_HOOTS", "Did you mean CONFIG_INTEL_TDX_HOST"),
        ("CONFIG_USB_SERIAL", ""),
        ("/sys/devices/faux/tdx_hostess", "Did you mean /sys/devices/faux/tdx_host"),
        ("MSR 0x999", "The nearest known register is IA32_TME_EXCLUDE_BASE (0x984)."),
        ("SEAMCALL 0x70", "The nearest known leaf is TDH.QUOTE.INIT (0x64)."),
        ("no matching level of the TCB was found", "the message 'No matching TCB level found'"),
        ("a CPU with USB and BIOS", "It knows CPU, BIOS."),
        ("hello world", ""),
        ("usb usb1: Manufacturer: Linux 6.6.0-tdx.1.0.v1 xhci-hcd", ""),
    ],
)
def test_an_unknown_query_names_what_it_is_nearest_to(query: str, hint: str) -> None:
    assert explanations(query) == []
    found = nearest_to(query)
    assert hint in found if hint else found == ""


@pytest.mark.parametrize(
    "text", ["x " * 4000, "a=b " * 2000, "cpuid " * 2000, "(" * 8000, "/" * 8000]
)
def test_a_long_text_takes_no_time(text: str) -> None:
    begin = time.process_time()
    explanations(text)
    nearest_to(text)
    assert time.process_time() - begin < 2
