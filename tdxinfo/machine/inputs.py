"""What `--from` was given, told apart by content."""

from __future__ import annotations

import json
import os
import select
import stat
import sys
import time
from dataclasses import dataclass
from typing import Any

from tdxinfo.errors import BadInput
from tdxinfo.machine import Machine, Origin
from tdxinfo.machine.bounded import OPEN_FLAGS
from tdxinfo.machine.captured import log_machine, open_folder

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "examples")
EXAMPLE_PREFIX = "example:"

INPUT_LIMIT = 32 << 20
"""Bytes of a supplied file. A kernel log of a month, or a capture of a large host, has less."""

PATIENCE = 10.0
"""Seconds that a pipe may stay silent."""

_GZIP = b"\x1f\x8b"
_TEXT_CONTROLS = {0x09, 0x0A, 0x0C, 0x0D, 0x1B}


@dataclass(frozen=True)
class ReportInput:
    """A JSON report of `tdxinfo dump` or `check`, not yet validated."""

    origin: Origin
    data: dict[str, Any]


def example_names() -> list[str]:
    """The recorded hosts that ship with tdxinfo, as `--from` takes them."""
    return [EXAMPLE_PREFIX + name for name in sorted(os.listdir(EXAMPLES))]


def open_input(given: str) -> Machine | ReportInput:
    """The machine or report that `given` names. Raises BadInput."""
    if given.startswith(EXAMPLE_PREFIX):
        return _example(given)
    shown = "standard input" if given == "-" else given
    if given != "-" and os.path.isdir(given):
        return _folder(given)
    return recognise(_read_input(given, shown), shown)


def recognise(data: bytes, shown: str) -> Machine | ReportInput:
    """What the bytes are: an archive, a JSON report or a kernel log. Raises BadInput."""
    if not data.strip():
        raise BadInput(f"{shown} is empty.")
    if data.startswith(_GZIP):
        from tdxinfo.machine.archive import open_archive

        return open_archive(data, shown)
    if data.lstrip()[:1] == b"{":
        return _report(data, shown)
    if _is_binary(data):
        raise BadInput(
            f"{shown} is neither a capture, a JSON report, nor the text of a kernel log."
        )
    text = data.decode("utf-8", "replace")
    return log_machine(text, Origin("kernel-log", shown))


def _example(given: str) -> Machine:
    names = example_names()
    if given not in names:
        raise BadInput(f"There is no {given!r:.100}. There are: {', '.join(names)}.")
    folder = os.path.join(EXAMPLES, given.removeprefix(EXAMPLE_PREFIX))
    return open_folder(folder, kind="example", shown=given)


def _folder(path: str) -> Machine:
    try:
        return open_folder(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None


def _report(data: bytes, shown: str) -> ReportInput:
    try:
        report = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{shown} begins like JSON, but is not whole: {error}.") from None
    if "schema_version" not in report or not isinstance(report.get("host"), dict):
        raise BadInput(f"{shown} is JSON, but no report of tdxinfo: it has no schema_version.")
    return ReportInput(Origin("report", shown), report)


def _is_binary(data: bytes) -> bool:
    """Whether the beginning has bytes that no log has: zeros, or many control characters."""
    head = data[: 64 << 10]
    controls = sum(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in head)
    broken = head.decode("utf-8", "replace").count("�")
    return b"\0" in head or controls > len(head) // 50 or broken > len(head) // 20


def _read_input(given: str, shown: str) -> bytes:
    try:
        fd = os.dup(sys.stdin.fileno()) if given == "-" else os.open(given, OPEN_FLAGS)
    except (OSError, ValueError, AttributeError) as error:
        why = getattr(error, "strerror", None) or "it is closed"
        raise BadInput(f"{shown} cannot be read: {why}.") from None
    try:
        return _drain(fd, shown)
    except OSError as error:
        raise BadInput(f"{shown} cannot be read: {error.strerror}.") from None
    finally:
        os.close(fd)


def _drain(fd: int, shown: str) -> bytes:
    status = os.fstat(fd)
    if stat.S_ISBLK(status.st_mode):
        raise BadInput(f"{shown} is a block device, not a file.")
    too_large = BadInput(
        f"{shown} is larger than {INPUT_LIMIT >> 20} MiB. Cut it to the boot in question."
    )
    if stat.S_ISREG(status.st_mode) and status.st_size > INPUT_LIMIT:
        raise too_large
    data = bytearray()
    while chunk := _next_chunk(fd, shown):
        data += chunk
        if len(data) > INPUT_LIMIT:
            raise too_large
    return bytes(data)


def _next_chunk(fd: int, shown: str) -> bytes:
    end = time.monotonic() + PATIENCE
    while (left := end - time.monotonic()) > 0:
        if not select.select([fd], [], [], left)[0]:
            break
        try:
            return os.read(fd, 1 << 20)
        except BlockingIOError:
            continue
    raise BadInput(f"{shown} said nothing for {PATIENCE:g} seconds.")
