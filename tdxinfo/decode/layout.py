"""Raw little-endian values, as vendor kernels show the module's metadata."""

from __future__ import annotations

import struct

from tdxinfo.decode import cpuid
from tdxinfo.errors import Malformed
from tdxinfo.model.values import CpuidConfig


def word64(data: bytes) -> int:
    """A 64-bit value. Raises Malformed when the data has another length."""
    if len(data) != 8:
        raise Malformed(f"{len(data)} bytes are not a 64-bit value")
    return int.from_bytes(data, "little")


def cpuid_configs(count: bytes, leaves: bytes, values: bytes) -> tuple[CpuidConfig, ...]:
    """NUM_CPUID_CONFIG, CPUID_CONFIG_LEAVES and CPUID_CONFIG_VALUES as one list.

    Entries from the count on are stale and left out. Raises Malformed when the arrays are
    shorter than the count says.
    """
    entries = int.from_bytes(count, "little")
    if len(count) > 8 or len(leaves) < entries * 8 or len(values) < entries * 16:
        raise Malformed("the CPUID configuration is shorter than its count says")
    return cpuid.configs(
        struct.unpack_from(f"<{entries}Q", leaves), struct.unpack_from(f"<{2 * entries}Q", values)
    )
