"""A machine that is being recorded, and the capture made of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tdxinfo import __version__
from tdxinfo.errors import Unavailable, record_of
from tdxinfo.machine import KERNEL_LOG, Answer, Live, Machine
from tdxinfo.machine.captured import FORMAT

ABOUT = "about.toml"
COMMAND_LINE = "/proc/cmdline"
ARCHIVES = {".tar.gz": "gz", ".tgz": "gz", ".tar.xz": "xz", ".tar": "", ".zip": "zip"}
"""By the ending of a name, how its archive is compressed."""


class RecordingMachine(Machine):
    """Hands every question to `inner` and keeps what it says, refusals included."""

    def __init__(self, inner: Machine) -> None:
        super().__init__(inner.origin)
        self._inner = inner
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, Answer] = {}
        self.refusals: dict[str, Unavailable] = {}
        self.keeps_identity = inner.keeps_identity

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
    cleaned: Callable[[bytes], bytes],
    log_lines: Callable[[str], str],
) -> dict[str, bytes]:
    """The capture's files by their paths inside it.

    `cleaned` takes identities out of text, `log_lines` chooses what is kept of the kernel log.
    """
    about = {
        "format": FORMAT,
        "tool": f"tdxinfo {__version__}",
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        "kernel": kernel or "unknown",
    }
    if machine.origin.note:
        about["provenance"] = machine.origin.note
    answers = {
        key: _cleaned_answer(answer, cleaned)
        for key, answer in machine.answers.items()
        if key != KERNEL_LOG
    }
    refused = {
        key: _cleaned_answer(record_of(error), cleaned)
        for key, error in sorted(machine.refusals.items())
    }
    files = {
        ABOUT: _toml(about),
        "answers.toml": _toml({"answers": dict(sorted(answers.items())), "refused": refused}),
    }
    if KERNEL_LOG in machine.answers:
        log = log_lines(str(machine.answers[KERNEL_LOG]))
        files["kernel.log"] = cleaned(log.encode("utf-8", "surrogateescape"))
    for path, data in sorted(machine.files.items()):
        files["root" + path] = _cleaned_file(path, data, cleaned)
    return files


def _cleaned_answer(answer: Any, cleaned: Callable[[bytes], bytes]) -> Any:
    if isinstance(answer, str):
        return cleaned(answer.encode("utf-8", "backslashreplace")).decode("utf-8", "replace")
    if isinstance(answer, list):
        return [_cleaned_answer(inner, cleaned) for inner in answer]
    if isinstance(answer, dict):
        return {key: _cleaned_answer(inner, cleaned) for key, inner in answer.items()}
    return answer


_PACKED = b"\x1f\x8b"


def _cleaned_file(path: str, data: bytes, cleaned: Callable[[bytes], bytes]) -> bytes:
    """The file's bytes without identities; a packed configuration is packed again."""
    if path == COMMAND_LINE:
        return cleaned(b"Command line: " + data).removeprefix(b"Command line: ").strip() + b"\n"
    if not data.startswith(_PACKED):
        return cleaned(data)
    import gzip
    import zlib

    try:
        return gzip.compress(cleaned(zlib.decompress(data, wbits=31)), mtime=0)
    except zlib.error:
        return b""


def _toml(table: Mapping[str, Any]) -> bytes:
    import tomli_w

    return tomli_w.dumps(table).encode()


def write(files: Mapping[str, bytes], destination: str) -> None:
    """The capture at `destination`, a folder or an archive, whole or not at all. Raises BadInput.

    "-" is standard output.
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
