"""The running kernel's memory: /proc/kallsyms, /sys/kernel/btf/vmlinux and /proc/kcore.

Reading is passive. Nothing but the objects asked for is read, and nothing else is kept.
"""

from __future__ import annotations

import errno
import os
import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from tdxinfo.decode.btf import Btf
from tdxinfo.errors import AS_ROOT, Absent, Denied, Malformed, Unavailable, from_oserror
from tdxinfo.machine.system import System
from tdxinfo.sources.kobjects import Symbol

SYMBOLS = "/proc/kallsyms"
TYPES = "/sys/kernel/btf/vmlinux"
MEMORY = "/proc/kcore"
OWN_STATUS = "/proc/self/status"
_SYMBOLS_LIMIT = 64 << 20
_TYPES_LIMIT = 32 << 20
_MAX_HEADERS = 4096
_MAX_READ = 1 << 20

_CAP_SYS_RAWIO = 17

_ADDRESS_AND_KIND = re.compile(rb"([0-9a-f]{1,16}) \w")
_ELF = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_LOADABLE = 1


class Segment(NamedTuple):
    """A stretch of kernel memory, and where it lies in the file."""

    address: int
    offset: int
    size: int


def symbols(system: System, names: Iterable[str]) -> dict[str, list[Symbol]]:
    """The symbols of these names, found in one pass. Raises Unavailable.

    The list has no sizes: the size is taken to be the distance to the next higher address.
    """
    listed = system.read(SYMBOLS, _SYMBOLS_LIMIT)
    wanted = b"|".join(re.escape(name.encode()) for name in names)
    # The list has 100,000 lines and more: a pattern that begins with the names' common letters
    # is searched for several times faster than one that begins with an address.
    pattern = re.compile(rb" (" + wanted + rb")$", re.MULTILINE)
    found: dict[str, list[Symbol]] = {}
    for match in pattern.finditer(listed):
        line = listed[listed.rfind(b"\n", 0, match.start()) + 1 : match.start()]
        if address := _ADDRESS_AND_KIND.fullmatch(line):
            start = int(address[1], 16)
            symbol = Symbol(start, _distance(listed, match.end() + 1, start))
            found.setdefault(match[1].decode(), []).append(symbol)
    if found and not any(symbol.address for same in found.values() for symbol in same):
        raise Denied(f"{SYMBOLS} hides its addresses from this user (kptr_restrict)", _to_see())
    return found


_MAX_AT_ONE_ADDRESS = 64


def _distance(listed: bytes, place: int, start: int) -> int:
    """How far it is from `start` to the next higher address in the lines from `place` on."""
    for _ in range(_MAX_AT_ONE_ADDRESS):
        end = listed.find(b"\n", place)
        address = _ADDRESS_AND_KIND.match(listed, place, end if end >= 0 else len(listed))
        if not address:
            return 0
        if (following := int(address[1], 16)) > start:
            return following - start
        place = end + 1
    return 0


def _to_see() -> str:
    """The remedy: root sees addresses too, unless kernel.kptr_restrict is 2."""
    return (
        "Run `sysctl kernel.kptr_restrict=1`, then run tdxinfo again."
        if os.geteuid() == 0
        else AS_ROOT
    )


def types(system: System) -> Btf:
    """The running kernel's types. Raises Unavailable."""
    try:
        return Btf(system.read(TYPES, _TYPES_LIMIT))
    except Absent:
        message = f"{TYPES} does not exist: the kernel was built without BTF"
        raise Absent(message, errno=errno.ENOENT) from None


class Memory:
    """An ELF core of the kernel, live or not, read by kernel address."""

    def __init__(self, fd: int, shown: str = MEMORY) -> None:
        """Raises Malformed when the file is not an ELF core."""
        self._fd = fd
        self._shown = shown
        self._segments = sorted(self._headers())
        self._addresses = [segment.address for segment in self._segments]

    def read(self, address: int, size: int) -> bytes:
        """The bytes at a kernel address. Raises Malformed where none are mapped."""
        if not 0 < size <= _MAX_READ:
            raise Malformed(f"{size} bytes at {address:#x} are more than tdxinfo reads at once")
        place = bisect_right(self._addresses, address) - 1
        segment = self._segments[place] if place >= 0 else Segment(0, 0, 0)
        inside = address - segment.address
        if inside + size > segment.size:
            raise Malformed(f"{self._shown} has no {size} bytes at {address:#x}")
        data = self._pread(size, segment.offset + inside)
        if len(data) != size:
            raise Malformed(f"{self._shown} is cut short at {address:#x}")
        return data

    def _headers(self) -> Iterator[Segment]:
        raw = self._pread(_ELF.size, 0)
        if len(raw) != _ELF.size or raw[:5] != b"\x7fELF\x02":
            raise Malformed(f"{self._shown} is not a 64-bit ELF file")
        fields = _ELF.unpack(raw)
        offset, size, count = fields[5], fields[9], fields[10]
        if size != _SEGMENT.size or not 0 < count <= _MAX_HEADERS:
            raise Malformed(f"{self._shown} has {count} program headers of {size} bytes")
        table = self._pread(size * count, offset)
        if len(table) != size * count:
            raise Malformed(f"{self._shown} ends within its program headers")
        for kind, _, at, address, _, length, _, _ in _SEGMENT.iter_unpack(table):
            if kind == _LOADABLE and length:
                yield Segment(address, at, length)

    def _pread(self, size: int, offset: int) -> bytes:
        try:
            return os.pread(self._fd, size, offset)
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError):
                raise from_oserror(error, self._shown) from None
            raise Malformed(f"{self._shown} has no offset {offset:#x}") from None


class RunningKernel:
    """This machine's kernel; its memory is opened when something of it is first asked for."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._fd = -1

    def symbols(self, names: Iterable[str]) -> dict[str, list[Symbol]]:
        return symbols(self._system, names)

    def types(self) -> Btf:
        return self._types

    def read(self, address: int, size: int) -> bytes:
        return self._memory.read(address, size)

    @cached_property
    def _types(self) -> Btf:
        return types(self._system)

    @cached_property
    def _memory(self) -> Memory:
        try:
            self._fd = self._system.open(MEMORY)
        except Unavailable as refusal:
            raise _not_opened(self._system, refusal) from None
        return Memory(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


def _not_opened(system: System, refusal: Unavailable) -> Unavailable:
    """Why /proc/kcore could not be opened: its open asks for CAP_SYS_RAWIO, and then lockdown."""
    if refusal.errno == errno.ENOENT:
        return Absent(f"{MEMORY} does not exist: the kernel was built without CONFIG_PROC_KCORE")
    if refusal.errno != errno.EPERM:
        return refusal
    if not _may(system, _CAP_SYS_RAWIO):
        message = f"{MEMORY} may not be read: this process lacks CAP_SYS_RAWIO"
        return Denied(message, "Run as root, outside of a container.", errno.EPERM)
    message = f"{MEMORY} may not be read: the kernel is locked down"
    return Denied(message, "Boot without lockdown=confidentiality.", errno.EPERM)


def _may(system: System, capability: int) -> bool:
    """Whether this process has a capability; yes where that is unknown."""
    try:
        status = system.read(OWN_STATUS, 1 << 16)
    except Unavailable:
        return True
    held = re.search(rb"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return held is None or bool(int(held[1], 16) >> capability & 1)
