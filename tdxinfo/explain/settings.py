"""Settings of the firmware, the kernel, QEMU and libvirt, alone, with a value, or in a longer text.

CONFIG_X86_X2APIC=n, # CONFIG_INTEL_TDX_HOST is not set, sept-ve-disable=on
options kvm_intel tdx=1, /sys/module/kvm_intel/parameters/tdx: N
<mrConfigId>, <loader readonly='yes' type='pflash'>
-cpu host,pmu=off -machine q35,kernel_irqchip=split
Set `TME-MT/TDX key split` to a non-zero value
TDX: Enabled, BIOS.ProcSettings.CpuPaLimit
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tdxinfo import tables
from tdxinfo.explain import bitmaps, firmware_setup, fragments
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.setting_rows import (
    NO,
    OTHER,
    YES,
    Found,
    SettingRow,
    dotless,
    dotless_rows,
    group,
    key,
    of_redfish,
    rows_by_member,
    rows_by_name,
)

_OF_KCONFIG = {"y", "m", "n", "is not set"}
"""Values of a kernel option: another one belongs to another thing of that name."""
_MOST = 400
"""Letters of a text in which a setting is looked for."""
_IN_A_TEXT = 12
"""Letters of a firmware setting's name at least, to be found in a longer text."""
_NAME_IN_A_TEXT = 7
"""Letters of a name that can be no word of the language, as CpuPaLimit."""


def setting(query: str) -> Iterator[Explanation]:
    """A setting by its name, with a value where there is one; or all those of an XML fragment, of
    QEMU's command line.
    """
    text = query.strip()
    if len(text) > _MOST:
        return
    found = _of_json(text) or fragments.command_line(text) or fragments.elements(text)
    found = found or fragments.options(text)
    found = found or _named(text)
    found = found or fragments.of_virsh(text) or fragments.of_launch_security(text)
    found = found or _of_order(text) or firmware_setup.of_firmware(text)
    # An option and its part may have the same row.
    for each in {id(one.row.row): one for one in found}.values():
        yield _setting(each.row, each.value, each.name)
        bitmap = each.row.row.get("bitmap")
        if bitmap and each.value:
            yield from bitmaps.with_value(f"{bitmap}={each.value}")
            yield from bitmaps.numbered(f"{bitmap} {each.value}")


_MEMBER = re.compile(r'[\s{/]*"?([\w-]{2,40})"\s*:\s*"?([^"{}\[\]]*)"?[\s,}]*')
"""A line of a JSON file; a quote before the name may be missing."""


def _of_json(text: str) -> list[Found]:
    """The setting that a line of a JSON file has under a name too general for other texts."""
    match = _MEMBER.fullmatch(text)
    row = rows_by_member().get(match[1]) if match else None
    return [Found(row, match[2].strip(" ,"))] if match and row else []


# --- a name alone, or with its value --------------------------------------------------------------


def _named(text: str) -> list[Found]:
    name, value = _of_file(text) or (text, "")
    found = _parameter(name) or rows_by_name().get(key(name))
    if found is None and text.startswith("-"):
        found = group("qemu").get(key(name))
    if found is None:
        name, value = _name_and_value(name)
        found = _parameter(name) or rows_by_name().get(key(name))
        found = found or (_with_value_only(name) if "=" in text else None)
        found = found or dotless_rows().get(dotless(name))
        found = found or of_redfish(name)
        # A member of a property, quote-generation-socket.type.
        found = found or group("qemu").get(key(name.partition(".")[0]) if "." in name else "")
    found, value = (found, value) if found else _with_listed_value(text)
    found = found or of_redfish(text)
    return [Found(found, value, name)] if found and not _is_of_another(found, name, value) else []


_FILE = re.compile(r"(?:/sys/module/)?(\w+)/parameters/(\w+)(?:\s*(?:[:=]|->)?\s*(\w+))?")


def _of_file(text: str) -> tuple[str, str] | None:
    """The parameter whose file in sysfs is named, with the value that the file has, if any."""
    match = _FILE.fullmatch(text)
    if match:
        return f"{match[1]}.{match[2]}", match[3] or ""
    return None


def _with_value_only(name: str) -> SettingRow | None:
    """The row of a name that means something else without a value: `tdx=1`, `mmio_caching=N`."""
    for table in tables.load("settings").values():
        for row in table["row"]:
            parts = [one.rpartition(".")[2] for one in row["names"] if table["kind"] == _PARAMETER]
            if name and name in (*row.get("with_value", ()), *parts):
                return SettingRow(table["kind"], row)
    return None


