"""Settings in the words of a firmware setup, `TDX: Enabled`, `where do I enable TDX in BIOS`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.explain.setting_rows import NO, OTHER, YES, Found, SettingRow, group, key

_SETUP = {
    "bios", "uefi", "firmware", "setup", "dell", "hpe", "lenovo", "supermicro", "gigabyte", "asus",
    "poweredge", "r760", "r660", "r960", "xe9680", "cisco", "quanta", "fujitsu", "inspur", "idrac",
    "racadm", "redfish", "ilo", "rbsu", "xcc", "quantagrid", "primergy", "proliant", "thinksystem",
}  # fmt: skip
"""Words of a text about a machine's setup."""
_GENERAL = {
    "in", "the", "a", "my", "where", "how", "to", "do", "i", "enable", "disable", "turn", "set",
    "option", "options", "setting", "settings", "knob", "menu", "no", "cannot", "can't", "find",
    "missing", "hidden", "not", "visible", "what", "is", "should", "be", "intel", "of", "for",
    "ucs", "server", "servers", "config", "configuration", "processor", "mode",
    "on", "off", "stays", "appear", "appears", "appearing", "greyed", "grayed", "out", "show",
    "shown", "see", "available", "there", "it", "why", "and", "read-only", "readonly", "locked",
    "changeable", "board", "boards", "motherboard", "hides", "hide", "get",
}  # fmt: skip
_SHORT_TEXT = 10
"""Words of a text that is about one setting at most."""


def of_firmware(text: str) -> list[Found]:
    """A setting of the firmware in a text about its setup, or with Enabled and the like behind."""
    name, value = _name_and_value_of_setup(text)
    words = re.sub(r"[().,?!:]|->|>|/(?=\s)", " ", name.lower()).split()
    is_setup = bool(_SETUP.intersection(words))
    if not (is_setup or value) or len(words) > _SHORT_TEXT:
        return list(_by_short_word(text.lower()))
    said = [word for word in words if word not in _SETUP | _GENERAL]
    # `x2APIC disabled in BIOS`: the value stands before the end.
    states = [word for word in said if word in ("enabled", "disabled")]
    if not value and len(states) == 1 and len(said) > 1:
        value, said = states[0], [word for word in said if word != states[0]]
    rest = key(" ".join([word for word in said if not _MODEL.fullmatch(word)] or said))
    rows = group("firmware")
    for wanted in (rest, f"{rest} setting", f"{rest} enable", f"enable {rest}"):
        if rest and wanted in rows:
            found = Found(rows[wanted], value)
            return [*_of_maker(set(words), found.row), found]
    return list(_by_short_word(text.lower()))


_SIZE = re.compile(r"\b(\d{1,5})\s?([mg])i?b?\b|\b(\d{1,2})\b(?! ?\w+ per channel)")
_BESIDE = {
    "auto", "set",
    "in", "the", "a", "my", "how", "to", "do", "i", "no", "what", "is", "should", "be", "of",
    "for", "on", "not", "it", "and", "setting", "server", "servers", "bios", "are", "which",
    "must", "intel", "tdx", "sgx", "size", "minimum", "min", "maximum", "recommended", "required",
    "requires", "require", "needed", "need", "needs", "enough", "sufficient", "per", "each",
    "socket", "sockets", "cpu", "channel", "channels", "slots", "memory", "with", "only", "many",
    "much", "populated", "population", "mixed", "different", "same", "sizes", "least", "mb", "gb",
    "mib", "gib", "m", "g", "does", "ok", "installed", "has", "have", "use", "using", "host",
}  # fmt: skip
"""Words beside the only one that names a setting."""


def _by_short_word(text: str) -> Iterator[Found]:
    """The setting of a short word with nothing but numbers and general words: `PRMRR 64MB`."""
    words = re.findall(r"[a-z][a-z-]*|\d+", text)
    said = {word for word in words if word not in _BESIDE and not word.isdigit()}
    if not said or len(words) < _LEAST_WORDS or len(words) > _SHORT_TEXT:
        return
    for row in tables.load("settings")["firmware"]["row"]:
        if said <= set(row.get("short", ())):
            yield Found(SettingRow("firmware setting", row), _size(text, row))


_LEAST_WORDS = 2


def _size(text: str, row: dict[str, Any]) -> str:
    """The number in the text as the row counts; one that is enough with a word that says so."""
    match = _SIZE.search(text)
    is_bytes = "unit" in row
    if is_bytes and re.search(r"\bauto\b", text):
        return "auto"
    if match is None or is_bytes != bool(match[2]):
        return ""
    number = int(match[1] or match[3]) * (1024 if match[2] == "g" else 1)
    unit = f" {row['unit']}" if is_bytes else ""
    return str(number) if number < row["least"] else f"{number}{unit}, at least {row['least']}"


_MODEL = re.compile(r"(?=[a-z-]*\d)(?=\d*[a-z])[a-z0-9]{2,}(?:-[a-z0-9+]{1,10}){0,3}\+?")
"""The model of a machine or a board in lower case, with letters and digits: `x13sedw-f`."""


def _of_maker(words: set[str], found: SettingRow) -> Iterator[Found]:
    """What is to know of a maker's setup, where a text names the maker, and what it orders."""
    name = found.row["names"][0]
    for row in tables.load("settings")["firmware"]["row"]:
        if name in row.get("orders", ()) and words.intersection(row.get("makers", ())):
            yield Found(SettingRow("firmware setting", row), "")


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
    known = YES | NO | OTHER
    return (name, value) if name and value.lower() in known else (text, "")
