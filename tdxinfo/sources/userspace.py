"""QEMU, libvirt, virtual firmware and other user space, by files alone: no program is run."""

import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, cast

from tdxinfo.decode import lines, parameters
from tdxinfo.decode import userspace as decode
from tdxinfo.errors import Absent, Malformed, from_oserror
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.bounded import CHUNK
from tdxinfo.machine.system import System
from tdxinfo.sources import first_answer
from tdxinfo.sources.files import decoded
from tdxinfo.sources.folders import link_target, names_in

QEMU_PATHS = (
    "/usr/local/bin/qemu-system-x86_64",
    "/usr/bin/qemu-system-x86_64",
    "/usr/libexec/qemu-kvm",
)
"""As a shell would find it; the last is RHEL's."""
_LIBVIRT_LINKS = (
    "/usr/lib64/libvirt.so.0",
    "/usr/lib/x86_64-linux-gnu/libvirt.so.0",
    "/usr/lib/libvirt.so.0",
)
DESCRIPTORS_KEY = "firmware/intel-tdx"
DESCRIPTORS = "/usr/share/qemu/firmware"
MODPROBE_FOLDERS = ("/usr/lib/modprobe.d", "/run/modprobe.d", "/etc/modprobe.d")
_MAX_BYTES = 256 << 20
_BEFORE_VERSION = b"QEMU emulator version "
_VERSION = re.compile(rb"\d{1,3}\.\d{1,3}\.\d{1,3}")
_TDX_OBJECT = b"tdx-guest\0"
_OVERLAP = 64


class Qemu(NamedTuple):
    """`path`, `version` or `tdx_guest` (whether it can start TDs) of the installed QEMU."""

    what: str

    @property
    def origin(self) -> str:
        return "program:qemu-system-x86_64"

    def read(self, machine: Machine) -> Any:
        value = machine.once("qemu", lambda: _first_qemu(machine))
        if self.what not in value:
            raise Malformed(f"{value['path']} does not name its {self.what}")
        return value[self.what]


def _first_qemu(machine: Machine) -> dict[str, Any]:
    none_there = "no QEMU for x86-64 is installed in the usual places"
    return first_answer((partial(_qemu, machine, path) for path in QEMU_PATHS), none_there)


def _qemu(machine: Machine, path: str) -> dict[str, Any]:
    answer = machine.ask(f"qemu/{path}", partial(_looked_at, path=path))
    if not isinstance(answer, dict):
        raise Malformed(f"the record's answer about {path} is not a table")
    return {"path": path, **answer}


def _looked_at(system: System, path: str) -> Answer:
    """The version and the objects whose names stand in the program file."""
    with system.opened(path) as fd:
        return _searched(fd, path)


def _searched(fd: int, path: str) -> Answer:
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MAX_BYTES:
            raise Malformed(f"{path} is not a program file")
        values: dict[str, Answer] = {"tdx_guest": False}
        rest = b""
        while chunk := os.read(fd, CHUNK):
            text = rest + chunk
            at = text.find(_BEFORE_VERSION)
            version = _VERSION.match(text, at + len(_BEFORE_VERSION)) if at >= 0 else None
            if version:
                values["version"] = version[0].decode()
            values["tdx_guest"] = values["tdx_guest"] or _TDX_OBJECT in text
            if "version" in values and values["tdx_guest"]:
                break
            rest = text[-_OVERLAP:]
        return values
    except OSError as error:
        raise from_oserror(error, path) from None


class Libvirt:
    """The version of libvirt, from the name of its library."""

    @property
    def origin(self) -> str:
        return "link:libvirt.so.0"

    def read(self, machine: Machine) -> str:
        none_there = "libvirt is not installed in the usual places"
        return first_answer(
            (partial(_libvirt, machine, path) for path in _LIBVIRT_LINKS), none_there
        )


def _libvirt(machine: Machine, path: str) -> str:
    return str(decoded(link_target(machine, path), decode.libvirt_version, path))


class ConfigValue(NamedTuple):
    """One setting of a text file. A capture keeps its value and not the file."""

    path: str
    what: str
    decode: Callable[[str], Answer]

    @property
    def origin(self) -> str:
        return f"file:{self.path}"

    def read(self, machine: Machine) -> Any:
        answer = machine.ask(f"config/{self.path}#{self.what}", self._live)
        if answer == "":
            raise Absent(f"{self.path} has no {self.what}")
        return answer

    def _live(self, system: System) -> Answer:
        return cast(Answer, decoded(system.text(self.path), self.decode, self.path))


class TdxFirmware:
    """Descriptors of virtual firmware that name the feature intel-tdx."""

    @property
    def origin(self) -> str:
        return f"folder:{DESCRIPTORS}"

    def read(self, machine: Machine) -> Any:
        return machine.ask(DESCRIPTORS_KEY, _tdx_descriptors)


def _tdx_descriptors(system: System) -> Answer:
    found: list[Answer] = []
    names = [name for name in system.names(DESCRIPTORS) if name.endswith(".json")]
    for path, text in system.texts(f"{DESCRIPTORS}/{name}" for name in names):
        features = decoded(text, decode.firmware_features, path)
        found += [os.path.basename(path)] if "intel-tdx" in features else []
    return found


class ModprobeOption(NamedTuple):
    """The value that modprobe's configuration gives a module's option; empty where none does."""

    module: str
    option: str

    @property
    def origin(self) -> str:
        return "folder:/etc/modprobe.d"

    def read(self, machine: Machine) -> str:
        return str(machine.ask(f"modprobe/{self.module}.{self.option}", self._live))

    def _live(self, system: System) -> Answer:
        """A file replaces those of the same name in earlier folders (modprobe.d(5))."""
        files: dict[str, str] = {}
        for folder in MODPROBE_FOLDERS:
            with suppress(Absent):
                files |= {name: folder for name in system.names(folder) if name.endswith(".conf")}
        value = ""
        for _, text in system.texts(f"{files[name]}/{name}" for name in sorted(files)):
            value = parameters.of_modprobe(text, self.module, self.option) or value
        return value


class Epc:
    """Bytes of SGX memory in all NUMA nodes. Source: Linux, sysfs-devices-system-node (5.17+)."""

    @property
    def origin(self) -> str:
        return "sysfs:/sys/devices/system/node"

    def read(self, machine: Machine) -> int:
        folder = "/sys/devices/system/node"
        nodes = [name for name in names_in(machine, folder) if re.fullmatch(r"node\d+", name)]
        if not nodes:
            raise Absent(f"{folder} names no node")
        paths = [f"{folder}/{node}/x86/sgx_total_bytes" for node in nodes]
        return sum(decoded(machine.text(path), lines.number, path) for path in paths)
