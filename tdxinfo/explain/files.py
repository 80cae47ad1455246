"""Files of a TDX module, given by path: a sigstruct, a module, or a blob of both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from tdxinfo.decode import releases, sigstruct
from tdxinfo.decode.sigstruct import Sigstruct
from tdxinfo.errors import Unavailable
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.processors import processor_names
from tdxinfo.machine.bounded import read_file

_ENDINGS = (".sigstruct", ".bin", ".so", ".blob")
_MOST = 16 << 20
"""Bytes of a file; modules have less than a MiB."""


def missing(query: str) -> str:
    """Why a query that names a file has no meaning; empty where it names none."""
    is_path = query.startswith(_HERE) or query.lower().endswith(_ENDINGS)
    if not is_path or len(query.split()) != 1:  # a message may begin with a program's path
        return ""
    if not os.path.lexists(query):
        return "there is no such file"
    if not os.path.isfile(query):
        return "it is not a regular file"
    try:
        read_file(query, _MOST)
    except Unavailable as refusal:
        return refusal.message
    return "it is neither a TDX module nor a sigstruct"


_HERE = ("/", "./", "../")
"""How a path begins."""


def file(query: str) -> Iterator[Explanation]:
    """A file that is there and that its name or its path makes one."""
    if not (os.sep in query or query.lower().endswith(_ENDINGS)) or not os.path.isfile(query):
        return
    with suppress(Unavailable):
        yield from _meanings(os.path.basename(query), read_file(query, _MOST))


KINDS = ("module blob", "sigstruct")
"""The kinds of meanings of files that list processors."""


def processors_of(query: str) -> tuple[int, ...]:
    """The processors that the sigstruct in a file lists, as CPUID(1).EAX; none where it is none."""
    try:
        data = read_file(query, _MOST)
        if sigstruct.is_blob(data):
            return sigstruct.parse_blob(data)[0].processors
        return sigstruct.parse_sigstruct(data).processors
    except Unavailable:
        return ()


def _meanings(name: str, data: bytes) -> Iterator[Explanation]:
    if sigstruct.is_blob(data):
        signed, module = sigstruct.parse_blob(data)
        fits = sigstruct.mrseam_of(module) == signed.mrseam
        value = "yes" if fits else "no: the module is not the file that was signed"
        meaning = "A TDX module and its sigstruct in one file, as Linux takes it for an update."
        rows = [*_rows(signed), ("module matches", value)]
        yield explanation("module blob", name, meaning, rows)
    elif sigstruct.is_sigstruct(data):
        meaning = "The sigstruct of a TDX module, with which the SEAM loader verifies it."
        yield explanation("sigstruct", name, meaning, _rows(sigstruct.parse_sigstruct(data)))
    elif sigstruct.is_module(data):
        mrseam = sigstruct.mrseam_of(data)
        meaning = "An ELF file; if it is a TDX module, this is its measurement."
        yield explanation("module file", name, meaning, [*_release(mrseam), ("MRSEAM", mrseam)])


def _rows(signed: Sigstruct) -> list[tuple[str, str]]:
    minor, major = signed.svn
    return [
        *_release(signed.mrseam),
        ("loads on", ", ".join(processor_names(signed.processors))),
        ("TEE_TCB_SVN", f"bytes 0 and 1: {minor}, {major}"),
        ("date", signed.day.isoformat()),
        ("MRSEAM", signed.mrseam),
        ("signature", "not checked: the SEAM loader does that"),
    ]


def _release(mrseam: str) -> list[tuple[str, str]]:
    release = releases.release_named(mrseam)
    unknown = f"none that tdxinfo knows of (table of {releases.as_of()})"
    return [("release", str(release.version) if release else unknown)]
