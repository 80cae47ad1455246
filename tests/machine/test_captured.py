"""A captured folder answers as the machine did, and leads nowhere else."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from tdxinfo.errors import (
    REASONS,
    Absent,
    BadInput,
    Denied,
    Malformed,
    NotRecorded,
    Unavailable,
    Unsupported,
)
from tdxinfo.machine import KERNEL_LOG
from tdxinfo.machine.captured import CapturedMachine, from_memory, open_folder, open_record
from tdxinfo.model.provenance import Origin
from tests.builders import captured_machine

ANSWERS = """
[answers]
"msr/0x87/cpu0" = "0x0000004000000040"
number = 5

[refused."/sys/denied"]
reason = "denied"
message = "It may not be read."
remedy = "Run as root."
errno = "EACCES"

[refused."msr/0x1401/cpu0"]
reason = "unsupported"
message = "There is none."
"""


def never(system: object) -> int:
    raise AssertionError("this machine is asked")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    capture = tmp_path / "capture"
    (capture / "root/proc").mkdir(parents=True)
    (capture / "root/proc/cpuinfo").write_text("processor : 0\n")
    (capture / "about.toml").write_text('format = 1\nprovenance = "made up"\nrecorded = "2026"\n')
    (capture / "answers.toml").write_text(ANSWERS)
    (capture / "kernel.log").write_text("virt/tdx: module initialized\n")
    (tmp_path / "secret").write_text("secret")
    return capture


def opened(folder: Path) -> CapturedMachine:
    return open_folder(str(folder))


def test_a_capture_answers_what_it_holds(folder: Path) -> None:
    machine = opened(folder)
    assert machine.text("/proc/cpuinfo") == "processor : 0\n"
    assert machine.ask("msr/0x87/cpu0", never) == "0x0000004000000040"
    assert machine.ask("number", never) == 5
    assert machine.ask(KERNEL_LOG, never) == "virt/tdx: module initialized\n"


def test_a_capture_says_where_it_comes_from(folder: Path) -> None:
    assert opened(folder).origin == Origin(
        kind="capture", path=str(folder), note="made up", recorded="2026"
    )


@pytest.mark.parametrize("path", ["/etc/hostname", "/proc/none", "/proc/self/status", "/none/x"])
def test_what_is_not_in_the_record_is_not_recorded(folder: Path, path: str) -> None:
    with pytest.raises(NotRecorded):
        opened(folder).read(path)
    with pytest.raises(NotRecorded):
        opened(folder).ask(path, never)


def test_a_capture_without_a_log_has_none_recorded(folder: Path) -> None:
    (folder / "kernel.log").unlink()
    with pytest.raises(NotRecorded):
        opened(folder).ask(KERNEL_LOG, never)


def test_a_capture_without_answers_has_none_recorded(folder: Path) -> None:
    (folder / "answers.toml").unlink()
    with pytest.raises(NotRecorded):
        opened(folder).ask("number", never)


def test_a_refusal_is_replayed_with_class_remedy_and_errno(folder: Path) -> None:
    with pytest.raises(Denied) as refusal:
        opened(folder).read("/sys/denied")
    assert refusal.value.message == "It may not be read."
    assert refusal.value.remedy == "Run as root."
    assert refusal.value.errno == errno.EACCES
    with pytest.raises(Unsupported) as other:
        opened(folder).ask("msr/0x1401/cpu0", never)
    assert (other.value.remedy, other.value.errno) == ("", 0)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_replayed_as_its_class(reason: str) -> None:
    machine = captured_machine(refused={"k": {"reason": reason, "message": "m"}})
    with pytest.raises(Unavailable) as refusal:
        machine.ask("k", never)
    assert type(refusal.value) is REASONS[reason]
    assert refusal.value.message == "m"


def test_a_refused_kernel_log_is_refused_again() -> None:
    machine = captured_machine(refused={KERNEL_LOG: {"reason": "denied", "message": "m"}}, log="x")
    with pytest.raises(Denied):
        machine.ask(KERNEL_LOG, never)


def test_a_reason_of_a_later_version_is_still_a_refusal() -> None:
    with pytest.raises(Unavailable):
        captured_machine(refused={"k": {"reason": "tired"}}).ask("k", never)


@pytest.mark.parametrize("number", ["errorcode", "__name__", "ENOSUCH", "", "-5"])
def test_an_errno_that_is_none_is_zero(number: str) -> None:
    with pytest.raises(Denied) as refusal:
        captured_machine(refused={"k": {"reason": "denied", "errno": number}}).ask("k", never)
    assert refusal.value.errno == 0


def test_a_refusal_that_is_no_table_is_malformed() -> None:
    with pytest.raises(Malformed):
        captured_machine(refused={"k": "denied"}).ask("k", never)  # type: ignore[dict-item]


def test_a_link_to_a_file_is_not_followed(folder: Path) -> None:
    (folder / "root/proc/link").symlink_to(folder.parent / "secret")
    with pytest.raises(Malformed):
        opened(folder).read("/proc/link")


def test_a_link_to_a_folder_is_not_followed(folder: Path) -> None:
    (folder / "root/sys").symlink_to(folder.parent)
    with pytest.raises(Malformed):
        opened(folder).read("/sys/secret")


def test_a_root_that_is_a_link_is_not_followed(folder: Path) -> None:
    (folder / "root/proc/cpuinfo").unlink()
    (folder / "root/proc").rmdir()
    (folder / "root").rmdir()
    (folder / "root").symlink_to("/")
    with pytest.raises(Malformed):
        opened(folder).read("/etc/passwd")


@pytest.mark.parametrize("name", ["about.toml", "answers.toml"])
def test_a_capture_whose_own_files_are_links_is_bad_input(folder: Path, name: str) -> None:
    (folder / name).rename(folder.parent / name)
    (folder / name).symlink_to(folder.parent / name)
    with pytest.raises(BadInput):
        opened(folder)


def test_a_log_that_is_a_link_is_not_followed(folder: Path) -> None:
    (folder / "kernel.log").unlink()
    (folder / "kernel.log").symlink_to(folder.parent / "secret")
    with pytest.raises(Malformed):
        opened(folder).ask(KERNEL_LOG, never)


@pytest.mark.parametrize("path", ["/../about.toml", "/proc/../../../secret", "/../../secret"])
def test_a_path_that_goes_up_leads_nowhere(folder: Path, path: str) -> None:
    with pytest.raises(Unavailable):
        opened(folder).read(path)


def test_a_fifo_in_a_capture_does_not_hold_it(folder: Path) -> None:
    os.mkfifo(folder / "root/proc/fifo")
    with pytest.raises(Malformed):
        opened(folder).read("/proc/fifo")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_in_a_capture_is_not_opened(folder: Path) -> None:
    """No driver has the number: opened, it would refuse with ENXIO."""
    os.mknod(folder / "root/proc/device", 0o600 | stat.S_IFCHR, os.makedev(240, 250))
    with pytest.raises(Malformed, match="not a regular file"):
        opened(folder).read("/proc/device")


def test_a_file_where_a_folder_belongs_is_no_answer(folder: Path) -> None:
    with pytest.raises(Unavailable):
        opened(folder).read("/proc/cpuinfo/x")


@pytest.mark.parametrize("path", ["/" + "x" * 300, "/" + "x" * 300 + "/y", "/proc/a\0b"])
def test_a_name_that_no_file_can_have_is_no_answer(folder: Path, path: str) -> None:
    with pytest.raises(Unavailable):
        opened(folder).read(path)


def test_reading_leaves_no_descriptor_open(folder: Path) -> None:
    machine = opened(folder)
    before = len(os.listdir("/proc/self/fd"))
    for path in ("/proc/cpuinfo", "/proc/none", "/none/x", "/proc/cpuinfo/x"):
        try:
            machine.read(path)
        except Unavailable:
            continue
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ("format = 2\n", "Update tdxinfo"),
        ("format = 0\n", "names no format"),
        ('format = "1"\n', "names no format"),
        ("x = 1\n", "names no format"),
        ("format = ", "not valid TOML"),
        ("\udcff", "not text in UTF-8"),
    ],
)
def test_an_about_that_cannot_be_used_is_bad_input(folder: Path, about: str, words: str) -> None:
    (folder / "about.toml").write_bytes(about.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInput, match=words):
        opened(folder)


@pytest.mark.parametrize(
    "answers",
    [
        *("answers = 5\n", "refused = []\n", "[answers\n", "answers = {", "x = " + "[" * 5000),
        f'[answers]\n"modprobe/kvm_intel.tdx" = 0x{"f" * 6000}\n',
    ],
)
def test_answers_that_cannot_be_used_are_bad_input(folder: Path, answers: str) -> None:
    (folder / "answers.toml").write_text(answers)
    with pytest.raises(BadInput, match=r"answers\.toml"):
        opened(folder)


def test_a_folder_without_about_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="tdxinfo capture"):
        opened(tmp_path)


def test_absent_is_what_a_missing_inner_file_is_not() -> None:
    with pytest.raises(NotRecorded) as refusal:
        captured_machine().read("/proc/cpuinfo")
    assert isinstance(refusal.value, Absent)
    assert refusal.value.reason == "not-recorded"


def test_a_capture_of_an_older_version_has_its_answers_under_the_keys_of_today() -> None:
    old = "gi" + "st//etc/x.conf#url"
    files = {
        "about.toml": b"format = 1\n",
        "answers.toml": f'[answers]\n"{old}" = "here"\n'.encode(),
    }
    machine = open_record(from_memory(files), "capture", "x")
    assert machine.ask("config//etc/x.conf#url", lambda system: "live") == "here"
