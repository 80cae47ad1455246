"""The kernel log: /dev/kmsg, and the journal where the ring buffer has lost the boot."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from tdxinfo.decode.boot import Boot, Lack
from tdxinfo.errors import AS_ROOT, Absent, Denied, Malformed, Unavailable, from_oserror
from tdxinfo.machine import FILE_LIMIT, KERNEL_LOG, Machine
from tdxinfo.machine.bounded import within
from tdxinfo.machine.system import System

DEVICE = "/dev/kmsg"
_DEVICE_TIME, _DEVICE_IDLE = 10.0, 3.0
"""Seconds for the whole ring buffer, and without any progress: the journal is asked after that."""
_BEGINNING = "Linux version "
_RECORD = 8192
"""Bytes of one record at most, as the kernel defines it (CONSOLE_EXT_LOG_MAX)."""
_WHOLE_LOG = 200
"""Lines. A supplied log with fewer is an excerpt, even if its first line is the boot's first."""
_EXCERPTS = ("system-report",)
"""Kinds of records that never have a whole log."""
PASTED = ("kernel-log", "sosreport", "supportconfig", *_EXCERPTS)
"""Kinds of records whose log somebody supplied as text."""
SUPPLIED = "kernel-log/supplied"
"""The answer by which a capture says that its log was supplied as text."""
_JOURNALS = ("/run/log/journal", "/var/log/journal")
_JOURNAL = "system.journal"
_MAX_OVERWRITTEN = 1000
"""Tries for one record: the kernel may overwrite it first, then the next read skips to a newer."""


class KernelLog(NamedTuple):
    """A fact of the kernel log: a function of `decode/boot`."""

    fact: Callable[[Boot], Any]

    @property
    def origin(self) -> str:
        return f"klog:{self.fact.__name__}"

    def read(self, machine: Machine) -> Any:
        return self.fact(boot_of(machine))


def boot_of(machine: Machine) -> Boot:
    """What the kernel log reports, parsed once. Raises Unavailable."""
    return machine.once("boot", lambda: _boot(machine))


def _boot(machine: Machine) -> Boot:
    text = machine.ask(KERNEL_LOG, live_log)
    if not isinstance(text, str):
        raise Malformed("the record's kernel log is not text")
    pasted = is_supplied(machine)
    boot = Boot.from_log(text, pasted)
    lacks = _lack(boot, machine.origin.kind) if pasted else None
    return boot.lacking(lacks) if boot.complete and lacks else boot


def is_supplied(machine: Machine) -> bool:
    """Whether somebody supplied the log as text, also one that a capture keeps."""
    return machine.origin.kind in PASTED or bool(machine.recorded(SUPPLIED))


def _lack(boot: Boot, kind: str) -> Lack | None:
    """What a log that somebody supplied, and that begins with the boot, lacks.

    The log of this machine, or of a record, ends when a program read it.
    """
    if boot.end is None:
        return None
    if boot.end.lines < _WHOLE_LOG or kind in _EXCERPTS:
        return "lines"
    return None if boot.end.programs_run else "end"


def live_log(system: System) -> str:
    """This boot's log, from its beginning if that is still stored. Raises Unavailable."""
    try:
        ring = within(_DEVICE_TIME, DEVICE, lambda: "".join(_records(system)), _DEVICE_IDLE)
    except Unavailable as refusal:
        return _journal_instead(system, refusal)
    if _BEGINNING in ring:
        return ring
    try:
        return _journal(system)
    except Unavailable:
        return ring


def _journal_instead(system: System, refusal: Unavailable) -> str:
    try:
        return _journal(system)
    except Unavailable:
        raise refusal from None


def _journal(system: System) -> str:
    """The journal's kernel lines of this boot. journalctl runs only if a journal is readable."""
    system.require_programs()
    journals = list(_journals(system))
    if not journals:
        raise Absent("this host keeps no journal")
    if not any(os.access(path, os.R_OK) for path in journals):
        raise Denied("the journal may not be read by this user", AS_ROOT)
    arguments = ["-k", "-b", "-q", "-o", "short-monotonic", "--no-hostname", "--no-pager"]
    arguments.append("SYSLOG_FACILITY=0")  # not what programs wrote to /dev/kmsg
    from tdxinfo.sources import programs

    text = programs.output_of("journalctl", arguments)
    if not text.strip():
        raise Denied("the journal shows this user no kernel messages", AS_ROOT)
    return text


def _journals(system: System) -> Iterator[str]:
    """The journals' files, a folder for each machine id."""
    for folder in _JOURNALS:
        with suppress(Unavailable):
            for machine_id in system.names(folder):
                path = f"{folder}/{machine_id}/{_JOURNAL}"
                if system.exists(path):
                    yield path


def _records(system: System) -> Iterator[str]:
    """The ring buffer's lines as dmesg prints them, of the kernel's own facility only."""
    try:
        fd = system.open(DEVICE)
    except Unavailable as refusal:
        raise _not_opened(refusal) from None
    left = FILE_LIMIT
    try:
        if not _is_device(fd):
            raise Malformed(f"{DEVICE} is not a device")
        while left > 0 and (record := _next_record(fd)):
            left -= len(record)
            yield _line(record.decode("utf-8", "replace"))
    finally:
        os.close(fd)


def _is_device(fd: int) -> bool:
    return stat.S_ISCHR(os.fstat(fd).st_mode)


def _not_opened(refusal: Unavailable) -> Unavailable:
    if refusal.remedy == AS_ROOT:
        return Denied("the kernel log may not be read by this user", AS_ROOT, refusal.errno)
    return refusal


def _next_record(fd: int) -> bytes:
    """The next record, or no bytes at the end. Overwritten records are skipped."""
    for _ in range(_MAX_OVERWRITTEN):
        try:
            return os.read(fd, _RECORD)
        except BlockingIOError:
            return b""
        except BrokenPipeError:
            continue
        except OSError as error:
            raise _not_opened(from_oserror(error, DEVICE)) from None
    raise Malformed(f"{DEVICE} is overwritten faster than it can be read")


def _line(record: str) -> str:
    """`[    5.300843] text` for "6,339,5300843,-;text"; nothing for what user space wrote."""
    head, _, rest = record.partition(";")
    fields = head.split(",")
    if len(fields) < 3 or not (fields[0].isdigit() and fields[2].isdigit()):
        return ""
    if int(fields[0]) >> 3:
        return ""
    text = rest.split("\n", 1)[0]
    seconds, micros = divmod(int(fields[2]), 1_000_000)
    return f"[{seconds:5}.{micros:06}] {text}\n"
