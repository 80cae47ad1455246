"""Captures in a tar.gz archive, read in memory. Nothing is unpacked to disk."""

from __future__ import annotations

import io
import posixpath
import tarfile
import zlib
from typing import Self

from tdxinfo.errors import BadInput
from tdxinfo.machine.captured import CapturedMachine, from_memory, open_record

ARCHIVE_LIMIT = 64 << 20
"""Bytes of a whole archive, unpacked. A capture of a large host has under 10 MiB."""

MEMBER_LIMIT = 10_000

HEADER_LIMIT = 4096
"""Bytes of one header that extends a member's; of names and times it has a few hundred."""
_HEADERS_WORK = MEMBER_LIMIT * 400**2
"""The squares of the lengths of all of them: so long can Python take, if they are made for that."""


def open_archive(data: bytes, shown: str) -> CapturedMachine:
    """The capture in a gzip-compressed tar archive. Raises BadInput."""
    return open_record(from_memory(members(data, shown)), "capture", shown)


class _Inflated(io.RawIOBase):
    """A gzip stream, inflated; ends with BadInput once it has given `ARCHIVE_LIMIT` bytes."""

    def __init__(self, data: bytes, shown: str) -> None:
        self._rest = data
        self._shown = shown
        self._inflate = zlib.decompressobj(wbits=31)
        self._given = 0

    def finish(self) -> None:
        """Reads on to the end: only there gzip shows whether all of it is complete."""
        while self.read(1 << 16):
            pass
        if not self._inflate.eof:
            raise BadInput(f"{self._shown} is cut short.")

    def read(self, size: int = -1) -> bytes:
        chunk = self._inflate.decompress(self._rest, max(size, 1) if size >= 0 else ARCHIVE_LIMIT)
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


def _bounded_headers(shown: str) -> type[tarfile.TarInfo]:
    """The members of one archive, whose extending headers are few and small."""
    left = _HEADERS_WORK

    class Member(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            nonlocal left
            found = super().frombuf(buf, encoding, errors)
            if found.type in _EXTENDING:
                left -= found.size**2
                if found.size > HEADER_LIMIT or left < 0:
                    raise BadInput(f"{shown} has too long headers before its members.")
            return found

    return Member


def members(data: bytes, shown: str) -> dict[str, bytes]:
    """The regular files of the archive by their paths below the capture's top."""
    files: dict[str, bytes] = {}
    claimed = 0
    try:
        stream = _Inflated(data, shown)
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_bounded_headers(shown)) as archive:
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
    except RecursionError:
        raise BadInput(f"{shown} has more headers than members.") from None
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError) as error:
        raise BadInput(f"{shown} is no whole tar.gz archive: {error}.") from None
    top = min(
        (name for name in files if posixpath.basename(name) == "about.toml"), default="", key=len
    )
    prefix = top.removesuffix("about.toml")
    return {
        name.removeprefix(prefix): kept for name, kept in files.items() if name.startswith(prefix)
    }


def _safe_name(member: tarfile.TarInfo, shown: str) -> str:
    name = posixpath.normpath(member.name)
    if member.name.startswith("/") or name == ".." or name.startswith("../"):
        raise BadInput(f"{shown} holds {member.name!r:.100}, which leads out of it.")
    if not (member.isreg() or member.isdir()):
        raise BadInput(
            f"{shown} holds {member.name!r:.100}, which is no file: captures have no links."
        )
    return name
