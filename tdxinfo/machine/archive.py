"""Captures in a tar archive, packed or not, or in a zip, read in memory, never on disk."""

from __future__ import annotations

import io
import posixpath
import stat
import tarfile
import zlib
from typing import Any

from tdxinfo.errors import BadInput
from tdxinfo.machine.captured import CapturedMachine, from_memory, open_record

ARCHIVE_LIMIT = 64 << 20
"""Bytes of a whole archive, unpacked. A capture of a large host has under 10 MiB."""

XZ_MEMORY = 64 << 20
"""Bytes that xz may need to unpack; those of its highest presets are more than a capture's."""

MEMBER_LIMIT = 10_000

HEADER_LIMIT = 4096
"""Bytes of one header that extends a member's; of names and times it has a few hundred."""
_HEADERS_WORK = MEMBER_LIMIT * 400**2
"""The squares of the lengths of all of them: so long can Python take, if they are made for that."""


def open_archive(data: bytes, shown: str) -> CapturedMachine:
    """The capture in an archive. Raises BadInput."""
    return open_record(from_memory(members(data, shown)), "capture", shown)


GZIP, XZ, ZIP = b"\x1f\x8b", b"\xfd7zXZ\0", b"PK\x03\x04"
"""How packed data begin."""


class _Plain:
    """Data that are not packed, given like those that are."""

    def __init__(self) -> None:
        self.unconsumed_tail = memoryview(b"")
        self.eof = False

    def decompress(self, data: bytes, most: int) -> bytes:
        whole = memoryview(data)
        self.unconsumed_tail = whole[most:]
        self.eof = not self.unconsumed_tail
        return bytes(whole[:most])


class _Xz:
    """An xz decompressor with zlib's interface, which returns a limited part of the data."""

    def __init__(self) -> None:
        import lzma

        self._decompressor = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
        self.unconsumed_tail = b""

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    def decompress(self, data: bytes, most: int) -> bytes:
        return b"" if self.eof else self._decompressor.decompress(data, most)


class _Inflated(io.RawIOBase):
    """Packed data, unpacked; ends with BadInput once it has given `ARCHIVE_LIMIT` bytes."""

    def __init__(self, data: bytes, shown: str) -> None:
        self._rest = data
        self._shown = shown
        self._inflate: Any = _Plain()
        if data.startswith(GZIP):
            self._inflate = zlib.decompressobj(wbits=31)
        elif data.startswith(XZ):
            self._inflate = _Xz()
        self._given = 0

    def finish(self) -> None:
        """Reads on to the end: only there gzip shows whether all of it is complete."""
        while self.read(1 << 16):
            pass
        if not self._inflate.eof:
            raise BadInput(f"{self._shown} is cut short.")

    def read(self, size: int = -1) -> bytes:
        chunk: bytes = self._inflate.decompress(
            self._rest, max(size, 1) if size >= 0 else ARCHIVE_LIMIT
        )
        self._rest = self._inflate.unconsumed_tail
        self._given += len(chunk)
        if self._given > ARCHIVE_LIMIT:
            raise BadInput(f"{self._shown} unpacks to more than {ARCHIVE_LIMIT >> 20} MiB.")
        return chunk


_EXTENDING = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


def bounded_headers(shown: str) -> type[tarfile.TarInfo]:
    """The members of one archive, whose extending headers are few and small."""
    left = _HEADERS_WORK

    class Member(tarfile.TarInfo):
        def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
            """tarfile's own step from a header to what follows it; each version has it."""
            nonlocal left
            if self.type in _EXTENDING:
                left -= self.size**2
                if self.size > HEADER_LIMIT or left < 0:
                    raise BadInput(f"The headers before the members of {shown} are too long.")
            found: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
            return found

    return Member


def members(data: bytes, shown: str) -> dict[str, bytes]:
    """The regular files of the archive by their paths below the capture's top."""
    if data.startswith(ZIP):
        return _below_top(_zipped(data, shown))
    files: dict[str, bytes] = {}
    claimed = 0
    try:
        stream = _Inflated(data, shown)
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=bounded_headers(shown)) as archive:
            for count, member in enumerate(archive):
                if count >= MEMBER_LIMIT:
                    raise BadInput(f"{shown} has more than {MEMBER_LIMIT} members.")
                name = _safe_name(member, shown)
                # A sparse member claims more than the archive holds.
                claimed += member.size
                if claimed > ARCHIVE_LIMIT:
                    raise BadInput(f"{shown} unpacks to more than {ARCHIVE_LIMIT >> 20} MiB.")
                if member.isreg() and (content := archive.extractfile(member)):
                    files[name] = content.read()
        stream.finish()
    except (BadInput, MemoryError):
        raise
    except RecursionError:
        raise BadInput(f"{shown} has more headers than members.") from None
    except Exception as error:  # tarfile, lzma and zlib have errors of their own
        raise BadInput(f"{shown} is not a complete archive: {error}.") from None
    return _below_top(files)


def _zipped(data: bytes, shown: str) -> dict[str, bytes]:
    """The regular files of a zip. Raises BadInput."""
    import zipfile

    left = ARCHIVE_LIMIT
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if len(archive.infolist()) > MEMBER_LIMIT:
                raise BadInput(f"{shown} has more than {MEMBER_LIMIT} members.")
            for member in archive.infolist():
                if member.is_dir():
                    continue
                _require_inside(member.filename, shown)
                if stat.S_ISLNK(member.external_attr >> 16):
                    raise _no_file(member.filename, shown)
                with archive.open(member) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise BadInput(f"{shown} unpacks to more than {ARCHIVE_LIMIT >> 20} MiB.")
                files[posixpath.normpath(member.filename)] = content
    except (BadInput, MemoryError):
        raise
    except Exception as error:  # zipfile, lzma, bz2, zlib and struct have errors of their own
        raise BadInput(f"{shown} is not a complete archive: {error}.") from None
    return files


def _below_top(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of the folder that holds about.toml, by their paths inside it."""
    top = min(
        (name for name in files if posixpath.basename(name) == "about.toml"), default="", key=len
    )
    prefix = top.removesuffix("about.toml")
    return {
        name.removeprefix(prefix): kept for name, kept in files.items() if name.startswith(prefix)
    }


def _safe_name(member: tarfile.TarInfo, shown: str) -> str:
    _require_inside(member.name, shown)
    name = posixpath.normpath(member.name)
    if not (member.isreg() or member.isdir()):
        raise _no_file(member.name, shown)
    return name


def _no_file(name: str, shown: str) -> BadInput:
    return BadInput(f"{shown} holds {name[:100]!r}, which is not a file: captures have no links.")


def _require_inside(path: str, shown: str) -> None:
    name = posixpath.normpath(path)
    if path.startswith("/") or name == ".." or name.startswith("../"):
        raise BadInput(f"{shown} holds {path[:100]!r}, which leads out of it.")
