"""Files of the kernel: sysfs, procfs, cgroup, and its build configuration."""

import errno
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from tdxinfo.decode import kernels, lines
from tdxinfo.errors import Absent, Lost, Malformed, NotRecorded, Unavailable
from tdxinfo.machine import FILE_LIMIT, Machine
from tdxinfo.sources import FactSource, first_answer

MODULE_VERSION = "/sys/devices/faux/tdx_host/version"
"""The running TDX module's version, from Linux 7.2 on; it follows an update."""

_SCHEMES = (("/sys/fs/cgroup/", "cgroup"), ("/sys/", "sysfs"), ("/proc/", "procfs"))


def _scheme(path: str) -> str:
    return next((scheme for prefix, scheme in _SCHEMES if path.startswith(prefix)), "file")


def decoded(content: Any, decode: Callable[[Any], Any], path: str) -> Any:
    """What the content of the file, or a value of a record, means.

    Raises Malformed, naming the path, when it means nothing.
    """
    try:
        return decode(content)
    except (Malformed, ValueError) as error:
        raise Malformed(f"{path}: {error}") from None


class File(NamedTuple):
    """A text file that holds one fact."""

    path: str
    decode: Callable[[str], Any] = str.strip

    @property
    def origin(self) -> str:
        return f"{_scheme(self.path)}:{self.path}"

    def read(self, machine: Machine) -> Any:
        return decoded(machine.text(self.path), self.decode, self.path)


class StateFile(File):
    """A file of a driver whose state can be lost; then ENXIO says so (Linux 7.2 and later)."""

    def read(self, machine: Machine) -> Any:
        try:
            return super().read(machine)
        except Unavailable as error:
            if error.errno == errno.ENXIO:
                message = f"{self.path} says that the TDX module's state was lost"
                raise Lost(message, "Reboot.", errno.ENXIO) from None
            raise


class RunningState(StateFile):
    """Whether the TDX module runs: its driver shows the file's text only while it does."""

    def read(self, machine: Machine) -> str:
        try:
            super().read(machine)
        except Lost:
            return "failed"
        return "initialized"


class LostGuard(StateFile):
    """Has no value, but raises Lost where the state is lost, so that no older source is used."""

    def read(self, machine: Machine) -> Any:
        super().read(machine)
        raise Absent(f"{self.path} does not have this value")


class WhileRunning(NamedTuple):
    """A source that can outlive the module: KVM, the cgroup, kernel memory, the log.

    From Linux 7.2 on a module can be lost, and the driver's file goes with it. If that file does
    not exist, an "initialized" of such a source is out of date. Its other values count.
    """

    source: FactSource
    shows_loss: bool = False
    """The source shows a loss itself: that a record lacks the driver's file is then no matter."""

    @property
    def origin(self) -> str:
        return self.source.origin

    def read(self, machine: Machine) -> Any:
        value = self.source.read(machine)
        if value == _RUNS:
            self._require_driver(machine)
        return value

    def _require_driver(self, machine: Machine) -> None:
        try:
            machine.read(MODULE_VERSION)
        except Unavailable as refusal:
            if isinstance(refusal, NotRecorded) and self.shows_loss:
                return
            if _can_lose_module(machine):
                remedy = LOAD_DRIVER if type(refusal) is Absent else refusal.remedy
                raise type(refusal)(
                    f"{self.origin} can still be there when the TDX module is gone, and "
                    f"{refusal.message}",
                    remedy,
                ) from None


_RUNS = "initialized"
LOAD_DRIVER = "Run `modprobe tdx_host` (CONFIG_TDX_HOST_SERVICES)."


def _can_lose_module(machine: Machine) -> bool:
    """Whether the kernel's release is one that can update the module, and so lose it."""
    try:
        version = kernels.version(machine.text("/proc/sys/kernel/osrelease"))
    except Unavailable:
        return False
    return version is not None and version >= kernels.FIRST_UPDATE


