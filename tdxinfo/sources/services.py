"""Services of attestation: whether they run, where they listen, and where clients look for them.

Units are seen by their control groups, and programs, also those in containers, by the list of
processes. No socket is connected to. A capture keeps names and endpoints, never a command line.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from tdxinfo.decode import services
from tdxinfo.errors import Absent, Malformed, Unavailable
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.system import System

PROCESSES = "processes/attestation"
_UNITS = "/sys/fs/cgroup/system.slice"
_MAX_ARGUMENTS = 256 << 10
"""Bytes of one command line; those of large virtual machines have some KiB."""


class ServiceRuns(NamedTuple):
    """Whether a service runs: a unit of it has a control group (cgroup v2), or a process has its
    program. A socket unit counts: systemd starts its service when it is asked.
    """

    service: str

    @property
    def origin(self) -> str:
        return f"cgroup:system.slice/{services.units(self.service)[0]}"

    def read(self, machine: Machine) -> bool:
        """False only if every unit could be looked for, and neither unit nor process was found."""
        refusals: list[Unavailable] = []
        for unit in services.units(self.service):
            try:
                machine.read(f"{_UNITS}/{unit}/cgroup.procs")
                return True
            except Unavailable as refusal:
                refusals.append(refusal)
        if self.service in _running(machine):
            return True
        undecided = next((refused for refused in refusals if type(refused) is not Absent), None)
        if undecided:
            raise undecided
        machine.read(f"{_UNITS}/cgroup.procs")
        return False


def _running(machine: Machine) -> list[str]:
    """The services of which a process was seen. Their absence proves nothing."""
    with suppress(Unavailable):
        return _texts(processes(machine), "running")
    return []


def processes(machine: Machine) -> dict[str, Answer]:
    """The services that processes run, and their endpoints. Raises Unavailable."""
    answer = machine.ask(PROCESSES, _of_processes)
    if not isinstance(answer, dict):
        raise Malformed("the record of the processes is not a table")
    return answer


def _texts(table: dict[str, Answer], key: str) -> list[str]:
    found = table.get(key, [])
    return [str(text) for text in found] if isinstance(found, list) else []


def _of_processes(system: System) -> Answer:
    """Which services run, where a quote service is set to listen, where QEMUs look for one.

    A user of the host can start any QEMU with any arguments: what runs in a session is left out.
    """
    running: set[str] = set()
    listens: set[str] = set()
    asked: set[str] = set()
    for process, arguments in _command_lines(system):
        found, endpoints = services.running(arguments), services.of_qemu(arguments)
        if not (found or endpoints) or not _is_of_system(system, process):
            continue
        running |= set(found)
        address = services.of_command_line(arguments) if "quote" in found else None
        listens |= {address} if address else set()
        asked |= set(endpoints)
    return {"running": [*sorted(running)], "listens": [*sorted(listens)], "asked": [*sorted(asked)]}


def _command_lines(system: System) -> Iterator[tuple[str, list[str]]]:
    """The folder and the arguments of each process, except those that end meanwhile or cannot be
    read.
    """
    for name in system.names("/proc"):
        if name.isdecimal():
            with suppress(Unavailable):
                data = system.read(f"/proc/{name}/cmdline", _MAX_ARGUMENTS)
                if data:
                    arguments = data.decode("utf-8", "replace").rstrip("\0").split("\0")
                    yield f"/proc/{name}", arguments


_FIRST_USER = 1000
"""The lowest number of a person's account on Debian, Fedora, SUSE and their relatives."""
_SERVICE_USERS = range(61_184, 65_520)
"""Numbers of services among those: systemd's dynamic users, and Debian's libvirt-qemu (64055)."""
_REAL_USER = re.compile(r"^Uid:\t(\d{1,10})\t", re.MULTILINE | re.ASCII)
_SESSION = re.compile(r"/user\.slice/user-(?!0\.slice)")
_UNIT = re.compile(r"/system\.slice/[^/]+\.service")


