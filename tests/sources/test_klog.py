"""The live kernel log: /dev/kmsg, or the journal where the ring has lost the beginning."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tdxinfo.decode.boot import platform
from tdxinfo.errors import Absent, Denied, Malformed, TimedOut, Unavailable
from tdxinfo.machine import FILE_LIMIT
from tdxinfo.machine.system import System
from tdxinfo.sources import klog, programs
from tdxinfo.sources.klog import KernelLog, boot_of, live_log
from tests.builders import captured_machine
from tests.cli.command import ran

BEGIN = b"5,0,0,-;Linux version 7.1.5 (x@y)\n SUBSYSTEM=x\n"
KEYIDS = b"6,339,5300843,-;virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
SPOKEN = b"12,340,5300844,-;virt/tdx: module initialized\n"
JOURNAL = "[    0.000000] kernel: Linux version 7.1.5\n[    5.3] kernel: virt/tdx: x\n"


class Host:
    """A host with a ring buffer and, where asked for, a journal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.records: list[bytes | OSError] = []
        self.refuse_open = 0
        self.closed: list[int] = []
        self.journal: Callable[[], str] = self.no_journal
        self.has_journal = True
        monkeypatch.setattr(os, "open", self.open)
        monkeypatch.setattr(os, "read", self.read)
        monkeypatch.setattr(os, "close", self.closed.append)
        monkeypatch.setattr(klog, "_is_device", lambda fd: fd == 80)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setattr(klog, "_journal", self.ask_journal)

    def ask_journal(self, system: System) -> str:
        return self.journal()

    def no_journal(self) -> str:
        raise Absent("this host keeps no journal")

    def open(self, path: str, flags: int) -> int:
        assert path == "/dev/kmsg"
        assert flags & os.O_NONBLOCK
        assert not flags & (os.O_WRONLY | os.O_RDWR)
        if self.refuse_open:
            raise OSError(self.refuse_open, os.strerror(self.refuse_open))
        return 80

    def read(self, fd: int, size: int) -> bytes:
        if not self.records:
            raise BlockingIOError(errno.EAGAIN, "")
        record = self.records.pop(0)
        if isinstance(record, OSError):
            raise record
        assert len(record) <= size
        return record


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def test_records_become_the_lines_that_dmesg_prints(host: Host) -> None:
    host.records = [BEGIN, KEYIDS]
    assert live_log(System()) == (
        "[    0.000000] Linux version 7.1.5 (x@y)\n"
        "[    5.300843] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
    )
    assert host.closed == [80]


def test_what_user_space_wrote_is_left_out(host: Host) -> None:
    host.records = [BEGIN, SPOKEN, b"30,341,5300845,-;systemd: virt/tdx: x\n"]
    assert live_log(System()) == "[    0.000000] Linux version 7.1.5 (x@y)\n"


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\n",
        b"6;x\n",
        b"6,1;virt/tdx: x\n",
        b"a,b,c,-;virt/tdx: x\n",
        b"6,1,-5,-;virt/tdx: x\n",
        b"garbage",
    ],
)
def test_a_record_of_another_shape_is_passed_over(host: Host, record: bytes) -> None:
    host.records = [BEGIN, record] if record else [BEGIN]
    assert live_log(System()) == "[    0.000000] Linux version 7.1.5 (x@y)\n"


def test_a_record_that_was_overwritten_meanwhile_is_passed_over(host: Host) -> None:
    host.records = [BEGIN, BrokenPipeError(errno.EPIPE, ""), KEYIDS]
    assert live_log(System()).count("\n") == 2


def test_a_log_that_ends_has_ended(host: Host) -> None:
    """End of file: /dev/null or a closed pipe stands where the device should."""
    host.records = [BEGIN, b"", KEYIDS]
    assert live_log(System()).count("\n") == 1


@pytest.mark.parametrize("kind", [stat.S_IFREG, stat.S_IFIFO])
def test_only_a_device_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: int) -> None:
    os.mknod(tmp_path / "kmsg", kind | 0o600)
    monkeypatch.setattr(klog, "DEVICE", str(tmp_path / "kmsg"))
    monkeypatch.setattr(klog, "_JOURNALS", ())
    with pytest.raises(Malformed, match="not a device"):
        live_log(System())


