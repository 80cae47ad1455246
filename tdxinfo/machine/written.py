"""A file that is written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile

from tdxinfo.errors import BadInput

READABLE = 0o644
"""The node exporter and NFD read as users of their own, whatever the umask here is."""


def write_whole(data: bytes, path: str) -> None:
    """Replaces the content of `path` by `data` in one step. Raises BadInput.

    Until then it is beside it under a name with a dot, which collectors of files pass over.
    """
    folder = os.path.dirname(os.path.abspath(path))
    _refuse_what_is_no_file(path)
    try:
        descriptor, work = tempfile.mkstemp(prefix=".tdxinfo-", dir=folder)
    except OSError as error:
        raise BadInput(f"{folder} cannot be written to: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), READABLE)
            os.fsync(file.fileno())
        os.rename(work, path)
        _settle(folder)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        if os.path.lexists(work):
            os.unlink(work)


def _refuse_what_is_no_file(path: str) -> None:
    """A device or pipe must not be replaced, nor what a link leads to."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from None
    if not stat.S_ISREG(mode):
        raise BadInput(f"{path} exists and is no regular file. Name a file.")


def _settle(folder: str) -> None:
    """Makes the new name last, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
