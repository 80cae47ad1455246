"""Captures in a tar.gz archive, read in memory. Nothing is unpacked to disk."""

from __future__ import annotations

import io
import posixpath
import tarfile
import zlib

from tdxinfo.errors import BadInput
from tdxinfo.machine.captured import CapturedMachine, from_memory, open_record

ARCHIVE_LIMIT = 64 << 20
"""Bytes of a whole archive, unpacked. A capture of a large host has under 10 MiB."""

MEMBER_LIMIT = 10_000


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
        """Reads on to the end: only there gzip tells whether all of it came whole."""
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


def members(data: bytes, shown: str) -> dict[str, bytes]:
    """The regular files of the archive by their paths below the capture's top."""
    files: dict[str, bytes] = {}
    claimed = 0
    try:
        stream = _Inflated(data, shown)
        with tarfile.open(fileobj=stream, mode="r|") as archive:
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
