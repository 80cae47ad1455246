"""The module that lies in EFI/TDX for the next boot: what its sigstruct says, and whether its file
is the one that was signed. The files' bytes stay on the host; a capture keeps these facts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from tdxinfo.decode import sigstruct
from tdxinfo.errors import Absent, Malformed
from tdxinfo.machine import FILE_LIMIT, Answer, Machine
from tdxinfo.machine.system import System
from tdxinfo.sources import first_answer
from tdxinfo.sources.files import decoded

STAGED_FOLDERS = ("/boot/efi/EFI/TDX", "/efi/EFI/TDX", "/boot/EFI/TDX")
MODULE_FILE, SIGNATURE_FILE = "TDX-SEAM.so", "TDX-SEAM.so.sigstruct"
_DAMAGED = "damaged"
"""The key of the error, if the sigstruct cannot be parsed."""


class Staged(NamedTuple):
    """One value of the staged module: `what` is a key of the answer, `decode` converts it."""

    what: str
    decode: Callable[[Any], Any] = lambda value: value

    @property
    def origin(self) -> str:
        return f"file:{STAGED_FOLDERS[0]}/{SIGNATURE_FILE}"

    def read(self, machine: Machine) -> Any:
        folder, found = machine.once("staged", lambda: _first(machine))
        if self.what in found:
            return decoded(found[self.what], self.decode, folder)
        if _DAMAGED in found:
            raise Malformed(f"{folder}/{SIGNATURE_FILE}: {found[_DAMAGED]}")
        raise Absent(f"{folder} does not have both {MODULE_FILE} and its sigstruct")


def _first(machine: Machine) -> tuple[str, dict[str, Any]]:
    return first_answer(partial(_staged, machine, folder) for folder in STAGED_FOLDERS)


def _staged(machine: Machine, folder: str) -> tuple[str, dict[str, Any]]:
    answer = machine.ask(f"staged/{folder}", partial(_live, folder=folder))
    if not isinstance(answer, dict):
        raise Malformed(f"the record of {folder} is not a table")
    return folder, answer


def _live(system: System, folder: str) -> Answer:
    """What the files say. FAT ignores case in names, so names are compared in lower case."""
    names = {name.lower(): name for name in system.names(folder)}
    answer: dict[str, Answer] = {}
    signature, module = names.get(SIGNATURE_FILE.lower()), names.get(MODULE_FILE.lower())
    if signature is None:
        return answer
    try:
        signed = sigstruct.parse_sigstruct(system.read(f"{folder}/{signature}"))
    except Malformed as error:
        return {_DAMAGED: str(error)}
    answer["mrseam"] = signed.mrseam
    answer["svn"] = [*signed.svn]
    answer["date"] = signed.day.isoformat()
    answer["processors"] = [*signed.processors]
    if module is not None:
        measured = sigstruct.mrseam_of(system.read(f"{folder}/{module}", FILE_LIMIT))
        answer["pair_matches"] = measured == signed.mrseam
    return answer
