"""Support bundles: a sosreport or a supportconfig, as a folder or an archive, into a machine.

    sosreport-HOST-DATE-ID/     proc/…, sys/…, etc/…, boot/…    copies of files at their own paths
                                sos_commands/PLUGIN/COMMAND     what commands printed
    scc_HOST_DATE/              boot.txt, hardware.txt, …       sections: `#==[ Command ]===#`,
                                                                `# COMMAND`, what it printed

Layouts: sos 4.8, report/plugins/kernel.py, logs.py and processor.py; supportutils 3.1.16,
supportconfig and supportconfig.rc. Neither copies the TDX module's sysfs folder or registers; what
a bundle lacks is unknown, never absent.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from tdxinfo.decode import forms, packages
from tdxinfo.errors import Absent, BadInput, Malformed, NotRecorded, Unavailable, Unsupported
from tdxinfo.inputs.members import Members
from tdxinfo.machine.captured import CapturedMachine, ReadFile
from tdxinfo.machine.system import System
from tdxinfo.model.provenance import Origin
from tdxinfo.sources.packages import KEY as PACKAGES
from tdxinfo.sources.processor import LSCPU

SOSREPORT, SUPPORTCONFIG = "sosreport", "supportconfig"
_TOPS = {SOSREPORT: ("sosreport-", "sos-"), SUPPORTCONFIG: ("scc_", "nts_")}
"""How the name of the folder in an archive begins."""
_RELEASE = "/proc/sys/kernel/osrelease"
_BEGINNING = "Linux version "


def kind_of_folder(names: Iterable[str]) -> str | None:
    """The kind of bundle that a folder with these names is; None for none."""
    found = set(names)
    if "sos_commands" in found:
        return SOSREPORT
    return SUPPORTCONFIG if {"basic-environment.txt", "boot.txt"} <= found else None


def kind_of_archive(first: bytes) -> str | None:
    """The kind of bundle by the first header of its tar archive."""
    name = first[:100].split(b"\0")[0].decode("utf-8", "replace").removeprefix("./")
    return next((kind for kind, tops in _TOPS.items() if name.startswith(tops)), None)


def open_folder(path: str, kind: str) -> CapturedMachine:
    """The machine of an unpacked bundle, whose links lead nowhere out of it. Raises BadInput."""
    system = System(os.path.abspath(path))

    def read(inner: str) -> bytes:
        try:
            return system.read("/" + inner)
        except Unsupported:
            # A host has an empty mount point there; a bundle only did not copy its files.
            raise Absent(f"{inner} is not in the record") from None

    return _machine(_Files(read, lambda folder: system.names("/" + folder)), kind, path)


def open_archive(data: bytes, kind: str, shown: str) -> CapturedMachine:
    """The machine of a bundle's tar archive, packed or not. Raises BadInput."""
    members = Members(data, kind, shown)
    return _machine(_Files(members.read, members.names), kind, shown)


class _Files(NamedTuple):
    """What a bundle has, by paths inside it without a slash in front. Both raise Unavailable."""

    read: ReadFile
    names: Callable[[str], list[str]]
    """The names in a folder."""


def _machine(files: _Files, kind: str, shown: str) -> CapturedMachine:
    found = _of_sosreport(files) if kind == SOSREPORT else _of_supportconfig(files.read)
    if not (found.log or found.release):
        raise BadInput(f"{shown} is a {kind} without the kernel's log and without its release.")

    def file(inner: str) -> bytes:
        if inner == "kernel.log" and found.log:
            return found.log.encode("utf-8", "replace")
        path = inner.removeprefix("root")
        if path == _RELEASE and found.release:
            return found.release.encode("utf-8", "replace")
        return found.read(path)

    given: dict[str, Any] = {LSCPU: found.lscpu, PACKAGES: found.packages}
    answers = {
        "answers": {key: answer for key, answer in given.items() if answer},
        "refused": found.refused,
    }
    origin = Origin.of(kind, shown)
    return CapturedMachine(origin, file, answers, found.host_names, found.list_folder)


class _Found(NamedTuple):
    """What a bundle shows of its host."""

    read: Callable[[str], bytes]
    """A file by its path on the host. Raises Unavailable."""
    list_folder: Callable[[str], list[str]]
    """The names in a folder of the host. Raises NotRecorded, or Absent where it cannot exist."""
    uname: str
    lscpu: str
    log: str
    packages: Mapping[str, str]
    """Versions of all installed packages; empty where the bundle does not list them."""
    refused: Mapping[str, Any]

    @property
    def release(self) -> str:
        """The kernel's release, from `Linux HOST RELEASE ...`."""
        return (self.uname.split() + [""] * 3)[2]

    @property
    def host_names(self) -> tuple[str, ...]:
        return tuple(self.uname.split()[1:2])


# --- sosreport ----------------------------------------------------------------------------------

_SOS_UNAME = ("sos_commands/kernel/uname_-a", "uname")
_SOS_LSCPU = ("sos_commands/processor/lscpu",)
_SOS_LOGS = (
    "sos_commands/kernel/dmesg",
    "sos_commands/general/dmesg",
    "var/log/dmesg",
    "sos_commands/logs/journalctl_--no-pager_--boot",
    "sos_commands/logs/journalctl_--no-pager_--catalog_--boot",
)
"""The best first: dmesg has only the kernel's own lines, but may lack the beginning."""


_SOS_RPMS = (
    "installed-rpms",
    "sos_commands/rpm/sh_-c_rpm_--nodigest_-qa_--qf_-59_NVRA_INSTALLTIME_date_sort_-V",
)
_SOS_DEBS = ("installed-debs", "sos_commands/dpkg/dpkg_-l")
_FOLDERS_OF_MODPROBE = ("lib/modprobe.d", "usr/lib/modprobe.d")
"""The distribution's own: sos copies the one that the host has, and modprobe's other folders."""


