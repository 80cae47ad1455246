"""What the running kernel holds of TDX: its copy of the metadata, its TDMRs, its KeyIDs.

Linux keeps `tdx_sysinfo` since 6.16 and `tdx_tdmr_list` since 6.8, and shows neither. Layouts are
taken from the kernel's own BTF, so that a member may move. Source: arch/x86/virt/vmx/tdx/tdx.c
and asm/tdx_global_metadata.h of Linux 6.12 to 7.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tdxinfo.decode.btf import Btf, Leaf, read_leaf
from tdxinfo.errors import Absent, Malformed, Unavailable
from tdxinfo.machine import Answer, Machine
from tdxinfo.model.values import CpuidConfig, MemoryRange, ModuleVersion, Tdmr
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
_RESERVED = 16
"""Bytes of a reserved area: its offset in the TDMR, and its size."""

_STATUS = {1: "initialized", 2: "failed"}
"""`tdx_module_status` of Linux 6.8 to 7.0; 0 does not tell why not."""

Objects = dict[str, Any]


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class KmemVersion:
    """The module's version, which the kernel reads since 7.1 and anew after an update."""

    @property
    def origin(self) -> str:
        return f"kmem:{SYSINFO}.version"

    def read(self, machine: Machine) -> ModuleVersion:
        names = ("major_version", "minor_version", "update_version")
        parts = [_member(machine, SYSINFO, f"version.{name}") for name in names]
        if not any(parts):
            raise Absent("the kernel has not read the module's version")
        return ModuleVersion(*parts)


@dataclass(frozen=True)
class KmemCpuid:
    """The CPUID_CONFIG entries, as many as the kernel counted."""

    @property
    def origin(self) -> str:
        return f"kmem:{SYSINFO}.td_conf.cpuid_config_values"

    def read(self, machine: Machine) -> tuple[CpuidConfig, ...]:
        count, leaves, values = (
            _member(machine, SYSINFO, f"td_conf.{name}")
            for name in ("num_cpuid_config", "cpuid_config_leaves", "cpuid_config_values")
        )
        if count > len(leaves) or 2 * count > len(values):
            raise Malformed(f"the kernel counts {count} CPUID entries, which it cannot hold")
        return tuple(
            cpuid_config(leaves[i], values[2 * i], values[2 * i + 1]) for i in range(count)
        )


@dataclass(frozen=True)
class KmemTdmrs:
    """The TDMRs that the kernel built, with their PAMTs and reserved areas."""

    @property
    def origin(self) -> str:
        return f"kmem:{TDMR_LIST}"

    def read(self, machine: Machine) -> tuple[Tdmr, ...]:
        count = _member(machine, TDMR_LIST, "nr_consumed_tdmrs")
        if count == 0:
            raise Absent("the kernel has built no TDMRs")
        whole = _object(machine, TDMRS)
        data = bytes.fromhex(whole["data"])
        stride = len(data) // count
        leaves = _layout(whole)
        return tuple(_tdmr(data[i * stride : (i + 1) * stride], leaves) for i in range(count))


