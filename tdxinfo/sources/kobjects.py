"""The kernel's TDX variables, found in its memory by its own types: live, or in a crash dump.

Source: arch/x86/virt/vmx/tdx/tdx.c of Linux 6.12 to 7.3, and lib/idr.c and include/linux/xarray.h
for the pool of KeyIDs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tdxinfo.decode import kobject
from tdxinfo.decode.kobject import KernelObject
from tdxinfo.errors import Absent, Malformed, Unavailable, from_record, record_of

if TYPE_CHECKING:
    from tdxinfo.decode.btf import Btf

Objects = dict[str, Any]
"""What a capture keeps of the kernel's memory: numbers, objects as text, and refusals."""
REFUSED = "refused"

SYSINFO = "tdx_sysinfo"
TDMR_LIST = "tdx_tdmr_list"
TDMRS = "tdmrs"
MEMORY_LIST = "tdx_memlist"
KEYID_POOL = "tdx_guest_keyid_pool"
STATE = "tdx_module_state"
OBJECTS = {
    SYSINFO: "tdx_sys_info",
    TDMR_LIST: "tdmr_info_list",
    STATE: "tdx_module_state",
}
"""Structures by the variables that hold them."""
NUMBERS = {
    "tdx_global_keyid": 4,
    "tdx_guest_keyid_start": 4,
    "tdx_nr_guest_keyids": 4,
    "tdx_module_status": 4,
    "tdx_module_initialized": 1,
}
"""Plain variables and their sizes in bytes."""
_LARGEST_VALUE = {
    "tdx_global_keyid": 1 << 15,
    "tdx_guest_keyid_start": 1 << 15,
    "tdx_nr_guest_keyids": 1 << 15,
    "tdx_module_status": 2,
    "tdx_module_initialized": 1,
}
"""The largest values that these variables can have: a KeyID has 15 bits."""
VARIABLES = (*OBJECTS, *NUMBERS, MEMORY_LIST, KEYID_POOL)

_FREED = (TDMRS,)
"""What the kernel frees when the module stops."""
_STATUS = {1: "initialized", 2: "failed"}
"""`tdx_module_status` of Linux 6.8 to 7.0; 0 gives no reason."""
_LARGEST_STRUCTURE = 64 << 10
"""Bytes. The largest that is read, tdx_sys_info, has under 4 KiB."""
_MAX_TDMRS = 1024
_LARGEST_TDMR = 4096
_MAX_BLOCKS = 4096
_MAX_NODE_DEPTH = 6
"""Levels of an xarray; six of 64 slots each hold more than 2^32 chunks of ids."""
_MAX_VISITS = 1 << 12
"""Entries of the pool: 2^16 ids in chunks of 1024, and the nodes above them."""
_MAX_IDS = 1 << 16
"""KeyIDs that a processor can have: IA32_TME_CAPABILITY counts them in 15 bits."""


class Symbol(NamedTuple):
    """A variable of the kernel: where it is, and how long it can be at most."""

    address: int
    size: int
    """Its size, or the distance to the next symbol; 0 where neither is known."""


class Kernel(Protocol):
    """A kernel whose memory can be read. All of these raise Unavailable."""

    def symbols(self, names: Iterable[str]) -> dict[str, list[Symbol]]:
        """The variables of these names that the kernel has; static ones may share a name."""

    def types(self) -> Btf:
        """The kernel's types."""

    def read(self, address: int, size: int) -> bytes:
        """The bytes at an address, all of them."""


def objects_of(kernel: Kernel) -> Objects:
    """What the kernel holds of TDX. Raises Unavailable when it has nothing, or hides it."""
    symbols = kernel.symbols(VARIABLES)
    if not symbols:
        raise Absent(
            "this kernel has no variables of TDX, or was built without CONFIG_KALLSYMS_ALL"
        )
    found: Objects = {}
    for name, size in NUMBERS.items():
        if name not in symbols:
            continue
        try:
            address = _address(kernel, name, symbols[name])
        except Malformed as error:
            found[name] = _refused(error)
            continue
        # Where the first of them cannot be read, nothing can.
        found[name] = int.from_bytes(kernel.read(address, size), "little")
    for name, (variable, read) in _READERS.items():
        if variable not in symbols:
            continue
        if name in _FREED and _is_over(found):
            # The kernel keeps their address, and others use that memory now.
            found[name] = _refused(
                Absent("the kernel has freed its list of TDMRs, as no module runs")
            )
        else:
            found[name] = _kept(read, kernel, variable, symbols[variable])
    return found


