"""Versions of kernels, QEMU, libvirt and distributions: what they know of TDX."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo import tables
from tdxinfo.explain.meaning import Explanation, explanation

_VERSION = re.compile(
    r"(?P<name>[a-z][a-z_-]*(?: kernel)?)\s+(?:version\s+|v)?"
    r"(?P<version>\d{1,3}\.\d{1,3})(?:\.\d+)*(?:-\S+)?",
    re.I,
)
_LINUX = ("linux", "kernel", "linux kernel")


def program(query: str) -> Iterator[Explanation]:
    """A program with its version, `QEMU 8.2.2`; a kernel, `Linux 6.16`; a distribution."""
    wanted = " ".join(query.lower().split())
    match = _VERSION.fullmatch(wanted)
    version = tuple(map(int, match["version"].split("."))) if match else ()
    if match and match["name"] in _LINUX:
        yield from _kernel(match["version"], version)
    for row in tables.load("programs")["program"]:
        names = [name.lower() for name in row["names"]]
        if "first" in row and match and match["name"] in names:
            yield _program(row, match["version"], version)
        elif "first" not in row and wanted in names:
            yield explanation("system", row["names"][0], row["text"], _see(row))


def _kernel(text: str, version: tuple[int, ...]) -> Iterator[Explanation]:
    generations: dict[str, dict[str, object]] = tables.load("kernels")["generation"]
    with_first = [
        (tuple(first), str(row["meaning"]))
        for row in generations.values()
        if isinstance(first := row.get("first"), list)
    ]
    meaning = max(one for one in with_first if one[0] <= version)[1]
    note = "Vendors' kernels can have TDX under other release numbers: their log lines show it."
    yield explanation("kernel release", f"Linux {text}", meaning, [("note", note)])


def _program(row: dict[str, str], text: str, version: tuple[int, ...]) -> Explanation:
    first = tuple(map(int, row["first"].split(".")))
    answer = "this version has it" if version >= first else "this version is older"
    if version == first:
        answer = "this is the first version"
    rows = [("this version", f"{answer} (first upstream: {row['first']})"), *_see(row)]
    return explanation("program", f"{row['names'][0]} {text}", row["text"], rows)


def _see(row: dict[str, str]) -> list[tuple[str, str]]:
    return [("see", ", ".join(row.get("see", ())))]
