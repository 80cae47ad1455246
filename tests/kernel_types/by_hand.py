"""BTF made word by word, as Documentation/bpf/btf.rst lays it."""

from __future__ import annotations

import struct

from tdxinfo.decode.btf import Btf

INT = (1, 1 << 24, 4, 32)
"""The words of an unsigned int of 32 bits."""


def types(*words: int, names: bytes = b"\0x\0") -> Btf:
    """The types of these words; a name is its offset in `names`."""
    data = struct.pack(f"<{len(words)}I", *words)
    head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(data), len(data), len(names))
    return Btf(head + data + names)
