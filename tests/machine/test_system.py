"""What is opened of a live machine: nothing outside --root, no source that is excluded."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from tdxinfo.errors import Absent, BadInput, Excluded, Malformed, TimedOut, Unsupported
from tdxinfo.host import fact_names
from tdxinfo.host.observe import Observer
from tdxinfo.machine import kinds, restrictions, system
from tdxinfo.machine.live import LiveMachine
from tdxinfo.machine.system import System
from tests.cli.command import ran


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system below a folder, and a secret outside of it."""
    (tmp_path / "secret").write_text("outside")
    system = tmp_path / "system"
    for folder in ("proc/sys/kernel", "sys/kernel", "etc", "dev"):
        (system / folder).mkdir(parents=True)
    (system / "proc/version").write_text("x")
    (system / "dev/null").write_text("")
    (system / "etc/inside").write_text("inside")
    return system


@pytest.mark.parametrize(
    "target",
    [
        "/etc/inside",
        "etc/inside",
        "../../../../etc/inside",
        "/../etc/inside",
        "/proc/../etc/inside",
    ],
)
def test_links_are_resolved_inside(root: Path, target: str) -> None:
    (root / "link").symlink_to(target)
    assert System(str(root)).read("/link") == b"inside"


@pytest.mark.parametrize("target", ["{outside}", "../secret", "/{up}secret", "/proc/self/root"])
def test_no_link_leads_out(root: Path, target: str) -> None:
    outside = root.parent / "secret"
    (root / "proc/self").mkdir()
    (root / "proc/self/root").symlink_to("/")
    (root / "link").symlink_to(target.format(outside=outside, up="../" * 12))
    for path in ("/link", f"/link{outside}"):
        with pytest.raises((Absent, Malformed)):
            System(str(root)).read(path)
        with suppress(Absent):
            assert not os.path.samestat(System(str(root)).status(path), outside.stat())
    assert System(str(root)).read("/proc/self/root/etc/inside") == b"inside"


def test_a_file_that_becomes_a_link_when_it_is_opened_is_not_followed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exchange(found: os.stat_result, path: str) -> None:
        (root / "etc/inside").unlink()
        (root / "etc/inside").symlink_to(root.parent / "secret")

    monkeypatch.setattr(system, "_require_known", exchange)
    with pytest.raises(Unsupported):
        System(str(root)).read("/etc/inside")


def test_a_folder_of_too_many_names_is_malformed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "NAMES_LIMIT", 2)
    for number in range(2):
        (root / f"dev/{number}").touch()
    assert System(str(root)).names("/etc") == ["inside"]
    with pytest.raises(Malformed, match="more than 2 names"):
        System(str(root)).names("/dev")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_that_is_not_read_is_not_opened(root: Path) -> None:
    """No driver has the number: opened, it would refuse with ENXIO."""
    os.mknod(root / "proc/cpuinfo", 0o600 | stat.S_IFCHR, os.makedev(240, 250))
    with pytest.raises(Malformed, match="a device that tdxinfo does not read"):
        System(str(root)).read("/proc/cpuinfo")
    assert System(str(root)).exists("/proc/cpuinfo")


def test_a_loop_of_links_ends(root: Path) -> None:
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    with pytest.raises(Unsupported):
        System(str(root)).read("/one")


def test_the_kernels_own_links_are_not_followed() -> None:
    """/proc/self/root leads to the root of the process, whatever lies above it."""
    inside = System("/proc/self")
    assert "etc" not in inside.names("/root") or inside.names("/root") == inside.names("/")


def test_names_links_and_kinds_are_those_below(root: Path) -> None:
    system = System(str(root))
    (root / "etc/link").symlink_to("somewhere")
    assert system.names("/etc") == ["inside", "link"]
    assert system.target("/etc/link") == "somewhere"
    assert system.exists("/etc/inside")
    assert not system.exists("/etc/shadow")


@pytest.mark.parametrize(
    ("path", "folder"),
    [("/sys/module/kvm", "/sys"), ("/proc/cpuinfo", "/proc"), ("/dev/kvm", "/dev")],
)
def test_below_a_file_system_that_is_not_mounted_nothing_is_absent(
    tmp_path: Path, path: str, folder: str
) -> None:
    (tmp_path / folder[1:]).mkdir()
    with pytest.raises(Unsupported) as refusal:
        System(str(tmp_path)).status(path)
    assert refusal.value.message.endswith(f" is not mounted on {tmp_path}{folder}")
    assert refusal.value.remedy.endswith(f" on {tmp_path}{folder}.")


def test_a_copy_of_some_files_of_sysfs_is_read_and_lacks_the_rest(tmp_path: Path) -> None:
    (tmp_path / "sys/module").mkdir(parents=True)
    (tmp_path / "sys/module/copied").write_text("1")
    system = System(str(tmp_path))
    assert system.text("/sys/module/copied") == "1"
    with pytest.raises(Unsupported) as refusal:
        system.read("/sys/module/other")
    assert refusal.value.message == f"sysfs is not mounted on {tmp_path}/sys"