def _of_sosreport(files: _Files) -> _Found:
    read = files.read

    def first(paths: Iterable[str]) -> str:
        return next((_text(data) for data in _all(read, paths)), "")

    def file(path: str) -> bytes:
        inner = path.removeprefix("/")
        try:
            return read(inner)
        except Absent:
            if not inner.startswith("usr/lib/"):
                raise
            return read(inner.removeprefix("usr/"))

    return _Found(
        read=file,
        list_folder=partial(_names_in_sosreport, files),
        uname=first(_SOS_UNAME),
        lscpu=first(_SOS_LSCPU),
        log=_best_log(_text(data) for data in _all(read, _SOS_LOGS)),
        packages=packages.of_rpm_names(first(_SOS_RPMS)) or packages.of_dpkg(first(_SOS_DEBS)),
        refused={},
    )


def _names_in_sosreport(files: _Files, folder: str) -> list[str]:
    """Names in a folder of the host. Raises NotRecorded, or Absent where sos would have copied it.

    sos copies all of modprobe's folders or none, and each host has the distribution's own.
    """
    inner = folder.removeprefix("/")
    of_modprobe = inner.endswith("/modprobe.d")
    try:
        return _first_names(
            files, _FOLDERS_OF_MODPROBE if inner in _FOLDERS_OF_MODPROBE else [inner]
        )
    except NotRecorded:
        if not of_modprobe or not _first_names(files, _FOLDERS_OF_MODPROBE):
            raise
        raise Absent(f"{folder} does not exist") from None


def _first_names(files: _Files, folders: Iterable[str]) -> list[str]:
    """The names in the first folder that was copied. Raises NotRecorded."""
    for folder in folders:
        with suppress(Unavailable):
            return files.names(folder)
    raise NotRecorded("the folder is not in the record")


def _all(read: ReadFile, paths: Iterable[str]) -> Iterator[bytes]:
    for path in paths:
        try:
            yield read(path)
        except Unavailable:
            continue


def _text(data: bytes) -> str:
    try:
        return forms.log_text(data)
    except Malformed:
        return ""


def _best_log(logs: Iterable[str]) -> str:
    """The first that has the boot's beginning, else the first."""
    found = ""
    for log in logs:
        if _BEGINNING in log:
            return log
        found = found or log
    return found


# --- supportconfig ------------------------------------------------------------------------------

_TEXTS = (
    "basic-environment.txt",
    "boot.txt",
    "hardware.txt",
    "modules.txt",
    "memory.txt",
    "rpm.txt",
)
_SECTION = re.compile(r"^#==\[ (?P<kind>[^\]\n]{1,40}) \]=+#?\n# (?P<title>[^\n]*)\n", re.MULTILINE)
_PARAMETER = re.compile(r"^(/sys/module/[\w-]+/parameters/[\w-]+)=(?!\?$)(.*)$", re.MULTILINE)
_NOT_FOUND = " - File not found"
_OF_DMESG = re.compile(r"dmesg(?: -T)?")
_OF_RPM = re.compile(r"rpm -qa .{0,60}NAME.{0,60}DISTRIBUTION.{0,60}VERSION")
_OF_JOURNAL = re.compile(r"journalctl (?=.*--boot=0\b)(?!.*(?: -u |--disk-usage|grep)).*")


def _of_supportconfig(read: ReadFile) -> _Found:
    """Files, commands and the values of module parameters, from whichever text has them."""
    files: dict[str, bytes] = {}
    refused: dict[str, Any] = {}
    printed: dict[str, str] = {}
    for data in _all(read, _TEXTS):
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        for kind, title, body in _sections(text):
            if kind == "Command":
                printed.setdefault(_command(title), body)
            elif kind == "Configuration File" and title.endswith(_NOT_FOUND):
                path = title.removesuffix(_NOT_FOUND)
                message = f"{path} does not exist"
                refused[path] = {"reason": "absent", "message": message, "errno": "ENOENT"}
            elif kind == "Configuration File":
                files.setdefault(title, body.encode("utf-8", "replace"))
        for path, value in _PARAMETER.findall(text):
            files.setdefault(path, f"{value}\n".encode("utf-8", "replace"))

    def file(path: str) -> bytes:
        if path not in files:
            raise Absent(f"{path} is not in the record")
        return files[path]

    return _Found(
        read=file,
        list_folder=partial(_names_among, files),
        uname=printed.get("uname -a", ""),
        lscpu=printed.get("lscpu", ""),
        log=_best_log(
            body
            for pattern in (_OF_DMESG, _OF_JOURNAL)
            for command, body in printed.items()
            if pattern.fullmatch(command)
        ),
        packages=packages.of_rpm_table(
            next((body for command, body in printed.items() if _OF_RPM.match(command)), "")
        ),
        refused={path: refusal for path, refusal in refused.items() if path not in files},
    )


def _names_among(files: Mapping[str, bytes], folder: str) -> list[str]:
    """The names of those files in the folder; what else it has is not known."""
    found = [name for parent, name in map(posixpath.split, files) if parent == folder]
    if not found:
        raise NotRecorded(f"{folder} is not in the record")
    return found


def _sections(text: str) -> Iterator[tuple[str, str, str]]:
    """Kind, title and text of each section."""
    found = list(_SECTION.finditer(text))
    ends = [section.start() for section in found[1:]] + [len(text)]
    for section, end in zip(found, ends, strict=False):
        yield section["kind"], section["title"].strip(), text[section.end() : end]


def _command(title: str) -> str:
    """The command without the folder of its program."""
    program, _, rest = title.partition(" ")
    return f"{posixpath.basename(program)} {rest}".strip()
