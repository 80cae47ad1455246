"""Services of attestation below a folder that looks like a host, and in records."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.errors import Absent, Malformed, NotRecorded, Unavailable
from tdxinfo.machine.live import LiveMachine
from tdxinfo.machine.recording import RecordingMachine
from tdxinfo.sources.services import (
    PROCESSES,
    EndpointArgument,
    QuoteClients,
    QuoteSocket,
    ServiceRuns,
)
from tests.builders import captured_machine

SLICE = "/sys/fs/cgroup/system.slice"
UNITS = ("qgsd.service", "qgs.service", "qgsd.socket", "qgs.socket")
SOCKET = "run/tdx-qgs/qgs.socket"
VSOCK, UNIX = "vsock:4050", f"unix:/{SOCKET}"


def gone(*units: str) -> dict[str, dict[str, str]]:
    refusal = {"reason": "absent", "message": "it does not exist"}
    return {f"{SLICE}/{unit}/cgroup.procs": refusal for unit in units}


@pytest.mark.parametrize("unit", UNITS)
def test_any_of_the_units_counts(unit: str) -> None:
    others = [other for other in UNITS if other != unit]
    machine = captured_machine({f"{SLICE}/{unit}/cgroup.procs": "1\n"}, refused=gone(*others))
    assert ServiceRuns("quote").read(machine) is True


def test_a_process_in_a_container_counts() -> None:
    answers = {PROCESSES: {"running": ["quote"], "listens": [], "asked": []}}
    assert ServiceRuns("quote").read(captured_machine(answers=answers)) is True


def test_no_is_said_only_where_all_units_were_asked_for() -> None:
    files = {f"{SLICE}/cgroup.procs": ""}
    assert ServiceRuns("quote").read(captured_machine(files, refused=gone(*UNITS))) is False
    with pytest.raises(NotRecorded):
        ServiceRuns("quote").read(captured_machine(files, refused=gone(*UNITS[:3])))
    with pytest.raises(NotRecorded):
        ServiceRuns("quote").read(captured_machine(refused=gone(*UNITS)))


# --- processes ------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("proc", "sys/kernel", "run/tdx-qgs", "etc/libvirt/qemu"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "proc/version").write_text("Linux\n")
    return tmp_path


UNIT = "0::/system.slice/it.service"


def process(
    root: Path, number: int, *arguments: str, user: int = 0, effective: int = 0, group: str = UNIT
) -> None:
    folder = root / f"proc/{number}"
    folder.mkdir()
    (folder / "cmdline").write_bytes("\0".join((*arguments, "")).encode())
    uids = "\t".join(map(str, (user, effective, effective, effective)))
    (folder / "status").write_text(f"Name:\tit\nUid:\t{uids}\nGid:\t0\t0\t0\t0\n")
    (folder / "cgroup").write_text(f"{group}\n")


def test_processes_tell_what_runs_and_where_it_looks(root: Path) -> None:
    process(root, 1, "/usr/lib/systemd/systemd")
    process(root, 70, "/opt/intel/tdx-qgs/qgs", "--no-daemon", "-p=4050")
    process(root, 71, "/usr/bin/node", "/opt/intel/pccs/pccs_server.js")
    guest = (
        '{"qom-type":"tdx-guest","id":"t","quote-generation-socket":{"type":"vsock","port":"4050"}}'
    )
    name = "guest=payroll,uuid=01234567-89ab-cdef-0123-456789abcdef"
    process(root, 72, "/usr/bin/qemu-system-x86_64", "-name", name, "-object", guest)
    (root / "proc/73").mkdir()  # a process that ended
    machine = RecordingMachine(LiveMachine(str(root)))
    assert ServiceRuns("quote").read(machine) is True
    assert ServiceRuns("pccs").read(machine) is True
    assert EndpointArgument().read(machine) == VSOCK
    assert QuoteClients().read(machine) == [VSOCK]
    assert machine.answers[PROCESSES] == {
        "running": ["pccs", "quote"],
        "listens": [VSOCK],
        "asked": [VSOCK],
    }


CONTAINERS = (
    "0::/system.slice/docker-0123.scope",
    "0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-0123.scope",
    "12:pids:/docker/0123\n1:name=systemd:/docker/0123\n0::/",
)


@pytest.mark.parametrize("group", CONTAINERS)
@pytest.mark.parametrize("user", [0, 1000, 100_000])
def test_a_service_runs_in_a_container_as_any_user(root: Path, group: str, user: int) -> None:
    process(root, 5, "qgs", "-p=4050", user=user, effective=user, group=group)
    machine = LiveMachine(str(root))
    assert ServiceRuns("quote").read(machine) is True
    assert EndpointArgument().read(machine) == VSOCK


SESSION = "0::/user.slice/user-1000.slice/session-3.scope"


@pytest.mark.parametrize(
    ("user", "effective", "group"),
    [
        (1000, 1000, SESSION),
        (1000, 0, SESSION),  # passwd, under another name
        (0, 0, SESSION),  # sudo, which waits for a password
        (1000, 1000, f"12:pids:/{SESSION[3:]}\n1:name=systemd:{SESSION[3:]}\n0::/"),
        (1000, 1000, "0::/system.slice/cron.service"),
        (1000, 0, "0::/system.slice/cron.service"),
        (1000, 1000, "0::/"),
    ],
)
def test_a_user_cannot_name_a_process_like_a_service(
    root: Path, user: int, effective: int, group: str
) -> None:
    process(root, 5, "sudo", "qgs", "-p=4050", user=user, effective=effective, group=group)
    machine = LiveMachine(str(root))
    with pytest.raises(Unavailable):
        ServiceRuns("quote").read(machine)
    with pytest.raises(Absent):
        EndpointArgument().read(machine)


QEMU = ("/usr/bin/qemu-system-x86_64", "-object", "tdx-guest,quote-generation-service=vsock:2:9")
LIBVIRT_QEMU = 64055


@pytest.mark.parametrize(
    ("user", "group"),
    [
        (1000, SESSION),
        (0, SESSION),
        (1000, "0::/system.slice/cron.service"),
        (1000, "0::/"),
    ],
)
def test_a_users_own_vm_is_none_of_this_host(root: Path, user: int, group: str) -> None:
    """Its owner chose its arguments, and can start any program under that name."""
    process(root, 5, *QEMU, user=user, effective=user, group=group)
    with pytest.raises(Absent):
        QuoteClients().read(LiveMachine(str(root)))


@pytest.mark.parametrize(
    ("user", "group"),
    [
        (107, "0::/machine.slice/machine-qemu\\x2d1\\x2dtd.scope/libvirt/emulator"),
        (LIBVIRT_QEMU, "0::/machine.slice/machine-qemu\\x2d1\\x2dtd.scope/libvirt/emulator"),
        (LIBVIRT_QEMU, "0::/system.slice/libvirtd.service"),
        (0, "0::/system.slice/start-my-td.service"),
        (0, "0::/user.slice/user-0.slice/session-1.scope"),
        (0, "0::/kubepods.slice/kubepods-pod0123.slice/cri-containerd-0123.scope"),
    ],
)
def test_a_vm_of_the_system_is_one_of_this_host(root: Path, user: int, group: str) -> None:
    process(root, 5, *QEMU, user=user, effective=user, group=group)
    assert QuoteClients().read(LiveMachine(str(root))) == ["vsock:9"]


def test_a_command_line_larger_than_any_is_left_out(root: Path) -> None:
    process(root, 5, "qgs", "x" * (300 << 10))
    process(root, 6, "/usr/bin/qgs")
    assert ServiceRuns("quote").read(LiveMachine(str(root))) is True


def test_without_a_process_that_tells_an_endpoint_there_is_none(root: Path) -> None:
    with pytest.raises(Absent):
        EndpointArgument().read(LiveMachine(str(root)))
    with pytest.raises(NotRecorded):
        EndpointArgument().read(captured_machine())


# --- clients --------------------------------------------------------------------------------------

DOMAIN = (
    "<domain><name>payroll</name><uuid>01234567-89ab-cdef-0123-456789abcdef</uuid>"
    "<launchSecurity type='tdx'><quoteGenerationService/></launchSecurity></domain>"
)


def test_domains_and_kata_tell_where_they_look(root: Path) -> None:
    (root / "etc/libvirt/qemu/payroll.xml").write_text(DOMAIN)
    (root / "etc/libvirt/qemu/other.xml").write_text("<domain/>")
    (root / "etc/libvirt/qemu/notes.txt").write_text(DOMAIN.replace("/>", " path='/no'/>"))
    (root / "etc/kata-containers").mkdir()
    (root / "etc/kata-containers/configuration.toml").write_text(
        "[hypervisor.qemu]\ntdx_quote_generation_service_socket_port = 4050\n"
    )
    machine = RecordingMachine(LiveMachine(str(root)))
    assert QuoteClients().read(machine) == [UNIX, VSOCK]
    assert "payroll" not in repr(machine.answers)


def test_nobody_who_looks_is_absent_and_a_denial_is_not(root: Path) -> None:
    with pytest.raises(Absent, match="names a quote service"):
        QuoteClients().read(LiveMachine(str(root)))
    refused = {
        "quote-clients/libvirt": {"reason": "denied", "message": "/etc/libvirt/qemu is closed"},
        "quote-clients/kata": {"reason": "absent", "message": "Kata is not configured"},
    }
    answers: dict[str, Any] = {PROCESSES: {"running": [], "listens": [], "asked": []}}
    with pytest.raises(Unavailable, match="closed"):
        QuoteClients().read(captured_machine(answers=answers, refused=refused))


# --- the unix socket ------------------------------------------------------------------------------


@pytest.fixture
def listening(root: Path) -> Iterator[Path]:
    """The socket below `root`, and users as Fedora has them."""
    (root / "etc/passwd").write_text(
        "root:x:0:0::/root:/bin/sh\nqemu:x:107:107:qemu user:/:/sbin/nologin\nqgs:x:950:950::/:\n"
    )
    (root / "etc/group").write_text("root:x:0:\nqemu:x:107:\nqgs:x:950:alice,qemu\n")
    path = root / SOCKET
    with socket.socket(socket.AF_UNIX) as server:
        with chdir(path.parent):  # the whole path may be longer than a socket's address
            server.bind(path.name)
        yield path


def shown(root: Path) -> tuple[str, bool]:
    machine = LiveMachine(str(root))
    assert QuoteSocket("path").read(machine) == f"/{SOCKET}"
    return QuoteSocket("mode").read(machine), QuoteSocket("qemu_may_open").read(machine)


@pytest.mark.parametrize(
    ("folder", "mode", "opens"),
    [(0o755, 0o666, True), (0o755, 0o755, False), (0o700, 0o777, False), (0o711, 0o622, True)],
)
def test_modes_decide_for_others(
    root: Path, listening: Path, folder: int, mode: int, opens: bool
) -> None:
    root.chmod(0o755)
    listening.parent.chmod(folder)
    listening.chmod(mode)
    if os.geteuid() != 0 and os.geteuid() == 107:
        pytest.skip("the owner of the socket is QEMU's user")
    assert shown(root) == (f"{mode:04o}", opens)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to a group")
def test_the_groups_of_qemus_user_count(root: Path, listening: Path) -> None:
    root.chmod(0o755)
    os.chown(listening, 950, 950)
    listening.chmod(0o660)
    assert shown(root) == ("0660", True)
    assert QuoteSocket("group").read(LiveMachine(str(root))) == "qgs"
    (root / "etc/group").write_text("qemu:x:107:\nalice:x:950:\n")
    assert shown(root) == ("0660", False)
    assert QuoteSocket("group").read(LiveMachine(str(root))) == "950"


def test_without_qemus_user_nobody_is_asked_for(root: Path, listening: Path) -> None:
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nqemu\n")
    with pytest.raises(Absent, match="libvirt-qemu"):
        QuoteSocket("qemu_may_open").read(LiveMachine(str(root)))


def test_a_file_in_the_sockets_place_is_no_socket(root: Path) -> None:
    (root / SOCKET).write_text("")
    with pytest.raises(Malformed, match="not a socket"):
        QuoteSocket("mode").read(LiveMachine(str(root)))