def _tdmr(data: bytes, leaves: dict[str, Leaf]) -> Tdmr:
    def number(path: str) -> int:
        return int(read_leaf(data, leaves[path]))  # type: ignore[arg-type]

    base, size = number("base"), number("size")
    pamt = [
        MemoryRange.between(start, start + number(f"pamt_{page}_size"))
        for page in ("1g", "2m", "4k")
        if (start := number(f"pamt_{page}_base"))
    ]
    first = max((leaf.bit_offset + leaf.bit_size) // 8 for leaf in leaves.values() if leaf.length)
    areas = [data[at : at + _RESERVED] for at in range(first, len(data) - _RESERVED + 1, _RESERVED)]
    pairs = [(int.from_bytes(a[:8], "little"), int.from_bytes(a[8:], "little")) for a in areas]
    reserved = [
        MemoryRange.between(base + at, base + at + length) for at, length in pairs if length
    ]
    return Tdmr(base, base + size, size, tuple(pamt), tuple(reserved))


def _was_updated(machine: Machine) -> bool:
    """Whether the version differs from the one at boot: an update reads nothing else anew."""
    try:
        return bool(KmemVersion().read(machine) != KernelLog("module_version").read(machine))
    except Unavailable:
        return False


def members(machine: Machine) -> dict[str, int | list[int]]:
    """All members of `tdx_sysinfo` by path, also those that no fact is made of. Raises Unavailable.

    A later kernel may have more than this tdxinfo knows; they are told raw.
    """
    whole = _object(machine, SYSINFO)
    data = bytes.fromhex(whole["data"])
    return {path: read_leaf(data, leaf) for path, leaf in _layout(whole).items()}


# --- the answer, live or recorded ---------------------------------------------------------------


def _objects(machine: Machine) -> Objects:
    answer = machine.ask(KEY, _live)
    if not isinstance(answer, dict):
        raise Malformed("the record's kernel memory is no table")
    return answer


def _object(machine: Machine, variable: str) -> Objects:
    found = _objects(machine).get(variable)
    if found is None:
        raise Absent(f"this kernel has no {variable}, or was built without CONFIG_KALLSYMS_ALL")
    if isinstance(found, str):
        raise Absent(found)
    if not isinstance(found, dict) or not {"data", "layout"} <= set(found):
        raise Malformed(f"the record's {variable} has no data or layout")
    return found


def _member(machine: Machine, variable: str, path: str) -> Any:
    """A member of a variable. Raises Absent while the module is not initialized."""
    if variable == SYSINFO and _state(machine) is None:
        raise Absent(f"{variable} holds nothing while the TDX module is not initialized")
    if variable == SYSINFO and not path.startswith("version.") and _was_updated(machine):
        raise Absent(f"{variable} was read at boot, and the TDX module was updated since")
    if variable in NUMBERS:
        return _number(machine, variable)
    whole = _object(machine, variable)
    leaf = machine.once((KEY, variable), lambda: _layout(whole)).get(path)
    if leaf is None:
        raise Absent(f"this kernel's {variable} has no {path}")
    try:
        return read_leaf(bytes.fromhex(whole["data"]), leaf)
    except ValueError:
        raise Malformed(f"the record's {variable} is no hex text") from None


def _number(machine: Machine, variable: str) -> int:
    value = _objects(machine).get(variable)
    if value is None:
        raise Absent(f"this kernel has no {variable}, or was built without CONFIG_KALLSYMS_ALL")
    if not isinstance(value, int):
        raise Malformed(f"the record's {variable} is no number")
    return value


def _state(machine: Machine) -> str | None:
    """initialized or failed; None where the kernel does not hold it for initialized."""
    objects = _objects(machine)
    if STATE in objects:
        return "initialized" if _state_member(machine) else None
    if "tdx_module_initialized" in objects:
        return "initialized" if _number(machine, "tdx_module_initialized") else None
    return _STATUS.get(_number(machine, "tdx_module_status"))


def _state_member(machine: Machine) -> bool:
    whole = _object(machine, STATE)
    leaf = _layout(whole).get("initialized")
    if leaf is None:
        raise Absent(f"this kernel's {STATE} has no member initialized")
    return bool(read_leaf(bytes.fromhex(whole["data"]), leaf))


def _layout(whole: Objects) -> dict[str, Leaf]:
    """The members by path, from lines of path, bit offset, bit size, length and sign."""
    leaves: dict[str, Leaf] = {}
    for line in whole["layout"]:
        path, *numbers = str(line).split()
        if len(numbers) != 4 or not all(number.isdecimal() for number in numbers):
            raise Malformed(f"the record's layout has {str(line)!r:.80}")
        offset, size, length, sign = map(int, numbers)
        if size > 64 or length > 4096:
            raise Malformed(f"the record's layout has {str(line)!r:.80}")
        leaves[path] = Leaf(path, offset, size, length, bool(sign))
    return leaves


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
                found[variable] = _told(
                    partial(_read, memory, types, structure, addresses[variable])
                )
        if isinstance(found.get(TDMR_LIST), dict):
            found[TDMRS] = _told(partial(_read_tdmrs, memory, types, found[TDMR_LIST]))
    return found


def _told(read: Callable[[], Objects]) -> Objects | str:
    """The object, or in a sentence why it could not be read."""
    try:
        return read()
    except Unavailable as error:
        return error.message


def _read(memory: Memory, types: Btf, structure: str, address: int) -> Objects:
    type_id = types.find(structure)
    data = memory.read(address, types.size(type_id))
    return {"data": data.hex(), "layout": _lines(types.leaves(type_id))}


def _read_tdmrs(memory: Memory, types: Btf, found: Objects) -> Objects:
    data, leaves = bytes.fromhex(found["data"]), _layout(found)
    address, count, stride = (
        int(read_leaf(data, leaves[path]))  # type: ignore[arg-type]
        for path in ("tdmrs", "nr_consumed_tdmrs", "tdmr_sz")
    )
    if not (0 < count <= _MOST_TDMRS and 0 < stride <= _LARGEST_TDMR):
        raise Absent(f"the kernel's list has {count} TDMRs of {stride} bytes")
    layout = _lines(leaf for leaf in types.leaves(types.find(_TDMR)) if leaf.length)
    return {"data": memory.read(address, count * stride).hex(), "layout": layout}


def _lines(leaves: Any) -> list[str]:
    return [
        f"{leaf.path} {leaf.bit_offset} {leaf.bit_size} {leaf.length} {int(leaf.is_signed)}"
        for leaf in leaves
    ]