def test_a_ring_that_is_overwritten_without_end_is_given_up(host: Host) -> None:
    host.records = [BrokenPipeError(errno.EPIPE, "") for _ in range(100_000)]
    with pytest.raises(Malformed, match="faster"):
        live_log(System())
    assert len(host.records) > 50_000


def test_a_callers_column_in_the_record_is_no_text(host: Host) -> None:
    host.records = [BEGIN, b"6,339,5300843,-,caller=T1;virt/tdx: module not loaded\n"]
    assert live_log(System()).endswith("[    5.300843] virt/tdx: module not loaded\n")


def test_a_ring_without_end_is_bounded(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(klog, "FILE_LIMIT", 100_000)
    monkeypatch.setattr(os, "read", lambda fd, size: b"6,1,1,-;" + b"x" * 1000 + b"\n")
    assert len(live_log(System())) < 200_000
    assert FILE_LIMIT >= 1 << 20


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_a_log_that_may_not_be_read_is_denied(host: Host, number: int) -> None:
    host.refuse_open = number
    with pytest.raises(Denied) as refusal:
        live_log(System())
    assert refusal.value.remedy == "Run as root."


def test_a_read_that_is_denied_is_denied_and_closed(host: Host) -> None:
    host.records = [PermissionError(errno.EPERM, "")]
    with pytest.raises(Denied):
        live_log(System())
    assert host.closed == [80]


def test_a_journal_stands_in_for_a_log_that_may_not_be_read(host: Host) -> None:
    host.refuse_open = errno.EPERM
    host.journal = lambda: JOURNAL
    assert live_log(System()) == JOURNAL


def test_a_journal_stands_in_for_a_ring_that_lost_its_beginning(host: Host) -> None:
    host.records = [KEYIDS]
    host.journal = lambda: JOURNAL
    assert live_log(System()) == JOURNAL


def test_a_whole_ring_needs_no_journal(host: Host) -> None:
    host.records = [BEGIN, KEYIDS]

    def never() -> str:
        raise AssertionError("the journal is asked")

    host.journal = never
    assert live_log(System()).startswith("[    0.000000] Linux version")


def test_without_a_journal_the_ring_that_is_left_counts(host: Host) -> None:
    host.records = [KEYIDS]
    assert live_log(System()).startswith("[    5.300843] virt/tdx: BIOS enabled")


@pytest.mark.parametrize("error", [Denied("no", "Run as root."), TimedOut("late"), Absent("none")])
def test_why_the_ring_was_refused_outweighs_why_the_journal_was(
    host: Host, error: Unavailable
) -> None:
    host.refuse_open = errno.EPERM

    def refuse() -> str:
        raise error

    host.journal = refuse
    with pytest.raises(Denied) as refusal:
        live_log(System())
    assert "kernel log" in refusal.value.message


def test_a_missing_device_is_absent(host: Host) -> None:
    host.refuse_open = errno.ENOENT
    with pytest.raises(Absent):
        live_log(System())


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host whose /dev/kmsg is closed to this user, and which keeps a journal."""
    kept = tmp_path / "journal"
    kept.mkdir()
    (kept / "system.journal").write_bytes(b"")
    monkeypatch.setattr(klog, "DEVICE", str(tmp_path / "missing"))
    monkeypatch.setattr(klog, "_JOURNALS", (str(tmp_path),))
    return kept


def test_the_journal_is_asked_for_the_kernels_lines_of_this_boot(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[str]]] = []

    def output_of(program: str, arguments: list[str]) -> str:
        asked.append((program, arguments))
        return JOURNAL

    monkeypatch.setattr(programs, "output_of", output_of)
    assert live_log(System()) == JOURNAL
    ((program, arguments),) = asked
    assert program == "journalctl"
    assert {"-k", "-b", "SYSLOG_FACILITY=0"} <= set(arguments)


@pytest.mark.parametrize("printed", ["", "\n"])
def test_a_journal_that_shows_nothing_has_not_answered(
    journal: Path, monkeypatch: pytest.MonkeyPatch, printed: str
) -> None:
    monkeypatch.setattr(programs, "output_of", lambda program, arguments: printed)
    with pytest.raises(Absent):
        live_log(System())


def test_no_program_is_run_where_there_is_no_journal_to_read(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(program: str, arguments: list[str]) -> str:
        raise AssertionError("journalctl is run")

    monkeypatch.setattr(programs, "output_of", never)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(Absent):
        live_log(System())
    (journal / "system.journal").unlink()
    with pytest.raises(Absent):
        live_log(System())


KEYIDS_LINE = "virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
WHOLE = "[    0.000000] Linux version 6.8.0-1028-intel (x@y)\n[    5.2] " + KEYIDS_LINE


def test_a_fact_of_the_log_names_itself() -> None:
    source = KernelLog(platform.private_keyid_count)
    assert source.origin == "klog:private_keyid_count"
    assert source.read(captured_machine(log=WHOLE)) == 64


def test_a_log_is_parsed_once() -> None:
    machine = captured_machine(log=WHOLE)
    assert boot_of(machine) is boot_of(machine)


def test_a_short_pasted_log_is_an_excerpt_and_a_recorded_one_is_whole() -> None:
    assert boot_of(captured_machine(log=WHOLE, kind="kernel-log")).complete is False
    assert boot_of(captured_machine(log=WHOLE, kind="capture")).complete is True


LONG = WHOLE + "[    6.0] usb: x\n" * 300


def lack_of(log: str, kind: str = "kernel-log") -> str | None:
    return boot_of(captured_machine(log=log, kind=kind)).lacks


@pytest.mark.parametrize(
    "line",
    [
        "[    7.0] Freeing unused kernel image (initmem) memory: 3728K",
        "[    7.0] Freeing unused kernel memory: 2048K",
        "[    7.0] Run /init as init process",
        "[    7.0] Run /sbin/init as init process",
        "[    7.0] Write protecting the kernel read-only data: 36864k",
        "[    7.0] systemd[1]: systemd 257 running in system mode",
        "Nov 20 08:00:09 node systemd[1]: Reached target Multi-User System.",
        "Nov 20 08:00:09 node systemd-journald[412]: Received client request to flush runtime.",
        "Nov 20 08:00:09 node kernel: Freeing unused kernel image (initmem) memory: 3728K",
    ],
)
def test_a_long_pasted_log_until_programs_run_is_whole(line: str) -> None:
    assert lack_of(LONG + line + "\n") is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[    7.0] Freeing initrd memory: 60000K",
        "[    7.0] Freeing SMP alternatives memory: 48K",
        "[    7.0] IOAPIC[0]: apic_id 0, version 32, address 0xfec00000, GSI 0-23",
        "[    7.0] usb 1-1: Product: systemd[1]",
    ],
)
def test_a_long_pasted_log_that_ends_before_programs_run_lacks_its_end(line: str) -> None:
    assert lack_of(LONG + line + "\n") == "end"
    assert lack_of(LONG + line + "\n", kind="capture") is None


@pytest.mark.parametrize("options", [(), ("--keep-identity",)])
def test_a_capture_of_a_supplied_log_lacks_what_the_log_lacks(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    first, again = str(tmp_path / "first.tar"), str(tmp_path / "again.tar")
    (tmp_path / "cut.log").write_text(LONG)
    assert ran("--from", str(tmp_path / "cut.log"), "capture", first, *options).status == 0
    assert ran("--from", first, "capture", again, *options).status == 0
    for path in (first, again):
        found = ran("dump", "kernel.log_lacks", "--json", "--from", path).json
        assert found["host"]["kernel"]["log_lacks"] == "end"


def test_what_a_log_lacks_is_named_by_the_last_boot_alone() -> None:
    end = "[    7.0] Run /init as init process\n"
    assert lack_of(LONG + end + LONG + end) is None
    assert lack_of(LONG + end + LONG) == "end"
    assert lack_of(LONG + end + WHOLE + end) == "lines"
    assert lack_of(LONG + end + "-- Reboot --\n[    3.2] " + KEYIDS_LINE) == "beginning"
    assert lack_of(LONG + end, kind="system-report") == "lines"


def test_a_record_whose_log_is_no_text_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = captured_machine()
    monkeypatch.setattr(machine, "ask", lambda key, live: 5)
    with pytest.raises(Malformed):
        boot_of(machine)
