"""The rows of `tables/settings.toml`, by all names under which people ask for them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from tdxinfo import tables

YES = {"y", "m", "1", "on", "yes", "true", "enabled", "enable"}
NO = {"n", "0", "off", "no", "false", "disabled", "disable", "is not set"}
OTHER = {"auto", "default"}
_BARE_OPTION = re.compile(r"-[a-z]+")
"""An option of QEMU whose name is a word without its hyphen: -bios."""


class SettingRow(NamedTuple):
    """A row, and the kind of its group: `kernel parameter`."""

    kind: str
    row: dict[str, Any]


class Found(NamedTuple):
    """A row that a text means, and the value that the text has; empty where it has none."""

    row: SettingRow
    value: str
    name: str = ""
    """Under which it was asked for, where that is known."""


@cache
def rows_by_name() -> dict[str, SettingRow]:
    """The rows of `tables/settings.toml` by all their names."""
    rows = [
        (name, SettingRow(table["kind"], row))
        for table in tables.load("settings").values()
        for row in table["row"]
        for name in (*row["names"], *row.get("phrases", ()))
        if not name.startswith("<") and not _BARE_OPTION.fullmatch(name)
    ]
    # QEMU and libvirt share names: QEMU's counts, but for an element of XML. A whole name counts
    # more than that of a kernel option without CONFIG_.
    rows.reverse()
    # A word such as KVM is no kernel option without CONFIG_ before it.
    short = {key(name.removeprefix("CONFIG_")): row for name, row in rows if name.count("_") > 1}
    return short | {key(name): row for name, row in rows}


@cache
def rows_by_member() -> dict[str, SettingRow]:
    """The rows by names that mean them only as a member of a JSON file."""
    return {
        name: SettingRow(table["kind"], row)
        for table in tables.load("settings").values()
        for row in table["row"]
        for name in row.get("members", ())
    }


@cache
def group(name: str) -> dict[str, SettingRow]:
    """The rows of one group by all their names."""
    table = tables.load("settings")[name]
    rows = [SettingRow(table["kind"], row) for row in reversed(table["row"])]
    return {key(name): row for row in rows for name in _names(row)}


def _names(row: SettingRow) -> tuple[str, ...]:
    return (*row.row["names"], *row.row.get("phrases", ()))


def key(text: str) -> str:
    """A name without case, and with single blanks for hyphens, underscores and signs."""
    return " ".join(re.sub(r"[\s_/<>'\"`=-]+", " ", text.lower()).split())


def dotless(text: str) -> str:
    """The key of a name of which somebody mistook a dot for a hyphen, `kvm.intel.tdx`."""
    return key(text.replace(".", " "))


def compact(text: str) -> str:
    """A name as attributes of Redfish and racadm have it, without blanks: `LimitCPUPAto46bits`."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def of_redfish(name: str) -> SettingRow | None:
    """The row of an attribute as Redfish has it: Lenovo's with its menu before it, as in
    `Processors_TME_MTTDXkeysplit`; AMI's with the number of a form behind it, `..._F31D`.
    """
    plain = _FORM.sub("", name.strip())
    names = (name, plain, _MENU.sub("", plain))
    return next(filter(None, (compact_rows().get(compact(one)) for one in names)), None)


_MENU = re.compile(r"^(?:Processors|Memory|DevicesandIOPorts|TrustedComputingGroup)_(?=\w)")
_FORM = re.compile(r"_F[0-9A-F]{3,4}$")


@cache
def compact_rows() -> dict[str, SettingRow]:
    """The settings of the firmware by their names without blanks; short ones mean other things."""
    rows = {compact(name): row for name, row in group("firmware").items()}
    return {name: row for name, row in rows.items() if len(name) >= _COMPACT}


_COMPACT = 10
"""Letters of a name without blanks at least."""


@cache
def dotless_rows() -> dict[str, SettingRow]:
    """The rows whose names have a dot, by their names without it."""
    return {dotless(name): row for name, row in rows_by_name().items() if "." in name}
