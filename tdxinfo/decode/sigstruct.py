"""The signed sigstruct of a TDX module, alone or in a blob with the module.

Source: the blob's description in intel/confidential-computing.tdx.tdx-module.binaries, and 11
sigstructs there, whose SEAMHASH equals the SHA-384 of the module's file.
"""

import hashlib
import struct
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from tdxinfo.decode import cpuinfo
from tdxinfo.errors import Malformed
from tdxinfo.model.units import PAGE
from tdxinfo.model.values import decimal_date

SIZE = 2048
_HEADER = bytes.fromhex("06000000e10000000000010000000000")
_VENDOR = 0x8086
_DATE = 20
_HASH = slice(900, 948)
_SVN = 948
_COUNT = 1024
_CPUS = 1028
_MAX_CPUS = (SIZE - _CPUS) // 4
_BLOB = b"TDX-BLOB"
_ELF = b"\x7fELF"


class Sigstruct(NamedTuple):
    """What a sigstruct says of its module."""

    mrseam: str
    """SHA-384 of the module's file."""
    svn: tuple[int, int]
    """Minor and major security version, as bytes 0 and 1 of TEE_TCB_SVN."""
    day: date
    processors: tuple[int, ...]
    """CPUID(1).EAX of the processors that load it, without the stepping."""


def loads_on(processors: Iterable[int], family: int, model: int) -> bool:
    """Whether the list of processors has this one. Steppings do not count."""
    wanted = cpuinfo.signature(family, model)
    return any(processor & ~0xF == wanted for processor in processors)


def is_sigstruct(data: bytes) -> bool:
    return len(data) >= SIZE and data.startswith(_HEADER)


def is_module(data: bytes) -> bool:
    """Whether the bytes are a module's file without its sigstruct."""
    return data.startswith(_ELF)


def is_blob(data: bytes) -> bool:
    """Whether the bytes are a sigstruct and a module in one file, as run-time updates use it."""
    return data[8:16] == _BLOB


def parse_blob(data: bytes) -> tuple[Sigstruct, bytes]:
    """The sigstruct and the module of a blob. Raises Malformed."""
    if len(data) < PAGE + SIZE:
        raise Malformed("the blob is too short for a sigstruct")
    (module,) = struct.unpack_from("<I", data, 4)
    if not PAGE + SIZE <= module < len(data):
        raise Malformed(f"the blob's module would begin at {module}, outside of the file")
    return parse_sigstruct(data[PAGE : PAGE + SIZE]), data[module:]


def parse_sigstruct(data: bytes) -> Sigstruct:
    """Raises Malformed for bytes that are not a sigstruct of a TDX module."""
    if not is_sigstruct(data) or struct.unpack_from("<I", data, 16)[0] != _VENDOR:
        raise Malformed("this is not a sigstruct of a TDX module")
    (count,) = struct.unpack_from("<I", data, _COUNT)
    if count > _MAX_CPUS:
        raise Malformed(f"the sigstruct counts {count} processors, which it cannot hold")
    return Sigstruct(
        mrseam=data[_HASH].hex(),
        svn=(data[_SVN], data[_SVN + 1]),
        day=_day(data),
        processors=struct.unpack_from(f"<{count}I", data, _CPUS),
    )


def _day(data: bytes) -> date:
    """The date in packed decimal digits. Raises Malformed."""
    (packed,) = struct.unpack_from("<I", data, _DATE)
    try:
        return decimal_date(int(f"{packed:x}"))
    except ValueError:
        raise Malformed(f"the sigstruct's date {packed:#x} is not a day") from None


def mrseam_of(module: bytes) -> str:
    """What a module's file measures to."""
    return hashlib.sha384(module).hexdigest()
