"""Entries of the Boot Loader Specification, and which of them systemd-boot starts.

    title Red Hat Enterprise Linux (5.14.0-570.el9.x86_64)
    version 5.14.0-570.el9.x86_64
    linux /vmlinuz-5.14.0-570.el9.x86_64
    options root=UUID=... ro $tuned_params

Source: uapi-group.org, boot_loader_specification (version of 2025); loader.conf(5) of systemd 257;
Fedora's blscfg.c, whose menu has the newest version first, as systemd-boot's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cmp_to_key
from itertools import zip_longest
from typing import NamedTuple

from tdxinfo.errors import Malformed

_RELEASE = re.compile(r"\d{1,3}\.\d{1,4}[\w.+~-]{0,58}", re.ASCII)
_PREFIX = re.compile(r"(?:vmlinu[xz]|bzImage|kernel|linux)-")
_TRIES = re.compile(r"\+(\d{1,9})(?:-\d{1,9})?$")
_PART = re.compile(r"\d+|[A-Za-z]+|~|\^|[^\dA-Za-z~^]+")


class BootEntry(NamedTuple):
    """An entry of a boot menu."""

    id: str
    """The name by which boot loaders choose it."""
    kernel: str
    """The path of its kernel, from the point of view of the boot loader."""
    options: str | None
    """The kernel's command line; None where it lies in an image that is not read."""
    version: str = ""
    title: str = ""
    sort_key: str = ""
    machine: str = ""
    is_bad: bool = False
    """It counts attempts to boot it, and has none left."""

    @property
    def release(self) -> str:
        """The kernel's release; empty where nothing names it."""
        return release_of(self.kernel) or (_RELEASE.fullmatch(self.version) or [""])[0]


class Choice(NamedTuple):
    """The entry that starts, and what chose it."""

    entry: BootEntry
    chosen_by: str


def release_of(path: str) -> str:
    """The release in the path of a kernel: of /vmlinuz-6.8.0 or /ID/6.8.0/linux; else empty."""
    folder, _, name = path.rpartition("/")
    without = _PREFIX.sub("", name, count=1)
    for text in (without, folder.rpartition("/")[2]):
        if _RELEASE.fullmatch(text):
            return text
    return ""


def parse(name: str, text: str) -> BootEntry:
    """The entry in a file of /loader/entries, whose name is its id."""
    pairs = [line.strip().partition(" ")[::2] for line in text.splitlines()]
    keys = {key: value.strip() for key, value in pairs if key and not key.startswith("#")}
    options = " ".join(value.strip() for key, value in pairs if key == "options")
    stem = name.removesuffix(".conf")
    tries = _TRIES.search(stem)
    return BootEntry(
        id=_TRIES.sub("", stem),
        kernel=keys.get("linux") or keys.get("uki") or keys.get("efi") or "",
        options=None if "uki" in keys and "options" not in keys else options,
        version=keys.get("version", ""),
        title=keys.get("title", ""),
        sort_key=keys.get("sort-key", ""),
        machine=keys.get("machine-id", ""),
        is_bad=tries is not None and int(tries[1]) == 0,
    )


def image(name: str) -> BootEntry:
    """The entry that a unified kernel image in EFI/Linux is. Its command line is not read."""
    stem = _TRIES.sub("", name.removesuffix(".efi"))
    found = re.search(r"(?:^|-)(\d{1,3}\.\d{1,4}[\w.+~-]{0,58})$", stem, re.ASCII)
    return BootEntry(id=stem, kernel="", options=None, version=found[1] if found else "")


def compare(one: str, other: str) -> int:
    """Less than 0, 0 or more: how two versions compare, digits as numbers (rpmvercmp)."""
    for a, b in zip_longest(_parts(one), _parts(other), fillvalue=""):
        if a == b:
            continue
        if "~" in (a, b):
            return -1 if a == "~" else 1
        if a.isdigit() and b.isdigit():
            if int(a) != int(b):
                return int(a) - int(b)
            continue
        if a.isdigit() != b.isdigit():
            return 1 if a.isdigit() or not b else -1
        return -1 if a < b else 1
    return 0


def _parts(version: str) -> list[str]:
    found = _PART.findall(version[:256])
    return [part for part in found if part in ("~", "^") or part[0].isalnum()]


def by_name(entries: Iterable[BootEntry]) -> list[BootEntry]:
    """The order of GRUB's command blscfg: the highest name first."""

    def before(one: BootEntry, other: BootEntry) -> int:
        return compare(other.id, one.id)

    return sorted(entries, key=cmp_to_key(before))


def by_sort_key(entries: Iterable[BootEntry]) -> list[BootEntry]:
    """The order of systemd-boot's menu."""
    return sorted(entries, key=cmp_to_key(_before))


def _before(one: BootEntry, other: BootEntry) -> int:
    if one.is_bad != other.is_bad:
        return 1 if one.is_bad else -1
    if bool(one.sort_key) != bool(other.sort_key):
        return -1 if one.sort_key else 1
    if one.sort_key:
        for a, b in ((one.sort_key, other.sort_key), (one.machine, other.machine)):
            if a != b:
                return -1 if a < b else 1
        if one.version != other.version:
            return compare(other.version, one.version)
    return compare(other.id, one.id)


def chosen(entries: Sequence[BootEntry], config: str, variables: Mapping[str, str]) -> Choice:
    """What systemd-boot starts, by loader.conf and by its EFI variables.

    What chose it is loader-oneshot, loader-default, loader.conf, or first. Raises Malformed where
    that cannot be determined.
    """
    ordered = by_sort_key(entries)
    if not ordered:
        raise Malformed("systemd-boot has no entry")
    named = (
        ("loader-oneshot", variables.get("LoaderEntryOneShot", "")),
        ("loader-default", variables.get("LoaderEntryDefault", "")),
        ("loader.conf", _default_of(config)),
    )
    for by, name in named:
        pattern = variables.get("LoaderEntryLastBooted", "") if name == "@saved" else name
        found = next((e for e in ordered if pattern and _matches(e, pattern)), None)
        if found is not None:
            return Choice(found, by)
    if any(entry.options is None for entry in ordered) and len(ordered) > 1:
        raise Malformed("the order of unified kernel images is in the images, which are not read")
    return Choice(ordered[0], "first")


def _default_of(config: str) -> str:
    found = re.findall(r"(?m)^[ \t]*default[ \t]+(\S+)", config)
    return str(found[-1]) if found else ""


_MAX_NAME = 255
"""Characters of a file's name."""


def _matches(entry: BootEntry, pattern: str) -> bool:
    """Whether the pattern is that of the entry; one that is longer than any name is of none."""
    if len(pattern) > _MAX_NAME:
        return False
    names = (entry.id, f"{entry.id}.conf", f"{entry.id}.efi")
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in names)
