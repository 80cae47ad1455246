"""The memory map as kernel logs have it: the firmware's, and the kernel's list by node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from tdxinfo.decode.boot import Boot, ram
from tdxinfo.decode.klog import relevant_lines
from tdxinfo.errors import Absent, Malformed
from tdxinfo.model.values import MemoryRange, NodeMemory
from tests.builders import report_from_log

T = TypeVar("T")

# Linux 7.3.4 in QEMU, two NUMA nodes; the firmware's map as that kernel and as older ones print it.
NODES = """\
[    0.000000] Early memory node ranges
[    0.000000]   node   0: [mem 0x0000000000001000-0x000000000009efff]
[    0.000000]   node   0: [mem 0x0000000000100000-0x000000004fffffff]
[    0.000000]   node   1: [mem 0x0000000050000000-0x000000007ffdffff]
[    0.000000]   node   1: [mem 0x0000000100000000-0x000000017fffffff]
[    0.000000] Initmem setup node 0 [mem 0x0000000000001000-0x000000004fffffff]
"""
NEWER = """\
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff]  System RAM
[    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff]  device reserved
[    0.000000] BIOS-e820: [gap 0x00000000000a0000-0x00000000000effff]
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000007ffdffff]  System RAM
"""
OLDER = """\
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000007ffdffff] usable
[    0.000000] BIOS-e820: [mem 0x000000007ffe0000-0x000000007fffffff] soft reserved
"""


def fact(read: Callable[[Boot], T], log: str) -> T:
    return read(Boot.from_log(log))


def test_the_list_by_node_is_read_with_the_last_byte_included() -> None:
    regions = fact(ram.memory_regions, NODES)
    assert [(r.base, r.end, r.node) for r in regions] == [
        (0x1000, 0x9F000, 0),
        (0x100000, 0x50000000, 0),
        (0x50000000, 0x7FFE0000, 1),
        (0x100000000, 0x180000000, 1),
    ]


def test_a_node_reaches_from_its_first_memory_to_its_last() -> None:
    assert fact(ram.node_spans, NODES) == (
        NodeMemory.between(0x1000, 0x50000000, node=0),
        NodeMemory.between(0x50000000, 0x180000000, node=1),
    )


def test_a_list_whose_beginning_is_missing_is_not_taken_for_the_whole() -> None:
    with pytest.raises(Absent):
        fact(ram.memory_regions, "".join(NODES.splitlines(keepends=True)[1:]))
    with pytest.raises(Absent):
        fact(ram.memory_regions, NODES.splitlines(keepends=True)[0])


def test_a_range_may_be_a_single_byte() -> None:
    log = "[    0.000000] BIOS-e820: [mem 0x0000000000001000-0x0000000000001000] usable\n"
    assert fact(ram.firmware_ram, log) == (MemoryRange.between(0x1000, 0x1001),)


def test_a_list_in_disorder_is_malformed() -> None:
    first, *rest = NODES.splitlines(keepends=True)
    with pytest.raises(Malformed):
        fact(ram.memory_regions, first + "".join(reversed(rest)))


@pytest.mark.parametrize("log", [NEWER, OLDER], ids=["newer", "older"])
def test_of_the_firmware_map_only_usable_memory_counts(log: str) -> None:
    assert fact(ram.firmware_ram, log) == (
        MemoryRange.between(0, 0x9FC00),
        MemoryRange.between(0x100000, 0x7FFE0000),
    )


def test_a_log_without_a_memory_map_tells_of_none() -> None:
    for value in (ram.firmware_ram, ram.memory_regions, ram.node_spans):
        with pytest.raises(Absent):
            fact(value, "[    0.1] virt/tdx: module initialized\n")


def test_a_capture_keeps_the_memory_map_and_no_other_line_with_the_word_node() -> None:
    other = "[    1.0] usb 1-1: device node ready\n[    1.1] node 12 is a host name\n"
    assert relevant_lines(other + NODES + other) == "".join(NODES.splitlines(keepends=True)[:5])


def test_the_kernel_s_own_list_stands_before_the_firmware_s_map() -> None:
    both, firmware = report_from_log(OLDER + NODES), report_from_log(OLDER)
    assert both.origin_of("memory.regions") == "klog:memory_regions"
    assert firmware.origin_of("memory.regions").startswith("inferred:memory.firmware_ram")
    assert both.host.memory.regions != firmware.host.memory.regions
