"""Lines that a mail or a terminal wrapped: the whole number, or none."""

from __future__ import annotations

import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo import tables
from tdxinfo.decode.boot import Boot, platform
from tdxinfo.decode.klog import read_log
from tdxinfo.errors import Absent
from tests.parts import fewer_examples

LOG = """\
[    0.000000] Linux version 6.8.0-1028-intel (buildd@builder) (x86_64-linux-gnu-gcc-13 13)
[    0.000000] x86/mktme: BIOS enabled: x86_phys_bits reduced by 6
[    5.205693] virt/tdx: BIOS enabled: private KeyID range [64, 128)
[    5.205701] virt/tdx: Disable ACPI S3. Turn off TDX in the BIOS to use ACPI S3.
[   21.678799] virt/tdx: TDX module 1.5.06.00, build number 744, build date 0134d817
[   21.678800] virt/tdx: TDX module: attributes 0x0, vendor_id 0x8086, major_version 1, \
minor_version 5, build_date 20240725, build_num 784
[   21.678801] tdx: TDX module: features0: fbf
[   21.678802] virt/tdx: Module version: 1.5.24
[   21.678803] virt/tdx: CMR: [0x100000, 0x77800000)
[   21.678804] tdx: TDX CMR[ 1]: base 0x0000000100000000 size 0x000000ff3e000000
[   21.678805] virt/tdx: consumed TDMRs reaching limit: 61 used out of 64
[   21.678806] virt/tdx: Initializing TDX module: 1.5.00.00.0481 (build_date 20230323, \
Production module), TDX_FEATURES0 0xfbf
[   21.678807] virt/tdx: 8396820 KB allocated for PAMT
[   21.678808] virt/tdx: SEAMCALL (0x0000000000000022) failed: 0xc000050500000000
[   21.678809] virt/tdx: RCX 0x0000000000000000 RDX 0x9100000100000008 R08 0x0000000000000000
[   21.678810] virt/tdx: initialization failed: TDMR [0x0, 0x80000000): reserved areas exhausted.
[   21.678811] virt/tdx: module initialization failed (-28)
[   39.228667] kvm_intel: tdx: max servtds supported per user TD is 16
"""
VALUES = [
    {"bits": 6},
    {"first": 64, "end": 128},
    {
        "major_version": 1,
        "minor_version": 5,
        "update_version": 6,
        "internal_version": 0,
        "build_num": 744,
        "build_date": 20240407,
    },
    {
        "attributes": 0,
        "vendor_id": 0x8086,
        "major_version": 1,
        "minor_version": 5,
        "build_date": 20240725,
        "build_num": 784,
    },
    {"features0": 0xFBF},
    {"major_version": 1, "minor_version": 5, "update_version": 24},
    {"base": 0x100000, "end": 0x77800000},
    {"index": 1, "base": 0x100000000, "size": 0xFF3E000000},
    {"used": 61, "max_tdmrs": 64},
    {
        "major_version": 1,
        "minor_version": 5,
        "update_version": 0,
        "internal_version": 0,
        "build_num": 481,
        "build_date": 20230323,
        "kind": "Production",
        "features0": 0xFBF,
    },
    {"kb": 8396820},
    {"leaf": 0x22, "status": 0xC000050500000000},
    {"rcx": 0, "rdx": 0x9100000100000008, "r8": 0},
    {"base": 0, "end": 0x80000000},
    {"errno": -28},
    {"count": 16},
]
"""What the lines that hold numbers say, in their order."""

WIDTHS = range(60, 81)


def numbers(log: str) -> list[dict[str, int | str]]:
    """The values of all events with a number, in order."""
    return [
        event.values for event in read_log(log)[0] if event.values and "release" not in event.values
    ]


def cut(width: int, log: str = LOG) -> str:
    """The log as a terminal of that width wraps it, in the midst of words."""
    pieces = [
        line[start : start + width]
        for line in log.splitlines()
        for start in range(0, len(line), width)
    ]
    return "\n".join(pieces) + "\n"


def assert_nothing_wrong(log: str) -> None:
    wrong = [values for values in numbers(log) if values not in VALUES]
    assert not wrong


def test_the_log_says_this_when_it_is_not_wrapped() -> None:
    assert numbers(LOG) == VALUES


@pytest.mark.parametrize("width", range(66, 100, 3))
def test_a_mail_that_wraps_at_spaces_loses_nothing(width: int) -> None:
    lines = [
        piece
        for line in LOG.splitlines()
        for piece in textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
    ]
    assert numbers("\n".join(lines)) == VALUES


