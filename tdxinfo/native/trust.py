"""Which folders and modules root may build in and load: those that nobody but root can change."""

from __future__ import annotations

import os
import re
import stat
from typing import NamedTuple

from tdxinfo.errors import BadInput, Unavailable
from tdxinfo.machine.bounded import OPEN_FLAGS, read_descriptor

ROOT = 0
STATE_FOLDER = "/var/lib/tdxinfo"
"""Where root builds, whatever HOME and XDG_CACHE_HOME say."""

_MODULE_LIMIT = 16 << 20
_INIT_MODULE, _FINIT_MODULE = 175, 313
"""The system calls' numbers on x86-64."""
_PLAIN = re.compile(r"[\w/.+@=,-]+", re.ASCII)
_WALK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def require_plain(path: str) -> None:
    """Raises BadInput for a path that make and its shell would not take as it is."""
    if not _PLAIN.fullmatch(path):
        raise BadInput(
            f"{path[:200]!r} cannot be used: make takes only letters, digits and /.+@=,-_ in paths."
        )


def require_folder(path: str) -> None:
    """Makes the folder where it is missing. Raises BadInput when others than root can change it."""
    existing = path
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    os.close(_walk(os.path.realpath(existing), stat.S_IFDIR))
    try:
        before = os.umask(0o022)
        try:
            os.makedirs(path, 0o755, exist_ok=True)
        finally:
            os.umask(before)
    except OSError as error:
        raise BadInput(f"{path} cannot be made: {error.strerror}.") from None
    os.close(_walk(os.path.realpath(path), stat.S_IFDIR))


class Module(NamedTuple):
    """A module that was checked, and is loaded as it was then."""

    fd: int
    """The file's descriptor, at its beginning."""
    unpacked: bytes | None = None
    """The module in a file that is compressed; None where the file is the module."""


def open_module(path: str, version: str, rebuild: str = "`tdxinfo helper build`") -> Module:
    """The module of this version, which only root can have written, packed or not.

    `rebuild` is the command that makes it anew. Raises BadInput.
    """
    if not os.path.exists(path):
        raise BadInput(f"{path} does not exist.")
    fd = _walk(os.path.realpath(path), stat.S_IFREG)
    try:
        found = os.open(f"/proc/self/fd/{fd}", OPEN_FLAGS)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
    finally:
        os.close(fd)
    try:
        data = read_descriptor(found, _MODULE_LIMIT, path)
        content = _unpacked(data)
        value = version_of(content)
        if value != version:
            raise BadInput(
                f"{path} is not built from this tdxinfo's source: its version is "
                f"{value or 'unknown'}, not {version}. Run {rebuild} again."
            )
        os.lseek(found, 0, os.SEEK_SET)
    except Unavailable as error:
        os.close(found)
        raise BadInput(f"{path} cannot be unpacked: {error}. {error.remedy}".strip()) from None
    except BadInput:
        os.close(found)
        raise
    return Module(found, None if content is data else content)


def _unpacked(data: bytes) -> bytes:
    """The module in a file as DKMS leaves it; the same bytes where it is not packed.

    Raises Unavailable.
    """
    from tdxinfo.decode import packed

    if data.startswith(packed.ZSTD):
        from tdxinfo.sources.programs import filtered

        return filtered("zstd", ["-dcq"], data, _MODULE_LIMIT)
    return packed.unpacked(data, _MODULE_LIMIT) if packed.is_packed(data) else data


def version_of(module: bytes) -> str:
    """What the module's .modinfo says of its version; empty where it says nothing."""
    found = re.search(rb"(?:^|\0)version=([^\0]{1,100})\0", module)
    return found[1].decode("ascii", "replace") if found else ""


def insert(module: Module) -> None:
    """Loads the module that was checked, whatever its path leads to now. Raises OSError."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if module.unpacked is None:
        failed = libc.syscall(_FINIT_MODULE, module.fd, b"", 0)
    else:
        size = ctypes.c_ulong(len(module.unpacked))
        failed = libc.syscall(_INIT_MODULE, module.unpacked, size, b"")
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _walk(path: str, kind: int) -> int:
    """A descriptor of the file, reached over folders that only root can change."""
    at = os.open("/", _WALK | os.O_DIRECTORY)
    shown = "/"
    try:
        _require_of_root(at, shown)
        for part in filter(None, path.split("/")):
            shown = os.path.join(shown, part)
            below = os.open(part, _WALK, dir_fd=at)
            os.close(at)
            at = below
            _require_of_root(at, shown)
        if stat.S_IFMT(os.fstat(at).st_mode) != kind:
            raise BadInput(f"{path} is not a {'folder' if kind == stat.S_IFDIR else 'file'}.")
    except OSError as error:
        os.close(at)
        raise BadInput(f"{shown} cannot be used: {error.strerror}.") from None
    except BadInput:
        os.close(at)
        raise
    return at


def _require_of_root(fd: int, shown: str) -> None:
    found = os.fstat(fd)
    why = ""
    if found.st_uid != ROOT:
        why = f"it belongs to user {found.st_uid}"
    elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not stat.S_ISLNK(found.st_mode):
        why = "users other than root can write to it"
    if why:
        raise BadInput(
            f"{shown} is not safe for root: {why}. Run `tdxinfo helper build` as root, which "
            f"builds below {STATE_FOLDER}."
        )
