"""The kernel log as it lies in the kernel's memory, located by VMCOREINFO.

Source: kernel/printk/printk_ringbuffer.h of Linux 5.10 and later, and the names that
log_buf_vmcoreinfo_setup() in kernel/printk/printk.c puts into the VMCOREINFO note.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tdxinfo.errors import Absent, Malformed

Read = Callable[[int, int], bytes]
"""The bytes at an address of the kernel's memory, as many as asked for. Raises Unavailable."""

_WORD = 8
_MAX_COUNT_BITS = 20
_MAX_SIZE_BITS = 26
"""64 MiB of text; the kernel takes up to 2 GiB of log_buf_len, which no host has."""
MAX_TEXT = 16 << 20
"""Characters of all records. In a damaged dump many records can share one text."""
_STATE_SHIFT = 62
_ID_MASK = (1 << _STATE_SHIFT) - 1
_READABLE = (1, 2)
"""desc_committed and desc_finalized."""
_ENTRY = re.compile(r"([\w-]+)(?:\(([^)]*)\))?=(.*)")


class VmcoreInfo:
    """The lines of the VMCOREINFO note by their keys: `SYMBOL(prb)`, `OSRELEASE`."""

    def __init__(self, text: str) -> None:
        entries = (_ENTRY.fullmatch(line.strip()) for line in text.splitlines())
        self._notes = {(found[1], found[2]): found[3] for found in entries if found}

    @property
    def release(self) -> str | None:
        return self._notes.get(("OSRELEASE", None))

    @property
    def build_id(self) -> str | None:
        return self._notes.get(("BUILD-ID", None))

    @property
    def kernel_offset(self) -> int:
        """By how much the kernel was moved from where it was linked (KASLR)."""
        return self._number("KERNELOFFSET", None, 16) if self.has("KERNELOFFSET") else 0

    def has(self, kind: str, name: str | None = None) -> bool:
        return (kind, name) in self._notes

    def symbol(self, name: str) -> int:
        return self._number("SYMBOL", name, 16)

    def offset(self, member: str) -> int:
        return self._number("OFFSET", member, 10)

    def size(self, structure: str) -> int:
        return self._number("SIZE", structure, 10)

    def _number(self, kind: str, name: str | None, base: int) -> int:
        text = f"{kind}({name})" if name else kind
        try:
            return int(self._notes[kind, name], base)
        except KeyError:
            raise Absent(f"the dump's VMCOREINFO has no {text}") from None
        except ValueError:
            raise Malformed(f"{text} in the dump's VMCOREINFO is not a number") from None


def kernel_log(info: VmcoreInfo, read: Read) -> str:
    """The log's records as dmesg prints them. Raises Unavailable."""
    kept: list[str] = []
    left = MAX_TEXT
    for line in _Ring(info, read).lines():
        left -= len(line)
        if left < 0:
            raise Malformed(f"the records of the kernel log have more than {MAX_TEXT} characters")
        kept.append(line)
    return "".join(kept)


@dataclass(frozen=True, slots=True)
class _Array:
    """Structures one behind the other."""

    data: bytes
    size: int

    def __getitem__(self, number: int) -> bytes:
        return self.data[number * self.size : (number + 1) * self.size]


class _Ring:
    """`struct printk_ringbuffer`: descriptors, an information each, and the ring of text."""

    def __init__(self, info: VmcoreInfo, read: Read) -> None:
        self._info = info
        place = int.from_bytes(read(info.symbol("prb"), _WORD), "little")
        whole = read(place, self._size("printk_ringbuffer"))
        descriptors = whole[info.offset("printk_ringbuffer.desc_ring") :]
        text = whole[info.offset("printk_ringbuffer.text_data_ring") :]
        bits = self._of(descriptors, "prb_desc_ring.count_bits", 4)
        text_bits = self._of(text, "prb_data_ring.size_bits", 4)
        if not (0 < bits <= _MAX_COUNT_BITS and 0 < text_bits <= _MAX_SIZE_BITS):
            raise Malformed(f"the kernel log has 2^{bits} records in 2^{text_bits} bytes")
        self._count = 1 << bits
        self._text = read(self._of(text, "prb_data_ring.data"), 1 << text_bits)
        self._descriptors = self._array(read, descriptors, "descs", "prb_desc")
        self._infos = self._array(read, descriptors, "infos", "printk_info")
        self._first = self._of(descriptors, "prb_desc_ring.tail_id") & _ID_MASK
        self._last = self._of(descriptors, "prb_desc_ring.head_id") & _ID_MASK

    def lines(self) -> Iterator[str]:
        """The records in their order, without those that were being written."""
        for number in range(((self._last - self._first) & _ID_MASK) + 1):
            if number >= self._count:
                return
            record = (self._first + number) & _ID_MASK
            descriptor = self._descriptors[record % self._count]
            state = self._of(descriptor, "prb_desc.state_var")
            if state & _ID_MASK == record and state >> _STATE_SHIFT in _READABLE:
                yield from self._lines_of(descriptor, self._infos[record % self._count])

    def _lines_of(self, descriptor: bytes, info: bytes) -> Iterator[str]:
        seconds, nanos = divmod(self._of(info, "printk_info.ts_nsec"), 1_000_000_000)
        text = self._stored(descriptor, self._of(info, "printk_info.text_len", 2))
        for line in text.decode("utf-8", "replace").split("\n"):
            yield f"[{seconds:5}.{nanos // 1000:06}] {line}\n"

    def _stored(self, descriptor: bytes, length: int) -> bytes:
        """The text of a block behind the word that begins it; a block that would wrap lies at 0."""
        position = descriptor[self._info.offset("prb_desc.text_blk_lpos") :]
        begin = self._of(position, "prb_data_blk_lpos.begin")
        end = self._of(position, "prb_data_blk_lpos.next")
        size = len(self._text)
        if begin & 1 or end & 1:
            return b""  # the kernel marks a record without text so
        if begin // size != (end - 1) // size:
            begin = 0
        start = begin % size + _WORD
        return self._text[start : min(start + length, (end - 1) % size + 1)]

    def _array(self, read: Read, ring: bytes, member: str, structure: str) -> _Array:
        size = self._size(structure)
        return _Array(read(self._of(ring, f"prb_desc_ring.{member}"), size * self._count), size)

    def _size(self, structure: str) -> int:
        size = self._info.size(structure)
        if not 0 < size <= 1024:
            raise Malformed(f"a {structure} cannot have {size} bytes")
        return size

    def _of(self, data: bytes, member: str, size: int = _WORD) -> int:
        at = self._info.offset(member)
        if at + size > len(data):
            raise Malformed(f"{member} lies outside of its structure")
        return int.from_bytes(data[at : at + size], "little")