@pytest.mark.parametrize("width", [70, 72, 76])
def test_a_quoting_mail_that_wraps_at_spaces_loses_nothing(width: int) -> None:
    lines = [
        "> " + piece
        for line in LOG.splitlines()
        for piece in textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
    ]
    assert numbers("\n".join(lines)) == VALUES


@pytest.mark.parametrize("width", WIDTHS)
def test_a_terminal_that_cuts_words_makes_no_number_wrong(width: int) -> None:
    assert_nothing_wrong(cut(width))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_terminal_that_cuts_words_hides_no_number(width: int) -> None:
    assert numbers(cut(width)) == VALUES


def test_two_lines_that_were_cut_show_that_a_terminal_did_it() -> None:
    log = "\n".join(LOG.splitlines()[n] for n in (5, 11))
    assert cut(80, log).count("\n") == 4
    assert numbers(cut(80, log)) == [VALUES[3], VALUES[9]]


@pytest.mark.parametrize("width", WIDTHS)
def test_what_the_user_wrote_above_may_be_longer(width: int) -> None:
    assert numbers("# " + "what the user wrote above the log " * 4 + "\n" + cut(width)) == VALUES


@pytest.mark.parametrize("width", WIDTHS)
def test_a_longer_line_elsewhere_makes_no_cut_number_wrong(width: int) -> None:
    assert_nothing_wrong("# " + "what the user wrote above the log " * 4 + "\n" + cut(width))


@pytest.mark.parametrize("width", WIDTHS)
def test_spaces_lost_at_the_line_ends_make_no_cut_number_wrong(width: int) -> None:
    assert_nothing_wrong("\n".join(line.rstrip() for line in cut(width).splitlines()))


@pytest.mark.parametrize("width", WIDTHS)
def test_cut_lines_without_times_make_no_number_wrong(width: int) -> None:
    plain = "\n".join(line[15:] for line in LOG.splitlines())
    assert_nothing_wrong(cut(width, plain))


@pytest.mark.parametrize(
    "below",
    ["00:05: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200)", "9p: Installing v9fs", "16"],
)
def test_a_line_of_its_own_below_does_not_lengthen_a_number(below: str) -> None:
    log = (
        "virt/tdx: TDX module: attributes 0x0, vendor_id 0x8086, major_version 1, "
        f"minor_version 5, build_date 20240725, build_num 784\n{below}\n"
    )
    assert all(values["build_num"] == 784 for values in numbers(log))


def test_a_cut_off_number_at_the_end_of_a_log_that_ends_there_is_no_other_events() -> None:
    found, *_ = read_log("virt/tdx: BIOS enabled: private KeyID range [64, 12")
    assert found == []


def test_a_cut_number_is_none_though_its_sentence_ends_with_a_full_stop() -> None:
    found, *_ = read_log("tdx: SEAMCALL failed: leaf 33, error 0xc00005\n0500000000.\n")
    assert [event.values.get("status") for event in found] in ([], [0xC000050500000000])


def test_lines_are_joined_though_the_log_begins_in_the_midst_of_one() -> None:
    line = "[    5.3] virt/tdx: BIOS enabled: private KeyID range [64, 1\n28)\n"
    assert [event.values for event in read_log(f"d at once\n{line}{line}")[0]] == [
        {"first": 64, "end": 128}
    ]


OPEN_RANGES = {
    "[    5.2] virt/tdx: BIOS enabled: private KeyID range [64, \n128)\n": (64, 128),
    "[    5.2] virt/tdx: BIOS enabled: private KeyID range [64,\n128)\n": (64, 128),
    "[    5.2] virt/tdx: BIOS enabled: private KeyID range [\n64, 128)\n": (64, 128),
    "[    5.2] virt/tdx: BIOS enabled: private KeyID range\n[64,\n128)\n": (64, 128),
    "[    5.2] virt/tdx: BIOS enabled: private KeyID range [64, 12\n8)\n": (64, 128),
    "> [    5.2] virt/tdx: BIOS enabled: private KeyID range [64, \n> 128)\n": (64, 128),
    "[    5.2] virt/tdx: CMR: [0x100000, \n0x77800000)\n": (0x100000, 0x77800000),
    "[    5.2] virt/tdx: CMR: [0x100000, 0x778\n00000)\n": (0x100000, 0x77800000),
    "[    5.2] virt/tdx: initialization failed: TDMR [0x0,\n0x80000000): reserved areas\n"
    "exhausted.\n": (0, 0x80000000),
    "[    0.0]   node   0: [mem 0x0000000000001000-\n0x000000000009efff]\n": (0x1000, 0x9EFFF),
}