def _with_listed_value(text: str) -> tuple[SettingRow | None, str]:
    """The row of a name with one of the row's own values behind it, `caching mode LAZY`."""
    name, _, value = text.rpartition(" ")
    found = rows_by_name().get(key(name))
    is_listed = found is not None and value.upper() in found.row.get("values", ())
    return (found, value.upper()) if is_listed else (None, "")


_ORDER = re.compile(r"(enable|disable|set|turn on|turn off|change|check)\s+(?:the\s+)?(.+)", re.I)


def _of_order(text: str) -> list[Found]:
    """The setting that somebody is told to change, `enable TDX Key Split`."""
    match = _ORDER.fullmatch(text)
    if match is None:
        return []
    value = {"enable": "enabled", "turn on": "on", "disable": "disabled", "turn off": "off"}
    found = _named(match[2])
    return [Found(one.row, one.value or value.get(match[1].lower(), "")) for one in found]


_OF_A_MODULE = re.compile(
    r"(?:(?:options|modprobe)\s+)?(\w+(?:-\w+)?)\s+(\w+)"
    r"(?:\s+(?:module|parameter|option|setting|default|value))*"
)


def _parameter(text: str) -> SettingRow | None:
    """The parameter of a module as modprobe's configuration has it, `options kvm_intel tdx`."""
    match = _OF_A_MODULE.fullmatch(text)
    found = rows_by_name().get(key(f"{match[1]}.{match[2]}")) if match else None
    return found if found and found.kind == _PARAMETER else None


_PARAMETER = "kernel parameter"


def _is_of_another(found: SettingRow, name: str, value: str) -> bool:
    """Whether `efi=` or `kvm-intel tdx=` is something else than the kernel option of that name, and
    `MCE` than the parameter `mce`.
    """
    if (found.kind == _PARAMETER and name.isupper()) or value.startswith("-"):
        return True
    is_short = found.kind == "kernel option" and "config_" not in name.lower()
    if is_short and found.row.get("is_module") and name.islower():
        return True
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
        value = value.strip("[]")
        if value.lower() not in YES | NO | OTHER and not value[:1].isdigit():
            return "", ""
    if sign == "=" and value[:1] == " " and name[-1:] != " ":
        return name, ""
    value = value.strip(" \"'[]")
    return (name, value) if len(value.split()) == 1 else ("", "")


def setting_in(text: str) -> Iterator[Explanation]:
    """A setting whose name is in a longer text: the longest of them."""
    plain = f" {key(re.sub(r'[,;!?]', ' ', text[:_MOST]))} "
    without_dots = f" {dotless(text[:_MOST])} "
    names = [name for name in rows_by_name() if len(name) >= _IN_A_TEXT and f" {name} " in plain]
    names += [name for name in _telling() if f" {name} " in without_dots]
    longer = [key(one) for one in _IDENTIFIER.findall(text[:_MOST]) if "_" in one]
    unknown = [f" {one} " for one in longer if one not in rows_by_name()]
    # CONFIG_INTEL_TDX_HOST_DEBUG would be another option than CONFIG_INTEL_TDX_HOST.
    names = [name for name in names if not any(f" {name} " in one for one in unknown)]
    longest = max(names, key=len, default="")
    if longest:
        yield from _besides(plain, rows_by_name()[longest])
        yield _setting(rows_by_name()[longest], _value_behind(longest, text))


_IDENTIFIER = re.compile(r"(?<![\w./-])[A-Za-z]\w{1,80}(?![\w./=-])")
"""A name; one with an underscore that is unknown is not explained by a part of it."""


def _value_behind(name: str, text: str) -> str:
    """The value that a text has behind a setting's name, `kernel_irqchip=on with tdx`."""
    parts = r"[\s_/<>'\"`=.-]+".join(map(re.escape, name.split()))
    match = re.search(
        rf"{parts}['\"\]]?(\s*[:=]\s*\[?|\s+(?:is\s+|are\s+|set\s+to\s+)?)(\w+)", text, re.I
    )
    # Behind a blank `on` may be no value, nor is one letter.
    is_told = match is not None and (
        match[1].strip() or match[2].lower() not in ("on", "y", "m", "n")
    )
    is_value = match is not None and match[2].lower() in YES | NO | OTHER
    return match[2] if match and is_told and is_value else ""


