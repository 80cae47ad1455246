"""The structures of TDH.SYS.INFO: TDSYSINFO_STRUCT and the CMR_INFO array behind it.

Source: the TDX module's public source, versions 1.0.03 to 1.5.06.
"""

from __future__ import annotations

import struct

from tdxinfo.decode.metadata import Metadata, declared, from_elements
from tdxinfo.errors import Malformed

_VENDOR_ID = 0x8086
INFO_SIZE = 1024
_CPUID_OFFSET = 132
_CPUID_ENTRY = struct.Struct("<6I")
_CPUID_MOST = 37
_INFO = {
    "SYS_ATTRIBUTES": (0, 4),
    "VENDOR_ID": (4, 4),
    "BUILD_DATE": (8, 4),
    "BUILD_NUM": (12, 2),
    "MINOR_VERSION": (14, 2),
    "MAJOR_VERSION": (16, 2),
    "MAX_TDMRS": (32, 2),
    "MAX_RESERVED_PER_TDMR": (34, 2),
    "PAMT_4K_ENTRY_SIZE": (36, 2),
    "PAMT_2M_ENTRY_SIZE": (36, 2),
    "PAMT_1G_ENTRY_SIZE": (36, 2),
    "TDCS_BASE_SIZE": (48, 2),
    "TDVPS_BASE_SIZE": (52, 2),
    "ATTRIBUTES_FIXED0": (64, 8),
    "ATTRIBUTES_FIXED1": (72, 8),
    "XFAM_FIXED0": (80, 8),
    "XFAM_FIXED1": (88, 8),
    "NUM_CPUID_CONFIG": (128, 4),
}
"""Offset and size in TDSYSINFO_STRUCT of the fields that TDH.SYS.RD reads by these names.

The structure has one size of a PAMT entry for all sizes of pages.
"""


def is_sysinfo(data: bytes) -> bool:
    """Whether the bytes are a TDSYSINFO_STRUCT: its vendor id is where a list has zeros."""
    return len(data) >= INFO_SIZE and int.from_bytes(data[4:8], "little") == _VENDOR_ID


def parse_sysinfo(data: bytes) -> Metadata:
    """A TDSYSINFO_STRUCT, and the CMR_INFO array behind it where there is one.

    Raises Malformed when the data is too short, or counts more than it holds.
    """
    if len(data) < INFO_SIZE:
        raise Malformed(f"{len(data)} bytes are not a TDSYSINFO_STRUCT of {INFO_SIZE}")
    found = [
        (declared()[name].id, int.from_bytes(data[offset : offset + size], "little"))
        for name, (offset, size) in _INFO.items()
    ]
    found += _sysinfo_cpuid(data)
    found += _sysinfo_cmrs(data[INFO_SIZE:])
    return from_elements(found)


def _sysinfo_cpuid(data: bytes) -> list[tuple[int, int]]:
    count = int.from_bytes(data[128:132], "little")
    if count > _CPUID_MOST:
        raise Malformed(f"the TDSYSINFO_STRUCT counts {count} CPUID entries, which it cannot hold")
    leaves, values = declared()["CPUID_CONFIG_LEAVES"], declared()["CPUID_CONFIG_VALUES"]
    found: list[tuple[int, int]] = []
    for i in range(count):
        parts = _CPUID_ENTRY.unpack_from(data, _CPUID_OFFSET + i * _CPUID_ENTRY.size)
        leaf, subleaf, eax, ebx, ecx, edx = parts
        found.append((leaves.element_id(i), leaf | subleaf << 32))
        found.append((values.element_id(2 * i), eax | ebx << 32))
        found.append((values.element_id(2 * i + 1), ecx | edx << 32))
    return found


def _sysinfo_cmrs(data: bytes) -> list[tuple[int, int]]:
    """Base and size of each entry; of an array that is cut the last entry may have a base alone."""
    fields = declared()["CMR_BASE"], declared()["CMR_SIZE"]
    count = min(len(data) // 8, 2 * fields[0].room)
    words = struct.unpack_from(f"<{count}Q", data)
    return [(fields[i % 2].element_id(i // 2), word) for i, word in enumerate(words)]
