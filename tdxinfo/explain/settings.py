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
from typing import Any, NamedTuple

from tdxinfo import tables
from tdxinfo.explain import bitmaps
from tdxinfo.explain.meaning import Explanation, explanation

_YES = {"y", "m", "1", "on", "yes", "true", "enabled", "enable"}
_NO = {"n", "0", "off", "no", "false", "disabled", "disable", "is not set"}
_OTHER = {"auto", "default"}
_OF_KCONFIG = {"y", "m", "n", "is not set"}
"""Values of a kernel option: another one belongs to another thing of that name."""
_MOST = 400
"""Letters of a text in which a setting is looked for."""
_IN_A_TEXT = 12
"""Letters of a firmware setting's name at least, to be found in a longer text."""
_NAME_IN_A_TEXT = 7
"""Letters of a name that can be no word of the language, as CpuPaLimit."""


_BARE_OPTION = re.compile(r"-[a-z]+")
"""An option of QEMU whose name is a word without its hyphen: -bios."""


class _Row(NamedTuple):
    kind: str
    row: dict[str, Any]


class _Found(NamedTuple):
    row: _Row
    value: str


@cache
def _rows() -> dict[str, _Row]:
    """The rows of `tables/settings.toml` by all their names."""
    rows = [
        (name, _Row(group["kind"], row))
        for group in tables.load("settings").values()
        for row in group["row"]
        for name in (*row["names"], *row.get("phrases", ()))
        if not name.startswith("<") and not _BARE_OPTION.fullmatch(name)
    ]
    # QEMU and libvirt share names: QEMU's counts, but for an element of XML. A whole name counts
    # more than that of a kernel option without CONFIG_.
    rows.reverse()
    # A word such as KVM is no kernel option without CONFIG_ before it.
    short = {_key(name.removeprefix("CONFIG_")): row for name, row in rows if name.count("_") > 1}
    return short | {_key(name): row for name, row in rows}


@cache
def _group(name: str) -> dict[str, _Row]:
    """The rows of one group by all their names."""
    group = tables.load("settings")[name]
    rows = [_Row(group["kind"], row) for row in reversed(group["row"])]
    return {_key(name): row for row in rows for name in _names(row)}


def _names(row: _Row) -> tuple[str, ...]:
    return (*row.row["names"], *row.row.get("phrases", ()))


def _key(text: str) -> str:
    return " ".join(re.sub(r"[\s_/<>'\"`=-]+", " ", text.lower()).split())


def _dotless(text: str) -> str:
    """The key of a name of which somebody mistook a dot for a hyphen, `kvm.intel.tdx`."""
    return _key(text.replace(".", " "))


@cache
def _dotless_rows() -> dict[str, _Row]:
    return {_dotless(key): row for key, row in _rows().items() if "." in key}


def setting(query: str) -> Iterator[Explanation]:
    """A setting by its name, with a value where there is one; or all those of an XML fragment, of
    QEMU's command line.
    """
    text = query.strip()
    if len(text) > _MOST:
        return
    found = _elements(text) or _options(text) or _named(text) or _of_virsh(text)
    found = found or _of_launch_security(text) or _of_order(text) or _of_firmware(text)
    # An option and its part may have the same row.
    for each in {id(one.row.row): one for one in found}.values():
        yield _setting(each.row, each.value)
        bitmap = each.row.row.get("bitmap")
        if bitmap and each.value:
            yield from bitmaps.with_value(f"{bitmap}={each.value}")
            yield from bitmaps.numbered(f"{bitmap} {each.value}")


# --- a name alone, or with its value --------------------------------------------------------------


