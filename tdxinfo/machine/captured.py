"""A recorded machine: a capture in a folder or archive, or just a kernel log or metadata.

A capture has `about.toml` (its format, when and by what it was made), `root/PATH` for each file
that was read, `answers.toml` (all other answers, and every error) and `kernel.log`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from tdxinfo import tables
from tdxinfo.errors import (
    Absent,
    BadInput,
    Malformed,
    NotRecorded,
    Unavailable,
    Unsupported,
    from_record,
)
from tdxinfo.machine import FILE_LIMIT, KERNEL_LOG, METADATA, Answer, Live, Machine
from tdxinfo.machine.bounded import read_file
from tdxinfo.machine.identity import names_in, text_without_identity
from tdxinfo.machine.kinds import key_as_text
from tdxinfo.machine.stored import MAY_LACK_FILES, OF_FILES, StoredFiles
from tdxinfo.model.provenance import Origin

if TYPE_CHECKING:
    from tdxinfo.decode.metadata import Metadata

FORMAT = 1
"""The newest capture format that this version reads, and the one it writes."""

ReadFile = Callable[[str], bytes]
"""The bytes of a file by its path inside the capture. Raises Unavailable."""


class CapturedMachine(Machine):
    """A machine that answers as it did when it was recorded, and never reads the running system."""

    def __init__(
        self,
        origin: Origin,
        read_file: ReadFile,
        answers: Mapping[str, Any],
        host_names: tuple[str, ...] = (),
        list_folder: Callable[[str], list[str]] | None = None,
    ) -> None:
        """`list_folder` returns the names in a folder of the host; without it answers have them."""
        super().__init__(origin)
        self._list_folder = list_folder or self._recorded_names
        self._host_names = host_names
        self._read_file = read_file
        self._answers = answers.get("answers", {})
        self._refused = answers.get("refused", {})

    def recorded(self, begin: str) -> tuple[str, ...]:
        return tuple(key for key in self._answers if key.startswith(begin))

    @property
    def host_names(self) -> tuple[str, ...]:
        """Those that are given, and those that the log has: a record's names may be kept in it."""
        return self.once("host-names", lambda: (*self._host_names, *self._names_in_log()))

    def _names_in_log(self) -> tuple[str, ...]:
        try:
            return names_in(self._read_file("kernel.log"))
        except Unavailable:
            return ()

    def _read(self, path: str) -> bytes:
        self._raise_refusal(path)
        try:
            return self._read_file("root" + path)
        except Absent:
            raise NotRecorded(f"{path} is not in the record") from None

    def _ask(self, key: str, live: Live) -> Answer:
        self._raise_refusal(key)
        if key == KERNEL_LOG:
            return self._kernel_log()
        if key in self._answers:
            return cast(Answer, self._answers[key])
        if key.startswith(OF_FILES):
            return self._of_files(key, live)
        raise NotRecorded(f"{key_as_text(key)} is not in the record")

    def _of_files(self, key: str, live: Live) -> Answer:
        """What the recorded files answer. Raises NotRecorded if the answer needs other files."""
        files = StoredFiles(self.read, self._list_folder)
        missing = NotRecorded(f"{key_as_text(key)} is not in the record")
        try:
            answer = live(files)
        except Unavailable as refusal:
            raise (missing if files.lacks_files else refusal) from None
        if files.lacks_files and not (answer and key.startswith(MAY_LACK_FILES)):
            raise missing
        return answer

    def _recorded_names(self, folder: str) -> list[str]:
        self._raise_refusal(f"list/{folder}")
        names = self._answers.get(f"list/{folder}")
        if not isinstance(names, list):
            raise NotRecorded(f"{folder} is not in the record")
        return [name for name in names if isinstance(name, str)]

    def _kernel_log(self) -> str:
        try:
            return self._read_file("kernel.log").decode("utf-8", "replace")
        except Absent:
            raise NotRecorded("the kernel log is not in the record") from None

    def _raise_refusal(self, key: str) -> None:
        refusal = self._refused.get(key)
        if refusal is not None:
            raise from_record(key, refusal)