def test_every_question_of_every_fact_has_a_kind_and_an_excluded_one_opens_nothing(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.setattr(os, "open", lambda *a, **k: pytest.fail(f"opened {a}"))
    monkeypatch.setattr(restrictions, "_of_file", list)
    machine = LiveMachine(without=kinds.NAMES)
    observer = Observer(machine)
    for name in fact_names():
        for answer in observer.answers(name):
            assert getattr(answer, "reason", "excluded") in ("excluded", "absent", "unsupported")


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("/proc/cmdline", "procfs"),
        ("/sys/fs/cgroup/misc.capacity", "cgroup"),
        ("/sys/class/dmi/id/bios_vendor", "dmi"),
        ("dmi/memory-slots", "dmi"),
        ("/sys/module/kvm", "sysfs"),
        ("list//sys/devices/system/node", "sysfs"),
        ("device//dev/kvm", "file"),
        ("kernel-memory", "kmem"),
        ("kernel-log", "klog"),
        ("kvm/vm_types", "kvm"),
        ("msr/0x982/cpu0", "msr"),
        ("helper/fields", "helper"),
        ("qemu//usr/bin/qemu-system-x86_64", "program"),
        ("config//etc/x#y", "file"),
        ("/boot/config-6.8", "file"),
    ],
)
def test_a_question_is_of_the_kind_of_its_origin(question: str, kind: str) -> None:
    assert kinds.kind_of(question).name == kind


def test_messages_name_what_is_read_and_no_key() -> None:
    assert kinds.key_as_text("msr/0x982/cpu0") == "MSR 0x982 of CPU 0"
    assert kinds.key_as_text("config//etc/x.conf#url") == "/etc/x.conf"
    assert kinds.key_as_text("kvm/vm_types") == "/dev/kvm"


def test_the_variable_and_the_administrators_file_forbid_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tdxinfo.toml"
    file.write_text('without = ["kmem"]\n')
    monkeypatch.setattr(restrictions, "FILE", str(file))
    monkeypatch.setenv("TDXINFO_WITHOUT", "msr, kvm")
    found = restrictions.excluded(["klog,kmem"])
    assert found["msr"] == found["kvm"] == "TDXINFO_WITHOUT"
    assert found["klog"] == "--without"
    if os.geteuid() == 0:
        assert found["kmem"] == str(file)
        assert restrictions.warning() == ""
        file.chmod(0o666)
        assert restrictions.excluded()["msr"] == "TDXINFO_WITHOUT"
        assert "kmem" not in restrictions.excluded()
        assert "is ignored" in restrictions.warning()


@pytest.mark.parametrize("text", ['without = "kmem"', "without = [1]", "without = [", "\xff"])
def test_an_administrators_file_that_says_nothing_clear_forbids_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    if os.geteuid() != 0:
        pytest.skip("the file of another user than root does not count")
    (tmp_path / "x").write_text(text, encoding="latin-1")
    monkeypatch.setattr(restrictions, "FILE", str(tmp_path / "x"))
    with pytest.raises(BadInput):
        LiveMachine()


def test_an_unknown_source_is_wrong_usage() -> None:
    with pytest.raises(BadInput, match="Sources: helper, kmem"):
        LiveMachine(without=["memory"])


def test_what_hangs_is_waited_for_once_and_then_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    goes_on = threading.Event()
    monkeypatch.setattr(kinds, "KINDS", (kinds.Kind("file", ("",), 0.2),))
    monkeypatch.setattr("tdxinfo.machine.live.TIMEOUT", 0.3)
    monkeypatch.setattr(System, "read", lambda system, path: goes_on.wait() and b"")
    machine = LiveMachine()
    import time

    start = time.monotonic()
    try:
        for number in range(50):
            with pytest.raises(TimedOut):
                machine.read(f"/x{number}")
        assert time.monotonic() - start < 10
    finally:
        goes_on.set()


def test_where_no_thread_can_start_an_alarm_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading
    import time

    def refuse(thread: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading, "enumerate", list)  # those of earlier tests may still hang
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(kinds, "KINDS", (kinds.Kind("file", ("",), 0.2),))

    def hang(system: System, path: str) -> bytes:
        time.sleep(30)
        return b""

    monkeypatch.setattr(System, "read", hang)
    start = time.monotonic()
    with pytest.raises(TimedOut):
        LiveMachine().read("/x")
    assert time.monotonic() - start < 10
    monkeypatch.undo()
    monkeypatch.setattr(threading, "enumerate", list)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert LiveMachine().read("/proc/version")


def test_programs_of_another_system_are_not_started(root: Path) -> None:
    with pytest.raises(Excluded):
        System(str(root)).require_programs()
    with pytest.raises(Excluded):
        System("/", "--without").require_programs()


def test_the_help_of_without_lists_all_kinds() -> None:
    said = " ".join(ran("--help").out.split())
    found = re.search(r"Do not read this kind of source: ([a-z, ]+) or (\w+)\.", said)
    assert found is not None
    assert sorted([*found[1].split(", "), found[2]]) == sorted(kinds.NAMES)
