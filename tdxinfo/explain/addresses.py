"""Widths of physical addresses: CPUID's, and the smaller one that is left without the KeyID bits.

address sizes : 46 bits physical, 57 bits virtual
cpuid 80000008 eax=3934, cpuinfo 46 bits physical
MAXPHYADDR 52, phys bits in cpuinfo 46
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo.explain.meaning import Explanation, explanation

_LEFT = re.compile(
    r"\b(\d{2})[\s-]bits?[\s-]phys|\bcpuinfo\b[^\d,;]{0,40}(\d{2})\b|\blscpu\b[^\d,;]{0,40}(\d{2})\b",
    re.IGNORECASE,
)
"""A width as /proc/cpuinfo and lscpu show it."""
_OF_CPUID = re.compile(
    r"\b(?:maxpa|maxphyaddr)\b\D{0,12}(\d{2})\b"
    r"|80000008h?\b.{0,40}?\beax\s{0,2}[=:]?\s{0,2}(?:0x)?([0-9a-f]{4,8})\b"
    r"|80000008h?\b(?!.{0,40}\beax\W{0,4}[0-9a-f]{3}).{0,40}?\b(?<!0x)([3-6]\d)\b",
    re.IGNORECASE,
)
"""A width, or EAX of the leaf, as CPUID has it."""
_MOST = 300
"""Letters of a text in which widths are looked for."""
_WIDEST = 52
"""The width of processors whose addresses nothing limits."""
_LIMITED = 46
"""The width to which a setting of the firmware can limit addresses."""


_DIFFERENCE = re.compile(
    r"\b(?:(\d{2})|maxpa|maxphyaddr)\s{0,3}(?:-|minus|less)\s{0,3}(\d{2})\b", re.IGNORECASE
)
"""KeyID bits as a difference, `52 - 46`."""
_BESIDE = re.compile(r"\bphys(?:ical)?[\s_-]{0,2}(?:address[\s_-])?bits?\b\D{0,4}(\d{2})\b", re.I)
"""A width beside that of CPUID; alone it may be that of a VM."""


def widths(query: str) -> Iterator[Explanation]:
    """The KeyID bits: the width of CPUID less that of /proc/cpuinfo, where both are given."""
    if len(query) > _MOST or re.search(r"\b(?:amd|epyc|ryzen|gpaw)\b", query, re.IGNORECASE):
        return
    difference = _DIFFERENCE.search(query) if re.search(r"key\s?id|phys", query, re.I) else None
    if difference:
        whole, bits = int(difference[1] or 0), int(difference[2])
        is_both = bits <= whole <= _WIDEST
        yield from (_of_both(whole, bits),) if is_both else ()
        yield from () if whole else (_of_one(bits),)
        return
    left = _LEFT.search(query) or (_BESIDE.search(query) if _OF_CPUID.search(query) else None)
    if left is None:
        return
    yield from _beside(query.replace(left[0], " "), int(next(filter(None, left.groups()))))


def _beside(query: str, bits: int) -> Iterator[Explanation]:
    whole = _OF_CPUID.search(query)
    if whole is None:
        yield _of_one(bits)
        return
    width = int(whole[1] or whole[3]) if whole[1] or whole[3] else int(whole[2], 16) & 0xFF
    if bits <= width <= _WIDEST:
        yield _of_both(width, bits)


def _of_one(bits: int) -> Explanation:
    meaning = (
        f"Physical addresses have {bits} bits here, without those that hold KeyIDs: CPUID "
        f"0x80000008 EAX 7:0 less {bits} is the number of KeyID bits that the firmware uses."
    )
    rows = [
        (
            "KeyID bits",
            f"{_WIDEST - bits} where CPUID says {_WIDEST} ({_WIDEST:#x})"
            if bits <= _WIDEST
            else "",
        ),
        ("what to do", "Compare the width with EAX of `cpuid -1 -r -l 0x80000008`."),
        ("note", _LIMIT if bits == _LIMITED else ""),
    ]
    return explanation("CPUID", f"address sizes: {bits} bits physical", meaning, rows)


_LIMIT = (
    "where CPUID says 46 too, the firmware limits addresses (`Limit CPU PA to 46 Bits`), which "
    "turns TME-MT off"
)


def _of_both(width: int, bits: int) -> Explanation:
    name = f"address sizes: {width} bits in CPUID, {bits} in /proc/cpuinfo"
    number = width - bits
    if not number:
        meaning = "No address bits hold KeyIDs: the firmware has TME-MT off, which TDX needs."
        rows = [
            ("KeyID bits", f"{width} - {bits} = 0"),
            ("what to do", "Enable TME-MT and TDX in the firmware setup, and reboot."),
            ("note", _LIMIT if width == _LIMITED else ""),
        ]
        return explanation("CPUID", name, meaning, rows)
    meaning = (
        f"{number} physical address bits hold KeyIDs, because the firmware enabled memory "
        "encryption with several keys (TME-MT): this is normal, and TDX needs it."
    )
    rows = [
        ("KeyID bits", f"{width} - {bits} = {number}"),
        ("KeyIDs", f"at most {(1 << number) - 1}, shared by MKTME and TDX"),
        ("see", "IA32_MKTME_KEYID_PARTITIONING, which has their split"),
    ]
    return explanation("CPUID", name, meaning, rows)
