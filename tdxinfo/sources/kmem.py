"""What the running kernel holds of TDX: its copy of the metadata, its TDMRs, its KeyIDs.

Linux keeps `tdx_sysinfo` since 6.16 and `tdx_tdmr_list` since 6.8, and shows neither. Layouts are
taken from the kernel's own BTF, so that a member may move. Source: arch/x86/virt/vmx/tdx/tdx.c
and asm/tdx_global_metadata.h of Linux 6.12 to 7.3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from tdxinfo.decode import kobject
from tdxinfo.decode.btf import Btf
from tdxinfo.decode.kobject import KernelObject
from tdxinfo.errors import Absent, Malformed, Unavailable
from tdxinfo.machine import Answer, Machine
from tdxinfo.model.values import CpuidConfig, MemoryRange, ModuleVersion, Tdmr
from tdxinfo.sources import locator
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.metadata import cpuid_config

if TYPE_CHECKING:
    from tdxinfo.sources.kcore import Memory

KEY = "kernel-memory"

SYSINFO = "tdx_sysinfo"
TDMR_LIST = "tdx_tdmr_list"
TDMRS = "tdmrs"
STATE = "tdx_module_state"
OBJECTS = {
    SYSINFO: "tdx_sys_info",
    TDMR_LIST: "tdmr_info_list",
    STATE: "tdx_module_state",
}
"""Variables and the structures they are of."""
NUMBERS = {
    "tdx_global_keyid": 4,
    "tdx_guest_keyid_start": 4,
    "tdx_nr_guest_keyids": 4,
    "tdx_module_status": 4,
    "tdx_module_initialized": 1,
}
"""Plain variables and their sizes in bytes."""

_TDMR = "tdmr_info"
_MOST_TDMRS = 1024
_LARGEST_TDMR = 4096
_STATUS = {1: "initialized", 2: "failed"}
"""`tdx_module_status` of Linux 6.8 to 7.0; 0 does not tell why not."""

Objects = dict[str, Any]


@locator
class Kmem:
    """A member of one of the kernel's variables."""

    variable: str
    path: str = ""
    convert: Callable[[Any], Any] = lambda value: value

    @property
    def origin(self) -> str:
        return f"kmem:{self.variable}" + (f".{self.path}" if self.path else "")

    def read(self, machine: Machine) -> Any:
        return self.convert(_member(machine, self.variable, self.path))


@locator
class KmemState:
    """Whether the kernel holds the module for initialized; each generation says it elsewhere."""

    @property
    def origin(self) -> str:
        return "kmem:tdx_module_state"

    def read(self, machine: Machine) -> str:
        state = _state(machine)
        if state is None:
            raise Absent("the kernel holds the TDX module for not initialized, and not why")
        return state


@locator
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


@locator
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
        return tuple(
            cpuid_config(leaves[i], values[2 * i], values[2 * i + 1]) for i in range(count)
        )


