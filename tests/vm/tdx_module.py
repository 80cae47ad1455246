"""An emulated TDX module and P-SEAMLDR: what they answer to a SEAMCALL.

TDs cannot be made: their leaves are refused as unknown ones.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tdxinfo.decode import sysinfo
from tdxinfo.decode.fieldid import NULL
from tdxinfo.model.units import PAGE
from tests.vm.fields import FIELD_ID_INCORRECT, OK, Fields

OPERAND_INVALID = 0xC000010000000000
SYS_LP_INIT_NOT_DONE = 0xC000050200000000
SYS_LP_INIT_DONE = 0xC000050300000000
SYS_INIT_NOT_PENDING = 0xC000050000000000
SYS_SHUTDOWN = 0xC000050600000000
SYS_CONFIG_NOT_PENDING = 0xC000050C00000000
SYS_KEY_CONFIG_NOT_PENDING = 0xC000050700000000
SYS_INVALID_HANDOFF = 0xC000050900000000
INVALID_TDMR = 0xC0000A0000000000
TDMR_OUTSIDE_CMRS = 0xC0000A0200000000
_RAX, _RCX, _RDX, _R9 = 0, 1, 2, 9
"""Operand ids in the low half of OPERAND_INVALID."""
SEAMLDR_EBADPARAM = 0x8000000000000000
SEAMLDR_EBADCALL = 0x8000000000000003

SEAMLDR = 1 << 63
"""Set in the leaf of a call that is for the P-SEAMLDR."""
_NUMBER = 0xFFFF
_ADDRESS = (1 << 52) - 1
"""A physical address without the KeyID that the kernel may put above it."""

Registers = dict[str, int]

VMFAILINVALID = None
"""A fault in place of a status: SEAMCALL finds no module on this CPU, which no kernel prints."""
Faults = Mapping[int, int | None]
"""What leaves end with, whatever they were asked: a status, or VMFAILINVALID."""


class VmFailInvalid(Exception):  # named for what the processor says
    """SEAMCALL found no module: CF is set, and no register changes."""


class Memory(Protocol):
    """The machine's physical memory."""

    def read(self, address: int, size: int) -> bytes: ...

    def write(self, address: int, data: bytes) -> None: ...


@dataclass
class Seamldr:
    """What SEAMLDR.INFO returns. Source: `struct seamldr_info` of Linux 7.2."""

    major: int = 1
    minor: int = 5
    update: int = 0
    build_number: int = 0
    build_date: int = 0
    remaining_updates: int = 0

    def info(self) -> bytes:
        head = struct.pack(
            "<4I4H2I",
            0,
            0,
            0x8086,
            self.build_date,
            self.build_number,
            self.minor,
            self.major,
            self.update,
            0,
            self.remaining_updates,
        )
        return (head + bytes(128) + bytes((1, 0, 1))).ljust(256, b"\0")


class Range(NamedTuple):
    """Physical addresses, from the first to before the last."""

    start: int
    end: int


class Tdmr(NamedTuple):
    """A TDMR as the kernel asked for it."""

    area: Range
    pamt: list[Range]
    """For pages of 1 GiB, 2 MiB and 4 KiB."""
    reserved: list[Range]


