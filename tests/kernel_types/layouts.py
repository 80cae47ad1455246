"""Types of the kernel's TDX code, in C, for each layout; built into real BTF by gcc and pahole."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

TOOLS = ("gcc", "pahole", "objcopy")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]

_COMMON = """
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32;
typedef unsigned long long u64; typedef _Bool bool;
struct tdx_sys_info_features { u64 tdx_features0; };
struct tdx_sys_info_tdmr {
    u16 max_tdmrs; u16 max_reserved_per_tdmr;
    u16 pamt_4k_entry_size; u16 pamt_2m_entry_size; u16 pamt_1g_entry_size;
};
struct tdx_sys_info_td_ctrl { u16 tdr_base_size; u16 tdcs_base_size; u16 tdvps_base_size; };
struct tdx_sys_info_td_conf {
    u64 attributes_fixed0; u64 attributes_fixed1; u64 xfam_fixed0; u64 xfam_fixed1;
    u16 num_cpuid_config; u16 max_vcpus_per_td;
    u64 cpuid_config_leaves[128]; u64 cpuid_config_values[128][2];
};
struct tdmr_reserved_area { u64 offset; u64 size; } __attribute__((packed));
struct tdmr_info {
    u64 base; u64 size;
    u64 pamt_1g_base; u64 pamt_1g_size; u64 pamt_2m_base; u64 pamt_2m_size;
    u64 pamt_4k_base; u64 pamt_4k_size;
    struct { struct { } __empty; struct tdmr_reserved_area reserved_areas[]; };
} __attribute__((packed, aligned(512)));
struct tdmr_info_list { void *tdmrs; int nr_consumed_tdmrs; int tdmr_sz; int max_tdmrs; };
struct tdmr_info *pointed_at; struct tdmr_info_list tdx_tdmr_list;
struct list_head { struct list_head *next, *prev; };
struct tdx_memblock {
    struct list_head list; unsigned long start_pfn; unsigned long end_pfn; int nid;
};
struct xarray { int xa_lock; unsigned int xa_flags; void *xa_head; };
struct ida { struct xarray xa; };
struct ida_bitmap { unsigned long bitmap[16]; };
struct xa_node {
    unsigned char shift, offset, count, nr_values;
    struct xa_node *parent; struct xarray *array;
    union { struct list_head private_list; struct { void *next; void *func; } callback_head; };
    void *slots[64];
    union { unsigned long tags[3][1]; unsigned long marks[3][1]; };
};
struct list_head tdx_memlist; struct tdx_memblock *block; struct ida tdx_guest_keyid_pool;
struct ida_bitmap *chunk; struct xa_node *node;
"""
_VERSION = """
struct tdx_sys_info_version { u16 minor_version; u16 major_version; u16 update_version; };
"""
_STATE = """
struct tdx_module_state { bool initialized; bool sysinit_done; int sysinit_ret; };
struct tdx_module_state tdx_module_state;
"""


def _sysinfo(members: str) -> str:
    return f"struct tdx_sys_info {{ {members} }}; struct tdx_sys_info tdx_sysinfo;\n"


_SINCE_6_16 = (
    "struct tdx_sys_info_features features; struct tdx_sys_info_tdmr tdmr; "
    "struct tdx_sys_info_td_ctrl td_ctrl; struct tdx_sys_info_td_conf td_conf;"
)
LAYOUTS = {
    "6.16": _COMMON + _sysinfo(_SINCE_6_16),
    "7.1": _COMMON + _VERSION + _sysinfo("struct tdx_sys_info_version version; " + _SINCE_6_16),
    "7.2": (
        _COMMON
        + _VERSION
        + _STATE
        + _sysinfo("struct tdx_sys_info_version version; " + _SINCE_6_16)
    ),
}


def btf_of(source: str, folder: Path, base: Path | None = None) -> bytes:
    """The BTF of C declarations, as the kernel's build makes it; above `base`, as a module's."""
    (folder / "types.c").write_text(source)
    above = ["--btf_base", str(base)] if base else []
    section = ["--only-section=.BTF", "--set-section-flags", ".BTF=alloc"]
    for command in (
        ["gcc", "-g", "-c", "types.c", "-o", "types.o"],
        ["pahole", "-J", *above, "types.o"],
        ["objcopy", "-O", "binary", *section, "types.o", "types.btf"],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return (folder / "types.btf").read_bytes()
