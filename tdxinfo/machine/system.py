"""The running system: every open, listing, stat and started program of a live machine.

With `--root`, the host's files are below a folder, and no path leads out of it: each is opened
component by component, and links are resolved inside the folder.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from tdxinfo.errors import Absent, Excluded, Malformed, Unavailable, Unsupported, from_oserror
from tdxinfo.machine.bounded import OPEN_FLAGS, in_words, is_device, read_descriptor
from tdxinfo.machine.kinds import kind_of
from tdxinfo.model.base import encodable

NAMES_LIMIT = 65_536
"""Names of one folder that are read at most; /dev/cpu of the largest host has 8192."""

TEXTS_LIMIT = 64 << 20
"""Bytes of the files of one folder; 5,000 domains of libvirt have about 40 MiB."""

_MOUNTS = (
    ("/sys", "sysfs", "/sys/kernel"),
    ("/proc", "proc", "/proc/version"),
    ("/dev", "devtmpfs", "/dev/null"),
)
"""Mount points: the kernel's file system of each, and a file that always exists in it."""

_LINKS_LIMIT = 40
"""Links on the way to one file, as in the kernel's own walk."""
_WALK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class System:
    """The files of a host below `root`. All methods raise Unavailable, and may block for ever."""

    def __init__(self, root: str = "/", programs_excluded_by: str = "") -> None:
        self.root = root
        self._programs_excluded_by = programs_excluded_by

    @property
    def is_whole(self) -> bool:
        """Whether this is the running system itself, and no folder of it."""
        return self.root == "/"

    def read(self, path: str, limit: int | None = None) -> bytes:
        """The bytes of a regular file. Raises Malformed when it has more than `limit`, which is
        that of its kind of source where none is given.
        """
        with self.opened(path) as fd:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Malformed(f"{path} is not a regular file")
            return read_descriptor(fd, limit or kind_of(path).limit, path)

    def text(self, path: str) -> str:
        """The file's text; bytes that are not UTF-8 become replacement characters."""
        return self.read(path).decode("utf-8", "replace")

    def texts(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Each path with its file's text, except those that were removed meanwhile.

        Raises Malformed when they have more than `TEXTS_LIMIT` bytes together.
        """
        left = TEXTS_LIMIT
        for path in paths:
            with suppress(Absent):
                data = self.read(path)
                left -= len(data)
                if left < 0:
                    folder = os.path.dirname(path)
                    raise Malformed(f"the files in {folder} have more than {in_words(TEXTS_LIMIT)}")
                yield path, data.decode("utf-8", "replace")

    @contextmanager
    def opened(self, path: str, flags: int = 0) -> Iterator[int]:
        """A descriptor of the file, closed at the end."""
        fd = self.open(path, flags)
        try:
            yield fd
        finally:
            os.close(fd)

    def open(self, path: str, flags: int = 0) -> int:
        """A descriptor of the file for reading; opening a pipe or device does not wait."""
        try:
            if self.is_whole:
                return os.open(path, OPEN_FLAGS | flags)
            return _open_beneath(self.root, path, OPEN_FLAGS | flags)
        except OSError as error:
            raise self._refusal(error, path) from None
        except ValueError:
            raise Malformed(f"{path[:100]!r} is not a valid file name") from None

    def _refusal(self, error: OSError, path: str) -> Unavailable:
        """The Unavailable for the error: Unsupported, not Absent, where the kernel's file system is
        not mounted. What lies there then, as in a copy of a host's files, is not all of it.
        """
        refusal = from_oserror(error, path)
        if not isinstance(refusal, Absent):
            return refusal
        for folder, file_system, always_there in _MOUNTS:
            is_inside = path.startswith(f"{folder}/") and path != always_there
            if is_inside and not self.exists(always_there):
                where = folder if self.is_whole else encodable(self.root.rstrip("/") + folder)
                message = f"{file_system} is not mounted on {where}"
                return Unsupported(message, f"Mount {file_system} on {where}.")
        return refusal

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted."""
        found: list[str] = []
        with self.opened(folder, os.O_DIRECTORY) as fd:
            try:
                with os.scandir(fd) as entries:
                    for entry in entries:
                        found.append(entry.name)
                        if len(found) > NAMES_LIMIT:
                            raise Malformed(f"{folder} has more than {NAMES_LIMIT} names")
            except OSError as error:
                raise from_oserror(error, folder) from None
        return sorted(found)

    def status(self, path: str) -> os.stat_result:
        """The result of stat() for the path, links followed."""
        if not self.is_whole:
            with self.opened(path, os.O_PATH) as fd:
                return os.fstat(fd)
        try:
            return os.stat(path)
        except OSError as error:
            raise self._refusal(error, path) from None

    def target(self, link: str) -> str:
        """The text of a symbolic link."""
        folder, name = os.path.split(link)
        with self.opened(folder, os.O_PATH | os.O_DIRECTORY) as fd:
            try:
                return os.readlink(name, dir_fd=fd)
            except OSError as error:
                raise from_oserror(error, link) from None

    def exists(self, path: str) -> bool:
        try:
            self.status(path)
        except Absent:
            return False
        return True

    def is_mount(self, folder: str) -> bool:
        """Whether a file system is mounted there."""
        above = os.path.dirname(folder)
        return self.status(folder).st_dev != self.status(above).st_dev

    def require_programs(self) -> None:
        """Raises Excluded where no program of this system may be started."""
        if self._programs_excluded_by:
            raise Excluded(f"starting programs is excluded by {self._programs_excluded_by}")
        if not self.is_whole:
            raise Excluded("the programs of a system below --root are not started")


def _open_beneath(root: str, path: str, flags: int) -> int:
    """Opens `path` as if `root` were the root of the file system. Raises OSError."""
    walk = _Walk(root)
    try:
        name = walk.to_last(path)
        if not flags & os.O_PATH:
            _require_known(os.stat(name, dir_fd=walk.folder, follow_symlinks=False), path)
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=walk.folder)
    finally:
        walk.close()


