"""Where the emulator must stop a kernel: addresses of one build, found in its vmlinux.

Kept as `sites.json` beside the kernel, so that a run needs neither vmlinux nor System.map.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tdxinfo.decode.btf import Btf

RDMSR = b"\x0f\x32"
_REGISTERS = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di")
_CR4_WRITES = {bytes((0x0F, 0x22, 0xE0 + n)): name for n, name in enumerate(_REGISTERS)}
"""`mov REGISTER, %cr4` for the registers of the first eight."""

_TRAP = "exc_invalid_op"
_MODULE_START = "do_init_module"
_MSR_READERS = (
    "tdx_init",
    "check_tdx_erratum",
    "record_keyid_partitioning",
    "x86_virt_init",
    "__x86_vmx_init",
    "__rdmsr_on_cpu",
    "__rdmsr_safe_on_cpu",
)
"""Functions whose RDMSR the emulator answers; a kernel has some of them."""
_CR4_WRITERS = ("cr4_update_irqsoff", "native_write_cr4")


@dataclass(frozen=True)
class ModuleLayout:
    """Offsets in `struct module`: its name, and the address and size of its memory regions."""

    name: int
    mem: int
    stride: int
    size: int


@dataclass(frozen=True)
class Sites:
    """Kernel addresses, as they are with nokaslr."""

    invalid_opcode: int
    """The handler of #UD, entered with `struct pt_regs *` in RDI."""
    module_start: int
    """Entered with `struct module *` in RDI when the module's code lies in memory."""
    rdmsr: frozenset[int]
    cr4: dict[int, str]
    """Writes of CR4, and the register that is written."""
    module: ModuleLayout

    def write(self, path: Path) -> None:
        whole = {
            "ud": self.invalid_opcode,
            "do_init_module": self.module_start,
            "rdmsr": {f"{site:#x}": "" for site in sorted(self.rdmsr)},
            "cr4": {f"{site:#x}": f"r{register}" for site, register in self.cr4.items()},
            "module": vars(self.module),
        }
        path.write_text(json.dumps(whole, indent=1) + "\n")


def read(path: Path) -> Sites:
    whole = json.loads(path.read_text())
    return Sites(
        whole["ud"],
        whole["do_init_module"],
        frozenset(int(site, 16) for site in whole["rdmsr"]),
        {int(site, 16): register[1:] for site, register in whole["cr4"].items()},
        ModuleLayout(**whole["module"]),
    )


def of_build(vmlinux: Path, system_map: Path) -> Sites:
    """The sites of a kernel. Raises KeyError for a function that it does not have."""
    image = _Image(vmlinux.read_bytes(), system_map.read_text())
    return Sites(
        image.symbols[_TRAP],
        image.symbols[_MODULE_START],
        frozenset(site for name in _MSR_READERS for site in image.places(name, RDMSR)),
        {
            site: register
            for name in _CR4_WRITERS
            for code, register in _CR4_WRITES.items()
            for site in image.places(name, code)
        },
        _layout(Btf(image.section(".BTF"))),
    )


def _layout(types: Btf) -> ModuleLayout:
    offsets = {leaf.path: leaf.bit_offset // 8 for leaf in types.leaves(types.find("module"))}
    first = offsets["mem[0].base"]
    return ModuleLayout(
        offsets["name"], first, offsets["mem[1].base"] - first, offsets["mem[0].size"] - first
    )


def occurrences(data: bytes, wanted: bytes) -> Iterator[int]:
    at = data.find(wanted)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1)


class _Image:
    """A vmlinux with its symbols."""

    def __init__(self, data: bytes, system_map: str) -> None:
        self._data = data
        self.symbols: dict[str, int] = {}
        code = set()
        for line in system_map.splitlines():
            address, kind, name = line.split()[:3]
            self.symbols.setdefault(name, int(address, 16))
            if kind in "tT":
                code.add(int(address, 16))
        self._code = sorted(code)
        self._sections = list(self._headers())

    def places(self, function: str, code: bytes) -> Iterator[int]:
        """Addresses of the bytes in the function; none where the kernel has no such function."""
        start = self.symbols.get(function)
        if start is None:
            return
        end = self._code[bisect_right(self._code, start)]
        for at in occurrences(self._bytes(start, end), code):
            yield start + at

    def section(self, wanted: str) -> bytes:
        for name, _, offset, size in self._sections:
            if name == wanted:
                return self._data[offset : offset + size]
        raise KeyError(wanted)

    def _bytes(self, start: int, end: int) -> bytes:
        for _, address, offset, size in self._sections:
            if address <= start < address + size:
                return self._data[offset + start - address : offset + end - address]
        raise KeyError(f"no section holds {start:#x}")

    def _headers(self) -> Iterator[tuple[str, int, int, int]]:
        """Name, address, offset and size of the ELF's sections."""
        (table,) = struct.unpack_from("<Q", self._data, 40)
        entry, count, names = struct.unpack_from("<3H", self._data, 58)
        raw = [
            struct.unpack_from("<IIQQQQ", self._data, table + number * entry)
            for number in range(count)
        ]
        names_at = raw[names][4]
        for name, _, _, address, offset, size in raw:
            start = names_at + name
            yield self._data[start : self._data.index(b"\0", start)].decode(), address, offset, size
