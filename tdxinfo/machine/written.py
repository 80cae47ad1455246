"""Writes files and folders atomically, also into a folder that another user can change.

The folder is opened once, and all calls are relative to its descriptor. Its owner can exchange
entries meanwhile, but nothing is written through them, and nothing that exists is overwritten
except the regular file that was named.
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
"""Mode of an output file, whatever the umask: the node exporter and NFD run as other users."""
PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def write_atomically(data: bytes, path: str) -> None:
    """Replaces the content of `path` by `data` in one step. Raises BadInput.

    The file that is replaced keeps its owner and mode. The data is first written to a file beside
    it whose name begins with a dot, which the node exporter and NFD ignore.
    """
    with _parent_of(path) as (parent, name):
        replaced = _replaceable(parent, name, path)
        work = f".tdxinfo-{secrets.token_hex(8)}"
        try:
            fd = os.open(work, _CREATE, PRIVATE, dir_fd=parent)
            try:
                _write_all(fd, data)
                _set_owner_and_mode(fd, replaced, path)
            finally:
                os.close(fd)
            os.rename(work, name, src_dir_fd=parent, dst_dir_fd=parent)
        except OSError as error:
            raise _not_written(error, path) from None
        finally:
            with suppress(OSError):
                os.unlink(work, dir_fd=parent)
        # The file is complete. This makes it survive a power failure; it may be unsupported.
        with suppress(OSError):
            os.fsync(parent)


def write_new(data: bytes, path: str) -> None:
    """Writes a new file that only its owner can read. Raises BadInput, also when it exists."""
    with _parent_of(path) as (parent, name):
        try:
            fd = os.open(name, _CREATE, PRIVATE, dir_fd=parent)
        except OSError as error:
            raise _not_written(error, path) from None
        try:
            _write_all(fd, data)
        except BaseException as error:
            with suppress(OSError):
                os.unlink(name, dir_fd=parent)
            if isinstance(error, OSError):
                raise _not_written(error, path) from None
            raise
        finally:
            os.close(fd)


def make_folder(path: str) -> None:
    """Creates the folder, readable by everybody, unless it exists. Raises BadInput."""
    if os.path.isdir(path):
        return
    with _parent_of(path) as (parent, name):
        try:
            os.mkdir(name, dir_fd=parent)
        except OSError as error:
            raise _not_written(error, path) from None


def write_new_folder(files: Mapping[str, bytes], path: str, last: str) -> None:
    """Writes a new folder with these files that only its owner can read. Raises BadInput.

    `last` is the file by which the folder is recognized. It is written last, so that an incomplete
    folder is not.
    """
    with _parent_of(path) as (parent, name):
        try:
            os.mkdir(name, _PRIVATE_FOLDER, dir_fd=parent)
        except OSError as error:
            raise _not_written(error, path) from None
        try:
            with _new_folder(parent, name) as folder:
                _write_files(folder, files, last)
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
        raise BadInput(f"{path} is not a file name. Name a file.")
    try:
        fd = os.open(folder or ".", _OPEN_FOLDER)
    except OSError as error:
        raise BadInput(f"{folder or '.'} cannot be written to: {error.strerror}.") from None
    try:
        yield fd, name
    finally:
        os.close(fd)


def _not_written(error: OSError, path: str) -> BadInput:
    if error.errno == errno.EEXIST:
        return BadInput(f"{path} exists already. Name a path that does not exist.")
    return BadInput(f"{path} cannot be written: {error.strerror}.")


def _replaceable(parent: int, name: str, path: str) -> os.stat_result | None:
    """The regular file with this name; None when there is none. Raises BadInput for others.

    A device, a pipe or a link must not be replaced.
    """
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _not_written(error, path) from None
    if not stat.S_ISREG(found.st_mode):
        raise BadInput(f"{path} exists and is not a regular file. Name a file.")
    return found


def _set_owner_and_mode(fd: int, replaced: os.stat_result | None, path: str) -> None:
    """Gives the new file the owner and mode of the one it replaces, or READABLE."""
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


def _write_all(fd: int, data: bytes) -> None:
    """Writes the data to the disk: os.write() may write a part of it."""
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
    os.fsync(fd)


@contextmanager
def _new_folder(parent: int, name: str) -> Iterator[int]:
    """Opens the folder that was just created; removes its files if writing them fails."""
    fd = os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    try:
        found = os.fstat(fd)
        # The parent's owner can have exchanged the folder since it was created.
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise OSError(errno.EPERM, "another folder was put in its place")
        if os.listdir(fd):
            raise OSError(errno.EPERM, "an older folder was put in its place")
        try:
            yield fd
        except BaseException:
            for entry in os.listdir(fd):
                _remove(fd, entry)
            raise
    finally:
        os.close(fd)


def _remove(folder: int, entry: str) -> None:
    """Removes a file, or a folder with all in it, if possible."""
    with suppress(OSError):
        if stat.S_ISDIR(os.stat(entry, dir_fd=folder, follow_symlinks=False).st_mode):
            shutil.rmtree(entry, dir_fd=folder)
        else:
            os.unlink(entry, dir_fd=folder)


def _write_files(folder: int, files: Mapping[str, bytes], last: str) -> None:
    """Writes the files, with the folders in their paths; `last` after all others."""
    for name in sorted(files, key=lambda name: (name == last, name)):
        *parents, base = name.split("/")
        inner = os.dup(folder)
        try:
            for part in parents:
                below = _open_or_create_folder(inner, part)
                os.close(inner)
                inner = below
            fd = os.open(base, _CREATE, PRIVATE, dir_fd=inner)
            try:
                _write_all(fd, files[name])
            finally:
                os.close(fd)
        finally:
            os.close(inner)


def _open_or_create_folder(parent: int, name: str) -> int:
    """The descriptor of the folder `name` inside `parent`."""
    with suppress(FileExistsError):
        os.mkdir(name, _PRIVATE_FOLDER, dir_fd=parent)
    return os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=parent)