@pytest.mark.parametrize("log", OPEN_RANGES, ids=repr)
def test_a_range_that_was_broken_has_one_reading(log: str) -> None:
    (event,) = read_log(log).events
    names = ("first", "end") if "first" in event.values else ("base", "end", "last")
    assert tuple(event.values[n] for n in names if n in event.values) == OPEN_RANGES[log]


@pytest.mark.parametrize(
    "log",
    [
        "[    5.2] virt/tdx: BIOS enabled: private KeyID range [64, \n",
        "[    5.2] virt/tdx: BIOS enabled: private KeyID range [64, \n[    5.3] usb: 128)\n",
        "[    5.2] virt/tdx: BIOS enabled: private KeyID range [64, \n$ echo\n128)\n",
        "[    5.2] virt/tdx: BIOS enabled: private KeyID range [64, 1\nrows\n28)\n",
    ],
)
def test_a_range_whose_rest_is_missing_is_no_value(log: str) -> None:
    assert read_log(log).events == []


def seconds(log: str) -> float:
    start = time.process_time()
    read_log(log)
    return time.process_time() - start


HEAVY = {
    "failed": "tdx: SEAMCALL[" + "] failed: " * 6000,
    "status": "tdx: SEAMCALL[x] failed: " + " (0x" * 15000,
    "bios": "DMI: " + ", BIOS" * 10000,
    "bios with spaces": "DMI: " + ", BIOS " * 10000,
    "cpu": "smpboot: CPU0: " + " (family: 0x6, model: 0x" * 3000,
    "required": "virt/tdx: " + " is required for TD" * 3000,
    "pamt": "virt/tdx: 1 KB" + " allocated for PAM" * 3000,
    "kind": "virt/tdx: Initializing TDX module: 1.5.0.0.0 (build_date 1, " + " module)" * 8000,
    "digits": "virt/tdx: " + "1" * 60000,
    "glued": "[    5.300843] virt/tdx: x" * 3000,
    "brackets": "[" * 60000 + "virt/tdx: x",
    "spaces": "[" + " " * 60000 + "virt/tdx: x",
    "quotes": "> " * 30000 + "virt/tdx: x",
    "letters": "a" * 60000 + " virt/tdx: x",
    "colons": "a:" * 30000 + " virt/tdx: x",
    "level": "kern" + " " * 60000 + ":info : virt/tdx: x",
    "host": "Feb 27 19:32:31 " + "h" * 60000 + " virt/tdx: x",
    "record": "6,339,5300843," + "," * 60000 + "virt/tdx: x",
    "many short lines": "virt/tdx: x\n" * 6000,
    "many cut lines": cut(70) * 90,
    "many bare lines": "virt/tdx: x\nrest\n" * 3000,
    "day and month": "[" + "ä" * 60000 + " 13 12:04:49 2024] virt/tdx: x",
    "days and months": "[Mi Mär 13 12:04:49 " * 3000 + " virt/tdx: x",
    "many open brackets": "virt/tdx: CMR: [0x1, \n0x\n0\n" * 3000,
    "an open bracket": "virt/tdx: CMR: [" + "0" * 60000 + "\n1\n2\n3\n",
    "many blank lines": "virt/tdx: x\n\n\n\n" * 3000,
}


@pytest.mark.parametrize("log", HEAVY.values(), ids=HEAVY)
def test_a_hostile_line_costs_no_more_than_others(log: str) -> None:
    # 60 kB take milliseconds; up to three tries, since the machine may be busy.
    assert any(seconds(log) < 1.5 for _ in range(3))


EXAMPLES: list[str] = [row["example"] for row in tables.load("klog")["line"]]
PIECES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(EXAMPLES),
    st.sampled_from(EXAMPLES).flatmap(lambda e: st.integers(0, len(e)).map(lambda n: e[:n])),
    st.sampled_from(
        ["\n", "\r", " ", "[    5.300843] ", "> ", "-- Boot 0 --\n", "99999999999999999"]
    ),
)


@fewer_examples
@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_text_is_read_without_error(text: str) -> None:
    found, *_ = read_log(text)
    assert all(event.name for event in found)


@given(st.text(max_size=2000))
def test_any_characters_are_read_in_time(text: str) -> None:
    read_log("virt/tdx: " + text)


def test_only_what_somebody_pasted_is_joined() -> None:
    log = "[    1.000000] virt/tdx: BIOS enabled: private KeyID range\n[16, 64)\n"
    assert platform.has_tdx_code(Boot.from_log(log)) is True
    with pytest.raises(Absent):
        platform.has_tdx_code(Boot.from_log(log, pasted=False))
