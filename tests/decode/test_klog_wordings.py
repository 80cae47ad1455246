"""Each wording of the table is read back as what the kernel printed."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from tdxinfo import tables
from tdxinfo.decode import klog
from tdxinfo.decode.klog import read_log, relevant_lines

ROWS: list[dict[str, Any]] = tables.load("klog")["line"]


def same_spelling(text: str) -> str:
    """The text without padding: leading zeros, spaces, the sentence's end."""
    unpadded = re.sub(r"(?<![0-9a-fA-F])0+(?=[0-9a-fA-F])", "", text)
    return unpadded.replace(" ", "").rstrip(".")


def printed(row: dict[str, Any], values: dict[str, Any]) -> str:
    """What the kernel prints for the row's format and these values."""
    kinds = re.findall(r"%([duxs])", row["format"])
    words = [
        f"{values[name]:x}" if kind == "x" else str(values[name])
        for name, kind in zip(row["names"], kinds, strict=True)
    ]
    text = re.sub(r"%[duxs]", "{}", row["format"].replace("{", "{{")).format(*words)
    prefix = "" if row["prefix"] in ("", "bare") else row["prefix"] + ": "
    return prefix + text


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["example"][:60])
def test_a_format_has_a_name_for_each_conversion_and_only_conversions_that_are_read(
    row: dict[str, Any],
) -> None:
    conversions = re.findall(r"%.", row["format"])
    assert set(conversions) <= {"%u", "%d", "%x", "%s"}, "write %x for %llx"
    assert len(conversions) == len(row["names"])


def check(row: dict[str, Any], line: str) -> None:
    (event,), *_ = read_log(line)
    found = event.name, sorted(event.values)
    assert found == (row["event"], sorted(row["names"])), "does a row above match the line too?"
    spelt = same_spelling(printed(row, event.values))
    assert same_spelling(row["example"]).startswith(spelt)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["example"][:60])
def test_an_example_is_read_as_its_own_event_with_the_values_it_shows(row: dict[str, Any]) -> None:
    check(row, row["example"])


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["prefix"] != "bare"], ids=lambda row: row["example"][:60]
)
def test_an_example_behind_a_time_is_read_the_same(row: dict[str, Any]) -> None:
    check(row, f"[   38.271537] {row['example']}\n")


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["prefix"] == "bare"], ids=lambda row: row["example"][:60]
)
def test_without_its_prefix_it_is_no_line_of_the_kernels(row: dict[str, Any]) -> None:
    assert read_log(f"[   38.271537] {row['example']}\n").events == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["example"][:60])
def test_an_event_quotes_the_line_it_was_read_from(row: dict[str, Any]) -> None:
    (event,), *_ = read_log(f"  {row['example']}")
    assert row["example"].startswith(event.text)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["example"].endswith(".")], ids=lambda row: row["example"]
)
def test_a_full_stop_may_be_missing(row: dict[str, Any]) -> None:
    (event,), *_ = read_log(row["example"].rstrip("."))
    assert event.name == row["event"]


def test_numbers_are_read_in_the_base_their_format_has() -> None:
    (event,), *_ = read_log("virt/tdx: TDX module 2.0.08.00, build number 882, build date 0134fed5")
    assert event.values == {
        "major_version": 2,
        "minor_version": 0,
        "update_version": 8,
        "internal_version": 0,
        "build_num": 882,
        "build_date": 20250325,
    }


def test_the_misspelt_module_line_is_read() -> None:
    (event,), *_ = read_log(
        "[   38.296005] tdx: TDX module: atributes 0x0, vendor_id 0x8086, major_version 1, "
        "minor_version 5, build_date 20230420, build_num 507"
    )
    assert event.values == {
        "attributes": 0,
        "vendor_id": 0x8086,
        "major_version": 1,
        "minor_version": 5,
        "build_date": 20230420,
        "build_num": 507,
    }


def test_operands_of_a_failed_call_keep_all_64_bits() -> None:
    (event,), *_ = read_log(
        "virt/tdx: RCX 0x0000000000000000 RDX 0x9100000100000008 R08 0xffffffffffffffff"
    )
    assert event.values == {"rcx": 0, "rdx": 0x9100000100000008, "r8": (1 << 64) - 1}


@pytest.mark.parametrize(
    "line",
    [
        "[    3.795408] systemd[1]: Detected confidential virtualization tdx.",
        "[   14.295018] KVM-debug: PASS: single step TDX module emulated CPUID 0",
        "[4.846924] usb usb1: Manufacturer: Linux 6.6.0-tdx.1.0.v1 xhci-hcd",
        "[    0.428531] sgx: EPC section 0x1020c00000-0x107fffffff",
        "  BIOS-e820: [mem 0x000000000009f000-0x00000000000fffff] reserved",
        "Feb 27 19:33:13 snp kernel: ccp 0000:09:00.5: SEV API:1.55 build:32",
        "virt/tdx: something no kernel says yet",
        "virt/tdx: module initialized_later",
        "",
    ],
)
def test_other_lines_are_no_events(line: str) -> None:
    assert read_log(line).events == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["example"][:60])
def test_a_capture_keeps_the_lines_of_every_row(row: dict[str, Any]) -> None:
    line = f"[   38.271537] {row['example']}\n"
    assert relevant_lines(f"[    1.0] usb 1-1: new device\n{line}") == line


@pytest.mark.parametrize(
    "line",
    [
        "[    1.0] process: something else\n",
        "[    1.0] x86/cpu: User Mode Instruction Prevention (UMIP) activated\n",
        "[    1.0] kexec: something else\n",
        "[    1.0] mce: CPU0: Thermal monitoring enabled (TM1)\n",
    ],
)
def test_a_capture_leaves_other_lines_of_the_same_subsystems_out(line: str) -> None:
    assert relevant_lines(line) == ""


def names_in(function: ast.FunctionDef | ast.Assign) -> set[str]:
    return {str(n.value) for n in ast.walk(function) if isinstance(n, ast.Constant)}


def test_every_row_has_a_reader() -> None:
    """A function of `decode/boot` or the reader of logs names each event."""
    folder = Path(klog.__file__).parent
    read: set[str] = set()
    for path in (*(folder / "boot").glob("*.py"), folder / "klog.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.Assign):
                read |= names_in(node)
    assert {row["event"] for row in ROWS} - read == set(), "an event has no reader"
