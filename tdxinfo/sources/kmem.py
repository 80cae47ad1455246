"""Reads TDX from the kernel's memory: its copy of the metadata, its TDMRs, its KeyIDs.

Linux has the variables `tdx_sysinfo` since 6.16 and `tdx_tdmr_list` since 6.8, and exports neither.
Layouts are taken from the kernel's own BTF, so that members may move between versions. Source:
arch/x86/virt/vmx/tdx/tdx.c and asm/tdx_global_metadata.h of Linux 6.12 to 7.3.
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
    """The module's state as the kernel stores it, in a variable that depends on its version.

    Linux 7.2 and later initialize the module at boot or in an update, without a pause. A module
    that took the first call and is not initialized has failed.
    """

    @property
    def origin(self) -> str:
        return "kmem:tdx_module_state"

    def read(self, machine: Machine) -> str:
        state = _state(machine)
        if state is None and _took_first_call(machine):
            return "failed"
        if state is None:
            raise Absent("the TDX module is not initialized, and the kernel does not store why")
        return state


class KmemVersion:
    """The module's version, which Linux 7.1 and later reads, and reads again after an update."""

    @property
    def origin(self) -> str:
        return f"kmem:{SYSINFO}.version"

    def read(self, machine: Machine) -> ModuleVersion:
        names = ("major_version", "minor_version", "update_version")
        parts = [_number_member(machine, SYSINFO, f"version.{name}") for name in names]
        if not any(parts):
            raise Absent("the kernel has not read the module's version")
        return ModuleVersion(*parts)