def _named(text: str) -> list[_Found]:
    name, value = _of_file(text) or (text, "")
    found = _parameter(name) or _rows().get(_key(name))
    if found is None and text.startswith("-"):
        found = _group("qemu").get(_key(name))
    if found is None:
        name, value = _name_and_value(name)
        found = _parameter(name) or _rows().get(_key(name))
        found = found or (_with_value_only(name) if "=" in text else None)
        found = found or _dotless_rows().get(_dotless(name))
        # A member of a property, quote-generation-socket.type.
        found = found or _group("qemu").get(_key(name.partition(".")[0]) if "." in name else "")
    return [_Found(found, value)] if found and not _is_of_another(found, name, value) else []


_FILE = re.compile(r"(?:/sys/module/)?(\w+)/parameters/(\w+)(?:\s*(?:[:=]|->)?\s*(\w+))?")


def _of_file(text: str) -> tuple[str, str] | None:
    """The parameter whose file in sysfs is named, with the value that the file has."""
    match = _FILE.fullmatch(text)
    if match and match[3]:
        return f"{match[1]}.{match[2]}", match[3]
    return None


def _with_value_only(name: str) -> _Row | None:
    """The row of a name that means something else without a value: `tdx=1`, `mmio_caching=N`."""
    for group in tables.load("settings").values():
        for row in group["row"]:
            parts = [one.rpartition(".")[2] for one in row["names"] if group["kind"] == _PARAMETER]
            if name and name in (*row.get("with_value", ()), *parts):
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
    """Whether `efi=` or `kvm-intel tdx=` is something else than the kernel option of that name, and
    `MCE` than the parameter `mce`.
    """
    if found.kind == _PARAMETER and name.isupper():
        return True
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
        value = value.strip("[]")
        if value.lower() not in _YES | _NO | _OTHER and not value[:1].isdigit():
            return "", ""
    if sign == "=" and value[:1] == " " and name[-1:] != " ":
        return name, ""
    value = value.strip(" \"'[]")
    return (name, value) if len(value.split()) == 1 else ("", "")


# --- fragments of XML and of QEMU's command line --------------------------------------------------

_TAG = re.compile(r"<([\w:-]{2,40})(\s[^<>]{0,200})?/?>(?:([^<>]{0,200})</[\w:-]{2,40}>)?")


def _elements(text: str) -> list[_Found]:
    """libvirt's rows for the elements of a fragment; QEMU's for those that libvirt hands to it."""
    if not text.startswith("<"):
        return []
    found = []
    for name, attributes, content in _TAG.findall(text):
        row = _element(name, f"{attributes} {content}") or _group("qemu").get(_key(name))
        state = re.search(r"(?:state|supported)=['\"](\w+)", attributes)
        if row:
            found.append(_Found(row, state[1] if state else content.strip()))
    return found


def _element(name: str, rest: str) -> _Row | None:
    """The row of an element: that which has most of its attributes."""
    words = set(_key(f"{name} {rest}").split())
    first = _key(name)
    rows = [
        (len(key), row)
        for key, row in _group("libvirt").items()
        if key.removeprefix("launchsecurity ").startswith(first)
        and words.issuperset(key.removeprefix("launchsecurity ").removesuffix(" element").split())
    ]
    return max(rows, key=lambda one: one[0], default=(0, None))[1]


_ORDER = re.compile(r"(enable|disable|set|turn on|turn off|change|check)\s+(?:the\s+)?(.+)", re.I)


def _of_order(text: str) -> list[_Found]:
    """The setting that somebody is told to change, `enable TDX Key Split`."""
    match = _ORDER.fullmatch(text)
    if match is None:
        return []
    value = {"enable": "enabled", "turn on": "on", "disable": "disabled", "turn off": "off"}
    found = _named(match[2])
    return [_Found(one.row, one.value or value.get(match[1].lower(), "")) for one in found]


def _of_virsh(text: str) -> list[_Found]:
    """The row of a command of virsh, whatever stands behind it: `virsh reset td1`."""
    match = re.match(r"(?:sudo\s+)?virsh\s+([a-z-]+)\b", text)
    row = _group("libvirt").get(_key(f"virsh {match[1]}")) if match else None
    return [_Found(row, "")] if row else []


