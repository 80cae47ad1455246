"""Memory devices of the DMI table."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tdxinfo.decode import dmi
from tdxinfo.errors import Malformed
from tdxinfo.machine.live import LiveMachine
from tdxinfo.sources import dmi as source
from tests.builders import captured_machine


def device(size: int) -> bytes:
    """A Memory Device as DSP0134 lays it out, up to the form factor, with its strings."""
    formatted = struct.pack("<BBHHHHHHBB", 17, 0x54, 0x1100, 0x1000, 0xFFFE, 72, 64, size, 9, 0)
    return formatted + b"CPU1_DIMM_A1\0SERIAL123\0\0"


@pytest.mark.parametrize(
    ("size", "populated"), [(0, False), (0x7FFF, True), (0x8000 | 16384, True), (0xFFFF, True)]
)
def test_a_size_of_0_is_an_empty_slot(size: int, populated: bool) -> None:
    assert dmi.is_populated(device(size)) is populated


def test_a_structure_may_end_with_its_size() -> None:
    assert dmi.is_populated(device(0x100)[:14]) is True


@pytest.mark.parametrize("data", [b"", device(0)[:10], device(0)[:13], b"\x10" + device(0)[1:]])
def test_what_is_no_memory_device_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        dmi.is_populated(data)


@pytest.mark.parametrize("value", [[1], ["1", 2], [True, 2], {"a": 1}, 3])
def test_a_record_that_is_no_pair_of_numbers_is_malformed(value: object) -> None:
    with pytest.raises(Malformed):
        source.MemorySlots(populated=True).read(
            captured_machine(answers={"dmi/memory-slots": value})
        )


def test_slots_are_counted_and_no_serial_number_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tdxinfo.machine.recording import RecordingMachine

    for number, size in enumerate((0x7FFF, 0, 0x4000)):
        folder = tmp_path / f"17-{number}"
        folder.mkdir()
        (folder / "raw").write_bytes(device(size))
    (tmp_path / "16-0").mkdir()
    monkeypatch.setattr(source, "_ENTRIES", str(tmp_path))
    machine = RecordingMachine(LiveMachine())
    assert source.MemorySlots(populated=True).read(machine) == 2
    assert source.MemorySlots(populated=False).read(machine) == 3
    assert machine.files == {}
    assert machine.answers == {"dmi/memory-slots": [2, 3]}
