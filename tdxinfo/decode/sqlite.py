"""An SQLite database as one run of bytes, with what its write-ahead log holds.

Source: sqlite.org/fileformat2.html, sections 1.3 and 4.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from tdxinfo.errors import Malformed

_MAGIC = b"SQLite format 3\0"
_VERSIONS = slice(18, 20)
"""Versions to write and to read by: 2 is for a write-ahead log, 1 for none."""
_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_LOG_MAGIC = 0x377F0682
"""The bit of the log's magic number that is set if its checksums use big-endian words."""
_MASK = 0xFFFFFFFF


class _Frame(NamedTuple):
    page: int
    """The number of the page, from 1."""
    pages: int
    """Pages of the whole database where the frame ends a transaction, else 0."""
    data: bytes


def merged(database: bytes, log: bytes) -> bytes:
    """The database with all transactions of its log, marked as one without. Raises Malformed."""
    if not database.startswith(_MAGIC) or len(database) < 100:
        raise Malformed("it is not an SQLite database")
    size = struct.unpack_from(">H", database, 16)[0]
    size = 65536 if size == 1 else size
    if size < 512 or size & size - 1:
        raise Malformed("its page size is not one that SQLite uses")
    whole = bytearray(database)
    for frames in _transactions(log, size):
        for frame in frames:
            end = frame.page * size
            if len(whole) < end:
                whole.extend(bytes(end - len(whole)))
            whole[end - size : end] = frame.data
        del whole[frames[-1].pages * size :]
    whole[_VERSIONS] = b"\1\1"
    return bytes(whole)


def _transactions(log: bytes, size: int) -> list[list[_Frame]]:
    """The frames of each transaction that was finished, in order. What follows is void."""
    if len(log) < _HEADER.size:
        return []
    magic, _, page_size, _, *salts, first, second = _HEADER.unpack_from(log)
    if magic & ~1 != _LOG_MAGIC or page_size != size:
        return []
    words = struct.Struct(">I" if magic & 1 else "<I")
    checksum = _checksum(log[:24], words, (0, 0))
    if checksum != (first, second):
        return []
    found: list[list[_Frame]] = []
    unresolved: list[_Frame] = []
    for at in range(_HEADER.size, len(log) - _FRAME.size - size + 1, _FRAME.size + size):
        page, pages, *rest = _FRAME.unpack_from(log, at)
        data = log[at + _FRAME.size : at + _FRAME.size + size]
        checksum = _checksum(log[at : at + 8] + data, words, checksum)
        if [*salts, *checksum] != rest or not 0 < page <= len(log):
            break
        unresolved.append(_Frame(page, pages, data))
        if pages:
            found.append(unresolved)
            unresolved = []
    return found


def _checksum(data: bytes, words: struct.Struct, start: tuple[int, int]) -> tuple[int, int]:
    """Two sums over pairs of words, each of which takes the other in."""
    first, second = start
    numbers = iter(words.iter_unpack(data))
    for (even,), (odd,) in zip(numbers, numbers, strict=True):
        first = first + even + second & _MASK
        second = second + odd + first & _MASK
    return first, second
