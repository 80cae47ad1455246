"""Memory devices in the firmware's DMI table.

Reference: DMTF DSP0134 (SMBIOS), type 17, Memory Device. Serial numbers are in the strings after
a structure, which are not looked at.
"""

from __future__ import annotations

from tdxinfo.errors import Malformed

_MEMORY_DEVICE = 17
_SIZE = slice(0x0C, 0x0E)


def is_populated(structure: bytes) -> bool:
    """Whether the slot of a Memory Device holds a module."""
    if len(structure) < _SIZE.stop or structure[0] != _MEMORY_DEVICE:
        raise Malformed("the structure is not a Memory Device")
    return any(structure[_SIZE])  # a size of 0: nothing is installed