class Binary(NamedTuple):
    """A file of raw little-endian values."""

    path: str
    decode: Callable[[bytes], Any]

    @property
    def origin(self) -> str:
        return f"{_scheme(self.path)}:{self.path}"

    def read(self, machine: Machine) -> Any:
        return decoded(machine.read(self.path), self.decode, self.path)


class Exists(NamedTuple):
    """Whether a file exists. A denial proves nothing: it may come from a folder above.

    ENXIO is the answer of the file's own driver.
    """

    path: str

    @property
    def origin(self) -> str:
        return f"{_scheme(self.path)}:{self.path}"

    def read(self, machine: Machine) -> bool:
        try:
            machine.read(self.path)
        except NotRecorded:
            raise
        except Absent:
            return False
        except Unavailable as error:
            if error.errno != errno.ENXIO:
                raise
        return True


class ExistsImplies(NamedTuple):
    """What follows from a file being there. Its absence proves nothing."""

    path: str
    value: Any

    @property
    def origin(self) -> str:
        return f"{_scheme(self.path)}:{self.path}"

    def read(self, machine: Machine) -> Any:
        machine.read(self.path)
        return self.value


def parameter(module: str, name: str) -> File:
    """A yes-or-no parameter of a kernel module, as it is in force now."""
    return File(f"/sys/module/{module}/parameters/{name}", lines.yes_or_no)


def _first_readable(machine: Machine, paths: tuple[str, ...]) -> tuple[str, str]:
    """Path and text of the first that can be read."""
    return first_answer(partial(_path_and_text, machine, path) for path in paths)


def _path_and_text(machine: Machine, path: str) -> tuple[str, str]:
    return path, machine.text(path)


class MiscCgroup(NamedTuple):
    """What the misc cgroup counts of KeyIDs: `capacity`, `current` or `peak`.

    Source: Linux 6.16 and later, Documentation/admin-guide/cgroup-v2.rst, "misc". The first path
    is cgroup v2, the others v1 and a hybrid.
    """

    file: str

    @property
    def origin(self) -> str:
        return f"cgroup:misc.{self.file}"

    def read(self, machine: Machine) -> int:
        roots = ("/sys/fs/cgroup", "/sys/fs/cgroup/misc", "/sys/fs/cgroup/unified")
        paths = tuple(f"{root}/misc.{self.file}" for root in roots)
        path, text = _first_readable(machine, paths)
        count = lines.resource(text, "tdx")
        if count is None:
            raise Absent(f"{path} has no line for tdx")
        return count


class CgroupImplies(NamedTuple):
    """`value`, if the misc cgroup counts KeyIDs: KVM adds them once the TDX module runs."""

    value: str

    @property
    def origin(self) -> str:
        return "cgroup:misc.capacity"

    def read(self, machine: Machine) -> str:
        MiscCgroup("capacity").read(machine)
        return self.value


class KernelConfig(NamedTuple):
    """An option of the running kernel's configuration; True for y or m."""

    option: str

    @property
    def origin(self) -> str:
        return f"config:{self.option}"

    def read(self, machine: Machine) -> bool:
        return machine.once(("config", self.option), lambda: self._value(machine) in ("y", "m"))

    def _value(self, machine: Machine) -> str:
        path, text = machine.once("kernel-config", lambda: _configuration(machine))
        return str(decoded(text, lambda t: lines.config_option(t, self.option), path))


def _configuration(machine: Machine) -> tuple[str, str]:
    """Where the configuration was found, and its text."""
    try:
        packed = machine.read("/proc/config.gz")
        return "/proc/config.gz", _unpacked(packed)
    except Absent:
        release = machine.text("/proc/sys/kernel/osrelease").strip()
    if not re.fullmatch(r"[\w.+~-]{1,200}", release):
        raise Malformed("/proc/sys/kernel/osrelease names no release")
    return _first_readable(machine, (f"/boot/config-{release}", f"/lib/modules/{release}/config"))


def _unpacked(packed: bytes) -> str:
    from tdxinfo.decode.packed import gunzip

    try:
        return gunzip(packed, FILE_LIMIT).decode("utf-8", "replace")
    except Malformed as error:
        raise Malformed(f"/proc/config.gz: {error}") from None
