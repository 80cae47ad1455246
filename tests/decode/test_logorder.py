"""Logs whose newest line stands first, and logs that only look like that in places."""

from __future__ import annotations

import pytest

from tdxinfo.decode.klog import read_log
from tdxinfo.decode.logorder import in_order, time_of

LINES = [
    "Linux version 6.17.13 (x@y) #1 SMP",
    "virt/tdx: BIOS enabled: private KeyID range [64, 128)",
    "virt/tdx: module initialization failed (-12)",
    "virt/tdx: module initialized",
]
SECONDS = [0, 3, 40, 90]
FORMS = {
    "dmesg": "[{seconds:12.6f}] ",
    "dmesg with callers": "[{seconds:12.6f}] [    T1] ",
    "console": "<6>[{seconds:12.6f}] ",
    "dmesg -T": "[Fr Nov 20 08:{minutes:02}:{rest:02} 2026] ",
    "dmesg --time-format iso": "2026-11-20T08:{minutes:02}:{rest:02},000000+00:00 ",
    "short": "Nov 20 08:{minutes:02}:{rest:02} node kernel: ",
    "short in another language": "Mär 13 08:{minutes:02}:{rest:02} node kernel: ",
    "short-iso": "2026-11-20T08:{minutes:02}:{rest:02}+0000 node kernel: ",
    "short-full": "Fri 2026-11-20 08:{minutes:02}:{rest:02} UTC node kernel: ",
    "short-unix": "17636256{seconds:02}.000000 node kernel: ",
    "syslog": "Nov 20 08:00:00 node kernel: [{seconds:12.6f}] ",
}


def log_of(form: str) -> list[str]:
    return [
        FORMS[form].format(seconds=at, minutes=at // 60, rest=at % 60) + line
        for at, line in zip(SECONDS, LINES, strict=True)
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_log_in_reverse_is_turned_round_and_one_in_order_is_kept(form: str) -> None:
    lines = log_of(form)
    assert in_order(lines[::-1]) == lines
    assert in_order(lines) == lines


def test_the_last_outcome_of_a_log_in_reverse_is_that_of_its_first_line() -> None:
    text = "\n".join(log_of("short-iso")[::-1])
    assert [event.name for event in read_log(text).events][-1] == "initialized"
    assert read_log(text).complete
    kept = read_log(text, pasted=False).events
    assert kept[-1].name == "linux_version", "a log of this machine is in order"


def test_lines_without_a_time_stay_below_the_line_that_has_one() -> None:
    lines = log_of("short")
    below = ["                     and more"]
    assert in_order([*lines[3:], *below, *lines[2::-1]]) == [*lines, *below]
    assert in_order(["$ journalctl -k -r", *lines[::-1]]) == ["$ journalctl -k -r", *lines]


def test_boots_in_reverse_are_turned_round_with_the_line_between_them() -> None:
    older, newer = log_of("dmesg"), log_of("dmesg")[:2]
    between = ["-- Boot 0123456789abcdef0123456789abcdef --"]
    reverse = [*newer[::-1], *between, *older[::-1]]
    assert in_order(reverse) == [*older, *between, *newer]
    assert read_log("\n".join(reverse)).boots == 2


IN_ORDER = {
    "two boots": [0.0, 1.0, 2.0, 3.0, 90.0, 0.0, 1.0, 2.0],
    "a boot that another one follows": [5000.0, 0.0, 1.0, 2.0],
    "CPUs print at the same time": [3.3, 3.1, 3.2, 3.0, 3.4, 3.2],
    "an excerpt of three boots": [40.0, 39.0, 38.0],
    "two lines": [40.0, 3.0],
    "no time rises or falls": [0.0, 0.0, 0.0],
    "one line": [3.0],
    "nothing": [],
}


@pytest.mark.parametrize("times", IN_ORDER.values(), ids=IN_ORDER)
def test_times_that_fall_here_and_there_turn_no_log_round(times: list[float]) -> None:
    lines = [f"[{time:12.6f}] line {number}" for number, time in enumerate(times)]
    assert in_order(lines) == lines


def test_a_month_that_begins_turns_no_log_round() -> None:
    days = ["Nov 28", "Nov 29", "Nov 30", "Dec  1", "Dec  2"]
    lines = [f"{day} 08:00:00 node kernel: line" for day in days]
    assert in_order(lines) == lines


@pytest.mark.parametrize(
    "line", ["", "usb 1-1: 12:00:00", "virt/tdx: module initialized", "a [12] b", "-- Reboot --"]
)
def test_a_line_without_a_header_has_no_time(line: str) -> None:
    assert time_of(line) is None
