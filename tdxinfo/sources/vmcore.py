"""A crash dump: the kernel's log and its TDX variables, read by drgn and by the kernel's own BTF.

drgn reads ELF cores and compressed kdump files; types come from the BTF in the kernel's image, or
from a vmlinux. Nothing of the dump but these objects is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Protocol

from tdxinfo.decode.btf import Btf
from tdxinfo.decode.printk import VmcoreInfo, kernel_log
from tdxinfo.errors import Absent, BadInput, Malformed, NotRecorded
from tdxinfo.machine import KERNEL_LOG, Answer, Machine
from tdxinfo.model.provenance import Origin
from tdxinfo.sources import kmem
from tdxinfo.sources.kobjects import Symbol, objects_of

RELEASE = "/proc/sys/kernel/osrelease"
_MAX_READ = 128 << 20
_TYPES_LIMIT = 32 << 20
_OLDEST_SYMBOLS = "the kernel's VMCOREINFO has no symbols, which it has from Linux 6.0 on"


class VmcoreMachine(Machine):
    """A machine that is read from its crash dump."""

    def __init__(self, dump: DumpedKernel, origin: Origin) -> None:
        super().__init__(origin)
        self._dump = dump

    def _read(self, path: str) -> bytes:
        if path == RELEASE and self._dump.info.release:
            return self._dump.info.release.encode()
        raise NotRecorded(f"{path} is not in a crash dump")

    def _ask(self, key: str, live: Any) -> Answer:
        if key == KERNEL_LOG:
            return kernel_log(self._dump.info, self._dump.read)
        if key == kmem.KEY:
            return objects_of(self._dump)
        raise NotRecorded(f"{key} is not in a crash dump")


class Image(Protocol):
    """Where a kernel's symbols and types come from. Raises Unavailable."""

    def symbols(self, names: Iterable[str]) -> dict[str, list[Symbol]]: ...

    def types(self) -> Btf: ...


class DumpedKernel:
    """The kernel of a crash dump."""

    def __init__(self, program: Any, vmlinux: str | None) -> None:
        """Raises BadInput when `vmlinux` cannot be used."""
        self._program = program
        self.info = VmcoreInfo(_note(program))
        self._image: Image = _Vmlinux(vmlinux, self.info) if vmlinux else _InMemory(program, self)

    def symbols(self, names: Iterable[str]) -> dict[str, list[Symbol]]:
        return self._image.symbols(names)

    def types(self) -> Btf:
        return self._types

    @cached_property
    def _types(self) -> Btf:
        return self._image.types()

    def read(self, address: int, size: int) -> bytes:
        if not 0 < size <= _MAX_READ:
            raise Malformed(f"{size} bytes at {address:#x} are more than tdxinfo reads at once")
        try:
            return bytes(self._program.read(address, size))
        except MemoryError:
            raise
        except Exception:  # drgn raises Exception itself for a damaged kdump file
            raise Malformed(f"the dump has no {size} bytes at {address:#x}") from None


class _InMemory:
    """The image in the dump: VMCOREINFO locates kallsyms, which locates the BTF."""

    def __init__(self, program: Any, kernel: DumpedKernel) -> None:
        self._program = program
        self._kernel = kernel

    def symbols(self, names: Iterable[str]) -> dict[str, list[Symbol]]:
        return {name: found for name in names if (found := self._symbols(name))}

    def types(self) -> Btf:
        begins, ends = self._symbols("__start_BTF"), self._symbols("__stop_BTF")
        if len(begins) != 1 or len(ends) != 1:
            raise Absent("the dumped kernel was built without BTF", _NAME_VMLINUX)
        length = ends[0].address - begins[0].address
        if not 0 < length <= _TYPES_LIMIT:
            raise Malformed(f"{length} bytes are not BTF")
        return Btf(self._kernel.read(begins[0].address, length))

    def _symbols(self, name: str) -> list[Symbol]:
        return [Symbol(int(s.address), int(s.size)) for s in self._index.symbols(name)]

    @cached_property
    def _index(self) -> Any:
        if not self._kernel.info.has("SYMBOL", "kallsyms_names"):
            raise Absent(_OLDEST_SYMBOLS, _NAME_VMLINUX)
        from drgn.helpers.linux.kallsyms import load_vmlinux_kallsyms

        try:
            self._program.register_symbol_finder(
                "tdxinfo", load_vmlinux_kallsyms(self._program), enable_index=0
            )
        except Exception as error:  # drgn raises Exception itself for what it cannot decode
            raise Malformed(f"the dump's kallsyms cannot be read: {error}", _NAME_VMLINUX) from None
        return self._program


