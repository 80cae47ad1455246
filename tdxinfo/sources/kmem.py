"""What the running kernel holds of TDX: its copy of the metadata, its TDMRs, its KeyIDs.

Linux keeps `tdx_sysinfo` since 6.16 and `tdx_tdmr_list` since 6.8, and shows neither. Layouts are
taken from the kernel's own BTF, so that a member may move. Source: arch/x86/virt/vmx/tdx/tdx.c
and asm/tdx_global_metadata.h of Linux 6.12 to 7.3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

from tdxinfo.decode import kobject
from tdxinfo.decode.boot import module as boot_module
from tdxinfo.decode.cpuid import configs
from tdxinfo.decode.kobject import KernelObject
from tdxinfo.errors import Absent, Malformed, Unavailable
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.system import System
from tdxinfo.model.units import PAGE
from tdxinfo.model.values import CpuidConfig, MemoryRange, ModuleVersion, NodeMemory, Tdmr
from tdxinfo.sources import FactSource
from tdxinfo.sources.files import MODULE_VERSION, StateFile
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.kobjects import (
    KEYID_POOL,
    MEMORY_LIST,
    NUMBERS,
    STATE,
    SYSINFO,
    TDMR_LIST,
    TDMRS,
    Objects,
    kept,
    number,
    objects_of,
    state_in,
)

KEY = "kernel-memory"


class Kmem(NamedTuple):
    """A member of one of the kernel's variables."""

    variable: str
    path: str = ""
    convert: Callable[[Any], Any] = lambda value: value

    @property
    def origin(self) -> str:
        return f"kmem:{self.variable}" + (f".{self.path}" if self.path else "")

    def read(self, machine: Machine) -> Any:
        return self.convert(_member(machine, self.variable, self.path))


class KmemState:
    """Whether the kernel holds the module for initialized; each generation says it elsewhere.

    Linux 7.2 and later call a module at boot, or in an update, and do not stop half-way: one that
    took the first call and is not initialized has failed.
    """

    @property
    def origin(self) -> str:
        return "kmem:tdx_module_state"

    def read(self, machine: Machine) -> str:
        state = _state(machine)
        if state is None and _took_first_call(machine):
            return "failed"
        if state is None:
            raise Absent("the kernel holds the TDX module for not initialized, and not why")
        return state


class KmemVersion:
    """The module's version, which the kernel reads since 7.1 and anew after an update."""

    @property
    def origin(self) -> str:
        return f"kmem:{SYSINFO}.version"

    def read(self, machine: Machine) -> ModuleVersion:
        names = ("major_version", "minor_version", "update_version")
        parts = [_one(machine, SYSINFO, f"version.{name}") for name in names]
        if not any(parts):
            raise Absent("the kernel has not read the module's version")
        return ModuleVersion(*parts)


