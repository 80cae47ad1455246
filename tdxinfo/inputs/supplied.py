"""Opens the input of `--from`: recognizes by its content what it is."""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tdxinfo.decode import packed
from tdxinfo.errors import BadInput, Malformed, Unavailable
from tdxinfo.inputs.accepted import ACCEPTED
from tdxinfo.machine import Machine
from tdxinfo.machine.bounded import OPEN_FLAGS, readable
from tdxinfo.machine.captured import metadata_machine, open_folder, read_beneath
from tdxinfo.model import SCHEMA_VERSION
from tdxinfo.model.base import first_message
from tdxinfo.model.provenance import Origin
from tdxinfo.report import CheckReport, Report

if TYPE_CHECKING:
    from tdxinfo.decode.metadata import Metadata

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "examples")
EXAMPLE_PREFIX = "example:"

INPUT_LIMIT = 32 << 20
"""Most bytes of an input. A kernel log of a month and a capture of a large host have fewer."""

TIMEOUT = 10.0
"""Seconds to wait for data from a pipe."""

_FIELD_ID = r"[0-9a-f]{16}"
_FIELD_LIMIT = 64 << 10
"""Bytes of one field's file; the longest array has 512."""
_ELF, _ELF_CORE = b"\x7fELF", b"\x04\x00"
"""The first bytes of an ELF file, and its type ET_CORE."""
_DUMPS = (b"KDUMP   ", b"makedumpfile\0")
"""How a compressed kdump file and its flattened form begin."""
_BLOCK = 512
"""Bytes of an archive's header."""
_HEAD = 64 << 10
"""Bytes of an input by which its kind is recognized."""
_HOLE = re.compile(rb"\0{64,}")
_TEXT_CONTROLS = {0x09, 0x0A, 0x0C, 0x0D, 0x1B}
"""Control characters of text: tab, line feed, form feed, carriage return, escape."""


def example_names() -> list[str]:
    """The recorded hosts that ship with tdxinfo, as `--from` takes them."""
    return [EXAMPLE_PREFIX + name for name in sorted(os.listdir(EXAMPLES))]


def open_input(given: str, vmlinux: str | None = None) -> Machine | Report:
    """The machine or report that `given` names. Raises BadInput.

    `vmlinux` is the path of the kernel's image, if the input is a crash dump.
    """
    if given != "-" and not os.path.isdir(given) and _begins_like_a_dump(given):
        from tdxinfo.sources.vmcore import open_dump

        return open_dump(given, vmlinux)
    if vmlinux is not None:
        raise BadInput(f"--vmlinux is only for crash dumps, and {given} is not a crash dump.")
    if given.startswith(EXAMPLE_PREFIX):
        return _example(given)
    if not given:
        raise BadInput("--from names nothing. Name a file, a folder, - or an example.")
    shown = "standard input" if given == "-" else given
    if given != "-" and os.path.isdir(given):
        return _folder(given)
    return recognize(_read_input(given, shown), shown)


def recognize(data: bytes, shown: str) -> Machine | Report:
    """The machine or report in the bytes of an archive, a report, metadata or a kernel log.

    `shown` names the input in messages. Raises BadInput.
    """
    from tdxinfo.decode import forms

    data = forms.unmarked(data)
    if not data.strip():
        raise BadInput(f"{shown} is empty.")
    if is_crash_dump(data):
        raise BadInput(f"{shown} is a crash dump, which is read from a file. Name the file.")
    if is_program(data):
        raise BadInput(f"{shown} is a program, not a crash dump. {ACCEPTED}.")
    if packed.is_packed(data):
        return _packed(data, shown)
    if is_tar(data):
        return _archive(data, data, shown)
    if is_json(data) and not forms.is_log_in_json(data[:_HEAD].decode("utf-8", "replace")):
        return parse_report(data, shown)
    if _is_binary(data) and not forms.is_text(data):
        return _raw_metadata(data, shown)
    return _text(data, shown)


