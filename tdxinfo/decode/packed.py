"""Unpacks files that were compressed by gzip, xz, bzip2 or zip, up to a limit of bytes."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from tdxinfo.errors import Malformed

LIMIT = 32 << 20
"""Bytes that an input may unpack to."""
_GZIP, _XZ, ZIP, _BZIP2, ZSTD = (
    b"\x1f\x8b",
    b"\xfd7zXZ\0",
    b"PK\x03\x04",
    b"BZh",
    b"\x28\xb5\x2f\xfd",
)
_MAX_MEMBERS = 1000
_MEMORY = 256 << 20
"""Bytes of memory that unpacking xz may take; `xz -9` needs a quarter of it."""


def is_packed(data: bytes) -> bool:
    """Whether the data is in a compressed format that `unpacked` reads or refuses by name."""
    return data.startswith((_GZIP, _XZ, ZIP, _BZIP2, ZSTD))


def unpacked(data: bytes, limit: int = LIMIT) -> bytes:
    """The content of a gzip, xz, bzip2 or zip file; the files of a zip are joined by a newline.

    Raises Malformed where it is damaged, holds more than the limit, or is of zstd, which Python
    reads from 3.14 on.
    """
    if data.startswith(ZSTD):
        raise Malformed("it was compressed with zstd: run `zstd -d` on the file first")
    if data.startswith(_GZIP):
        return gunzip(data, limit)
    if data.startswith(_XZ):
        import lzma

        return _decompressed(lambda: lzma.LZMADecompressor(memlimit=_MEMORY), data, limit, "xz")
    if data.startswith(_BZIP2):
        import bz2

        return _decompressed(bz2.BZ2Decompressor, data, limit, "bzip2")
    return b"\n".join(unzipped(data, limit))


def first_bytes(data: bytes, count: int) -> bytes:
    """The first bytes that a gzip, xz or bzip2 file unpacks to; empty where it is damaged."""
    try:
        if data.startswith(_GZIP):
            return zlib.decompressobj(wbits=31).decompress(data, count)
        if data.startswith(_XZ):
            import lzma

            return lzma.LZMADecompressor(memlimit=_MEMORY).decompress(data, count)
        if data.startswith(_BZIP2):
            import bz2

            return bz2.BZ2Decompressor().decompress(data, count)
    except Exception:  # LZMAError derives from Exception alone
        return b""
    return b""


def gunzip(data: bytes, limit: int) -> bytes:
    """The streams of a gzip file, joined. Raises Malformed."""
    if not data.startswith(_GZIP):
        raise Malformed("this is not a gzip file")
    whole = bytearray()
    rest = data
    while rest.startswith(_GZIP):
        inflate = zlib.decompressobj(wbits=31)
        try:
            whole += inflate.decompress(rest, limit + 1 - len(whole))
        except zlib.error as error:
            raise Malformed(f"the gzip file is damaged: {error}") from None
        _raise_if_larger(whole, limit, "gzip")
        if not inflate.eof:
            raise Malformed("the gzip file is cut short")
        rest = inflate.unused_data
    return bytes(whole)


def _decompressed(decompressor: Callable[[], Any], data: bytes, limit: int, kind: str) -> bytes:
    """The streams of an xz or bzip2 file, joined."""
    whole = bytearray()
    rest = data
    magic = data[:3]
    while rest.startswith(magic):
        stream = decompressor()
        try:
            whole += stream.decompress(rest, limit + 1 - len(whole))
        except MemoryError:
            raise Malformed(f"the {kind} file takes too much memory to unpack") from None
        except Exception as error:  # LZMAError derives from Exception alone
            raise Malformed(f"the {kind} file is damaged: {error}") from None
        _raise_if_larger(whole, limit, kind)
        if not stream.eof:
            raise Malformed(f"the {kind} file is cut short")
        rest = stream.unused_data.lstrip(b"\0")
    return bytes(whole)


def unzipped(data: bytes, limit: int = LIMIT) -> list[bytes]:
    """The files of a zip archive, in its order. Raises Malformed."""
    import io
    import zipfile

    members: list[bytes] = []
    left = limit
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist()[:_MAX_MEMBERS]:
                if member.is_dir():
                    continue
                with archive.open(member) as file:
                    members.append(file.read(left + 1))
                left -= len(members[-1])
                if left < 0:
                    raise Malformed(f"the zip file unpacks to more than {limit >> 20} MiB")
    except (Malformed, MemoryError):
        raise
    except Exception as error:  # zipfile, lzma, bz2, zlib and struct have errors of their own
        raise Malformed(f"the zip file cannot be unpacked: {error}") from None
    return members


def _raise_if_larger(data: bytearray, limit: int, kind: str) -> None:
    if len(data) > limit:
        raise Malformed(f"the {kind} file unpacks to more than {limit >> 20} MiB")