class KmemCpuid:
    """The CPUID_CONFIG entries, as many as the kernel counted."""

    @property
    def origin(self) -> str:
        return f"kmem:{SYSINFO}.td_conf.cpuid_config_values"

    def read(self, machine: Machine) -> tuple[CpuidConfig, ...]:
        count = _one(machine, SYSINFO, "td_conf.num_cpuid_config")
        leaves = _many(machine, SYSINFO, "td_conf.cpuid_config_leaves")
        values = _many(machine, SYSINFO, "td_conf.cpuid_config_values")
        if not 0 <= count <= min(len(leaves), len(values) // 2):
            raise Malformed(f"the kernel counts {count} CPUID entries, which it cannot hold")
        return configs(leaves[:count], values)


class KmemTdmrs:
    """The TDMRs that the kernel built, with their PAMTs and reserved areas."""

    @property
    def origin(self) -> str:
        return f"kmem:{TDMR_LIST}"

    def read(self, machine: Machine) -> tuple[Tdmr, ...]:
        count = _one(machine, TDMR_LIST, "nr_consumed_tdmrs")
        if count == 0:
            raise Absent("the kernel has built no TDMRs")
        whole = _object(machine, TDMRS)
        if count < 0 or len(whole.data) % count:
            raise Malformed(f"{len(whole.data)} bytes are no {count} TDMRs")
        stride = len(whole.data) // count
        pieces = [whole.data[at : at + stride] for at in range(0, len(whole.data), stride)]
        return tuple(_tdmr(whole._replace(data=piece)) for piece in pieces)


class KmemMemory:
    """The memory that TDX was given, by NUMA node; the kernel makes the TDMRs of it."""

    @property
    def origin(self) -> str:
        return f"kmem:{MEMORY_LIST}"

    def read(self, machine: Machine) -> tuple[NodeMemory, ...]:
        _raise_unless_current(machine, MEMORY_LIST)
        blocks = _kept(machine, MEMORY_LIST)
        if not isinstance(blocks, list):
            raise Malformed(f"the record's {MEMORY_LIST} is no list")
        if not blocks:
            raise Absent("the kernel has given no memory to TDX")
        return tuple(_node_memory(kobject.parse(MEMORY_LIST, block)) for block in blocks)


class KmemKeyidsInUse:
    """KeyIDs that running TDs have: one bit each in the pool of guests' KeyIDs."""

    @property
    def origin(self) -> str:
        return f"kmem:{KEYID_POOL}"

    def read(self, machine: Machine) -> int:
        taken = _kept(machine, KEYID_POOL)
        first = _number(machine, "tdx_guest_keyid_start")
        count = _number(machine, "tdx_nr_guest_keyids")
        if not isinstance(taken, list):
            raise Malformed(f"the record's {KEYID_POOL} is no list")
        if not all(keyid in range(first, first + count) for keyid in taken):
            raise Malformed(f"{KEYID_POOL} holds numbers that are no KeyIDs of guests")
        return len(taken)


def _node_memory(block: KernelObject) -> NodeMemory:
    """`struct tdx_memblock`: page frames of 4 KiB, and the node."""
    base, end = (block.number(name) * PAGE for name in ("start_pfn", "end_pfn"))
    return NodeMemory(base, end, end - base, block.number("nid"))


def _tdmr(info: KernelObject) -> Tdmr:
    """`struct tdmr_info`: its members, then reserved areas up to the end of its stride."""
    base, size = info.number("base"), info.number("size")
    pamt = [
        MemoryRange.between(start, start + info.number(f"pamt_{page}_size"))
        for page in ("1g", "2m", "4k")
        if (start := info.number(f"pamt_{page}_base"))
    ]
    first = max((leaf.bit_offset + leaf.bit_size) // 8 for leaf in info.leaves.values())
    areas = struct.iter_unpack(
        "<QQ", info.data[first : first + (len(info.data) - first) // 16 * 16]
    )
    reserved = [
        MemoryRange.between(base + at, base + at + length) for at, length in areas if length
    ]
    return Tdmr(base, base + size, size, tuple(pamt), tuple(reserved))


def members(machine: Machine) -> dict[str, int | list[int]]:
    """All members of `tdx_sysinfo` by path, also those of no fact. Raises Unavailable.

    A later kernel may have more than this tdxinfo knows; they are shown raw.
    """
    whole = _object(machine, SYSINFO)
    return {path: whole.member(path) for path in whole.leaves}


_VERSIONS = (KernelLog(boot_module.module_version), StateFile(MODULE_VERSION, ModuleVersion.parse))
"""The version at boot, and the one now: it may have changed since the memory was read."""


def _was_updated(machine: Machine) -> bool:
    """Whether another source has another version: an update reads nothing else anew."""
    held = KmemVersion()
    return any(_differ(machine, held, other) for other in _VERSIONS)


def _differ(machine: Machine, one: FactSource, other: FactSource) -> bool:
    try:
        return bool(one.read(machine) != other.read(machine))
    except Unavailable:
        return False


# --- the answer, live or recorded ---------------------------------------------------------------


def _objects(machine: Machine) -> Objects:
    answer = machine.ask(KEY, _live)
    if not isinstance(answer, dict):
        raise Malformed("the record's kernel memory is no table")
    return answer


def _kept(machine: Machine, variable: str) -> Any:
    """What the answer holds of a variable. Raises Unavailable."""
    return kept(_objects(machine), variable)


def _object(machine: Machine, variable: str) -> KernelObject:
    return machine.once((KEY, variable), lambda: kobject.parse(variable, _kept(machine, variable)))


def _number(machine: Machine, variable: str) -> int:
    return number(_objects(machine), variable)


def _member(machine: Machine, variable: str, path: str) -> Any:
    """A variable, or a member of one. Raises Absent where it holds nothing current."""
    if variable in (SYSINFO, TDMR_LIST):
        _raise_unless_current(machine, variable)
    if variable == SYSINFO and not path.startswith("version.") and _was_updated(machine):
        raise Absent(f"{variable} was read at boot, and the TDX module was updated since")
    if variable in NUMBERS:
        return _number(machine, variable)
    return _object(machine, variable).member(path)


def _raise_unless_current(machine: Machine, variable: str) -> None:
    """After a failure or a lost module the variables keep what was, or point to freed memory.

    What was read of a module before its initialization failed stays true of it.
    """
    state = _state(machine)
    has_failed = state == "failed" or (state is None and _tries_once(machine))
    if state == "initialized" or (has_failed and variable == SYSINFO and _was_read_whole(machine)):
        if variable == SYSINFO:
            _raise_unless_plausible(_object(machine, SYSINFO))
        return
    raise Absent(f"{variable} holds nothing current while the TDX module is not initialized")


def _tries_once(machine: Machine) -> bool:
    """Linux 7.1 initializes the module at boot or not at all, and cannot lose it later."""
    return "tdx_module_initialized" in _objects(machine)


_MOST_VERSION = 99
"""Of each part of a version; the kernel prints two digits."""
_MOST_OF_A_LIMIT = 4096


def _raise_unless_plausible(whole: KernelObject) -> None:
    """Raises Malformed for bytes that are no `struct tdx_sys_info` that was read from a module.

    A pointer of the same name may have been taken for it.
    """
    for path in whole.leaves:
        value = whole.member(path)
        if not isinstance(value, int):
            continue
        is_limit = path in _NEVER_ZERO
        if is_limit and not 0 < value <= _MOST_OF_A_LIMIT:
            raise Malformed(f"{SYSINFO}.{path} is {value}, as no TDX module has it")
        if path.startswith("version.") and value > _MOST_VERSION:
            raise Malformed(f"{SYSINFO}.{path} is {value}, as no TDX module has it")


_NEVER_ZERO = (
    "tdmr.max_tdmrs",
    "tdmr.max_reserved_per_tdmr",
    "tdmr.pamt_4k_entry_size",
    "tdmr.pamt_2m_entry_size",
    "tdmr.pamt_1g_entry_size",
)


def _was_read_whole(machine: Machine) -> bool:
    """The kernel reads `td_conf` last, and no module gives a TD 0 virtual CPUs."""
    return _object(machine, SYSINFO).number("td_conf.max_vcpus_per_td") != 0


def _many(machine: Machine, variable: str, path: str) -> list[int]:
    found = _member(machine, variable, path)
    return found if isinstance(found, list) else [found]


def _one(machine: Machine, variable: str, path: str) -> int:
    found = _member(machine, variable, path)
    if isinstance(found, list):
        raise Malformed(f"{variable}.{path} is an array")
    return int(found)


def _state(machine: Machine) -> str | None:
    return state_in(_objects(machine))


def _took_first_call(machine: Machine) -> bool:
    """Whether TDH.SYS.INIT succeeded, where the kernel keeps that (Linux 7.2 and later)."""
    if STATE not in _objects(machine):
        return False
    state = _object(machine, STATE)
    return bool(state.number("sysinit_done")) and state.number("sysinit_ret") == 0


def _live(system: System) -> Answer:
    """The objects that this kernel has. Raises Unavailable when it has none, or hides them."""
    from tdxinfo.sources.kcore import RunningKernel

    with closing(RunningKernel(system)) as kernel:
        return objects_of(kernel)
