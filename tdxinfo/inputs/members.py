"""The files of a support bundle's archive that matter, in memory."""

from __future__ import annotations

import io
import posixpath
import re
from typing import TYPE_CHECKING

from tdxinfo.errors import Absent, BadInput
from tdxinfo.machine import FILE_LIMIT

if TYPE_CHECKING:
    import tarfile

_UNPACKED_LIMIT = 2 << 30
"""Limit of the unpacked size of a bundle's archive, most of which is skipped."""
_KEPT_LIMIT = 96 << 20
_MEMBERS_LIMIT = 200_000
_LINKS_LIMIT = 40
_KEPT = re.compile(
    r"(?:proc/(?:cmdline|cpuinfo|iomem|zoneinfo|misc|modules|meminfo|version|sys/)"
    r"|sys/(?:module|class|devices|firmware|fs/cgroup|kernel/security|power)/"
    r"|etc/(?:modprobe\.d|default|kernel|os-release|qgs|sysconfig)|usr/lib/os-release"
    r"|(?:usr/|usr/local/)?lib/modprobe\.d|run/modprobe\.d"
    r"|boot/(?:config-|loader/|grub)|lib/modules/[^/]+/config|var/log/dmesg"
    r"|uname$|sos_commands/(?:kernel|general|processor|logs|rpm/sh_|dpkg/dpkg_-l)"
    r"|installed-(?:rpms|debs)$|[a-z-]+\.txt$)"
)
"""Limit of what is kept of an archive in memory; the rest is skipped."""


class Members:
    """The files of an archive that matter, and its links, which lead only to other members."""

    def __init__(self, data: bytes, kind: str, shown: str) -> None:
        self._files: dict[str, bytes] = {}
        self._links: dict[str, str] = {}
        self._kept = 0
        import tarfile

        from tdxinfo.machine.archive import bounded_headers

        headers = bounded_headers(shown)
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r|*", tarinfo=headers) as archive:
                for count, member in enumerate(archive):
                    if count >= _MEMBERS_LIMIT or archive.offset > _UNPACKED_LIMIT:
                        raise _too_large(kind, shown)
                    self._keep(archive, member, kind, shown)
        except (BadInput, MemoryError):
            raise
        except Exception as error:  # tarfile, lzma and zlib have errors of their own
            raise BadInput(f"{shown} is not a complete archive: {error}.") from None

    def _keep(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, kind: str, shown: str
    ) -> None:
        name = posixpath.normpath(member.name).partition("/")[2]
        if member.issym():
            self._links[name] = member.linkname
        elif member.isreg() and _KEPT.match(name) and member.size <= FILE_LIMIT:
            content = archive.extractfile(member)
            self._files[name] = content.read() if content else b""
            self._kept += len(self._files[name])
            if self._kept > _KEPT_LIMIT:
                raise _too_large(kind, shown)

    def read(self, inner: str) -> bytes:
        """A member, through links as the host would follow them. Raises Absent."""
        path = self._followed(inner)
        if path not in self._files:
            raise Absent(f"{inner} is not in the record")
        return self._files[path]

    def names(self, folder: str) -> list[str]:
        """The names of the members in a folder. Raises Absent."""
        start = f"{self._followed(folder)}/"
        members = (path for path in (*self._files, *self._links) if path.startswith(start))
        found = {path.removeprefix(start).partition("/")[0] for path in members}
        if not found:
            raise Absent(f"{folder} is not in the record")
        return sorted(found)

    def _followed(self, inner: str) -> str:
        """The path without links."""
        left = inner.split("/")[::-1]
        at: list[str] = []
        links = 0
        while left:
            part = left.pop()
            if part == "..":
                at = at[:-1]
                continue
            target = self._links.get("/".join([*at, part]))
            if part in ("", ".") or target is None:
                at += [part] if part not in ("", ".") else []
                continue
            links += 1
            if links > _LINKS_LIMIT:
                break
            at = [] if target.startswith("/") else at
            left += target.split("/")[::-1]
        return "/".join(at)


def _too_large(kind: str, shown: str) -> BadInput:
    return BadInput(f"{shown} is a very large {kind}. Unpack it, and name the folder.")
