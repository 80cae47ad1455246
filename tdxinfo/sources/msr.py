"""Model-specific registers of one CPU per package, through /dev/cpu/N/msr."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import reduce
from operator import and_, or_
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
        """Registers that this processor does not have are left out; one is needed. A difference
        that was seen counts, whatever could not be read.
        """
        differences: list[str] = []
        missing: list[Unavailable] = []
        unread: list[Unavailable] = []
        for register in _SET_BY_FIRMWARE:
            try:
                value_of(machine, register)
            except Inconsistent as error:
                differences.append(error.message)
            except Unsupported as error:
                missing.append(error)
            except Unavailable as error:
                unread.append(error)
        if len(missing) == len(_SET_BY_FIRMWARE):
            raise missing[0]
        if unread and not differences:
            raise unread[0]
        return tuple(differences)


def value_of(machine: Machine, register: str) -> int:
    """The register's value, the same on all packages. Raises Unavailable."""
    return _value_and_bits(machine, register)[0]


def _value_and_bits(machine: Machine, register: str) -> tuple[int, int]:
    """The value, and a mask of its known bits: all of them, unless a record holds only some."""
    return machine.once(("msr", register), lambda: _common_value(machine, register))


def _common_value(machine: Machine, register: str) -> tuple[int, int]:
    """The register's value on all packages. Raises Inconsistent when CPUs are seen to differ.

    What a record has of other CPUs can contradict the value, but is not needed for it.
    """
    address = bits.address_of(register)
    packages = _packages(machine)
    found: dict[int, tuple[int, int]] = {}
    refusals: list[Unavailable] = []
    for cpu in sorted({*packages.values(), *_recorded_cpus(machine, address)}):
        try:
            found[cpu] = _ask(machine, cpu, address)
        except Unavailable as refusal:
            refusals.append(refusal)
    _raise_difference(register, packages, found)
    if refusals:
        raise refusals[0]
    values = [found[cpu] for cpu in packages.values()]
    return values[0][0], reduce(and_, (known for _, known in values))


def _raise_difference(
    register: str, packages: dict[int, int], found: dict[int, tuple[int, int]]
) -> None:
    """Raises Inconsistent with one CPU for each value, where bits are known to differ."""
    ones = reduce(or_, (value for value, _ in found.values()), 0)
    zeros = reduce(or_, (known & ~value for value, known in found.values()), 0)
    differing = ones & zeros
    first: dict[int, int] = {}
    for cpu, (value, known) in found.items():
        if known & differing:
            first.setdefault(value & differing, cpu)
    if len(first) < 2:
        return
    names = {cpu: f"package {package}" for package, cpu in packages.items()}
    is_named = len(packages) > 1 and all(cpu in names for cpu in first.values())
    what = "packages" if is_named else "CPUs"
    shown = ", ".join(
        f"{names[cpu] if is_named else f'CPU {cpu}'}: {found[cpu][0]:#x}" for cpu in first.values()
    )
    raise Inconsistent(f"{register} differs between {what} ({shown})")


def _packages(machine: Machine) -> dict[int, int]:
    """An online CPU of each package; where that is unknown, CPU 0 alone.

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


def _recorded_cpus(machine: Machine, address: int) -> Iterator[int]:
    """The CPUs of which a record has the register: `rdmsr -a` prints it of each."""
    begin = f"msr/{address:#x}/cpu"
    for key in machine.recorded(begin):
        number = key.removeprefix(begin)
        if re.fullmatch(r"\d{1,5}", number, re.ASCII):
            yield int(number)


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
