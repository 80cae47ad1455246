"""Settings of the firmware, the kernel, QEMU and libvirt, alone, with a value, or in a longer text.

CONFIG_X86_X2APIC=n, # CONFIG_INTEL_TDX_HOST is not set, sept-ve-disable=on
options kvm_intel tdx=1, <mrConfigId>
Set `TME-MT/TDX key split` to a non-zero value
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from tdxinfo import tables
from tdxinfo.explain import bitmaps
from tdxinfo.explain.meaning import Explanation, explanation

_YES = {"y", "m", "1", "on", "yes", "true", "enabled", "enable"}
_NO = {"n", "0", "off", "no", "false", "disabled", "disable", "is not set"}
_OF_KCONFIG = {"y", "m", "n", "is not set"}
"""Values of a kernel option: another one belongs to another thing of that name."""
_MOST = 400
"""Letters of a text in which a setting is looked for."""
_IN_A_TEXT = 12
"""Letters of a firmware setting's name at least, to be found in a longer text."""


class _Row(NamedTuple):
    kind: str
    row: dict[str, Any]


@cache
def _rows() -> dict[str, _Row]:
    """The rows of `tables/settings.toml` by all their names."""
    rows = [
        (name, _Row(group["kind"], row))
        for group in tables.load("settings").values()
        for row in group["row"]
        for name in (*row["names"], *row.get("phrases", ()))
    ]
    # QEMU and libvirt share names: QEMU's counts, but for an element of XML. A whole name counts
    # more than that of a kernel option without CONFIG_.
    rows.reverse()
    short = {_key(name.removeprefix("CONFIG_")): row for name, row in rows}
    return short | {_key(name): row for name, row in rows}


def _key(text: str) -> str:
    return " ".join(re.sub(r"[\s_/<>'\"`=-]+", " ", text.lower()).split())


def setting(query: str) -> Iterator[Explanation]:
    """A setting by its name, with a value where there is one."""
    name, value = query.strip(), ""
    tag = _TAG.fullmatch(name)
    found = _element(tag[1]) if tag else _parameter(name)
    found = found or _rows().get(_key(name))
    if tag:
        value = (tag[2] or "").strip()
    elif found is None:
        name, value = _name_and_value(name)
        found = _parameter(name) or _rows().get(_key(name))
    if found and not _is_of_another(found, name, value):
        yield _setting(found, value)
        bitmap = found.row.get("bitmap")
        yield from bitmaps.with_value(f"{bitmap}={value}") if bitmap and value else ()


_TAG = re.compile(r"<([\w-]{2,40})(?:\s[^<>]{0,200})?/?>(?:([^<>]{0,200})</[\w-]{2,40}>)?")


def _element(name: str) -> _Row | None:
    """libvirt's row for an element of XML, whose name QEMU may have for a property."""
    group = tables.load("settings")["libvirt"]
    wanted = {_key(name), _key(f"launchSecurity {name}")}
    for row in group["row"]:
        if wanted.intersection(map(_key, row["names"])):
            return _Row(group["kind"], row)
    return None


_OF_A_MODULE = re.compile(r"(?:options\s+)?(\w+(?:-\w+)?)\s+(\w+)")


def _parameter(text: str) -> _Row | None:
    """The parameter of a module as modprobe's configuration has it, `options kvm_intel tdx`."""
    match = _OF_A_MODULE.fullmatch(text)
    found = _rows().get(_key(f"{match[1]}.{match[2]}")) if match else None
    return found if found and found.kind == _PARAMETER else None


_PARAMETER = "kernel parameter"


def _is_of_another(found: _Row, name: str, value: str) -> bool:
    """Whether `efi=` or `kvm-intel tdx=` is something else than the kernel option of that name."""
    is_short = found.kind == "kernel option" and "config_" not in name.lower()
    return is_short and bool(value) and value not in _OF_KCONFIG


def _name_and_value(text: str) -> tuple[str, str]:
    """`smm=off`, `# CONFIG_X is not set`, `launchSecurity policy 0x1`; a bare word is no value."""
    name, unset, _ = text.lstrip("# ").partition(" is not set")
    if unset:
        return name, unset.strip()
    name, sign, value = text.partition("=")
    if not sign:
        name, sign, value = text.partition(":")
    if not sign:
        name, _, value = text.rpartition(" ")
        if value.lower() not in _YES | _NO and not value[:1].isdigit():
            return "", ""
    value = value.strip(" \"'")
    return (name, value) if len(value.split()) == 1 else ("", "")


def setting_in(text: str) -> Iterator[Explanation]:
    """A setting whose name is in a longer text: the longest of them."""
    plain = f" {_key(text[:_MOST])} "
    names = [name for name in _rows() if len(name) >= _IN_A_TEXT and f" {name} " in plain]
    longest = max(names, key=len, default="")
    if longest:
        yield _setting(_rows()[longest], "")


def _setting(found: _Row, value: str) -> Explanation:
    row = found.row
    rows = [
        ("also", ", ".join(row["names"][1:])),
        ("given", _given(row, value)),
        ("wanted", row.get("wanted", "")),
        ("if not", row.get("other", "")),
        ("see", ", ".join(row.get("see", ()))),
    ]
    return explanation(found.kind, row["names"][0], row["text"], rows)


def _given(row: dict[str, Any], value: str) -> str:
    """What follows from the value in the query, where it is plainly right or wrong."""
    wanted = str(row.get("wanted", "")).lower().partition(" ")[0].strip(",")
    if not wanted or not value:
        return value
    is_yes, is_no = value.lower() in _YES, value.lower() in _NO
    if value.lower() == wanted or (is_yes and wanted in _YES) or (is_no and wanted in _NO):
        return f"{value}: this is what TDX needs"
    if (is_yes and wanted in _NO) or (is_no and wanted in _YES):
        return f"{value}: {row.get('other', 'TDX needs another value')}"
    return value


def names() -> Iterator[str]:
    for group in tables.load("settings").values():
        yield from (row["names"][0] for row in group["row"])