_KNOWN_DEVICES = {(1, 11), (10, 232)}
"""The kernel log and KVM, by major and minor number (Linux, admin-guide/devices.txt)."""
_MSR_MAJOR = 202
"""Of the MSRs; the minor number is that of the CPU."""


def _require_known(found: os.stat_result, path: str) -> None:
    """Raises Malformed for a device that is not one of those that are read.

    Whoever made the folder chose the devices in it, and to open one can change something: a
    watchdog begins to count.
    """
    number = (os.major(found.st_rdev), os.minor(found.st_rdev))
    if is_device(found) and number not in _KNOWN_DEVICES and number[0] != _MSR_MAJOR:
        raise Malformed(f"{path} is a device that tdxinfo does not read")


class _Walk:
    """Opens the folders on a path below a root, one by one.

    Links are read and resolved here, never followed by the kernel. So neither a magic link
    (/proc/self/root) nor an entry that is exchanged meanwhile leads out of the root.
    """

    def __init__(self, root: str) -> None:
        self._folders = [os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
        self._left: list[str] = []  # components of the path, the next one last
        self._links = 0

    @property
    def folder(self) -> int:
        return self._folders[-1]

    def to_last(self, path: str) -> str:
        """Opens the folder of the file that the path leads to; returns the file's name in it."""
        self._add(path)
        while self._left:
            name = self._left.pop()
            if name == "..":
                self._up()
                continue
            step = os.open(name, _WALK, dir_fd=self.folder)
            mode = os.fstat(step).st_mode
            if self._left and not stat.S_ISLNK(mode):
                self._folders.append(step)
                continue
            os.close(step)
            if not stat.S_ISLNK(mode):
                return name
            self._follow(name)
        return "."

    def _add(self, path: str) -> None:
        """Puts the path's components before those that are left."""
        self._left += [part for part in path.split("/") if part not in ("", ".")][::-1]

    def _up(self) -> None:
        """Goes to the folder above; at the root it stays, as the kernel does."""
        if len(self._folders) > 1:
            os.close(self._folders.pop())

    def _follow(self, link: str) -> None:
        """Continues with the target of a link; an absolute one is relative to the root."""
        self._links += 1
        if self._links > _LINKS_LIMIT:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(link, dir_fd=self.folder)
        if target.startswith("/"):
            while len(self._folders) > 1:
                self._up()
        self._add(target)

    def close(self) -> None:
        for folder in self._folders:
            os.close(folder)