def _packed(data: bytes, shown: str) -> Machine | Report:
    """The machine or report in compressed bytes: a capture, a support bundle or another input."""
    from tdxinfo.machine.archive import open_archive

    first = packed.first_bytes(data, _BLOCK)
    if is_tar(first):
        return _archive(data, first, shown)
    try:
        if data.startswith(packed.ZIP):
            is_capture = b"/about.toml" in data or b"about.toml" in data[:64]
            return open_archive(data, shown) if is_capture else _text(data, shown)
        inner = packed.unpacked(data, INPUT_LIMIT)
    except Malformed as error:
        raise BadInput(f"{shown} cannot be unpacked: {error}.") from None
    if packed.is_packed(inner):
        return _text(inner, shown)
    return recognize(inner, shown)


def is_tar(data: bytes) -> bool:
    return data[257:262] == b"ustar"


def _archive(data: bytes, first: bytes, shown: str) -> Machine:
    """A tar archive, packed or not; `first` is how it begins, unpacked."""
    from tdxinfo.inputs import bundles

    kind = bundles.kind_of_archive(first)
    if kind:
        return bundles.open_archive(data, kind, shown)
    from tdxinfo.machine.archive import open_archive

    return open_archive(data, shown)


def _text(data: bytes, shown: str) -> Machine:
    from tdxinfo.decode import forms, metadata
    from tdxinfo.inputs.pasted import pasted_machine

    try:
        text = forms.log_text(data, INPUT_LIMIT)
    except Malformed as error:
        raise BadInput(f"{shown} cannot be read: {error}.") from None
    if metadata.is_list(text):
        return _metadata(lambda: metadata.parse_list(text.splitlines()), shown)
    return pasted_machine(text, shown)


def _raw_metadata(data: bytes, shown: str) -> Machine:
    """Pages of TDH.SYS.RDALL, or the structures of TDH.SYS.INFO."""
    from tdxinfo.decode import metadata, sysinfo

    if sysinfo.is_sysinfo(data):
        return _metadata(lambda: sysinfo.parse_sysinfo(data), shown)
    if metadata.is_rdall(data):
        return _metadata(lambda: metadata.parse_rdall(data), shown)
    raise BadInput(f"{shown} has a format that this tdxinfo does not read. {ACCEPTED}.")


def _metadata(parse: Callable[[], Metadata], shown: str) -> Machine:
    try:
        return metadata_machine(parse(), Origin.of("metadata", shown))
    except Malformed as error:
        raise BadInput(
            f"{shown} is a damaged dump of the TDX module's metadata: {error}."
        ) from None


def _example(given: str) -> Machine:
    names = example_names()
    if given not in names:
        raise BadInput(f"There is no example {given[:100]!r}. The examples: {', '.join(names)}.")
    folder = os.path.join(EXAMPLES, given.removeprefix(EXAMPLE_PREFIX))
    return open_folder(folder, kind="example", shown=given)