def _address(kernel: Kernel, variable: str, symbols: list[Symbol]) -> int:
    """The address of the variable: of all symbols of its name the one that is long enough.

    kvm_intel, where it is built in, has a pointer that is called tdx_sysinfo too.
    """
    if len(symbols) == 1 and not symbols[0].size:
        return symbols[0].address
    size = _size(kernel, variable)
    fitting = [symbol for symbol in symbols if symbol.size >= size]
    exact = [symbol for symbol in fitting if symbol.size == size]
    chosen = exact if len(exact) == 1 else fitting
    if len(chosen) != 1:
        raise Malformed(
            f"this kernel has {len(symbols)} variables called {variable}, "
            f"{len(chosen) or 'none'} of them with at least {size} bytes"
        )
    return chosen[0].address


def _size(kernel: Kernel, variable: str) -> int:
    if variable in NUMBERS:
        return NUMBERS[variable]
    structure = {**OBJECTS, MEMORY_LIST: "list_head", KEYID_POOL: "ida"}[variable]
    types = kernel.types()
    return types.size(types.find(structure))


def _is_over(found: Objects) -> bool:
    """Whether the module is known not to run; the kernel has then freed its TDMRs."""
    try:
        return state_in(found) != "initialized"
    except Unavailable:
        return False


def kept(objects: Objects, name: str) -> Any:
    """What was kept under the name. Raises Unavailable."""
    found = objects.get(name)
    if found is None:
        raise Absent(f"this kernel has no {name}, or was built without CONFIG_KALLSYMS_ALL")
    if isinstance(found, dict) and REFUSED in found:
        raise from_record(name, found[REFUSED])
    return found


def number(objects: Objects, name: str) -> int:
    """The plain variable kept under the name. Raises Unavailable."""
    value = kept(objects, name)
    if not isinstance(value, int):
        raise Malformed(f"the record's {name} is not a number")
    if value > _LARGEST_VALUE.get(name, value):
        raise Malformed(f"{name} is {value}, which is not a value of the kernel's variable")
    return value


def state_in(objects: Objects) -> str | None:
    """initialized or failed; None if the module is not initialized for an unknown reason.

    The variable depends on the kernel's generation. Raises Unavailable.
    """
    if STATE in objects:
        is_initialized = kobject.parse(STATE, kept(objects, STATE)).number("initialized")
    elif "tdx_module_initialized" in objects:
        is_initialized = number(objects, "tdx_module_initialized")
    else:
        return _STATUS.get(number(objects, "tdx_module_status"))
    return "initialized" if is_initialized else None


def _kept(read: Reader, kernel: Kernel, variable: str, symbols: list[Symbol]) -> Any:
    """What was read, or why it could not be."""
    try:
        return read(kernel, _address(kernel, variable, symbols))
    except Unavailable as error:
        return _refused(error)


def _refused(error: Unavailable) -> Objects:
    return {REFUSED: record_of(error)}


def _structure(kernel: Kernel, name: str, address: int, size: int = 0) -> KernelObject:
    """The structure at an address; `size` in bytes, if it is larger than its type."""
    types = kernel.types()
    type_id = types.find(name)
    size_of_type = types.size(type_id)
    if size_of_type > _LARGEST_STRUCTURE:
        raise Malformed(f"{name} is larger than tdxinfo reads: {size_of_type} bytes")
    data = kernel.read(address, size or size_of_type)
    leaves = types.leaves(type_id)
    return kobject.made(name, data if size else kobject.without_padding(data, leaves), leaves)


