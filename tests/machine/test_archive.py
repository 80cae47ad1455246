"""Captures in an archive: read in memory, and never more than bounded."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import random
import tarfile
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo.errors import BadInput
from tdxinfo.machine import archive
from tdxinfo.machine.archive import ARCHIVE_LIMIT, MEMBER_LIMIT, members, open_archive
from tests.parts import one_in

FILES = {
    "cap/about.toml": b"format = 1\n",
    "cap/answers.toml": b"[answers]\nnumber = 5\n",
    "cap/root/proc/cpuinfo": b"processor : 0\n" * 60,
    "cap/kernel.log": b"virt/tdx: module initialized\n",
}


def packed(
    files: dict[str, bytes],
    change: Callable[[tarfile.TarInfo], None] = lambda member: None,
    format: int = tarfile.PAX_FORMAT,  # noqa: A002
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            change(member)
            archive.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return out.getvalue()


TAR = packed(FILES)
WHOLE = gzip.compress(TAR, mtime=0)


def test_an_archive_answers_what_it_holds() -> None:
    machine = open_archive(WHOLE, "x.tar.gz")
    assert machine.read("/proc/cpuinfo") == FILES["cap/root/proc/cpuinfo"]
    assert machine.ask("number", lambda system: 0) == 5
    assert machine.ask("kernel-log", lambda system: 0) == "virt/tdx: module initialized\n"


@pytest.mark.parametrize("top", ["", "./", "a/b/c/", "./cap/"])
def test_the_capture_may_lie_at_any_depth(top: str) -> None:
    files = {name.replace("cap/", top): data for name, data in FILES.items()}
    assert open_archive(gzip.compress(packed(files)), "x").read("/proc/cpuinfo")


def test_a_recorded_file_called_about_is_not_the_captures_own() -> None:
    files = {"cap/root/about.toml": b"x", **FILES}
    assert open_archive(gzip.compress(packed(files)), "x").read("/about.toml") == b"x"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_all_common_tar_formats_are_read(form: int) -> None:
    files = {**FILES, "cap/root/" + "d" * 80 + "/" + "f" * 80: b"deep"}
    machine = open_archive(gzip.compress(packed(files, format=form)), "x")
    assert machine.read("/" + "d" * 80 + "/" + "f" * 80) == b"deep"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", "cap/../../x", "..", "/", "cap/root/../../../x"]
)
def test_a_member_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        members(gzip.compress(packed({**FILES, name: b"x"})), "x")


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
)
def test_links_and_devices_are_refused(kind: bytes) -> None:
    def change(member: tarfile.TarInfo) -> None:
        if member.name.endswith("cpuinfo"):
            member.type, member.linkname, member.size = kind, "cap/about.toml", 0

    with pytest.raises(BadInput, match="no links"):
        members(gzip.compress(packed(FILES, change)), "x")


def test_every_truncation_is_noticed() -> None:
    for length in range(2, len(WHOLE) - 8):
        with pytest.raises(BadInput):
            open_archive(WHOLE[:length], "x")


@pytest.mark.parametrize("kept", range(512, len(TAR), 512))
def test_a_stream_that_stops_between_two_files_is_noticed(kept: int) -> None:
    stream = zlib.compressobj(wbits=31)
    with pytest.raises(BadInput):
        members(stream.compress(TAR[:kept]) + stream.flush(zlib.Z_SYNC_FLUSH), "x")


def test_a_flipped_bit_is_noticed() -> None:
    changed = bytearray(WHOLE)
    changed[-6] ^= 1
    with pytest.raises(BadInput):
        open_archive(bytes(changed), "x")


@pytest.mark.parametrize(
    "data",
    [
        b"\x1f\x8b",
        b"\x1f\x8b" + b"\0" * 100,
        b"not gzip at all",
        b"",
        gzip.compress(b"", mtime=0),
        gzip.compress(b"not a tar", mtime=0),
        gzip.compress(b"x" * 5000, mtime=0),
        gzip.compress(b"\0" * 10240, mtime=0),
    ],
    ids=["cut", "zeros", "text", "empty", "nothing", "no-tar", "x", "no-member"],
)
def test_what_is_no_capture_is_bad_input(data: bytes) -> None:
    with pytest.raises(BadInput):
        open_archive(data, "x")


def test_an_archive_of_something_else_is_no_capture() -> None:
    with pytest.raises(BadInput, match=r"about\.toml"):
        open_archive(gzip.compress(packed({"a": b"b"})), "x")


def peak_of(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refuse(data: bytes) -> None:
    with pytest.raises(BadInput):
        members(data, "x")


@pytest.mark.slow
def test_a_gzip_bomb_ends_at_the_limit() -> None:
    size = ARCHIVE_LIMIT * 4
    member = tarfile.TarInfo("cap/bomb")
    member.size = size
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as stream:
        stream.write(member.tobuf())
        for _ in range(size >> 20):
            stream.write(bytes(1 << 20))
    assert len(out.getvalue()) < 1 << 20
    assert peak_of(lambda: refuse(out.getvalue())) < 3 * ARCHIVE_LIMIT


def sparse(real: int) -> bytes:
    """A member of a few bytes that stands for `real` bytes of zeros (old GNU format)."""
    header = bytearray(512)
    header[0:8] = b"cap/hole"
    header[100:108] = b"0000644\0"
    header[108:124] = b"0000000\0" * 2
    header[124:136] = b"%011o\0" % 0
    header[136:148] = b"%011o\0" % 0
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[257:265] = b"ustar  \0"
    header[386:398] = b"%011o\0" % real
    header[398:410] = b"%011o\0" % 0
    header[483:495] = b"%011o\0" % real
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def test_a_sparse_member_does_not_unpack_beyond_the_limit() -> None:
    data = gzip.compress(sparse(ARCHIVE_LIMIT * 2) + bytes(1024))

    def work() -> None:
        try:
            found = members(data, "x")
        except BadInput:
            return
        total = sum(map(len, found.values()))
        assert total <= ARCHIVE_LIMIT

    assert peak_of(work) < 2 * ARCHIVE_LIMIT


def test_too_many_members_are_refused() -> None:
    many = gzip.compress(packed({f"cap/{n}": b"" for n in range(MEMBER_LIMIT + 1)}), 1)
    with pytest.raises(BadInput, match="members"):
        members(many, "x")


@pytest.mark.slow
def test_a_million_tiny_members_are_refused_in_time() -> None:
    """The header of one, again and again; packed it is small."""
    member = tarfile.TarInfo("cap/x").tobuf()
    stream = zlib.compressobj(level=1, wbits=31)
    many = b"".join(stream.compress(member * 1000) for _ in range(1000)) + stream.flush()
    start = time.process_time()
    with pytest.raises(BadInput, match="members"):
        members(many, "x")
    assert time.process_time() - start < 20


def test_of_two_members_with_one_name_the_last_counts() -> None:
    """As where tar unpacks them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in (*FILES.items(), ("cap/kernel.log", b"new\n"), ("cap/./about.toml", b"")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    found = members(out.getvalue(), "x")
    assert found["kernel.log"] == b"new\n"
    assert found["about.toml"] == b""


@pytest.mark.parametrize("times", [2, 3])
def test_an_archive_packed_again_is_no_capture(times: int) -> None:
    data = TAR
    for _ in range(times):
        data = gzip.compress(data)
    with pytest.raises(BadInput):
        members(data, "x")


def test_a_bomb_inside_a_bomb_is_not_unpacked() -> None:
    inner = gzip.compress(bytes(8 << 20))
    assert peak_of(lambda: refuse(gzip.compress(inner, mtime=0))) < 1 << 20


PAX = {
    "a size beyond the archive": {"size": str(1 << 40)},
    "a size below zero": {"size": "-1"},
    "a size that is not a number": {"size": "many"},
    "a path that leads out": {"path": "../../etc/passwd"},
    "a path from the root": {"path": "/etc/passwd"},
    "a size of a sparse file": {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "cap/hole",
        "GNU.sparse.realsize": str(1 << 40),
    },
    "a sparse map": {"GNU.sparse.map": "0,1,5", "GNU.sparse.size": str(1 << 40)},
}


@pytest.mark.parametrize("lie", PAX)
def test_what_an_extended_header_claims_is_not_believed(lie: str) -> None:
    def change(member: tarfile.TarInfo) -> None:
        if member.name.endswith("cpuinfo"):
            member.pax_headers = PAX[lie]

    data = gzip.compress(packed(FILES, change))

    def work() -> None:
        try:
            found = members(data, "x")
        except BadInput:
            return
        assert sum(map(len, found.values())) <= len(TAR)
        assert not any(name.startswith(("/", "..")) for name in found)

    assert peak_of(work) < 8 << 20


def test_a_large_archive_that_does_not_compress_is_read_in_time() -> None:
    noise = random.Random(1).randbytes(8 << 20)
    data = gzip.compress(packed({**FILES, "cap/root/noise": noise}), 1)
    start = time.process_time()
    assert open_archive(data, "x").read("/noise") == noise
    assert time.process_time() - start < 20


def test_nothing_is_written_to_disk(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    open_archive(WHOLE, "x")
    assert os.listdir(str(tmp_path)) == []


@given(st.lists(st.tuples(st.integers(0, len(TAR) - 1), st.integers(0, 255)), max_size=8))
def test_a_broken_archive_is_read_or_bad_input(changes: list[tuple[int, int]]) -> None:
    tar = bytearray(TAR)
    for where, byte in changes:
        tar[where] = byte
    try:
        members(gzip.compress(bytes(tar), 1), "x")
    except BadInput:
        return


def test_a_zip_has_no_links_either() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("c/about.toml", b"format = 1\n")
        link = zipfile.ZipInfo("c/root/proc/cpuinfo")
        link.external_attr = 0o120777 << 16
        made.writestr(link, "/etc/shadow")
    with pytest.raises(BadInput, match="no links"):
        members(out.getvalue(), "x")


def zipped(method: int) -> bytearray:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        made.writestr("c/about.toml", b"format = 1\n" * 20)
        made.writestr("c/root/proc/cpuinfo", b"processor : 0\n" * 30)
    return bytearray(out.getvalue())


METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@pytest.mark.parametrize("method", one_in(2, METHODS))
def test_a_broken_zip_is_read_or_bad_input(method: int) -> None:
    whole, chosen = zipped(method), random.Random(5)
    read = 0
    for _ in range(4000):
        damaged = whole.copy()
        for _ in range(chosen.randint(1, 4)):
            damaged[chosen.randrange(len(damaged))] = chosen.randrange(256)
        try:
            members(bytes(damaged), "x")
            read += 1
        except BadInput:
            pass
    assert 0 < read < 4000


def zip_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def repeated(kind: bytes, data: bytes, times: int) -> bytes:
    """A header with its data, again and again, and then the members."""
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, len(data)
    one = header.tobuf() + data + bytes(-len(data) % tarfile.BLOCKSIZE)
    return one * times + TAR


def pax(value: int) -> bytes:
    """A record of a header, which begins with its own length in decimal."""
    line = b" comment=" + b"x" * value + b"\n"
    length = len(line) + len(str(len(line)))
    return str(length if len(str(length)) == len(str(len(line))) else length + 1).encode() + line


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "behind the members": (
        lambda: gzip.compress(TAR + bytes(ARCHIVE_LIMIT), 1),
        "unpacks to more than 64 MiB",
    ),
    "a long header": (lambda: repeated(tarfile.XHDTYPE, pax(5000), 1), "headers .* are too long"),
    "long headers": (lambda: repeated(tarfile.XGLTYPE, pax(3900), 150), "headers .* are too long"),
    "headers alone": (lambda: repeated(tarfile.XHDTYPE, pax(1), 3000), "more headers than members"),
    "members of a zip": (
        lambda: zip_of({str(number): b"" for number in range(MEMBER_LIMIT + 1)}),
        "more than 10000 members",
    ),
    "a name in a zip": (lambda: zip_of({"../x": b""}), "leads out of it"),
    "a zip": (
        lambda: zip_of({"c/about.toml": bytes(ARCHIVE_LIMIT + 1)}),
        "unpacks to more than 64 MiB",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_each_limit_of_an_archive_holds(name: str) -> None:
    make, reason = BOMBS[name]
    with pytest.raises(BadInput, match=reason):
        members(make(), "x")


def test_an_xz_that_needs_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = lzma.compress(TAR, preset=6)
    assert "about.toml" in members(data, "x")
    monkeypatch.setattr(archive, "XZ_MEMORY", 1 << 20)
    with pytest.raises(BadInput, match="Memory usage limit"):
        members(data, "x")