_NAME_VMLINUX = "Name the kernel's vmlinux with --vmlinux."


class _Vmlinux:
    """An uncompressed kernel image with its symbol table, and BTF in a section."""

    def __init__(self, path: str, info: VmcoreInfo) -> None:
        from elftools.elf.elffile import ELFFile

        self._path = path
        self._offset = info.kernel_offset
        with _damage_is_bad_input(path):
            self._elf = ELFFile(open(path, "rb"))  # noqa: SIM115 - read as long as the kernel is
            self._table: Any = self._elf.get_section_by_name(".symtab")
            self._btf = self._elf.get_section_by_name(".BTF")
            own = _build_id(self._elf)
        if self._table is None:
            raise BadInput(f"{path} has no symbols: it is stripped, or it is not a vmlinux.")
        if own and info.build_id and own != info.build_id:
            raise BadInput(
                f"{path} is another kernel than the dump's: its build id is {own}, the dump's "
                f"{info.build_id}."
            )

    def symbols(self, names: Iterable[str]) -> dict[str, list[Symbol]]:
        with _damage_is_bad_input(self._path):
            found = {name: self._table.get_symbol_by_name(name) for name in names}
        return {
            name: [Symbol(e.entry.st_value + self._offset, e.entry.st_size) for e in entries]
            for name, entries in found.items()
            if entries
        }

    def types(self) -> Btf:
        if self._btf is None:
            raise Absent(f"{self._path} has no BTF", f"Run `pahole -J {self._path}` to add it.")
        with _damage_is_bad_input(self._path):
            data = self._btf.data()
        return Btf(data)


@contextmanager
def _damage_is_bad_input(path: str) -> Iterator[None]:
    """Raises BadInput for any error of pyelftools, which checks little of a damaged file."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
    except MemoryError:
        raise
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{path} is not a vmlinux file, or it is damaged: {why:.200}.") from None


def _build_id(elf: Any) -> str | None:
    notes = [note for section in elf.iter_sections("SHT_NOTE") for note in section.iter_notes()]
    return next((str(n["n_desc"]) for n in notes if n["n_type"] == "NT_GNU_BUILD_ID"), None)


def open_dump(path: str, vmlinux: str | None) -> VmcoreMachine:
    """The machine of a crash dump; `vmlinux` is its kernel's image, if given. Raises BadInput."""
    try:
        import drgn
    except ModuleNotFoundError:
        raise BadInput(
            f"{path} is a crash dump, and drgn is not installed. Run `pip install drgn pyelftools`."
        ) from None
    logging.getLogger("drgn").addHandler(logging.NullHandler())
    # QEMU's compressed dumps name no architecture; TDX is of x86-64 alone.
    program = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    try:
        program.set_core_dump(path)
    except Exception as error:  # drgn raises Exception itself for a damaged kdump file
        why = " ".join(str(error).split())
        raise BadInput(f"{path} cannot be read as a crash dump: {why}.") from None
    if not program.flags & drgn.ProgramFlags.IS_LINUX_KERNEL:
        raise BadInput(f"{path} is not a dump of a Linux kernel: it has no VMCOREINFO note.")
    return VmcoreMachine(DumpedKernel(program, vmlinux), Origin.of("vmcore", path))


def _note(program: Any) -> str:
    return str(program["VMCOREINFO"].string_().decode("utf-8", "replace"))