def _is_of_system(system: System, process: str) -> bool:
    """Whether a process belongs to the system or to a container, and not to a user of the host.

    A user can give a process any name, also one that waits for a password as root: the session that
    it belongs to decides. Within a service, as of cron, the real user decides; a container's user
    may have any number.
    """
    try:
        status = system.text(f"{process}/status")
        groups = system.text(f"{process}/cgroup").split("\n")
    except Unavailable:
        return False
    # Three parts: number, controllers, path. A path of "/" says nothing.
    paths = {group.split(":", 2)[-1] for group in groups} - {"/", ""}
    if any(map(_SESSION.match, paths)):
        return False
    user = _REAL_USER.search(status)
    if user and (int(user[1]) < _FIRST_USER or int(user[1]) in _SERVICE_USERS):
        return True
    return bool(paths) and not any(map(_UNIT.match, paths))


# --- where the quote service listens -------------------------------------------------------------


class EndpointArgument:
    """Where the running quote service listens according to its arguments."""

    @property
    def origin(self) -> str:
        return "procfs:/proc/*/cmdline#qgs"

    def read(self, machine: Machine) -> str:
        addresses = _texts(processes(machine), "listens")
        if not addresses:
            raise Absent("no running quote service has a port among its arguments")
        return addresses[0]


class QuoteSocket(NamedTuple):
    """`path`, `mode`, `group` or `qemu_may_open` of the quote service's unix socket."""

    what: str

    @property
    def origin(self) -> str:
        return f"file:{services.default_socket()}"

    def read(self, machine: Machine) -> Any:
        path = services.default_socket()
        answer = machine.ask(f"socket/{path}", partial(_socket, path=path))
        if not isinstance(answer, dict):
            raise Malformed(f"the record of {path} is not a table")
        found: dict[str, Answer] = {"path": path, **answer}
        if self.what not in found:
            raise Absent(_NO_QEMU_USER)
        return found[self.what]


_NO_QEMU_USER = (
    "neither of the users libvirt-qemu and qemu, under which libvirt runs QEMU, was found in "
    "/etc/passwd"
)


def _socket(system: System, path: str) -> Answer:
    """Its mode and group, and whether QEMU's user may open it: that takes the right to write."""
    found = system.status(path)
    if not stat.S_ISSOCK(found.st_mode):
        raise Malformed(f"{path} is not a socket")
    answer: dict[str, Answer] = {
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
        "group": _group_name(system, found.st_gid),
    }
    user = _qemu_user(system)
    if user is not None:
        answer["qemu_may_open"] = _may_open(system, path, *user)
    return answer


def _may_open(system: System, path: str, uid: int, groups: frozenset[int]) -> bool:
    """Whether a user may pass all folders above the socket, and write to it."""
    folders: list[str] = []
    folder = os.path.dirname(path)
    while folder != "/":
        folders.append(folder)
        folder = os.path.dirname(folder)
    return _has(system.status(path), uid, groups, stat.S_IWOTH) and all(
        _has(system.status(folder), uid, groups, stat.S_IXOTH) for folder in folders
    )


def _has(found: os.stat_result, uid: int, groups: frozenset[int], right: int) -> bool:
    """Whether the mode gives a user the right: as owner, else as group member, else as other."""
    if uid == 0:
        return True
    if uid == found.st_uid:
        return bool(found.st_mode & right << 6)
    if found.st_gid in groups:
        return bool(found.st_mode & right << 3)
    return bool(found.st_mode & right)


def _qemu_user(system: System) -> tuple[int, frozenset[int]] | None:
    """The number of the user under whom libvirt runs QEMU, and of that user's groups."""
    known = {services.names(family)["qemu_user"] for family in (None, "rhel")}
    for line in _lines(system, "/etc/passwd"):
        name, uid, gid = _fields(line, 0, 2, 3)
        if name in known and uid.isdecimal() and gid.isdecimal():
            groups = {int(gid)} | set(_groups_of(system, name))
            return int(uid), frozenset(groups)
    return None