def _object(structure: str) -> Reader:
    return lambda kernel, address: _structure(kernel, structure, address).recorded()


def _tdmrs(kernel: Kernel, address: int) -> Any:
    """The entries of the TDMR list, which lie one behind the other."""
    head = _structure(kernel, OBJECTS[TDMR_LIST], address)
    start, count, stride = map(head.number, ("tdmrs", "nr_consumed_tdmrs", "tdmr_sz"))
    if not (0 < count <= _MAX_TDMRS and 0 < stride <= _LARGEST_TDMR):
        raise Absent(f"the kernel's list has {count} TDMRs of {stride} bytes")
    return _structure(kernel, "tdmr_info", start, count * stride).recorded()


def _memory_blocks(kernel: Kernel, address: int) -> Any:
    return [block.recorded() for block in _linked(kernel, "tdx_memblock", "list", address)]


def _linked(kernel: Kernel, structure: str, link: str, head: int) -> Iterator[KernelObject]:
    """The entries of a circular list. Raises Malformed when it does not lead back to its head."""
    types = kernel.types()
    leaves = types.leaves(types.find(structure))
    inside = next((leaf.bit_offset // 8 for leaf in leaves if leaf.path == f"{link}.next"), None)
    if inside is None:
        raise Malformed(f"this kernel's {structure} has no {link}.next")
    at = _structure(kernel, "list_head", head).number("next")
    for _ in range(_MAX_BLOCKS):
        if at == head:
            return
        entry = _structure(kernel, structure, at - inside)
        yield entry
        at = entry.number(f"{link}.next")
    raise Malformed(f"the kernel's list of {structure} does not lead back to its head")


def _taken_keyids(kernel: Kernel, address: int) -> Any:
    """The ids that are taken, instead of the tree that holds them."""
    head = _structure(kernel, "ida", address).number("xa.xa_head")
    return sorted(_ids(kernel, head, 0, 0, iter(range(_MAX_VISITS))))


def _ids(
    kernel: Kernel, entry: int, chunk: int, depth: int, visits: Iterator[int]
) -> Iterator[int]:
    """The ids below an entry of an xarray: a bitmap in its value, a pointer to one, or a node.

    Each entry takes one of the visits: nodes that lead to each other have no end.
    """
    if next(visits, None) is None:
        raise Malformed("the kernel's pool of KeyIDs has more entries than there are KeyIDs")
    types = kernel.types()
    chunk_bits = types.size(types.find("ida_bitmap")) * 8
    if depth > _MAX_NODE_DEPTH or chunk * chunk_bits >= _MAX_IDS:
        raise Malformed("the kernel's pool of KeyIDs holds numbers that no KeyID has")
    if entry == 0:
        return
    if entry & 1:
        yield from (chunk * chunk_bits + bit for bit in _bits(entry >> 1))
    elif entry & 3 == 2:
        node = _structure(kernel, "xa_node", entry - 2)
        slots = node.member("slots")
        for number, slot in enumerate(slots if isinstance(slots, list) else [slots]):
            if slot:
                inner = chunk + (number << node.number("shift"))
                yield from _ids(kernel, slot, inner, depth + 1, visits)
    else:
        words = _structure(kernel, "ida_bitmap", entry).member("bitmap")
        for number, word in enumerate(words if isinstance(words, list) else [words]):
            yield from (chunk * chunk_bits + 64 * number + bit for bit in _bits(word))


def _bits(word: int) -> Iterator[int]:
    return (bit for bit in range(word.bit_length()) if word >> bit & 1)


Reader = Callable[[Kernel, int], Any]
"""What is kept of the variable at an address. Raises Unavailable."""
_READERS: dict[str, tuple[str, Reader]] = {
    **{variable: (variable, _object(structure)) for variable, structure in OBJECTS.items()},
    TDMRS: (TDMR_LIST, _tdmrs),
    MEMORY_LIST: (MEMORY_LIST, _memory_blocks),
    KEYID_POOL: (KEYID_POOL, _taken_keyids),
}
"""By the name under which it is kept: the variable that leads to it, and how."""
