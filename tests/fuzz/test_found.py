"""What fuzzing and hostile reading found: each was a crash or a hang, and ends soon and well."""

from __future__ import annotations

import gzip
import struct
import tarfile
import time
from collections.abc import Callable

import pytest

from tdxinfo.decode import lines, tdmr
from tdxinfo.decode.btf import Btf
from tdxinfo.errors import BadInput, Malformed
from tdxinfo.machine.archive import members
from tdxinfo.model.values import MemoryRange
from tests.fuzz.seeds import joined
from tests.fuzz.targets import TARGETS, try_out
from tests.parts import one_in

SECONDS = 10
"""The hangs took minutes to hours, what ends well here takes under a second."""

MANY_DIGITS = b"9" * 5000
"""More than Python turns into a number."""


def btf(*kinds: tuple[int, ...], names: bytes = b"\0a\0") -> bytes:
    body = b"".join(struct.pack(f"<{len(kind)}I", *kind) for kind in kinds)
    head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(names))
    return head + body + names


def array(element: int, count: int) -> tuple[int, ...]:
    return (0, 3 << 24, 0, element, 1, count)


def struct_of(*members_: int) -> tuple[int, ...]:
    parts = [(1, member, 0) for member in members_]
    return (1, 4 << 24 | len(parts), 8, *(word for part in parts for word in part))


def header(kind: bytes, data: bytes) -> bytes:
    """A tar header that extends the next member's."""
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, len(data)
    return member.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


def answers(text: bytes) -> bytes:
    return joined({"about.toml": b"format = 1\n", "answers.toml": text})


INPUTS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "an array of itself": ("btf", lambda: btf(array(1, 2))),
    "arrays of arrays of structures": (
        "btf",
        lambda: btf((1, 1 << 24, 4, 32), struct_of(1, 1), *(array(n, 4000) for n in range(2, 9))),
    ),
    "empty structures, two in each": (
        "btf",
        lambda: btf(struct_of(), *(struct_of(n, n) for n in range(1, 31))),
    ),
    "a width of many digits": (
        "cpuinfo",
        lambda: b"vendor_id : x\naddress sizes : " + MANY_DIGITS + b" bits physical",
    ),
    "a refusal's number of many digits": (
        "capture",
        lambda: answers(
            b'[refused."/proc/cpuinfo"]\nreason = "denied"\nerrno = "' + MANY_DIGITS + b'"\n'
        ),
    ),
    "a refusal that is a large number": (
        "capture",
        lambda: answers(b'[refused."/proc/cpuinfo"]\nmessage = 0x' + b"f" * 5000),
    ),
    "a format of many digits": (
        "capture",
        lambda: joined({"about.toml": b"format = " + MANY_DIGITS}),
    ),
    "a note that is a large number": (
        "capture",
        lambda: joined({"about.toml": b"format = 1\nprovenance = 0x" + b"f" * 5000}),
    ),
    "a line like many shell prompts": (
        "klog-pasted",
        lambda: b"virt/tdx: x\n" + b"@:" * 50_000 + b"\n[" + b"@" * 100_000,
    ),
    "a node of many spans": ("lines", lambda: b"Node 0, zone DMA\n" + b" spanned 1\n" * 200_000),
    "an archive's header of many digits": (
        "archive",
        lambda: header(tarfile.XHDTYPE, b"1" * 500_000) + bytes(1024),
    ),
    "many headers of some digits": (
        "archive",
        lambda: (header(tarfile.XHDTYPE, b"1" * 1500) + header(b"0", b"")) * 9000 + bytes(1024),
    ),
    "headers that extend headers": (
        "archive",
        lambda: header(tarfile.XHDTYPE, b"8 path=a\n") * 3000 + bytes(1024),
    ),
    "long names of long names": (
        "archive",
        lambda: header(tarfile.GNUTYPE_LONGNAME, b"abc\0") * 3000 + bytes(1024),
    ),
}


@pytest.mark.parametrize("name", one_in(2, INPUTS))
def test_what_was_found_stays_fixed(name: str) -> None:
    target, made = INPUTS[name]
    data = made()
    start = time.process_time()
    try_out(TARGETS[target], data)
    assert time.process_time() - start < SECONDS


def test_types_that_go_in_circles_are_malformed() -> None:
    for kinds in ([array(1, 2)], [struct_of(1)]):
        with pytest.raises(Malformed):
            Btf(btf(*kinds)).leaves(1)
    with pytest.raises(Malformed):
        Btf(btf(array(1, 2))).size(1)


def test_headers_of_an_archive_are_bounded() -> None:
    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
        with pytest.raises(BadInput, match="headers"):
            members(gzip.compress(header(kind, b"1" * 5000) + bytes(1024)), "x")


def test_a_zone_without_an_extent_does_not_borrow_the_next_ones() -> None:
    text = "Node 0, zone A\nNode 1, zone B\n  spanned 16\n  start_pfn: 256\n"
    (span,) = lines.node_spans(text)
    assert (span.node, span.base, span.end) == (1, 256 << 12, 272 << 12)


@pytest.mark.slow
def test_memory_in_more_pieces_than_any_hosts_is_not_planned_for() -> None:
    regions = [MemoryRange.between(n << 31, (n << 31) + 4096) for n in range(1, 20_000)]
    assert tdmr.plan(regions) is not None
    with pytest.raises(Malformed, match="pieces"):
        tdmr.plan(regions, tdmr.USUAL._replace(max_tdmrs=65535))