def _groups_of(system: System, user: str) -> Iterator[int]:
    for line in _lines(system, "/etc/group"):
        gid, members = _fields(line, 2, 3)
        if user in members.split(",") and gid.isdecimal():
            yield int(gid)


_SERVICE_GROUPS = re.compile(r"root|qgsd?|sgx(?:_prv)?|qemu|kvm|libvirt(?:-qemu)?")
"""Groups that packages create. Other names may be those of people: their number is kept."""


def _group_name(system: System, gid: int) -> str:
    for line in _lines(system, "/etc/group"):
        name, number = _fields(line, 0, 2)
        if number == str(gid) and _SERVICE_GROUPS.fullmatch(name):
            return name
    return str(gid)


def _lines(system: System, path: str) -> list[str]:
    with suppress(Unavailable):
        return system.read(path, _MAX_ACCOUNTS).decode("utf-8", "replace").split("\n")
    return []


_MAX_ACCOUNTS = 4 << 20
"""Bytes of /etc/passwd and /etc/group: 60,000 accounts."""


def _fields(line: str, *places: int) -> list[str]:
    """Fields of a line of /etc/passwd or /etc/group; empty ones where the line is short."""
    parts = line.split(":")
    return [parts[place] if place < len(parts) else "" for place in places]


# --- where clients look for the quote service ----------------------------------------------------

_DOMAINS = "/etc/libvirt/qemu"
_KATA = (
    "/etc/kata-containers/configuration.toml",
    "/etc/kata-containers/configuration-qemu-tdx.toml",
    "/opt/kata/share/defaults/kata-containers/configuration-qemu-tdx.toml",
    "/usr/share/defaults/kata-containers/configuration-qemu-tdx.toml",
    "/usr/share/kata-containers/defaults/configuration-qemu-tdx.toml",
)


class QuoteClients:
    """Where the programs that run TDs here look for the quote service: running QEMUs, the domains
    of libvirt, Kata. Raises the first one's error when none has an address.
    """

    @property
    def origin(self) -> str:
        return f"file:{_DOMAINS}"

    def read(self, machine: Machine) -> list[str]:
        found: set[str] = set()
        refusals: list[Unavailable] = []
        for ask in (_asked_by_qemu, _asked_by_libvirt, _asked_by_kata):
            try:
                found |= set(ask(machine))
            except Unavailable as refusal:
                refusals.append(refusal)
        if found:
            return sorted(found)
        undecided = next((r for r in refusals if type(r) is not Absent), None)
        raise undecided or Absent(
            "no running QEMU, libvirt domain or Kata configuration names a quote service"
        )


def _asked_by_qemu(machine: Machine) -> list[str]:
    return _texts(processes(machine), "asked")


def _asked_by_libvirt(machine: Machine) -> list[str]:
    return _listed(machine, "quote-clients/libvirt", _of_domains)


def _asked_by_kata(machine: Machine) -> list[str]:
    return _listed(machine, "quote-clients/kata", _of_kata)


def _listed(machine: Machine, key: str, live: Callable[[System], Answer]) -> list[str]:
    answer = machine.ask(key, live)
    if not isinstance(answer, list):
        raise Malformed(f"the record of {key} is not a list")
    return [str(endpoint) for endpoint in answer]


def _of_domains(system: System) -> Answer:
    found: set[str] = set()
    names = [name for name in system.names(_DOMAINS) if name.endswith(".xml")]
    for _, text in system.texts(f"{_DOMAINS}/{name}" for name in names):
        found |= set(services.of_domain(text))
    return [*sorted(found)]


def _of_kata(system: System) -> Answer:
    """The address in the first existing configuration file: Kata reads only that one."""
    for path in _KATA:
        with suppress(Absent):
            address = services.of_kata(system.text(path))
            return [address] if address else []
    raise Absent("Kata Containers is not configured in the usual places")
