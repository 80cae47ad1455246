"""Sigstructs of TDX modules, made by the layout that 11 published ones have."""

from __future__ import annotations

import hashlib
import struct
from datetime import date

import pytest

from tdxinfo.decode import sigstruct
from tdxinfo.decode.sigstruct import Sigstruct
from tdxinfo.errors import Malformed

MODULE = b"\x7fELF of a module"
HEADER = bytes.fromhex("06000000e10000000000010000000000")


def made(
    module: bytes = MODULE,
    svn: int = 0x10D,
    day: int = 0x20250729,
    cpus: tuple[int, ...] = (0x806F8, 0xC06F0),
) -> bytes:
    """Header, vendor, date in packed digits, SHA-384, SVN, and the list of processors."""
    data = bytearray(2048)
    data[:16] = HEADER
    struct.pack_into("<II", data, 16, 0x8086, day)
    data[900:948] = hashlib.sha384(module).digest()
    struct.pack_into("<H", data, 948, svn)
    struct.pack_into(f"<I{len(cpus)}I", data, 1024, len(cpus), *cpus)
    return bytes(data)


def blob(signed: bytes, module: bytes = MODULE) -> bytes:
    head = struct.pack("<HHI8sI", 0x100, 0, 8192, b"TDX-BLOB", 8192 + len(module))
    return head.ljust(4096, b"\0") + signed.ljust(4096, b"\0") + module


def test_a_sigstruct_tells_hash_security_version_day_and_processors() -> None:
    assert sigstruct.parse_sigstruct(made()) == Sigstruct(
        mrseam=hashlib.sha384(MODULE).hexdigest(),
        svn=(13, 1),
        day=date(2025, 7, 29),
        processors=(0x806F8, 0xC06F0),
    )


def test_a_blob_holds_a_sigstruct_and_its_module() -> None:
    data = blob(made())
    assert sigstruct.is_blob(data)
    signed, module = sigstruct.parse_blob(data)
    assert sigstruct.mrseam_of(module) == signed.mrseam


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 2048, made()[:2047], made(day=0x20251301), made(day=0x2025ABCD),
     made()[:1024] + struct.pack("<I", 256) + bytes(1020)],
)  # fmt: skip
def test_what_is_no_sigstruct_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        sigstruct.parse_sigstruct(data)


@pytest.mark.parametrize("data", [blob(made())[:5000], blob(made())[:8192], blob(b"no")])
def test_a_damaged_blob_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        sigstruct.parse_blob(data)
