"""Model-specific registers of one CPU per package, through /dev/cpu/N/msr."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from tdxinfo.decode import bits, cpuinfo, lines
from tdxinfo.errors import (
    Absent,
    Inconsistent,
    Malformed,
    NotRecorded,
    Unavailable,
    Unsupported,
    from_oserror,
)
from tdxinfo.machine import Machine
from tdxinfo.machine.system import System
from tdxinfo.model.values import MASK64
from tdxinfo.sources import processor

INTEL = "GenuineIntel"
_BYTES = 8
_SET_BY_FIRMWARE = (
    "IA32_MKTME_KEYID_PARTITIONING",
    "IA32_TME_ACTIVATE",
    "IA32_SEAMRR_PHYS_BASE",
    "IA32_SEAMRR_PHYS_MASK",
)


class Msr(NamedTuple):
    """A field of an MSR. TDX is set up for each package, so all packages must agree."""

    register: str
    field: str
    convert: Callable[[int], int | bool] = int

    @property
    def origin(self) -> str:
        return f"msr:{bits.address_of(self.register):#x}"

    def read(self, machine: Machine) -> int | bool:
        value, known = _value_and_bits(machine, self.register)
        whole = bits.msr_field(self.register, self.field, MASK64)
        if bits.msr_field(self.register, self.field, known) != whole:
            raise NotRecorded(f"these bits of {self.register} are not in the record")
        return self.convert(bits.msr_field(self.register, self.field, value))


class PackageDifferences:
    """What differs between packages in the registers that the firmware sets up for TDX."""

    origin = "msr:packages"

    def read(self, machine: Machine) -> tuple[str, ...]:
        """Registers that this processor does not have are left out; one is needed."""
        differences, missing = [], []
        for register in _SET_BY_FIRMWARE:
            try:
                value_of(machine, register)
            except Inconsistent as error:
                differences.append(error.message)
            except Unsupported as error:
                missing.append(error)
        if len(missing) == len(_SET_BY_FIRMWARE):
            raise missing[0]
        return tuple(differences)


def value_of(machine: Machine, register: str) -> int:
    """The register's value, the same on all packages. Raises Unavailable."""
    return _value_and_bits(machine, register)[0]


def _value_and_bits(machine: Machine, register: str) -> tuple[int, int]:
    """The value, and a mask of its known bits: all of them, unless a record holds only some."""
    return machine.once(("msr", register), lambda: _common_value(machine, register))


def _common_value(machine: Machine, register: str) -> tuple[int, int]:
    """The register's value on all packages. Raises Inconsistent when they differ."""
    address = bits.address_of(register)
    values = {package: _ask(machine, cpu, address) for package, cpu in _packages(machine).items()}
    if len(set(values.values())) > 1:
        found = ", ".join(
            f"package {package}: {value:#x}" for package, (value, _) in values.items()
        )
        raise Inconsistent(f"{register} differs between packages ({found})")
    return next(iter(values.values()))


def _packages(machine: Machine) -> dict[int, int]:
    """An online CPU of each package; CPU 0 alone where that is unknown.

    It is the first that the kernel uses for its own work: an isolated one is not to be disturbed.
    """
    try:
        known = processor.cpus(machine)
    except Unavailable:
        return {0: 0}
    if known.vendor not in (INTEL, None):
        raise Unsupported(f"{cpuinfo.maker(known.vendor)} processors do not have Intel's MSRs")
    first = {p: cpu for p, cpu in (known.packages or {}).items() if cpu >= 0} or {0: 0}
    isolated = _isolated(machine)
    return {
        p: next((c for c in known.members.get(p, ()) if c not in isolated), cpu)
        for p, cpu in first.items()
    }


def _isolated(machine: Machine) -> frozenset[int]:
    found: frozenset[int] = frozenset()
    for name in ("isolated", "nohz_full"):
        with suppress(Unavailable):
            found |= lines.cpu_list(machine.text(f"/sys/devices/system/cpu/{name}"))
    return found


def _ask(machine: Machine, cpu: int, address: int) -> tuple[int, int]:
    """The register and its known bits. A record may hold single bits: {"11:11": "0x1"}."""
    answer = machine.ask(f"msr/{address:#x}/cpu{cpu}", lambda system: _read(system, cpu, address))
    parts = answer if isinstance(answer, dict) else {"63:0": answer}
    value = known = 0
    try:
        for place, digits in parts.items():
            lowest, width = bits.bit_range(place)
            mask = ((1 << width) - 1 << lowest) & MASK64
            value |= int(str(digits), 16) << lowest & mask
            known |= mask
    except ValueError:
        raise Malformed(f"the record's value of MSR {address:#x} is not a hex number") from None
    return value, known


def _read(system: System, cpu: int, address: int) -> str:
    """The MSR as 16 hex digits."""
    path = f"/dev/cpu/{cpu}/msr"
    try:
        with system.opened(path) as fd:
            raw = os.pread(fd, _BYTES, address)
    except Unavailable as refusal:
        raise _not_opened(refusal, path) from None
    except OSError as error:
        if error.errno == errno.EIO:
            raise Unsupported(f"this processor has no MSR {address:#x}") from None
        raise from_oserror(error, path) from None
    if len(raw) != _BYTES:
        raise Malformed(f"{path} gave {len(raw)} bytes of MSR {address:#x}")
    return f"0x{int.from_bytes(raw, 'little'):016x}"


def _not_opened(refusal: Unavailable, path: str) -> Unavailable:
    if refusal.errno in (errno.ENOENT, errno.ENXIO):
        return Absent(f"{path} does not exist", "Run `modprobe msr`.")
    return refusal
