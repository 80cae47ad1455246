"""Configurable CPUID bits, by leaf, register and name."""

from __future__ import annotations

from tdxinfo.decode import cpuid
from tdxinfo.decode.cpuid import Choice
from tdxinfo.model.values import CpuidConfig


def test_each_register_with_bits_to_choose_is_shown_with_their_names() -> None:
    first = CpuidConfig(leaf=1, subleaf=None, eax=0, ebx=1 << 16, ecx=1 << 31 | 1 << 5, edx=0)
    seventh = CpuidConfig(leaf=7, subleaf=1, eax=1 << 17, ebx=0, ecx=0, edx=1 << 3)
    last = CpuidConfig(leaf=0x80000008, subleaf=0, eax=0, ebx=1 << 9, ecx=0, edx=0)
    assert list(cpuid.choices((first, seventh, last))) == [
        Choice(1, None, "ebx", 1 << 16, ()),
        Choice(1, None, "ecx", 1 << 31 | 1 << 5, ("vmx", "hypervisor")),
        Choice(7, 1, "eax", 1 << 17, ("fred",)),
        Choice(7, 1, "edx", 1 << 3, ()),
        Choice(0x80000008, 0, "ebx", 1 << 9, ("wbnoinvd",)),
    ]