def _folder(path: str) -> Machine:
    """A capture, or a vendor kernel's folder of metadata by field id."""
    try:
        from tdxinfo.inputs import bundles

        names = os.listdir(path)
        kind = bundles.kind_of_folder(names)
        if kind:
            return bundles.open_folder(path, kind)
        fields = [name for name in names if re.fullmatch(_FIELD_ID, name)]
        if fields and "about.toml" not in names:
            from tdxinfo.decode import metadata

            files = {name: read_beneath(path, name, _FIELD_LIMIT) for name in fields}
            return _metadata(lambda: metadata.parse_files(files), path)
        if "about.toml" not in names:
            raise BadInput(
                f"{path} is not a capture: it has no about.toml. Make one with `tdxinfo capture`; "
                "for a folder of several logs or captures use `tdxinfo fleet`."
            )
        return open_folder(path)
    except Unavailable as error:
        raise BadInput(f"{path} cannot be read: {error}.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None


def is_one_host(names: Iterable[str]) -> bool:
    """Whether a folder with these names is one capture, support bundle or host's metadata."""
    from tdxinfo.inputs import bundles

    names = list(names)
    if bundles.kind_of_folder(names):
        return True
    return any(name == "about.toml" or re.fullmatch(_FIELD_ID, name) for name in names)


def is_crash_dump(head: bytes) -> bool:
    """Whether it is an ELF core or a kdump file."""
    return head.startswith(_DUMPS) or (head.startswith(_ELF) and head[16:18] == _ELF_CORE)


def is_program(head: bytes) -> bool:
    """Whether it is an ELF file that is not a core: a program, a library, a kernel's image."""
    return head.startswith(_ELF) and not is_crash_dump(head)


def is_json(data: bytes) -> bool:
    return data.lstrip()[:1] == b"{"


def parse_report(data: bytes, shown: str) -> Report:
    """The report in the text of one JSON object: a CheckReport where `check` made it.

    Raises BadInput.
    """
    # The plain search finds in a long text much sooner that there is no such key.
    is_check = b'"verdict"' in data and re.search(rb'"verdict"\s*:', data)
    model = CheckReport if is_check else Report
    try:
        report = model.model_validate_json(data)
    except ValidationError as error:
        raise _not_a_report(error, shown) from None
    if report.errors and not report.host.model_fields_set:
        raise BadInput(f"{shown} is the report of a run that failed: {report.errors[0].message}")
    # Errors beside facts are of the run that wrote it, and not of this one.
    return report.model_copy(update={"origin": Origin.of("report", shown), "errors": ()})


def _not_a_report(error: ValidationError, shown: str) -> BadInput:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "json_invalid":
        return BadInput(f"{shown} begins like JSON, but is not complete: {first['msg']}.")
    if where == "schema_version" and first["type"] != "missing":
        return BadInput(
            f"{shown} has schema version {first['input']!s:.20}, and this tdxinfo reads "
            f"{SCHEMA_VERSION}. Use the tdxinfo that wrote it, or a newer one."
        )
    if first["type"] == "missing" and "." not in where:
        return BadInput(f"{shown} is JSON, but not a report of tdxinfo: it has no {where}.")
    return BadInput(f"{shown} is not a valid report: {where}: {first_message(error)}.")


def _begins_like_a_dump(path: str) -> bool:
    """Whether the file is a crash dump; False if it cannot be read, which a later step reports.

    A pipe is opened once, to be read: closed in between, it would end its writer.
    """
    if not os.path.isfile(path):
        return False
    try:
        fd = os.open(path, OPEN_FLAGS)
    except (OSError, ValueError):
        return False
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode) and is_crash_dump(os.pread(fd, 32, 0))
    except OSError:
        return False
    finally:
        os.close(fd)


def _is_binary(data: bytes) -> bool:
    """Whether the beginning is not text: it has many control or invalid characters.

    A hole of zeros, which a crash leaves in a log, does not count.
    """
    head = _HOLE.sub(b"", data[:_HEAD])
    controls = sum(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in head)
    broken = head.decode("utf-8", "replace").count("�")
    return not head or controls > len(head) // 50 or broken > len(head) // 20


def _read_input(given: str, shown: str) -> bytes:
    with opened(given, shown) as fd:
        return _drain(fd, shown)


@contextmanager
def opened(given: str, shown: str, flags: int = 0) -> Iterator[int]:
    """Opens a file, or standard input for -. Raises BadInput for all OSErrors inside the block."""
    try:
        fd = os.dup(sys.stdin.fileno()) if given == "-" else os.open(given, OPEN_FLAGS | flags)
    except (OSError, ValueError, AttributeError) as error:
        why = getattr(error, "strerror", None) or "it is closed"
        raise BadInput(f"{shown} cannot be read: {why}.") from None
    try:
        if stat.S_ISBLK(os.fstat(fd).st_mode):
            raise BadInput(f"{shown} is a block device, not a file.")
        yield fd
    except OSError as error:
        raise BadInput(f"{shown} cannot be read: {error.strerror}.") from None
    finally:
        os.close(fd)


def _drain(fd: int, shown: str) -> bytes:
    status = os.fstat(fd)
    too_large = BadInput(
        f"{shown} is larger than {INPUT_LIMIT >> 20} MiB. Cut a log to the boot in question; "
        "unpack a sosreport or supportconfig, and name the folder."
    )
    if stat.S_ISREG(status.st_mode) and status.st_size > INPUT_LIMIT:
        raise too_large
    data = bytearray()
    while chunk := next_chunk(fd, shown):
        data += chunk
        if len(data) > INPUT_LIMIT:
            raise too_large
    return bytes(data)


def next_chunk(fd: int, shown: str, timeout: float | None = None) -> bytes:
    """The next bytes, empty at the end. Raises BadInput when none come within `timeout` seconds."""
    timeout = timeout or TIMEOUT
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        if not readable([fd], left):
            break
        try:
            return os.read(fd, 1 << 20)
        except BlockingIOError:
            continue
    raise BadInput(f"{shown} sent no data for {timeout:g} seconds.")