@dataclass
class TdxModule:
    """The state of the two, and their leaves."""

    fields: Fields
    seamldr: Seamldr
    memory: Memory
    is_loaded: bool = True
    faults: Faults = field(default_factory=dict)
    late_faults: Faults = field(default_factory=dict)
    """Those that come once the kernel is up."""
    successor: Fields | None = None
    """The metadata of the module that SEAMLDR.INSTALL loads."""
    calls: list[tuple[int, int]] = field(default_factory=list)
    """Leaves called and their statuses."""
    unanswered: list[int] = field(default_factory=list)
    """Leaves called that ended with VMFAILINVALID by a fault."""
    tdmrs: list[Tdmr] = field(default_factory=list)
    """What TDH.SYS.CONFIG was given."""

    def __post_init__(self) -> None:
        self._stage = "loaded"
        self._is_settled = False
        self._has_handoff = False
        self._ready_cpus: set[int] = set()

    def seamcall(self, registers: Registers, cpu: int) -> None:
        """Does the call on the registers of pt_regs. Raises VmFailInvalid."""
        leaf = registers["ax"]
        faults = {**self.faults, **self.late_faults} if self._is_settled else self.faults
        if leaf in faults:
            fault = faults[leaf]
            if fault is VMFAILINVALID:
                self.unanswered.append(leaf)
                raise VmFailInvalid
            status = fault
        elif not self.is_loaded and not leaf & SEAMLDR:
            raise VmFailInvalid
        else:
            status = self._answer(leaf, registers, cpu)
        self.calls.append((leaf, status))
        registers["ax"] = status

    def settle(self) -> None:
        """The kernel is up."""
        self._is_settled = True

    def _answer(self, leaf: int, registers: Registers, cpu: int) -> int:
        if leaf & SEAMLDR:
            call = _SEAMLDR_LEAVES.get(leaf & ~SEAMLDR)
            return call(self, registers, cpu) if call else SEAMLDR_EBADCALL
        row = _LEAVES.get(leaf & _NUMBER)
        # The interface version stands above the number; only 0 is known.
        if row is None or leaf & ~_NUMBER:
            return OPERAND_INVALID | _RAX
        call, needs_cpu = row
        if self._stage == "shut-down":
            return SYS_SHUTDOWN
        if needs_cpu and cpu not in self._ready_cpus:
            return SYS_LP_INIT_NOT_DONE
        return call(self, registers, cpu)

    def _seamldr_info(self, registers: Registers, cpu: int) -> int:
        self.memory.write(registers["cx"] & _ADDRESS, self.seamldr.info())
        return OK

    def _install(self, registers: Registers, cpu: int) -> int:
        """Loads the successor of a module that was shut down; each CPU calls, the first decides."""
        parameters = self.memory.read(registers["cx"] & _ADDRESS, PAGE)
        if struct.unpack_from("<II", parameters) != (0, _SCENARIO_UPDATE):
            return SEAMLDR_EBADPARAM
        if self._stage == "shut-down":
            self.fields = self.successor or self.fields
            self.seamldr.remaining_updates -= 1
            self._stage = "loaded"
            self._ready_cpus.clear()
            self._has_handoff = True
            return OK
        return OK if self._has_handoff and not self._ready_cpus else SEAMLDR_EBADCALL

    def _init(self, registers: Registers, cpu: int) -> int:
        if self._stage != "loaded":
            return SYS_INIT_NOT_PENDING
        self._stage = "initialized"
        return OK

    def _init_cpu(self, registers: Registers, cpu: int) -> int:
        if cpu in self._ready_cpus:
            return SYS_LP_INIT_DONE
        self._ready_cpus.add(cpu)
        return OK

    def _read(self, registers: Registers, cpu: int) -> int:
        status, registers["r8"], registers["dx"] = self.fields.read(registers["dx"])
        return status

    def _read_all(self, registers: Registers, cpu: int) -> int:
        address, start = registers["dx"], registers["r8"]
        if address % PAGE or address > _ADDRESS:
            return OPERAND_INVALID | _RDX
        if not self.fields.may_start_at(start):
            return FIELD_ID_INCORRECT
        self.memory.write(address, self.fields.page_from(start))
        registers["r8"] = NULL
        return OK

    def _info(self, registers: Registers, cpu: int) -> int:
        """TDSYSINFO_STRUCT and CMR_INFO, which modules from 1.5 on still give."""
        info, size, cmrs, count = (registers[name] for name in ("cx", "dx", "r8", "r9"))
        if info % sysinfo.INFO_SIZE:
            return OPERAND_INVALID | _RCX
        if size < sysinfo.INFO_SIZE:
            return OPERAND_INVALID | _RDX
        if count < _CMRS:
            return OPERAND_INVALID | _R9
        self.memory.write(info & _ADDRESS, _sysinfo(self.fields.values))
        pairs = zip(self._array("CMR_BASE"), self._array("CMR_SIZE"), strict=True)
        entries = [struct.pack("<QQ", base, length) for base, length in pairs]
        self.memory.write(cmrs & _ADDRESS, b"".join(entries).ljust(16 * _CMRS, b"\0"))
        registers["dx"], registers["r9"] = sysinfo.INFO_SIZE, _CMRS
        return OK

    def _array(self, name: str) -> list[int]:
        found = self.fields.values.get(name, [])
        return [found] if isinstance(found, int) else found

    def _config(self, registers: Registers, cpu: int) -> int:
        """Takes the TDMRs: an array of physical addresses of TDMR_INFO."""
        if self._stage != "initialized":
            return SYS_CONFIG_NOT_PENDING
        count, address = registers["dx"], registers["cx"] & _ADDRESS
        places = struct.unpack(f"<{count}Q", self.memory.read(address, 8 * count))
        self.tdmrs = [self._tdmr(place & _ADDRESS) for place in places]
        for number, tdmr in enumerate(self.tdmrs):
            if not self._is_convertible(tdmr):
                return TDMR_OUTSIDE_CMRS | number
        self._stage = "configured"
        return OK

    def _tdmr(self, address: int) -> Tdmr:
        reserved = self.fields.values["MAX_RESERVED_PER_TDMR"]
        assert isinstance(reserved, int)
        words = struct.unpack(
            f"<{8 + 2 * reserved}Q", self.memory.read(address, 64 + 16 * reserved)
        )
        pairs = list(zip(words[::2], words[1::2], strict=True))
        base, size = pairs[0]
        return Tdmr(
            Range(base, base + size),
            [Range(start, start + length) for start, length in pairs[1:4]],
            [Range(base + at, base + at + length) for at, length in pairs[4:] if length],
        )

    def _is_convertible(self, tdmr: Tdmr) -> bool:
        """Whether all of the TDMR that is not reserved lies in CMRs."""
        sizes = zip(self._array("CMR_BASE"), self._array("CMR_SIZE"), strict=True)
        covered = [*tdmr.reserved, *(Range(base, base + size) for base, size in sizes if size)]
        reached = tdmr.area.start
        for start, end in sorted(covered):
            if start > reached:
                break
            reached = max(reached, end)
        return reached >= tdmr.area.end

    def _key_config(self, registers: Registers, cpu: int) -> int:
        if self._stage not in ("configured", "ready"):
            return SYS_KEY_CONFIG_NOT_PENDING
        self._stage = "ready"
        return OK

    def _init_tdmr(self, registers: Registers, cpu: int) -> int:
        """Does all of the TDMR in one call; RDX returns how far it came."""
        for tdmr in self.tdmrs:
            if tdmr.area.start == registers["cx"]:
                registers["dx"] = tdmr.area.end
                return OK
        return INVALID_TDMR

    def _shut_down(self, registers: Registers, cpu: int) -> int:
        self._stage = "shut-down"
        return OK

    def _hand_over(self, registers: Registers, cpu: int) -> int:
        """TDH.SYS.SHUTDOWN: RCX is the version of the data for the successor."""
        newest, oldest = (self.fields.values[name] for name in ("MODULE_HV", "MIN_UPDATE_HV"))
        assert isinstance(newest, int)
        assert isinstance(oldest, int)
        if not oldest <= registers["cx"] <= newest:
            return SYS_INVALID_HANDOFF
        return self._shut_down(registers, cpu)

    def _update(self, registers: Registers, cpu: int) -> int:
        """TDH.SYS.UPDATE: takes the predecessor's data, TDMRs and key among them."""
        if self._stage != "initialized" or not self._has_handoff:
            return SYS_INVALID_HANDOFF
        self._has_handoff = False
        self._stage = "ready"
        return OK

    def _page_metadata(self, registers: Registers, cpu: int) -> int:
        """TDH.PHYMEM.PAGE.RDMD: the page is nobody's."""
        registers["cx"] = 0
        return OK


