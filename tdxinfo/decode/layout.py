"""Raw little-endian values, as vendor kernels show the module's metadata."""

from __future__ import annotations

import struct

from tdxinfo.errors import Malformed
from tdxinfo.model.values import CpuidConfig

_NO_SUBLEAF = 0xFFFFFFFF


def word64(data: bytes) -> int:
    """A 64-bit value. Raises Malformed when the data has another length."""
    if len(data) != 8:
        raise Malformed(f"{len(data)} bytes are no 64-bit value")
    return int.from_bytes(data, "little")


def cpuid_configs(count: bytes, leaves: bytes, values: bytes) -> tuple[CpuidConfig, ...]:
    """NUM_CPUID_CONFIG, CPUID_CONFIG_LEAVES and CPUID_CONFIG_VALUES as one list.

    A leaf is a pair of 32-bit leaf and sub-leaf, a value four registers. Entries from the count
    on are stale and left out. Raises Malformed when the arrays are shorter than the count says.
    """
    entries = int.from_bytes(count, "little")
    if len(count) > 8 or len(leaves) < entries * 8 or len(values) < entries * 16:
        raise Malformed("the CPUID configuration is shorter than its count says")
    found = []
    for index in range(entries):
        leaf, subleaf = struct.unpack_from("<2I", leaves, index * 8)
        eax, ebx, ecx, edx = struct.unpack_from("<4I", values, index * 16)
        known = None if subleaf == _NO_SUBLEAF else subleaf
        found.append(CpuidConfig(leaf=leaf, subleaf=known, eax=eax, ebx=ebx, ecx=ecx, edx=edx))
    return tuple(found)