def metadata_machine(metadata: Metadata, origin: Origin) -> CapturedMachine:
    """A machine of which only the TDX module's metadata is known."""
    from tdxinfo.decode.metadata import encode_list

    answers = {"answers": {METADATA: encode_list(metadata)}}
    return CapturedMachine(origin, from_memory({}), answers)


def open_folder(path: str, kind: str = "capture", shown: str | None = None) -> CapturedMachine:
    """The capture in a folder. Raises BadInput."""

    def read(inner: str) -> bytes:
        return read_beneath(path, inner)

    return open_record(read, kind, shown or path)


def open_record(read: ReadFile, kind: str, shown: str) -> CapturedMachine:
    """The capture whose files `read` returns; `shown` names it in messages. Raises BadInput."""
    about = _toml(read, "about.toml", shown)
    if about is None:
        raise BadInput(
            f"{shown} is not a capture: it has no about.toml. Make one with `tdxinfo capture`."
        )
    version = about.get("format")
    if not isinstance(version, int) or version < 1:
        raise BadInput(f"{shown} is not a capture: its about.toml names no format.")
    if version > FORMAT:
        raise BadInput(
            f"{shown} has capture format {version}, and this tdxinfo reads up to {FORMAT}. "
            "Update tdxinfo."
        )
    note = _text(about, "provenance")
    origin = Origin.of(kind, shown, note and text_without_identity(note), _text(about, "recorded"))
    answers = _toml(read, "answers.toml", shown) or {}
    for table in ("answers", "refused"):
        if not isinstance(answers.get(table, {}), dict):
            raise BadInput(f"{table} in answers.toml of {shown} is not a table.")
    return CapturedMachine(origin, read, {n: _with_current_keys(t) for n, t in answers.items()})


def _with_current_keys(answers: Any) -> Any:
    """The answers of an older capture by the keys that they have today."""
    if not isinstance(answers, dict):
        return answers  # a key of answers.toml that tdxinfo does not know
    found = dict(answers)
    for old, new in tables.load("captures")["renamed"].items():
        for key in [key for key in found if key.startswith(old)]:
            found.setdefault(new + key.removeprefix(old), found.pop(key))
    return found


def _text(table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    return str(value) if isinstance(value, str | date) else None


def _toml(read: ReadFile, name: str, shown: str) -> dict[str, Any] | None:
    from tdxinfo.decode.foreign import parse_toml

    try:
        return parse_toml(read(name))
    except Absent:
        return None
    except Unavailable as error:
        raise BadInput(f"{name} of {shown} cannot be read: {error}.") from None


def from_memory(files: Mapping[str, bytes]) -> ReadFile:
    """A function that reads these files."""

    def read(inner: str) -> bytes:
        if inner not in files:
            raise Absent(f"{inner} is not in the record")
        return files[inner]

    return read


def read_beneath(folder: str, inner: str, limit: int = FILE_LIMIT) -> bytes:
    """A file of the folder. No component may be a link or "..", so that none leads out of it."""
    *parents, name = inner.split("/")
    if ".." in (*parents, name):
        raise Malformed(f"{inner} leads out of the record")
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for parent in parents:
            directory = _enter(directory, parent, inner)
        return _read_no_link(directory, name, inner, limit)
    finally:
        os.close(directory)


def _enter(directory: int, name: str, inner: str) -> int:
    """Opens the folder `name` inside `directory`, then closes `directory`."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        below = os.open(name, flags, dir_fd=directory)
    except OSError as error:
        raise _folder_error(error, inner) from None
    except ValueError:
        raise Malformed(f"{inner[:100]!r} is not a valid file name") from None
    os.close(directory)
    return below


def _read_no_link(directory: int, name: str, inner: str, limit: int) -> bytes:
    try:
        return read_file(name, limit, dir_fd=directory, flags=os.O_NOFOLLOW)
    except Unavailable as error:
        if error.errno == errno.ELOOP:
            raise Malformed(f"{inner} of the record is a link") from None
        raise


def _folder_error(error: OSError, inner: str) -> Unavailable:
    """The Unavailable for an error at a folder above the file `inner`."""
    if error.errno == errno.ENOENT:
        return Absent(f"{inner} is not in the record")
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return Malformed(f"a folder above {inner} of the record is a link or a file")
    return Unsupported(f"{inner} of the record cannot be read: {error.strerror}")