class KmemCpuid:
    """The CPUID_CONFIG entries, as many as the kernel counted."""

    @property
    def origin(self) -> str:
        return f"kmem:{SYSINFO}.td_conf.cpuid_config_values"

    def read(self, machine: Machine) -> tuple[CpuidConfig, ...]:
        count = _number_member(machine, SYSINFO, "td_conf.num_cpuid_config")
        leaves = _list_member(machine, SYSINFO, "td_conf.cpuid_config_leaves")
        values = _list_member(machine, SYSINFO, "td_conf.cpuid_config_values")
        if not 0 <= count <= min(len(leaves), len(values) // 2):
            raise Malformed(f"the kernel counts {count} CPUID entries, more than its array has")
        return configs(leaves[:count], values)


class KmemTdmrs:
    """The TDMRs that the kernel built, with their PAMTs and reserved areas."""

    @property
    def origin(self) -> str:
        return f"kmem:{TDMR_LIST}"

    def read(self, machine: Machine) -> tuple[Tdmr, ...]:
        count = _number_member(machine, TDMR_LIST, "nr_consumed_tdmrs")
        if count == 0:
            raise Absent("the kernel has built no TDMRs")
        array = _object(machine, TDMRS)
        if count < 0 or len(array.data) % count:
            raise Malformed(f"{len(array.data)} bytes do not divide into {count} TDMRs")
        stride = len(array.data) // count
        items = [array.data[at : at + stride] for at in range(0, len(array.data), stride)]
        return tuple(_tdmr(array._replace(data=item)) for item in items)


class KmemMemory:
    """The memory regions for TDX, by NUMA node, that the kernel covers with TDMRs."""

    @property
    def origin(self) -> str:
        return f"kmem:{MEMORY_LIST}"

    def read(self, machine: Machine) -> tuple[NodeMemory, ...]:
        _raise_unless_current(machine, MEMORY_LIST)
        blocks = _value(machine, MEMORY_LIST)
        if not isinstance(blocks, list):
            raise Malformed(f"the record's {MEMORY_LIST} is not a list")
        if not blocks:
            raise Absent("the kernel's list of memory for TDX is empty")
        return tuple(_node_memory(kobject.parse(MEMORY_LIST, block)) for block in blocks)


class KmemKeyidsInUse:
    """How many KeyIDs running TDs use: bits that are set in the kernel's pool of KeyIDs."""

    @property
    def origin(self) -> str:
        return f"kmem:{KEYID_POOL}"

    def read(self, machine: Machine) -> int:
        taken = _value(machine, KEYID_POOL)
        first = _number(machine, "tdx_guest_keyid_start")
        count = _number(machine, "tdx_nr_guest_keyids")
        if not isinstance(taken, list):
            raise Malformed(f"the record's {KEYID_POOL} is not a list")
        if not all(keyid in range(first, first + count) for keyid in taken):
            raise Malformed(f"{KEYID_POOL} has numbers that are not KeyIDs of TDs")
        return len(taken)


def _node_memory(block: KernelObject) -> NodeMemory:
    """`struct tdx_memblock`: page frames of 4 KiB, and the node."""
    base, end = (block.number(name) * PAGE for name in ("start_pfn", "end_pfn"))
    return NodeMemory.between(base, end, node=block.number("nid"))


def _tdmr(info: KernelObject) -> Tdmr:
    """`struct tdmr_info`: its members, then an array of reserved areas in the rest of its bytes."""
    base, size = info.number("base"), info.number("size")
    pamt = [
        MemoryRange.between(start, start + info.number(f"pamt_{page}_size"))
        for page in ("1g", "2m", "4k")
        if (start := info.number(f"pamt_{page}_base"))
    ]
    start_of_array = max((leaf.bit_offset + leaf.bit_size) // 8 for leaf in info.leaves.values())
    rest = info.data[start_of_array:]
    areas = struct.iter_unpack("<QQ", rest[: len(rest) // 16 * 16])
    reserved = [
        MemoryRange.between(base + at, base + at + length) for at, length in areas if length
    ]
    return Tdmr.between(base, base + size, pamt=tuple(pamt), reserved=tuple(reserved))


def members(machine: Machine) -> dict[str, int | list[int]]:
    """All members of `tdx_sysinfo` by path, whether a fact uses them or not. Raises Unavailable.

    A later kernel can have members that this tdxinfo does not know.
    """
    sysinfo = _object(machine, SYSINFO)
    return {path: sysinfo.member(path) for path in sysinfo.leaves}


_VERSIONS = (KernelLog(boot_module.module_version), StateFile(MODULE_VERSION, ModuleVersion.parse))
"""Other sources of the module's version: at boot, and now."""


def _was_updated(machine: Machine) -> bool:
    """Whether the module was updated: another source has another version.

    After an update the kernel reads only the version again; other members are those at boot.
    """
    return machine.once(
        (KEY, "updated"),
        lambda: any(_differ(machine, KmemVersion(), other) for other in _VERSIONS),
    )


def _differ(machine: Machine, one: FactSource, other: FactSource) -> bool:
    try:
        return bool(one.read(machine) != other.read(machine))
    except Unavailable:
        return False


# --- the answer, live or recorded ---------------------------------------------------------------


def _objects(machine: Machine) -> Objects:
    """The answer: the kernel's variables by name. Raises Unavailable."""
    answer = machine.ask(KEY, _live)
    if not isinstance(answer, dict):
        raise Malformed("the record's kernel memory is not a table")
    return answer


def _value(machine: Machine, variable: str) -> Any:
    """The answer's value of a variable. Raises Unavailable."""
    return kept(_objects(machine), variable)


def _object(machine: Machine, variable: str) -> KernelObject:
    return machine.once((KEY, variable), lambda: kobject.parse(variable, _value(machine, variable)))


def _number(machine: Machine, variable: str) -> int:
    return number(_objects(machine), variable)


def _member(machine: Machine, variable: str, path: str) -> Any:
    """The value of a variable or of a member. Raises Absent where it is out of date."""
    if variable in (SYSINFO, TDMR_LIST):
        _raise_unless_current(machine, variable)
    if variable == SYSINFO and not path.startswith("version.") and _was_updated(machine):
        raise Absent(f"{variable} was read at boot, and the TDX module was updated since")
    if variable in NUMBERS:
        return _number(machine, variable)
    return _object(machine, variable).member(path)


def _raise_unless_current(machine: Machine, variable: str) -> None:
    """Raises Absent where a variable is out of date, Malformed where `tdx_sysinfo` cannot be right.

    Unless the module is initialized, the variables have old values or point to freed memory. The
    exception is `tdx_sysinfo`, if it was read completely before the initialization failed.
    """
    state = _state(machine)
    has_failed = state == "failed" or (state is None and _tries_once(machine))
    if state == "initialized" or (has_failed and variable == SYSINFO and _was_read_whole(machine)):
        if variable == SYSINFO:
            machine.once(
                (KEY, "plausible"), lambda: _raise_unless_plausible(_object(machine, SYSINFO))
            )
        return
    raise Absent(f"{variable} is out of date: the TDX module is not initialized")


def _tries_once(machine: Machine) -> bool:
    """Whether this is Linux 7.1, which initializes the module only at boot and cannot lose it."""
    return "tdx_module_initialized" in _objects(machine)


_MAX_VERSION = 99
"""The largest part of a version: the kernel prints two digits."""
_MAX_LIMIT = 4096
"""The largest value of a member in _LIMITS."""


def _raise_unless_plausible(sysinfo: KernelObject) -> None:
    """Raises Malformed for values that no TDX module has.

    The bytes are then not a `struct tdx_sys_info`, but perhaps a pointer of the same name.
    """
    for path in sysinfo.leaves:
        is_version = path.startswith("version.")
        if not is_version and path not in _LIMITS:
            continue
        value = sysinfo.member(path)
        is_possible = isinstance(value, list) or (
            value <= _MAX_VERSION if is_version else 0 < value <= _MAX_LIMIT
        )
        if not is_possible:
            raise Malformed(f"{SYSINFO}.{path} is {value}, which no TDX module has")


_LIMITS = (
    "tdmr.max_tdmrs",
    "tdmr.max_reserved_per_tdmr",
    "tdmr.pamt_4k_entry_size",
    "tdmr.pamt_2m_entry_size",
    "tdmr.pamt_1g_entry_size",
)


def _was_read_whole(machine: Machine) -> bool:
    """Whether the kernel read all of `tdx_sysinfo`: it reads `td_conf`, which is never 0, last."""
    return _object(machine, SYSINFO).number("td_conf.max_vcpus_per_td") != 0


def _list_member(machine: Machine, variable: str, path: str) -> list[int]:
    found = _member(machine, variable, path)
    return found if isinstance(found, list) else [found]


def _number_member(machine: Machine, variable: str, path: str) -> int:
    found = _member(machine, variable, path)
    if isinstance(found, list):
        raise Malformed(f"{variable}.{path} is an array")
    return int(found)


def _state(machine: Machine) -> str | None:
    """The module's state by the kernel's variables; None where they do not show it."""
    return state_in(_objects(machine))


def _took_first_call(machine: Machine) -> bool:
    """Whether TDH.SYS.INIT succeeded. Only Linux 7.2 and later stores this."""
    if STATE not in _objects(machine):
        return False
    state = _object(machine, STATE)
    return bool(state.number("sysinit_done")) and state.number("sysinit_ret") == 0


def _live(system: System) -> Answer:
    """The variables of the running kernel. Raises Unavailable when none can be read."""
    from tdxinfo.sources.kcore import RunningKernel

    with closing(RunningKernel(system)) as kernel:
        return objects_of(kernel)