_POPULATED = re.compile(
    r"\b(?:(\d{1,2}) (?:dimms? )?(?:(?:is|are|slots?|of|them) ){0,3}(?:populated|used|filled)"
    r"|(?:only|with|has|have) (\d{1,2}) dimms?)\b"
)
"""How many slots or channels have memory, in a text as `key` writes it."""


def _besides(plain: str, found: SettingRow) -> Iterator[Explanation]:
    """The settings that a text is about besides the one that it names, with their number."""
    words = set(re.findall(r"\w+", plain))
    for row in tables.load("settings")["firmware"]["row"]:
        if words.intersection(row.get("words", ())) and row is not found.row:
            number = _POPULATED.search(plain)
            value = (number[1] or number[2]) if number else ""
            yield _setting(SettingRow("firmware setting", row), value)


@cache
def _telling() -> tuple[str, ...]:
    """Shorter names that can be no words of the language: with a capital inside."""
    rows = [row for table in tables.load("settings").values() for row in table["row"]]
    names = {name for row in rows for name in row["names"] if re.search(r"[a-z][A-Z]", name)}
    return tuple(key(name) for name in names if len(name) >= _NAME_IN_A_TEXT and " " not in name)


def _setting(found: SettingRow, value: str, asked: str = "") -> Explanation:
    row = found.row
    is_other = asked in row["names"][1:] and value
    given, other = _given(row, value), row.get("other", "")
    rows = [
        ("also", ", ".join(row["names"][1:])),
        ("given", f"{asked}={given}" if is_other else given),
        ("wanted", row.get("wanted", "")),
        ("if not", "" if given.endswith(f": {other}") else other),
        ("if hidden", row.get("hidden", "")),
        ("see", ", ".join(row.get("see", ()))),
    ]
    return explanation(found.kind, row["names"][0], row["text"], rows)


_FITS, _FITS_GUEST = "this is what TDX needs", "this is what a guest needs"


def _given(row: dict[str, Any], value: str) -> str:
    """What follows from the value in the query, where it is plainly right or wrong."""
    value = value.strip("\"',;{ ")
    said = row.get("said", {}).get(value.lower())
    if said:
        return f"{value}: {said}"
    if value.isdigit() and int(value) < row.get("least", 0):
        return f"{value}, fewer than {row['least']}: {row['other']}"
    if of_size := _of_size(row, value):
        return of_size
    if value == "m" and row.get("wanted") == "y":
        return "m: this option can only be y or n"
    wanted = str(row.get("wanted", "")).lower().partition(" ")[0].strip(",")
    if not wanted or not value:
        return value
    is_yes, is_no = value.lower() in YES, value.lower() in NO
    if value.lower() == wanted or (is_yes and wanted in YES) or (is_no and wanted in NO):
        is_of_guest = str(row.get("wanted", "")).endswith("in a guest")
        return f"{value}: {row.get('fits', _FITS_GUEST if is_of_guest else _FITS)}"
    if (is_yes and wanted in NO) or (is_no and wanted in YES) or row.get("exact"):
        return f"{value}: {row.get('other', 'TDX needs another value')}"
    return value


def _of_size(row: dict[str, Any], value: str) -> str:
    """Whether a size with its unit, `2G` or `64MB`, is enough."""
    match = re.fullmatch(r"(\d{1,6})\s?([mg])i?b?", value, re.IGNORECASE)
    if match is None or "unit" not in row:
        return ""
    size = int(match[1]) * (1024 if match[2].lower() == "g" else 1)
    is_enough = size >= row["least"]
    return f"{value}: {row['fits'] if is_enough else row['other']}"


@cache
def parameters() -> frozenset[str]:
    """Options of the kernel command line that are no words of the language: `nohibernate`."""
    rows = tables.load("settings")["parameter"]["row"]
    names = (name for row in rows for name in row["names"])
    return frozenset(name for name in names if len(name) >= _NAME_IN_A_TEXT and " " not in name)


def all_names() -> Iterator[str]:
    """Every name of every setting, in lower case and without signs."""
    yield from (name for name in rows_by_name() if " " in name)


def names() -> Iterator[str]:
    for table in tables.load("settings").values():
        yield from (row["names"][0] for row in table["row"])