_CMRS = 32
_SCENARIO_UPDATE = 1
"""In SEAMLDR_PARAMS, behind the version: a successor is to be loaded."""

_INFO_FIELDS = {
    "SYS_ATTRIBUTES": (0, "<I"),
    "VENDOR_ID": (4, "<I"),
    "BUILD_DATE": (8, "<I"),
    "BUILD_NUM": (12, "<H"),
    "MINOR_VERSION": (14, "<H"),
    "MAJOR_VERSION": (16, "<H"),
    "MAX_TDMRS": (32, "<H"),
    "MAX_RESERVED_PER_TDMR": (34, "<H"),
    "PAMT_4K_ENTRY_SIZE": (36, "<H"),
    "TDCS_BASE_SIZE": (48, "<H"),
    "TDVPS_BASE_SIZE": (52, "<H"),
    "ATTRIBUTES_FIXED0": (64, "<Q"),
    "ATTRIBUTES_FIXED1": (72, "<Q"),
    "XFAM_FIXED0": (80, "<Q"),
    "XFAM_FIXED1": (88, "<Q"),
}
"""Offsets in TDSYSINFO_STRUCT, as the module's source has them."""
_SYS_RD = 18
"""Byte that says that there is TDH.SYS.RD."""


def _sysinfo(values: Mapping[str, int | list[int]]) -> bytes:
    whole = bytearray(sysinfo.INFO_SIZE)
    for name, (offset, form) in _INFO_FIELDS.items():
        value = values.get(name, 0)
        assert isinstance(value, int), f"{name} is an array"
        struct.pack_into(form, whole, offset, value)
    whole[_SYS_RD] = 1
    return bytes(whole)


def update_image() -> bytes:
    """A module as it is uploaded: a header, a page of signature and two of code, all zero.

    Source: `struct tdx_image_header` of Linux 7.3, arch/x86/virt/vmx/tdx/seamldr.c.
    """
    signature, code = 1, 2
    head = struct.pack("<HH8sII", 0x200, 0, b"TDX-BLOB", signature, code)
    return head.ljust((1 + signature + code) * PAGE, b"\0")


Call = Callable[[TdxModule, Registers, int], int]

_LEAVES: dict[int, tuple[Call, bool]] = {
    24: (TdxModule._page_metadata, True),
    31: (TdxModule._key_config, True),
    32: (TdxModule._info, True),
    33: (TdxModule._init, False),
    34: (TdxModule._read, True),
    35: (TdxModule._init_cpu, False),
    36: (TdxModule._init_tdmr, True),
    37: (TdxModule._read_all, True),
    45: (TdxModule._config, True),
    52: (TdxModule._hand_over, True),
    53: (TdxModule._update, True),
    69: (TdxModule._shut_down, False),
}
"""Leaves of the module, and whether they need TDH.SYS.LP.INIT on the calling CPU."""

_SEAMLDR_LEAVES: dict[int, Call] = {0: TdxModule._seamldr_info, 1: TdxModule._install}
