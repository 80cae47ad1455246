"""What decoders cannot use they refuse in a whole sentence, which people read.

One row a refusal: who refuses, what it is given, and the sentence.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest

from tdxinfo.decode import (
    btf,
    cpuinfo,
    dmi,
    kvm,
    layout,
    lines,
    metadata,
    sigstruct,
    sysinfo,
    tdmr,
    userspace,
)
from tdxinfo.decode.boot import Boot, module, platform, ram
from tdxinfo.errors import Unavailable
from tdxinfo.model.values import MemoryRange
from tests.kernel_types.by_hand import INT, types

CUT = bytes(2056)  # KVM's words, and a count of 0


def read_from_log(fact: Callable[[Boot], Any]) -> Callable[[str], Any]:
    return lambda log: fact(Boot.from_log(log))


RDALL, LIST, FILES = metadata.parse_rdall, metadata.parse_list, metadata.parse_files
HEAD = 0x0A00000300000008
NODE = "[    0.000000]   node   0: [mem {}]\n"
NODES = "[    0.000000] Early memory node ranges\n"
LONG = "x" * 100

FILE_ROWS: list[tuple[Callable[..., Any], Any, str]] = [
    (cpuinfo.parse, "", "/proc/cpuinfo describes no x86 processor"),
    (dmi.is_populated, b"", "the structure is not a Memory Device"),
    (layout.word64, b"123", "3 bytes are not a 64-bit value"),
    (lines.number, LONG, f"'{'x' * 40}' is not a number"),
    (lines.number, " 1.5\n", "'1.5' is not a number"),
    (lines.yes_or_no, " " + LONG, f"'{'x' * 40}' is neither Y nor N"),
    (lines.cpu_count, " " + LONG, f"'{'x' * 40}' is not a list of CPUs"),
    (
        lambda text: lines.config_option(text, "CONFIG_X"),
        "",
        "the file is not a kernel configuration",
    ),
    (lines.system_ram, "", "/proc/iomem lists no System RAM"),
    (
        lines.system_ram,
        "0000-0000 : System RAM\n",
        "/proc/iomem hides its addresses from this user",
    ),
    (lines.node_spans, "", "the file lists no memory of any node"),
    (userspace.libvirt_version, LONG, f"'{'x' * 60}' names no version of libvirt"),
    (userspace.firmware_features, "{", "the file is not JSON"),
    (userspace.firmware_features, "[]", "the file is not a firmware descriptor"),
    (userspace.registration_of_log, "", "the log of the registration agent has no run"),
    (userspace.registration_of_variable, b"", "SgxRegistrationStatus is too short"),
    (
        lambda count: layout.cpuid_configs(count, b"", b""),
        b"\1",
        "the CPUID configuration is shorter than its count says",
    ),
    (
        lambda count: tdmr.plan(
            [MemoryRange.between(i << 21, i << 21 | 1) for i in range(1, count + 1)]
        ),
        70_000,
        "the memory is in 70000 pieces, too many to plan TDMRs for",
    ),
]
KVM_ROWS: list[tuple[Callable[..., Any], Any, str]] = [
    (kvm.parse_capabilities, CUT[:-1], "KVM's capabilities are cut short"),
    (
        kvm.parse_capabilities,
        CUT[:-8] + b"\2" + bytes(7),
        "KVM's capabilities claim 2 CPUID entries, which they cannot hold",
    ),
    (
        kvm.cpuid_configs,
        [5],
        "the record's CPUID entries do not have seven numbers each: an entry is not a list of "
        "numbers",
    ),
    (
        kvm.cpuid_configs,
        [[True] * 7],
        "the record's CPUID entries do not have seven numbers each: an entry is not a list of "
        "numbers",
    ),
]
BTF_ROWS: list[tuple[Callable[..., Any], Any, str]] = [
    (btf.Btf, b"", "the data is too short for BTF"),
    (btf.Btf, bytes(24), "the data is not BTF of version 1"),
    (
        btf.Btf,
        struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 4, 4, 0),
        "the BTF's types are cut short",
    ),
    (
        btf.Btf,
        struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 0, 0, 1),
        "the BTF's names are cut short",
    ),
    (types(*INT).find, "y", "this kernel's BTF has no type y"),
    (types(*INT).leaves, 2, "the BTF has no type 2"),
    (types(*INT).leaves, 0, "the BTF has no type 0"),
    (types(1, 8 << 24, 1).leaves, 1, "the BTF's types name each other in a circle"),
    (types(1, 4 << 24 | 1, 8, 1, 1, 0).leaves, 1, "the BTF's types are nested too deeply"),
    (types(0, 3 << 24, 0, 1, 1, 1).size, 1, "the BTF's types are nested too deeply"),
    (types(1, 4 << 24 | 1, 8, 9, 2, 0, *INT).leaves, 1, "the BTF has no name at 9"),
    (
        types(1, 4 << 24 | 1, 8, 1, 2, 0, 0, 3 << 24, 0, 3, 3, 4097, *INT).leaves,
        1,
        "x has 4097 elements",
    ),
    (
        types(
            1,
            4 << 24 | 3,
            8,
            1,
            2,
            0,
            1,
            2,
            0,
            1,
            2,
            0,
            0,
            3 << 24,
            0,
            3,
            3,
            2000,
            1,
            4 << 24 | 1,
            4,
            1,
            4,
            0,
            *INT,
        ).leaves,
        1,
        "the type has too many members",
    ),
    (lambda kind: types(1, kind << 24, 0), 20, "the BTF has a type of unknown kind 20"),
    (lambda kind: types(1, kind << 24, 0), 0, "the BTF has a type of unknown kind 0"),
    (lambda kind: types(1, kind << 24, 0), 1, "the BTF's last type is cut short"),
    (
        lambda leaf: btf.read_leaf(bytes(3), leaf),
        btf.Leaf("x", 8, 17, 1, False),
        "3 bytes do not reach bit 25",
    ),
]
METADATA_ROWS: list[tuple[Callable[..., Any], Any, str]] = [
    (RDALL, b"", "there is no page"),
    (RDALL, b"\x18\0", "a page of 2 bytes has no list"),
    (RDALL, struct.pack("<HHI", 16, 0, 0), "a list of 16 bytes does not fit its page of 8"),
    (RDALL, struct.pack("<HHI", 8, 1, 0), "a sequence at offset 8 has no header"),
    (RDALL, struct.pack("<HHIQ", 16, 0, 0, 0), "the list of 16 bytes ends after 8"),
    (
        RDALL,
        struct.pack("<HHIQQ", 24, 1, 0, 1 << 62 | HEAD, 0),
        "0x4a00000300000008 at offset 8 is not a header of a sequence",
    ),
    (
        RDALL,
        struct.pack("<HHIQ", 16, 1, 0, HEAD),
        "the sequence 0x0a00000300000008 goes beyond its list",
    ),
    (sysinfo.parse_sysinfo, b"123", "3 bytes are not a TDSYSINFO_STRUCT of 1024"),
    (
        sysinfo.parse_sysinfo,
        bytes(128) + b"\x26" + bytes(1000),
        "the TDSYSINFO_STRUCT counts 38 CPUID entries, which it cannot hold",
    ),
    (sigstruct.parse_sigstruct, b"123", "this is not a sigstruct of a TDX module"),
    (sigstruct.parse_blob, b"123", "the blob is too short for a sigstruct"),
    (LIST, [" no "], "'no' does not have the form ID VALUE [STATUS]"),
    (LIST, ["0" * 100], f"'{'0' * 80}' does not have the form ID VALUE [STATUS]"),
    (FILES, {"1900000300000000": b"1"}, "1900000300000000 holds 1 bytes, not elements of 8"),
    (LIST([]).word, "MAX_TDMRS", "the metadata does not hold MAX_TDMRS"),
    (lambda count: LIST([]).array("MAX_TDMRS", count), 2, "MAX_TDMRS has no 2 elements"),
    (
        LIST(["9100000100000008 0 c0000c0000000000"]).word,
        "MAX_TDMRS",
        "this module has no MAX_TDMRS: it is older than the field",
    ),
]
INITIALIZED = "virt/tdx: module initialized\n"
BUILT = "virt/tdx: module version: 1.5.00.00.0481 (build_date 20231301).\n"
MISSING = "the beginning of the kernel log is missing: a missing line proves nothing"
LOG_ROWS: list[tuple[Callable[[Boot], Any], str, str]] = [
    (
        module.module_version,
        "virt/tdx: Module version: 0.0.00\n",
        "the kernel could not read the module's version",
    ),
    (module.module_version, "", "the kernel log has no line about this"),
    (module.build_number, "", "the kernel log does not have this value"),
    (module.build_date, BUILT, "the kernel log's build date 20231301 is not a day"),
    (module.no_rbp_mod, "", "the kernel log does not mention NO_RBP_MOD"),
    (module.module_state, "", "the kernel log does not say whether the module was initialized"),
    (module.failure, "", "the kernel log shows no failed initialization"),
    (
        module.cmrs,
        "virt/tdx: CMR: [0x20, 0x10)\n",
        "the kernel log's range [0x20, 0x10) ends before it begins",
    ),
    (module.cmrs, "", "the kernel log has no line about this"),
    (module.pamt_on_other_node, "", "the kernel log does not show where the PAMTs are"),
    (module.failed_calls, "", MISSING),
    (platform.leaked_keyids, "", MISSING),
    (ram.firmware_ram, "", "the kernel log has no memory map of the firmware"),
    (ram.memory_regions, "", "the kernel log does not list the memory by node"),
    (ram.memory_regions, NODES, "the kernel log's list of memory by node is empty"),
    (
        ram.memory_regions,
        NODES + NODE.format("0x2000-0x2fff") + NODE.format("0x1000-0x1fff"),
        "the kernel log's list of memory by node is not in order",
    ),
    (
        ram.memory_regions,
        NODES + NODE.format("0x2000-0x1fff"),
        "the kernel log's range [0x2000-0x1fff] ends before it begins",
    ),
    (platform.virtualization, "", "the kernel log names no hypervisor, which proves nothing"),
    (
        platform.private_keyid_count,
        "virt/tdx: BIOS enabled: private KeyID range [0, 64)\n",
        "the kernel log's KeyID range [0, 64) is not valid",
    ),
    (platform.platform_detected, "", "the kernel log does not say whether the kernel found TDX"),
    (platform.has_tdx_code, "", "the kernel log has no line about TDX on the host"),
    (platform.generation, "", "the kernel log does not show the kernel's generation"),
]
ROWS = [*FILE_ROWS, *KVM_ROWS, *BTF_ROWS, *METADATA_ROWS]
ROWS += [(read_from_log(fact), log, sentence) for fact, log, sentence in LOG_ROWS]


@pytest.mark.parametrize(("decode", "given", "sentence"), ROWS, ids=[row[2] for row in ROWS])
def test_a_refusal_is_this_sentence(
    decode: Callable[[Any], Any], given: Any, sentence: str
) -> None:
    with pytest.raises(Unavailable) as refusal:
        decode(given)
    assert refusal.value.message == sentence


ENCODED: list[tuple[dict[str, int | list[int]], str]] = [
    ({"NO_SUCH": 1, "NOR_THIS": 1}, "no such field: NOR_THIS, NO_SUCH"),
    ({"MAX_TDMRS": 1 << 16}, "0x10000 does not fit MAX_TDMRS"),
    ({"MAX_TDMRS": -1}, "-0x1 does not fit MAX_TDMRS"),
    ({"MAX_TDMRS": [1, 2]}, "MAX_TDMRS has 1 elements, not 2"),
]


@pytest.mark.parametrize(("values", "sentence"), ENCODED)
def test_what_cannot_be_encoded_is_named(values: dict[str, int | list[int]], sentence: str) -> None:
    with pytest.raises((KeyError, ValueError)) as refusal:
        metadata.encode_rdall(values)
    assert refusal.value.args == (sentence,)