_OF_LAUNCH = re.compile(
    r"<?(?:launchSecurity\b.*?|(?=policy[\s:=]+0x))\b(policy|mrConfigId|mrOwner|mrOwnerConfig|quoteGenerationService)\b"
    r"(?:[\s:=]+(bit \d{1,2}|0x[0-9a-f]{1,16}|\d{1,20}))?",
    re.IGNORECASE,
)


def _of_launch_security(text: str) -> list[_Found]:
    """The row of an element of launchSecurity that a text names, `launchSecurity policy bit 0`."""
    match = _OF_LAUNCH.match(text)
    row = _element(match[1], "") if match else None
    return [_Found(row, match[2] or "")] if row and match else []


_OPTION = re.compile(r"(?:^|\s)--?([a-z][\w-]*)(?:[\s=]+('[^']*'|\"[^\"]*\"|[^\s-]\S*))?")
_MEMBER = re.compile(r"\"([\w.-]+)\"\s*:\s*\"?([\w./-]*)")


def _options(text: str) -> list[_Found]:
    """The rows for options of QEMU's command line and their parts: `-cpu host,pmu=off`."""
    found: list[_Found] = []
    plain = re.sub(r"'[^']*'", "", text)
    if ": " in plain or not re.match(r"(?:[^\s:]*qemu[^\s:]*\s+)?-[a-z]", text):
        return found
    for option, value in _OPTION.findall(text):
        parts = [f"{one}={other}" for one, other in _MEMBER.findall(value)]
        parts = parts or value.strip("'\"").split(",")
        found += _parts(option, parts)
    return found


def _parts(option: str, parts: list[str]) -> Iterator[_Found]:
    """The rows of an option and of its parts, `tdx-guest`, `debug=on`, `-kvm-steal-time`."""
    rows = _group("qemu")
    head = parts[0].removeprefix("qom-type=").removeprefix("driver=")
    whole, bare = rows.get(_key(f"-{option} {head}")), rows.get(_key(f"-{option}"))
    has_head = "=" not in head
    if has_head and whole:
        yield _Found(whole, "")
    elif has_head and bare:
        yield _Found(bare, head)
    for part in parts[1:] if has_head and (whole or bare) else parts:
        name, _, value = part.partition("=")
        row = rows.get(_key(f"{head} {name}")) or rows.get(_key(f"-{option} {name}"))
        row = row or rows.get(_key(name.lstrip("+")))
        if row:
            yield _Found(row, value or {"+": "on", "-": "off"}.get(name[:1], ""))


# --- the firmware setup ---------------------------------------------------------------------------

_SETUP = {
    "bios", "uefi", "firmware", "setup", "dell", "hpe", "lenovo", "supermicro", "gigabyte", "asus",
    "poweredge", "r760", "r660", "r960", "xe9680", "cisco", "quanta", "fujitsu", "inspur", "idrac",
    "racadm", "redfish", "ilo", "rbsu", "xcc",
}  # fmt: skip
"""Words of a text about a machine's setup."""
_GENERAL = {
    "in", "the", "a", "my", "where", "how", "to", "do", "i", "enable", "disable", "turn", "set",
    "option", "options", "setting", "settings", "knob", "menu", "no", "cannot", "can't", "find",
    "missing", "hidden", "not", "visible", "what", "is", "should", "be", "intel", "of", "for",
    "ucs", "server", "servers", "config", "configuration", "processor", "mode",
    "on", "appear", "appears", "appearing", "greyed", "grayed", "out", "show", "shown", "see",
    "available", "there", "it", "why", "and",
}  # fmt: skip
_SHORT_TEXT = 10
"""Words of a text that is about one setting at most."""


