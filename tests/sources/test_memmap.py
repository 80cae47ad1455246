"""/sys/firmware/memmap, built by the kernel's ABI document; no real one was at hand."""

from __future__ import annotations

import pytest

from tdxinfo.errors import Absent, Denied, Malformed
from tdxinfo.model.values import MemoryRange
from tdxinfo.sources.memmap import FirmwareMemmap
from tests.builders import captured_machine

FOLDER = "/sys/firmware/memmap"


def files(*entries: tuple[str, str, str]) -> dict[str, str]:
    return {
        f"{FOLDER}/{number}/{name}": text + "\n"
        for number, entry in enumerate(entries)
        for name, text in zip(("start", "end", "type"), entry, strict=True)
    }


def test_usable_memory_is_shown_in_order_with_its_last_byte_included() -> None:
    machine = captured_machine(
        files(
            ("0x100000", "0x7fffffff", "System RAM"),
            ("0xf0000", "0xfffff", "Reserved"),
            ("0x0", "0x9efff", "System RAM"),
        )
    )
    assert FirmwareMemmap().read(machine) == (
        MemoryRange.between(0, 0x9F000),
        MemoryRange.between(0x100000, 0x80000000),
    )


def test_a_kernel_without_it_makes_it_absent() -> None:
    with pytest.raises(Absent):
        FirmwareMemmap().read(captured_machine())
    with pytest.raises(Absent, match="no System RAM"):
        FirmwareMemmap().read(captured_machine(files(("0x0", "0xfff", "Reserved"))))


def test_a_denied_entry_denies_all_of_it() -> None:
    refused = {f"{FOLDER}/1/start": {"reason": "denied", "message": "It may not be read."}}
    entries = files(("0x0", "0xfff", "System RAM"), ("0x1000", "0x1fff", "System RAM"))
    with pytest.raises(Denied):
        FirmwareMemmap().read(captured_machine(entries, refused=refused))


@pytest.mark.parametrize("entry", [("0x2000", "0xfff", "System RAM"), ("x", "1", "System RAM")])
def test_an_entry_that_is_no_range_is_malformed(entry: tuple[str, str, str]) -> None:
    with pytest.raises(Malformed, match=FOLDER):
        FirmwareMemmap().read(captured_machine(files(entry)))
