"""The answer to KVM_TDX_CAPABILITIES, byte by byte.

Source: arch/x86/include/uapi/asm/kvm.h of Linux 6.16 to 7.3 (`struct kvm_tdx_capabilities` and
`struct kvm_cpuid2`).
"""

from __future__ import annotations

import struct
from typing import Any

from tdxinfo.errors import Malformed
from tdxinfo.model.values import CpuidConfig, hex64

WORDS = (
    "supported_attrs",
    "supported_xfam",
    "kernel_tdvmcallinfo_1_r11",
    "user_tdvmcallinfo_1_r11",
    "kernel_tdvmcallinfo_1_r12",
    "user_tdvmcallinfo_1_r12",
)
CPUID_OFFSET = 2048
"""`cpuid.nent`; 250 reserved words lie between."""
_HEADER = struct.Struct("<II")
_ENTRY = struct.Struct("<7I12x")


def buffer_for(entries: int) -> bytearray:
    """A buffer that has room for this many CPUID entries and says so."""
    buffer = bytearray(CPUID_OFFSET + _HEADER.size + entries * _ENTRY.size)
    _HEADER.pack_into(buffer, CPUID_OFFSET, entries, 0)
    return buffer


def parse_capabilities(data: bytes) -> dict[str, Any]:
    """The words as hex text, and a list of seven numbers per CPUID entry.

    They are function, index, flags, EAX, EBX, ECX and EDX; the registers hold masks of the bits
    that a TD's owner may choose. Raises Malformed when the buffer is too short for its count.
    """
    if len(data) < CPUID_OFFSET + _HEADER.size:
        raise Malformed("KVM's capabilities are cut short")
    words = struct.unpack_from(f"<{len(WORDS)}Q", data)
    count, _ = _HEADER.unpack_from(data, CPUID_OFFSET)
    start = CPUID_OFFSET + _HEADER.size
    if start + count * _ENTRY.size > len(data):
        raise Malformed(f"KVM's capabilities claim {count} CPUID entries, which they cannot hold")
    entries = [list(_ENTRY.unpack_from(data, start + i * _ENTRY.size)) for i in range(count)]
    return {**dict(zip(WORDS, map(hex64, words), strict=True)), "cpuid": entries}


_SEPT_VE_DISABLE = 1 << 28
"""The only TD attribute that KVM supports, and needs."""


_XFAM = 0x7 | 0x18 | 0xE0 | 1 << 9 | 0x1800 | 0x60000 | 1 << 19
"""Extended features that KVM supports at most: x87, SSE, AVX, MPX, AVX-512, PKRU, CET, AMX, APX."""


def silent_refusal(
    attributes_fixed0: int | None, attributes_fixed1: int | None, xfam_fixed1: int | None = None
) -> str | None:
    """Why KVM of Linux 6.16 and later does not load with tdx=1, where it prints no reason.

    None where what the module says gives no such reason, or is not known. Of the extended features
    that the module forces on KVM also requires that the host has enabled them, which no source
    shows. Source: tdx_get_supported_attrs() and tdx_get_supported_xfam() in
    arch/x86/kvm/vmx/tdx.c, KVM_SUPPORTED_XCR0 and KVM_SUPPORTED_XSS in arch/x86/kvm/x86.c, Linux
    7.3; APX is in later patches.
    """
    if attributes_fixed1 is not None and attributes_fixed1 & ~_SEPT_VE_DISABLE:
        extra = hex64(attributes_fixed1 & ~_SEPT_VE_DISABLE)
        return f"the module forces TD attributes on that KVM does not support ({extra})"
    if attributes_fixed0 is not None and not attributes_fixed0 & _SEPT_VE_DISABLE:
        return "the module does not allow the TD attribute SEPT_VE_DISABLE, which KVM needs"
    if xfam_fixed1 is not None and xfam_fixed1 & ~_XFAM:
        extra = hex64(xfam_fixed1 & ~_XFAM)
        return f"the module forces extended features on that KVM does not support ({extra})"
    return None


def cpuid_configs(entries: Any) -> tuple[CpuidConfig, ...]:
    """The CPUID entries as values. Raises Malformed.

    KVM reports "no sub-leaf" as index 0, so that the two look the same here.
    """
    try:
        return tuple(
            CpuidConfig(leaf=leaf, subleaf=index, eax=eax, ebx=ebx, ecx=ecx, edx=edx)
            for leaf, index, _, eax, ebx, ecx, edx in map(_numbers, entries)
        )
    except (TypeError, ValueError) as error:
        raise Malformed(
            f"the record's CPUID entries do not have seven numbers each: {error}"
        ) from None


def _numbers(entry: Any) -> list[int]:
    if not isinstance(entry, list) or not all(type(number) is int for number in entry):
        raise TypeError("an entry is not a list of numbers")
    return entry
