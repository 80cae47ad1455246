"""How much memory TDs can have, on a host of numbers that can be added by hand."""

from __future__ import annotations

from tdxinfo.decode import capacity
from tdxinfo.model.values import MemoryRange, Tdmr
from tdxinfo.report import observe
from tests.builders import captured_machine

GIB = 1 << 30
RAM = (MemoryRange.between(1 << 20, 2 * GIB), MemoryRange.between(4 * GIB, 12 * GIB))
CMRS = (MemoryRange.between(1 << 20, GIB), MemoryRange.between(5 * GIB, 20 * GIB))


def test_ram_counts_within_cmrs_alone() -> None:
    within = GIB - (1 << 20) + 7 * GIB
    assert capacity.of_cmrs(RAM, CMRS, 0, 0) == within
    assert capacity.of_cmrs(RAM, CMRS, 2 * GIB, GIB) == within - 3 * GIB
    assert capacity.of_cmrs(RAM, CMRS, 100 * GIB, 0) == 0


def test_a_pamt_that_is_a_reserved_area_is_not_taken_off_twice() -> None:
    tdmr = Tdmr.between(0, 4 * GIB, pamt=(), reserved=())
    unknown = Tdmr.between(0, 4 * GIB, pamt=None, reserved=None)
    assert capacity.of_taken(RAM, 0, GIB, (tdmr,)) == capacity.of_taken(RAM, 0, 0, None)
    assert capacity.of_taken(RAM, 0, GIB, (unknown,)) == capacity.of_taken(RAM, GIB, 0, None)


def test_huge_pages_and_available_memory_are_the_kernels_own_numbers() -> None:
    machine = captured_machine(
        {"/proc/meminfo": "MemTotal:  99 kB\nMemAvailable:   64 kB\nHugetlb:     8 kB\n"}
    )
    memory = observe(machine, ["memory.huge_page_bytes", "memory.available_bytes"]).host.memory
    assert (memory.huge_page_bytes, memory.available_bytes) == (8192, 65536)


def test_keyids_that_are_left() -> None:
    machine = captured_machine(
        {"/sys/fs/cgroup/misc.capacity": "tdx 63\n", "/sys/fs/cgroup/misc.current": "tdx 60\n"}
    )
    assert observe(machine, ["keys.guest_keyids_free"]).host.keys.guest_keyids_free == 3
