"""Files and folders that are written whole or not at all, also in a folder of somebody else's.

The folder is opened once, and everything goes relative to its descriptor: whoever owns it may
exchange its entries meanwhile, but nothing is written through them, and nothing that exists is
overwritten except the regular file that was named.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from tdxinfo.errors import BadInput

READABLE = 0o644
"""The node exporter and NFD read as users of their own, whatever the umask here is."""
PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def write_whole(data: bytes, path: str) -> None:
    """Replaces the content of `path` by `data` in one step. Raises BadInput.

    The file that is replaced keeps its owner and mode. Until then the new one has a name with a
    dot beside it, which collectors of files pass over.
    """
    with _parent_of(path) as (parent, name):
        replaced = _replaceable(parent, name, path)
        work = f".tdxinfo-{secrets.token_hex(8)}"
        try:
            fd = os.open(work, _NEW, PRIVATE, dir_fd=parent)
            try:
                _fill(fd, data)
                _give(fd, replaced, path)
            finally:
                os.close(fd)
            os.rename(work, name, src_dir_fd=parent, dst_dir_fd=parent)
        except OSError as error:
            raise _not_written(error, path) from None
        finally:
            with suppress(OSError):
                os.unlink(work, dir_fd=parent)
        # The new file is there: what is left is whether it outlives a power failure.
        with suppress(OSError):
            os.fsync(parent)


def write_new(data: bytes, path: str) -> None:
    """A new file, for its owner alone. Raises BadInput, also where something has that name."""
    with _parent_of(path) as (parent, name):
        try:
            fd = os.open(name, _NEW, PRIVATE, dir_fd=parent)
        except OSError as error:
            raise _not_written(error, path) from None
        try:
            _fill(fd, data)
        except BaseException as error:
            with suppress(OSError):
                os.unlink(name, dir_fd=parent)
            if isinstance(error, OSError):
                raise _not_written(error, path) from None
            raise
        finally:
            os.close(fd)


def make_folder(path: str) -> None:
    """The folder, for everybody to read, where it is missing. Raises BadInput."""
    if os.path.isdir(path):
        return
    with _parent_of(path) as (parent, name):
        try:
            os.mkdir(name, dir_fd=parent)
        except OSError as error:
            raise _not_written(error, path) from None


def write_new_folder(files: Mapping[str, bytes], path: str, last: str) -> None:
    """A new folder with these files, for its owner alone. Raises BadInput.

    `last` is the file without which the folder means nothing: it is written last.
    """
    with _parent_of(path) as (parent, name):
        try:
            os.mkdir(name, _PRIVATE_FOLDER, dir_fd=parent)
        except OSError as error:
            raise _not_written(error, path) from None
        try:
            with _own_folder(parent, name) as folder:
                _fill_folder(folder, files, last)
        except BaseException as error:
            with suppress(OSError):
                os.rmdir(name, dir_fd=parent)
            if isinstance(error, OSError):
                raise _not_written(error, path) from None
            raise


@contextmanager
def _parent_of(path: str) -> Iterator[tuple[int, str]]:
    """The descriptor of the folder that holds `path`, and the name in it."""
    folder, name = os.path.split(path.rstrip("/") or path)
    if not name or name in (".", ".."):
        raise BadInput(f"{path} names no file. Name a new one.")
    try:
        fd = os.open(folder or ".", _FOLDER)
    except OSError as error:
        raise BadInput(f"{folder or '.'} cannot be written to: {error.strerror}.") from None
    try:
        yield fd, name
    finally:
        os.close(fd)


def _not_written(error: OSError, path: str) -> BadInput:
    if error.errno == errno.EEXIST:
        return BadInput(f"{path} exists already. Name a new place.")
    return BadInput(f"{path} cannot be written: {error.strerror}.")


def _replaceable(parent: int, name: str, path: str) -> os.stat_result | None:
    """What stands there. A device or pipe must not be replaced, nor what a link leads to."""
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _not_written(error, path) from None
    if not stat.S_ISREG(found.st_mode):
        raise BadInput(f"{path} exists and is no regular file. Name a file.")
    return found


def _give(fd: int, replaced: os.stat_result | None, path: str) -> None:
    """Owner and mode of the file that is replaced; a new one is readable for all."""
    if replaced is None:
        os.fchmod(fd, READABLE)
        return
    own = os.fstat(fd)
    if (own.st_uid, own.st_gid) != (replaced.st_uid, replaced.st_gid):
        try:
            os.fchown(fd, replaced.st_uid, replaced.st_gid)
        except PermissionError:
            raise BadInput(
                f"{path} belongs to another user, and cannot be replaced with its owner kept."
            ) from None
    os.fchmod(fd, stat.S_IMODE(replaced.st_mode) & 0o777)


def _fill(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
    os.fsync(fd)


@contextmanager
def _own_folder(parent: int, name: str) -> Iterator[int]:
    """The folder just made, emptied again when its filling fails."""
    fd = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    try:
        found = os.fstat(fd)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise OSError(errno.EPERM, "another folder was put in its place")
        try:
            yield fd
        except BaseException:
            for entry in os.listdir(fd):
                _remove(fd, entry)
            raise
    finally:
        os.close(fd)


def _remove(folder: int, entry: str) -> None:
    with suppress(OSError):
        if stat.S_ISDIR(os.stat(entry, dir_fd=folder, follow_symlinks=False).st_mode):
            shutil.rmtree(entry, dir_fd=folder)
        else:
            os.unlink(entry, dir_fd=folder)


def _fill_folder(folder: int, files: Mapping[str, bytes], last: str) -> None:
    for name in sorted(files, key=lambda name: (name == last, name)):
        *parents, base = name.split("/")
        inner = os.dup(folder)
        try:
            for part in parents:
                below = _made(inner, part)
                os.close(inner)
                inner = below
            fd = os.open(base, _NEW, PRIVATE, dir_fd=inner)
            try:
                _fill(fd, files[name])
            finally:
                os.close(fd)
        finally:
            os.close(inner)


def _made(parent: int, name: str) -> int:
    """The descriptor of a folder inside, made where it is missing."""
    with suppress(FileExistsError):
        os.mkdir(name, _PRIVATE_FOLDER, dir_fd=parent)
    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
