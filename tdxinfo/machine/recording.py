"""Records what a machine answers, and writes it as a capture."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tdxinfo import __version__
from tdxinfo.errors import AS_ROOT, Denied, Unavailable, record_of
from tdxinfo.machine import KERNEL_LOG, Answer, Live, Machine
from tdxinfo.machine.captured import FORMAT
from tdxinfo.machine.kinds import key_as_text

ABOUT = "about.toml"
COMMAND_LINE = "/proc/cmdline"
ARCHIVES = {".tar.gz": "gz", ".tgz": "gz", ".tar.xz": "xz", ".tar": "", ".zip": "zip"}
"""The compression of an archive, by the ending of its name; zip is a format of its own."""


class RecordingMachine(Machine):
    """Passes every question to `inner` and stores each answer or error."""

    def __init__(self, inner: Machine) -> None:
        super().__init__(inner.origin)
        self._inner = inner
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, Answer] = {}
        self.refusals: dict[str, Unavailable] = {}
        self.keeps_identity = inner.keeps_identity

    def recorded(self, begin: str) -> tuple[str, ...]:
        return self._inner.recorded(begin)

    @property
    def host_names(self) -> tuple[str, ...]:
        return self._inner.host_names

    def _read(self, path: str) -> bytes:
        try:
            self.files[path] = self._inner.read(path)
        except Unavailable as refusal:
            self.refusals[path] = refusal
            raise
        return self.files[path]

    def _ask(self, key: str, live: Live) -> Answer:
        try:
            self.answers[key] = self._inner.ask(key, live)
        except Unavailable as refusal:
            self.refusals[key] = refusal
            raise
        return self.answers[key]


def contents(
    machine: RecordingMachine,
    kernel: str | None,
    redact: Callable[[bytes], bytes],
    log_lines: Callable[[str], str],
) -> dict[str, bytes]:
    """The capture's files by their paths inside it.

    `redact` removes identities from text; `log_lines` selects the lines of the kernel log.
    """
    about = {
        "format": FORMAT,
        "tool": f"tdxinfo {__version__}",
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        "kernel": kernel or "unknown",
    }
    if machine.origin.note:
        about["provenance"] = machine.origin.note
    more = root_would_add(machine.refusals)
    if more:
        about["as_root"] = redact(more.encode()).decode()
    answers = {
        key: _redacted_answer(answer, redact)
        for key, answer in machine.answers.items()
        if key != KERNEL_LOG
    }
    refused = {
        key: _redacted_answer(record_of(error), redact)
        for key, error in sorted(machine.refusals.items())
    }
    files = {
        ABOUT: _toml(about),
        "answers.toml": _toml({"answers": dict(sorted(answers.items())), "refused": refused}),
    }
    if KERNEL_LOG in machine.answers:
        log = log_lines(str(machine.answers[KERNEL_LOG]))
        files["kernel.log"] = redact(log.encode("utf-8", "surrogateescape"))
    for path, data in sorted(machine.files.items()):
        files["root" + path] = _redacted_file(path, data, redact)
    return files


def root_would_add(refusals: Mapping[str, Unavailable]) -> str:
    """One sentence with what was denied to this user and would not be to root; else empty."""
    denied = dict.fromkeys(
        "MSRs" if key.startswith("msr/") else key_as_text(key)
        for key, refusal in sorted(refusals.items())
        if refusal.reason == Denied.reason and refusal.remedy == AS_ROOT
    )
    return f"A capture by root would also have: {', '.join(denied)}." if denied else ""


def _redacted_answer(answer: Any, redact: Callable[[bytes], bytes]) -> Any:
    if isinstance(answer, str):
        return redact(answer.encode("utf-8", "backslashreplace")).decode("utf-8", "replace")
    if isinstance(answer, list):
        return [_redacted_answer(inner, redact) for inner in answer]
    if isinstance(answer, dict):
        return {key: _redacted_answer(inner, redact) for key, inner in answer.items()}
    return answer


_PACKED = b"\x1f\x8b"


def _redacted_file(path: str, data: bytes, redact: Callable[[bytes], bytes]) -> bytes:
    """The file's bytes without identities; a gzip file (/proc/config.gz) is unpacked for this."""
    if path == COMMAND_LINE:
        # Identities in a command line are recognized by the prefix that it has in the log.
        return redact(b"Command line: " + data).removeprefix(b"Command line: ").strip() + b"\n"
    if not data.startswith(_PACKED):
        return redact(data)
    import gzip
    import zlib

    try:
        return gzip.compress(redact(zlib.decompress(data, wbits=31)), mtime=0)
    except zlib.error:
        return b""


def _toml(table: Mapping[str, Any]) -> bytes:
    import tomli_w

    return tomli_w.dumps(table).encode()


def write(files: Mapping[str, bytes], destination: str) -> None:
    """Writes the capture to `destination`: a folder, an archive, or "-" for standard output.

    It is written atomically. Raises BadInput.
    """
    from tdxinfo.machine import written

    if destination == "-":
        sys.stdout.buffer.write(_tar(files, "capture", "gz"))
        return
    top = os.path.basename(destination).split(".")[0] or "capture"
    for ending, kind in ARCHIVES.items():
        if destination.endswith(ending):
            data = _zip(files, top) if kind == "zip" else _tar(files, top, kind)
            written.write_new(data, destination)
            return
    written.write_new_folder(files, destination, last=ABOUT)


def _tar(files: Mapping[str, bytes], top: str, compression: str) -> bytes:
    import io
    import tarfile

    made = io.BytesIO()
    # tarfile's types know the modes only as literals.
    with tarfile.open(fileobj=made, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size, member.mode = len(data), 0o600
            archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def _zip(files: Mapping[str, bytes], top: str) -> bytes:
    import io
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(f"{top}/{name}"), data)
    return made.getvalue()
