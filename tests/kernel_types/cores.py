"""Cores of a small kernel: its TDX variables in memory, and what a crash dump has beside them.

Offsets are those of the kernel's declarations, not of the code under test.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

BASE = 0xFFFFFFFF82000000
HEAP = 0xFFFF888000100000
STRIDE = 512
GIB = 1 << 30


def sysinfo() -> bytes:
    """`struct tdx_sys_info` of 7.2, by the offsets of its declaration."""
    data = bytearray(3144)
    struct.pack_into("<HHH", data, 0, 5, 1, 24)
    struct.pack_into("<Q", data, 8, 0x140FBF)
    struct.pack_into("<5H", data, 16, 64, 16, 16, 16, 16)
    struct.pack_into("<3H", data, 26, 4096, 20480, 24576)
    struct.pack_into("<4Q", data, 32, 0x8000000070000001, 0, 0x6DBE7, 3)
    struct.pack_into("<HH", data, 64, 2, 576)
    struct.pack_into("<QQ", data, 72, 1 | 0xFFFFFFFF << 32, 4)
    struct.pack_into("<4Q", data, 1096, 0xFF0000 << 32, 0x1044D88, 7, 1 << 32)
    return bytes(data)


def tdmr(base: int, size: int, pamt: int, *reserved: tuple[int, int]) -> bytes:
    data = bytearray(STRIDE)
    struct.pack_into("<8Q", data, 0, base, size, pamt, 4096, pamt + 4096, 8192, pamt + 12288, 65536)
    for number, (offset, length) in enumerate(reserved):
        struct.pack_into("<QQ", data, 64 + 16 * number, offset, length)
    return bytes(data)


TDMRS = tdmr(0, 2 * GIB, 0x70000000, (0, 0x100000), (0x78000000, 0x8000000)) + tdmr(
    4 * GIB, 4 * GIB, 0x170000000
)


def core(*segments: tuple[int, bytes], notes: bytes = b"") -> bytes:
    """An ELF core with these segments of memory; physical addresses are in the file's order."""
    count = len(segments) + bool(notes)
    at = 64 + 56 * count
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    head = struct.pack("<16sHHIQQQIHHHHHH", ident, 4, 62, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    table, body = b"", b""
    if notes:
        table += struct.pack("<IIQQQQQQ", 4, 0, at, 0, 0, len(notes), len(notes), 0)
        body += notes
    for address, data in segments:
        place = at + len(body)
        table += struct.pack("<IIQQQQQQ", 1, 7, place, address, place, len(data), len(data), 0)
        body += data
    return head + table + body


def note(name: str, text: str) -> bytes:
    written, data = name.encode() + b"\0", text.encode()
    head = struct.pack("<III", len(written), len(data), 0)
    return head + _filled(written) + _filled(data)


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def laid_out(objects: Mapping[str, bytes], at: int) -> tuple[dict[str, int], bytes]:
    """The objects one behind the other from an address on, and where each lies."""
    places: dict[str, int] = {}
    data = b""
    for name, value in objects.items():
        places[name] = at + len(data)
        data += value + bytes(-len(value) % 8)
    return places, data


def kallsyms(symbols: Mapping[str, int], base: int) -> dict[str, bytes]:
    """The tables of kernel/kallsyms.c, with a token for each byte: nothing is compressed."""
    ordered = sorted(symbols.items(), key=lambda item: item[1])
    names = b"".join(bytes([len(name) + 1]) + b"D" + name.encode() for name, _ in ordered)
    return {
        "kallsyms_num_syms": struct.pack("<I", len(ordered)),
        "kallsyms_names": names,
        "kallsyms_token_table": b"".join(bytes([value or 1]) + b"\0" for value in range(256)),
        "kallsyms_token_index": struct.pack("<256H", *range(0, 512, 2)),
        "kallsyms_offsets": struct.pack(f"<{len(ordered)}I", *(a - base for _, a in ordered)),
        "kallsyms_relative_base": struct.pack("<Q", base),
    }


PRINTK_INFO = """SIZE(printk_ringbuffer)=88
OFFSET(printk_ringbuffer.desc_ring)=0
OFFSET(printk_ringbuffer.text_data_ring)=48
SIZE(prb_desc_ring)=48
OFFSET(prb_desc_ring.count_bits)=0
OFFSET(prb_desc_ring.descs)=8
OFFSET(prb_desc_ring.infos)=16
OFFSET(prb_desc_ring.head_id)=24
OFFSET(prb_desc_ring.tail_id)=32
SIZE(prb_desc)=24
OFFSET(prb_desc.state_var)=0
OFFSET(prb_desc.text_blk_lpos)=8
OFFSET(prb_data_blk_lpos.begin)=0
OFFSET(prb_data_blk_lpos.next)=8
SIZE(printk_info)=88
OFFSET(printk_info.ts_nsec)=8
OFFSET(printk_info.text_len)=16
OFFSET(prb_data_ring.size_bits)=0
OFFSET(prb_data_ring.data)=8
"""
"""What a kernel of the 6.17 series says of its log in VMCOREINFO."""


def log_ring(lines: Iterable[str], at: int) -> dict[str, bytes]:
    """`struct printk_ringbuffer` with its three arrays behind it, and the pointer `prb` to it.

    The ring holds 16 records; text of a record that would not fit before the end of its 1024 bytes
    begins at 0 again, as prb_reserve() lays it.
    """
    count, size = 16, 1024
    descs, infos, text = [bytes(24)] * count, [bytes(88)] * count, bytearray(size)
    begin, first, last = 0, 0, 0
    for number, line in enumerate(lines, start=1):
        block = struct.pack("<Q", number) + line.encode()
        block += bytes(-len(block) % 8)
        wraps = begin // size != (begin + len(block)) // size
        end = (begin // size + 1) * size + len(block) if wraps else begin + len(block)
        place = 0 if wraps else begin % size
        text[place : place + len(block)] = block
        descs[number % count] = struct.pack("<QQQ", 2 << 62 | number, begin, end)
        infos[number % count] = struct.pack(
            "<QQH70x", number, number * 1_500_000_000, len(line.encode())
        )
        begin, last = end, number
        first = max(1, number - count + 1)
    start = at + 8
    places = [start + 88, start + 88 + 24 * count, start + 88 + (24 + 88) * count]
    ring = struct.pack("<I4xQQQQQ", 4, places[0], places[1], last, first, 0)
    ring += struct.pack("<I4xQQQ", 10, places[2], begin, 0) + bytes(8)
    whole = ring + b"".join(descs) + b"".join(infos) + bytes(text)
    return {"prb": struct.pack("<Q", start), "ring": whole}