def _of_firmware(text: str) -> list[_Found]:
    """A setting of the firmware in a text about its setup, or with Enabled and the like behind."""
    name, value = _name_and_value_of_setup(text)
    words = re.sub(r"[().,?!]|->|>|/(?=\s)", " ", name.lower()).split()
    is_setup = bool(_SETUP.intersection(words))
    if not (is_setup or value) or len(words) > _SHORT_TEXT:
        return []
    rest = _key(" ".join(word for word in words if word not in _SETUP | _GENERAL))
    rows = _group("firmware")
    for wanted in (rest, f"{rest} setting", f"{rest} enable", f"enable {rest}"):
        if rest and wanted in rows:
            found = _Found(rows[wanted], value)
            return [*_of_maker(set(words), found.row), found]
    return []


def _of_maker(words: set[str], found: _Row) -> Iterator[_Found]:
    """What is to know of a maker's setup, where a text names the maker, and TDX."""
    is_tdx = "Trust Domain Extension (TDX)" in found.row["names"]
    for row in tables.load("settings")["firmware"]["row"] if is_tdx else ():
        if words.intersection(row.get("makers", ())):
            yield _Found(_Row("firmware setting", row), "")


_OF_SETUP = re.compile(
    r"(?:en|dis)abled?|auto|default|on|off|yes|no|all|(?:multiple|single) ?keys?|[12]lm|\d\w*"
    r"|\d-way(?: \w+)?|\d+ [GMK]i?B",
    re.IGNORECASE,
)
"""Values of settings of the firmware."""


def _name_and_value_of_setup(text: str) -> tuple[str, str]:
    """`TDX: Enabled`, `Memory Encryption = Multiple Keys`, `SEAM Loader Enabled`."""
    match = re.fullmatch(r"(.{2,80}?)\s*[:=]\s*\[?([\w-]+(?: [\w-]+)?)\]?", text)
    if match and _OF_SETUP.fullmatch(match[2]):
        return match[1], match[2]
    name, _, value = text.rpartition(" ")
    value = value.strip("[]")
    known = _YES | _NO | _OTHER
    return (name, value) if name and value.lower() in known else (text, "")


def setting_in(text: str) -> Iterator[Explanation]:
    """A setting whose name is in a longer text: the longest of them."""
    plain = f" {_key(text[:_MOST])} "
    dotless = f" {_dotless(text[:_MOST])} "
    names = [name for name in _rows() if len(name) >= _IN_A_TEXT and f" {name} " in plain]
    names += [name for name in _telling() if f" {name} " in dotless]
    longest = max(names, key=len, default="")
    if longest:
        yield _setting(_rows()[longest], "")


@cache
def _telling() -> tuple[str, ...]:
    """Shorter names that can be no words of the language: with a capital inside."""
    rows = [row for group in tables.load("settings").values() for row in group["row"]]
    names = {name for row in rows for name in row["names"] if re.search(r"[a-z][A-Z]", name)}
    return tuple(_key(name) for name in names if len(name) >= _NAME_IN_A_TEXT and " " not in name)


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
    value = value.strip("\"',; ")
    wanted = str(row.get("wanted", "")).lower().partition(" ")[0].strip(",")
    if not wanted or not value:
        return value
    is_yes, is_no = value.lower() in _YES, value.lower() in _NO
    if value.lower() == wanted or (is_yes and wanted in _YES) or (is_no and wanted in _NO):
        is_of_guest = str(row.get("wanted", "")).endswith("in a guest")
        return f"{value}: this is what {'a guest' if is_of_guest else 'TDX'} needs"
    if (is_yes and wanted in _NO) or (is_no and wanted in _YES) or row.get("exact"):
        return f"{value}: {row.get('other', 'TDX needs another value')}"
    return value


@cache
def parameters() -> frozenset[str]:
    """Options of the kernel command line that are no words of the language: `nohibernate`."""
    rows = tables.load("settings")["parameter"]["row"]
    names = (name for row in rows for name in row["names"])
    return frozenset(name for name in names if len(name) >= _NAME_IN_A_TEXT and " " not in name)


def names() -> Iterator[str]:
    for group in tables.load("settings").values():
        yield from (row["names"][0] for row in group["row"])