@locator
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
        if not 0 < count <= _MOST_TDMRS or len(whole.data) % count:
            raise Malformed(f"{len(whole.data)} bytes are no {count} TDMRs")
        stride = len(whole.data) // count
        pieces = [whole.data[at : at + stride] for at in range(0, len(whole.data), stride)]
        return tuple(_tdmr(whole._replace(data=piece)) for piece in pieces)


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

    A later kernel may have more than this tdxinfo knows; they are told raw.
    """
    whole = _object(machine, SYSINFO)
    return {path: whole.member(path) for path in whole.leaves}


def _was_updated(machine: Machine) -> bool:
    """Whether the version differs from the one at boot: an update reads nothing else anew."""
    try:
        return bool(KmemVersion().read(machine) != KernelLog("module_version").read(machine))
    except Unavailable:
        return False


# --- the answer, live or recorded ---------------------------------------------------------------


def _objects(machine: Machine) -> Objects:
    answer = machine.ask(KEY, _live)
    if not isinstance(answer, dict):
        raise Malformed("the record's kernel memory is no table")
    return answer


def _told(machine: Machine, variable: str) -> Any:
    """What the answer holds of a variable. Raises Absent."""
    found = _objects(machine).get(variable)
    if found is None:
        raise Absent(f"this kernel has no {variable}, or was built without CONFIG_KALLSYMS_ALL")
    if isinstance(found, str):
        raise Absent(found)
    return found


def _object(machine: Machine, variable: str) -> KernelObject:
    return machine.once((KEY, variable), lambda: kobject.parse(variable, _told(machine, variable)))


def _number(machine: Machine, variable: str) -> int:
    value = _told(machine, variable)
    if not isinstance(value, int):
        raise Malformed(f"the record's {variable} is no number")
    return value


def _member(machine: Machine, variable: str, path: str) -> Any:
    """A variable, or a member of one. Raises Absent where it holds nothing current."""
    if variable == SYSINFO and _state(machine) is None:
        raise Absent(f"{variable} holds nothing while the TDX module is not initialized")
    if variable == SYSINFO and not path.startswith("version.") and _was_updated(machine):
        raise Absent(f"{variable} was read at boot, and the TDX module was updated since")
    if variable in NUMBERS:
        return _number(machine, variable)
    return _object(machine, variable).member(path)


def _many(machine: Machine, variable: str, path: str) -> list[int]:
    found = _member(machine, variable, path)
    return found if isinstance(found, list) else [found]


def _one(machine: Machine, variable: str, path: str) -> int:
    found = _member(machine, variable, path)
    if isinstance(found, list):
        raise Malformed(f"{variable}.{path} is an array")
    return int(found)


def _state(machine: Machine) -> str | None:
    """initialized or failed; None where the kernel does not hold it for initialized."""
    objects = _objects(machine)
    if STATE in objects:
        return "initialized" if _object(machine, STATE).number("initialized") else None
    if "tdx_module_initialized" in objects:
        return "initialized" if _number(machine, "tdx_module_initialized") else None
    return _STATUS.get(_number(machine, "tdx_module_status"))


def _runs(found: Objects) -> bool:
    """Whether the kernel holds the module for initialized, by what was read of it."""
    state = found.get(STATE)
    if isinstance(state, dict):
        return bool(kobject.parse(STATE, state).number("initialized"))
    return 1 in (found.get("tdx_module_initialized"), found.get("tdx_module_status"))


def _live() -> Answer:
    """The objects that this kernel has. Raises Unavailable when it has none, or hides them."""
    from tdxinfo.sources import kcore

    addresses = kcore.symbols([*OBJECTS, *NUMBERS])
    if not addresses:
        raise Absent(
            "this kernel has no variables of TDX, or was built without CONFIG_KALLSYMS_ALL"
        )
    with kcore.memory() as memory:
        found: Objects = {
            name: memory.number(addresses[name], size)
            for name, size in NUMBERS.items()
            if name in addresses
        }
        types = kcore.types()
        for variable, structure in OBJECTS.items():
            if variable in addresses:
                place = addresses[variable]
                found[variable] = _recorded(partial(_read, memory, types, structure, place))
        if isinstance(found.get(TDMR_LIST), dict):
            found[TDMRS] = _recorded(partial(_read_tdmrs, memory, types, found))
    return found


def _recorded(read: Callable[[], KernelObject]) -> Objects | str:
    """The object, or in a sentence why it could not be read."""
    try:
        return read().recorded()
    except Unavailable as error:
        return error.message


def _read(memory: Memory, types: Btf, structure: str, address: int) -> KernelObject:
    type_id = types.find(structure)
    data = memory.read(address, types.size(type_id))
    return kobject.made(structure, data, types.leaves(type_id))


def _read_tdmrs(memory: Memory, types: Btf, found: Objects) -> KernelObject:
    if not _runs(found):
        # It frees the TDMRs then, and keeps their address: others use that memory now.
        raise Absent("the kernel holds no TDMRs while the TDX module is not initialized")
    listed = kobject.parse(TDMR_LIST, found[TDMR_LIST])
    address, count, stride = map(listed.number, ("tdmrs", "nr_consumed_tdmrs", "tdmr_sz"))
    if not (0 < count <= _MOST_TDMRS and 0 < stride <= _LARGEST_TDMR):
        raise Absent(f"the kernel's list has {count} TDMRs of {stride} bytes")
    data = memory.read(address, count * stride)
    return kobject.made(_TDMR, data, types.leaves(types.find(_TDMR)))
