"""A machine that is being recorded, and the capture made of it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import IPv6Address
from typing import Any

from tdxinfo import __version__
from tdxinfo.errors import Unavailable, record_of
from tdxinfo.machine import KERNEL_LOG, Answer, Live, Machine
from tdxinfo.machine.captured import FORMAT

ABOUT = "about.toml"
ARCHIVES = {".tar.gz": "gz", ".tgz": "gz", ".tar.xz": "xz", ".tar": "", ".zip": "zip"}
"""By the ending of a name, how its archive is compressed."""

_IDENTITIES = (
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}\b"), "<mac>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"), "<ip>"),
)
_MAYBE_IPV6 = re.compile(r"(?<![\w.:])[0-9a-fA-F:]{3,39}(?![\w.:])")


class RecordingMachine(Machine):
    """Hands every question to `inner` and keeps what it says, refusals included."""

    def __init__(self, inner: Machine) -> None:
        super().__init__(inner.origin)
        self._inner = inner
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, Answer] = {}
        self.refusals: dict[str, Unavailable] = {}

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


_NAMES_NOBODY = re.compile(r"(?:^|[\s/])(?:tdx|seam|seamldr|kvm|kvm_intel|x86/m?k?tme): ")
"""Lines whose numbers are versions and addresses of memory, even where they look otherwise."""


def without_identity(text: str, host_name: str = "") -> str:
    """`text` without UUIDs, MAC and IPv4 addresses and the host's own name."""
    return "".join(_cleaned_line(line, host_name) for line in text.splitlines(keepends=True))


def _cleaned_line(text: str, host_name: str) -> str:
    if _NAMES_NOBODY.search(text):
        return text
    for pattern, placeholder in _IDENTITIES:
        text = pattern.sub(placeholder, text)
    text = _MAYBE_IPV6.sub(_without_ipv6, text)
    if len(host_name) > 2:
        text = re.sub(rf"(?<![\w.-]){re.escape(host_name)}(?![\w-])", "<host>", text)
    return text


def _without_ipv6(found: re.Match[str]) -> str:
    try:
        IPv6Address(found.group())
    except ValueError:
        return found.group()
    return "<ip>"


def contents(
    machine: RecordingMachine,
    kernel: str | None,
    cleaned: Callable[[str], str],
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
    answers = {key: answer for key, answer in machine.answers.items() if key != KERNEL_LOG}
    refused = {key: record_of(error) for key, error in sorted(machine.refusals.items())}
    files = {
        ABOUT: _toml(about),
        "answers.toml": _toml({"answers": dict(sorted(answers.items())), "refused": refused}),
    }
    if KERNEL_LOG in machine.answers:
        files["kernel.log"] = cleaned(log_lines(str(machine.answers[KERNEL_LOG]))).encode()
    for path, data in sorted(machine.files.items()):
        files["root" + path] = _clean_bytes(data, cleaned)
    return files


def _clean_bytes(data: bytes, cleaned: Callable[[str], str]) -> bytes:
    """Text is cleaned; what is no text is kept as it is."""
    try:
        return cleaned(data.decode("utf-8")).encode()
    except UnicodeDecodeError:
        return data


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
