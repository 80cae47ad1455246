"""Kernel structures that lead to each other without end, and types that claim what cannot be."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import ClassVar

import pytest

from tdxinfo.decode.btf import Leaf
from tdxinfo.errors import Malformed
from tdxinfo.sources import kobjects

NODE, BITMAP = 0x1000, 0x2000
_SLOTS = 64


class Types:
    """Types of an xarray as Linux has them, and one that is as large as the test says."""

    sizes: ClassVar = {"ida": 16, "ida_bitmap": 128, "xa_node": 8 + 8 * _SLOTS, "tdx_sys_info": 64}

    def find(self, name: str) -> str:
        return name

    def size(self, name: str) -> int:
        return self.sizes[name]

    def leaves(self, name: str) -> list[Leaf]:
        return {
            "ida": [Leaf("xa.xa_head", 64, 64, 1, False)],
            "ida_bitmap": [Leaf("bitmap", 0, 64, 16, False)],
            "xa_node": [
                Leaf("shift", 0, 8, 1, False),
                Leaf("slots", 64, 64, _SLOTS, False),
            ],
        }.get(name, [Leaf("a", 0, 64, 1, False)])


class Kernel:
    """A kernel whose memory is a function."""

    def __init__(self, slot: int, shift: int = 0) -> None:
        self._slot = slot
        self._shift = shift
        self.reads = 0

    def symbols(self, names: Iterable[str]) -> dict[str, int]:
        return {}

    def types(self) -> Types:
        return Types()

    def read(self, address: int, size: int) -> bytes:
        self.reads += 1
        if size == 16:
            return bytes(8) + (NODE | 2).to_bytes(8, "little")
        if size == 128:
            return bytes(128)
        node = bytes([self._shift]) + bytes(7)
        return node + self._slot.to_bytes(8, "little") * _SLOTS


@pytest.mark.parametrize("slot", [NODE | 2, BITMAP, 1])
def test_the_visits_of_a_pool_are_counted(slot: int) -> None:
    """Nodes that lead to themselves: six levels of 64 slots would be 69 thousand million visits."""
    kernel = Kernel(slot)
    start = time.monotonic()
    with suppress(Malformed):
        kobjects._taken_keyids(kernel, 0x100)  # type: ignore[arg-type]
    assert kernel.reads <= kobjects._MAX_VISITS + 2
    assert time.monotonic() - start < 10


def test_a_structure_of_impossible_size_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Types.sizes, "tdx_sys_info", 120 << 20)
    kernel = Kernel(0)
    with pytest.raises(Malformed, match="125829120 bytes"):
        kobjects._structure(kernel, "tdx_sys_info", 0x100)  # type: ignore[arg-type]
    assert kernel.reads == 0
