"""Model-specific registers, by name or address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import bits, seamcall, sessions
from tdxinfo.explain import bitmaps, wanted
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import read_as, readings

_MOST = 0xFFFFFFFF


def by_name(query: str) -> Iterator[Explanation]:
    """A register by the manual's name, or by Linux's, which begins with MSR_."""
    wanted = query.upper().removesuffix("_MSR_ADDR")
    for name, row in tables.load("msr").items():
        if wanted in _names(name):
            yield _register(name, row)


@cache
def _names(name: str) -> tuple[str, ...]:
    """The names of a register: the manual's, also without IA32_, Linux's, and others."""
    names = (name, *tables.load("msr")[name].get("aliases", ()))
    short = [one.removeprefix("MSR_").removeprefix("IA32_") for one in names]
    # A name of a single word, such as XSS, could be something else.
    short = [one for one in short if "_" in one]
    return (*names, *short, *(f"MSR_{one}" for one in (name, name.removeprefix("IA32_"), *short)))


def by_number(query: str) -> Iterator[Explanation]:
    """A register by its address: hex first, since addresses are written so."""
    found = sorted(readings(query), key=lambda reading: reading.base != "hex")
    for reading in found:
        for name, row in tables.load("msr").items():
            if row["address"] == reading.value <= _MOST:
                yield _register(name, row).with_details(
                    [read_as(reading) if reading.base == "decimal" else ("", "")]
                )
                return


def by_value(query: str) -> Iterator[Explanation]:
    """A register by a value that is known of it alone: `0x1861` is a status of MCHECK."""
    for reading in readings(query):
        shown = f"{reading.value:#x}"
        for name, row in tables.load("msr").items():
            if reading.is_certain and shown in row.get("seen", ()):
                yield from with_value(f"{name}={shown}")


def field(query: str) -> Iterator[Explanation]:
    """A register's field by its name, alone or after the register: `IA32_TME_ACTIVATE.lock`."""
    register, dot, wanted = query.rpartition(".")
    if not dot:
        yield from _field_behind(query.lower())
    for name, row in tables.load("msr").items():
        if dot and register.upper() not in _names(name):
            continue
        for found in row["fields"] if dot or "_" in wanted else ():
            if wanted.lower() in (found["name"], *map(str.lower, found.get("source", ()))):
                yield _field(name, row, found)


def _field_behind(query: str) -> Iterator[Explanation]:
    """A field behind the name of its register, `tme_activate_lock` or `FEATURE_CONTROL lock`."""
    plain = re.sub(r"[\s-]", "_", query).removesuffix("_bit")
    for one, name in _called():
        if not plain.startswith(f"{one}_"):
            continue
        rest = plain.removeprefix(f"{one}_").removesuffix("ed")
        row = tables.load("msr")[name]
        for found in row["fields"]:
            names = (found["name"], *map(str.lower, found.get("source", ())))
            if rest in names or f"{one}_{rest}" in names or f"{one}_{rest}e" in names:
                yield _field(name, row, found)
                return


@cache
def _called() -> tuple[tuple[str, str], ...]:
    """The words that registers are called by, in small letters, each with the register's name."""
    return tuple(
        (one.lower(), name)
        for name, row in tables.load("msr").items()
        for one in (*_names(name), *row.get("called", ()))
    )


def _field(
    register: str, row: dict[str, Any], found: dict[str, str], value: int | None = None
) -> Explanation:
    """A field, and what its value means; what each value means where none is given."""
    _, width = bits.bit_range(found["bits"])
    rows = [
        ("register", f"{register} ({row['address']:#x})"),
        ("bits", found["bits"]),
        ("source", ", ".join(found.get("source", ()))),
        ("TDX wants", wanted.text(register, found["name"])),
    ]
    if value is None:
        rows += [("0 means", _meaning_of(found, 0))]
        others = "without the top bit" if "top" in found else "other values"
        rows += [("1 means" if width == 1 else others, _meaning_of(found, 1))]
    is_open = width == 1 and value != 1
    meaning = f"Where the bit is set: {found['doc']}" if is_open else found["doc"]
    return explanation("register field", found["name"], meaning, rows)


_NUMBERED = re.compile(
    r"(?:(?:rd)?msr\s{1,4})?(\w{1,60}(?:\s[a-z]\w{0,40}){0,3}?)"
    r"(?:[\s,:.]{1,4}bits?\s{0,3}[=#]?\s{0,3}|\s?\[|\.)"
    r"(?:(?P<high>\d{1,2}):)?(?P<low>\d{1,2})\]?"
    r"(?:(?:\s{0,4}(?:={1,2}|:|\bis)\s{0,4}"
    r"|\s(?=(?:(?:not\s)?(?:set|valid)|clear|cleared|unset|on|off|missing)$))"
    r"(?P<value>not set|not valid|\w+))?",
    re.IGNORECASE,
)


def numbered(query: str) -> Iterator[Explanation]:
    """A register's field by the number of its bit: `IA32_TME_ACTIVATE bit 31`, `0x982[1]`."""
    match = _NUMBERED.fullmatch(query)
    if match is None:
        return
    bit = int(match["low"])
    states = {"0": "0: the bit is not set", "1": "1: the bit is set"}
    given = [("given", states.get(match["value"] or "", match["value"] or ""))]
    for name, row in _registers(re.sub(r"\s", "_", match[1])):
        if bitmap_of(name):
            # By name the bitmaps have answered already.
            yield from bitmaps.at(name, bit) if match[1].upper() != name else ()
            return
        for found in row["fields"]:
            lowest, width = bits.bit_range(found["bits"])
            if lowest <= bit < lowest + width:
                value = _given(match["value"], width) if match["value"] else None
                if width > 1:
                    given = [("given", "" if value is None else _number(value))]
                given += [("means", "" if value is None else _meaning_of(found, value))]
                yield _field(name, row, found, value).with_details(given)
                return
        meaning = "tdxinfo does not know what this bit means."
        rows = [("register", f"{name} ({row['address']:#x})")]
        yield explanation("register field", f"bit {bit} of {name}", meaning, rows)


_CLEAR = {"clear", "cleared", "unset", "missing", "off", "no", "disabled"}


def _given(text: str | None, width: int) -> int:
    """The value that a text gives to bits: a number in hex, or set and not set."""
    numbers = [one.value for one in readings(text or "") if one.base == "hex"]
    numbers = numbers or [one.value for one in readings(text or "")]
    is_clear = (text or "").lower().startswith("not") or (text or "").lower() in _CLEAR
    return numbers[0] if numbers else (0 if is_clear else (1 << width) - 1)


def _registers(word: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Registers of this name, or of this address in hex."""
    for register, row in tables.load("msr").items():
        by_address = any(r.value == row["address"] for r in readings(word) if r.base == "hex")
        if word.upper() in _names(register) or by_address:
            yield register, row


def bitmap_of(register: str) -> str | None:
    """A register whose bits stand in the table of bitmaps."""
    return register if register in tables.load("features") else None


def with_value(query: str) -> Iterator[Explanation]:
    """A register with its value: its fields.

    `IA32_TME_ACTIVATE=0x1700000003`, `0x982=0x1`, `MSR 0x982 0x6780000003`, and as rdmsr prints
    it, in hex without 0x: `rdmsr 0x1400 3ffe000008`.
    """
    match = _VALUED.fullmatch(query.strip())
    if match is None or not _is_register(match):
        return
    values = readings(match["value"])
    if match["kind"] or match["sign"] != "=":
        values = [one for one in values if one.base == "hex"] or values
    for register, row in _registers(match["name"]) if values else ():
        is_address = values[0].value == row["address"]
        yield (
            _register(register, row) if is_address else _with_value(register, row, values[0].value)
        )


def _is_register(match: re.Match[str]) -> bool:
    """Whether the text says that it means a register: two bare numbers could be anything."""
    has_sign = match["sign"] == "=" or (match["sign"] and match["name"][:2].lower() == "0x")
    is_name = match["name"].upper().startswith(("IA32_", "MSR_"))
    # Two numbers are a register and its value where the second is no status.
    is_hex = match["value"][:2].lower() == "0x" and match["name"][:1].isalpha()
    both = match["name"][:2].lower() == match["value"][:2].lower() == "0x"
    is_pair = (both or _is_printed(match["name"], match["value"])) and not any(
        one.value >> 32 and seamcall.is_exact(one.value) for one in readings(match["value"])
    )
    return bool(match["kind"] or has_sign or is_name or is_hex or is_pair)


def _is_printed(name: str, value: str) -> bool:
    """Whether the numbers are a register and what rdmsr prints of it: hex digits without 0x."""
    is_address = name[:2].lower() == "0x" and any(_registers(name))
    return is_address and bool(re.fullmatch(r"[0-9a-f]{3,16}", value, re.I))


_WHICH = re.compile(
    r"\b(?:which|what)\b.{0,30}\b(?:msrs?|registers?)\b|\b(?:msrs?|register)\s(?:for|that|which|to)\b",
    re.I,
)
_MOST_ASKED = 24
"""Words of a question at most."""


def asked_for(query: str) -> Iterator[Explanation]:
    """The registers that a question is about, `which MSR shows the number of TDX KeyIDs`."""
    if not _WHICH.search(query) or "0x" in query or len(query.split()) > _MOST_ASKED:
        return
    words = set(re.findall(r"[a-z-]+", query.lower()))
    rows = tables.load("msr").items()
    for key in ("asked", "asked_else"):
        hits = {name: len(words.intersection(row.get(key, ()))) for name, row in rows}
        if most := max(hits.values()):
            yield from (_register(name, row) for name, row in rows if hits[name] == most)
            return


_TWO = re.compile(r"(?:msr\s+)?(\w+)\s+(?:vs\.?|versus)\s+(?:msr\s+)?(\w+)", re.IGNORECASE)


def compared(query: str) -> Iterator[Explanation]:
    """Two registers, `MSR 0x1401 vs 0x1400`."""
    match = _TWO.fullmatch(query)
    found = [list(_registers(name)) for name in match.groups()] if match else []
    if found and all(found):
        yield from (_register(name, row) for pair in found for name, row in pair)


_VERBS = "value|is|prints?|printed|returns?|returned|reads|shows?|showed|gives?|gave|says|said"
"""Between a register and its value."""
_VALUED = re.compile(
    r"(?P<kind>(?:rd|wr)?msr[\s:]+)?(?P<name>\w+)(?:\s+\([^()]{1,40}\)(?=\s*[=:]))?(?:\s*(?P<sign>[=:]|->|\b(?:"
    + _VERBS
    + r")\b)\s*|\s+)(?P<value>\w+)",
    re.I,
)


_RDMSR = re.compile(
    r"(?:sudo\s{1,4})?(?:rd|wr)msr\s{1,4}"
    r"(?P<before>(?:-\w+(?:\s{1,4}(?:\d+:\d+|\d+)(?=\s))?\s{1,4})*)(?P<address>\w+)"
    r"(?P<after>(?:\s{1,4}-\w+(?:\s{1,4}(?:\d+:\d+|\d+)(?=\s|$))?)*)"
    r"(?:\s{0,4}(?:=>?|:|->|\b(?:" + _VERBS + r")\b)?\s{0,4}(?P<value>[0-9a-fx]+))?",
    re.IGNORECASE,
)
"""A command line of rdmsr, `rdmsr -p 0 -f 63:32 0x87`, with what it printed."""


def read_by_command(text: str) -> str:
    """What a command line of rdmsr reads: `msr 0x87 bits 63:32`, or the text as it is."""
    command = _RDMSR.fullmatch(text)
    if command is None:
        return text
    options = f"{command['before']} {command['after']}"
    value = command["value"] or ""
    wanted = re.search(r"-f\s*(\d+:\d+)", options)
    if wanted:
        return f"msr {command['address']} bits {wanted[1]}{f' = {value}' if value else ''}"
    return f"rdmsr {command['address']} {value}".strip()


def printed(query: str) -> Iterator[Explanation]:
    """A line of Ubuntu's system report, `NUM_TDX_PRIV_KEYS: 20`: the values are hex without 0x."""
    label, _, value = query.partition(":")
    wanted = label.strip().lower().removesuffix(" bit")
    for name, (address, high, low) in sessions.BITS_BY_NAME.items():
        # A register's own name is no label.
        if name.lower().removesuffix(" bit") == wanted and name not in tables.load("msr"):
            # Behind the value the report has the one that it expects, in brackets.
            yield from _of_bits(address, (low, high - low + 1), value.partition("(")[0].strip())


def _of_bits(address: int, wanted: tuple[int, int], text: str) -> Iterator[Explanation]:
    """The field of a register at these bits, with a value in hex where there is one."""
    values = [one.value for one in readings(text) if one.base == "hex"]
    value = values[0] if values else None
    for name, row in tables.load("msr").items():
        for found in row["fields"] if row["address"] == address else ():
            if bits.bit_range(found["bits"]) == wanted:
                yield _field(name, row, found, value).with_details(_printed(found, value))


def _printed(found: dict[str, str], value: int | None) -> list[tuple[str, str]]:
    if value is None:
        return []
    text = f"{_number(value)}, since the report has it in hex"
    return [("value", text), ("means", _meaning_of(found, value))]


def _with_value(name: str, row: dict[str, Any], value: int) -> Explanation:
    rows = wanted.rows(name, value)
    rows += [
        (f["name"], _with_meaning(f, bits.msr_field(name, f["name"], value))) for f in row["fields"]
    ]
    rows += _derived(name, value)
    rows += [("means", text) for text in _meanings(name, row, value)]
    title = f"{name} {value:#018x}"
    return explanation("MSR", title, row.get("doc", _DOC), rows)


def _with_meaning(found: dict[str, Any], value: int) -> str:
    """A field's value and meaning; the meaning of a flag holds only where it is set."""
    _, width = bits.bit_range(found["bits"])
    meaning = f"1 means: {found['doc']}" if width == 1 and not value else found["doc"]
    return f"{_number(value)}  ({meaning})"


def _meanings(name: str, row: dict[str, Any], value: int) -> list[str]:
    """What the values of the fields mean for TDX, and what to do."""
    found = [
        _meaning_of(field, bits.msr_field(name, field["name"], value)) for field in row["fields"]
    ]
    return [text for text in found if text]


def _meaning_of(field: dict[str, str], value: int) -> str:
    _, width = bits.bit_range(field["bits"])
    has_top = "top" in field and value >> (width - 1)
    text = field["top"] if has_top else field.get("other" if value else "zero", "")
    return f"{text}." if text else ""


def _derived(name: str, value: int) -> list[tuple[str, str]]:
    """What follows from several fields together."""
    if name == "IA32_SEAMRR_PHYS_BASE":
        return [("base", f"{value & _SEAMRR_BASE:#x}")]
    if name != "IA32_MKTME_KEYID_PARTITIONING":
        return []
    first = bits.msr_field(name, "num_mktme_keyids", value) + 1
    end = first + bits.msr_field(name, "num_tdx_keyids", value)
    use = f"number {first} is the module's, {end - first - 1} are for TDs"
    text = f"[{first}, {end}), as the kernel prints them: {use}"
    return [("private KeyIDs", text if end > first else "none")]


def _number(value: int) -> str:
    """In hex, and in decimal where that differs: fields hold counts and widths too."""
    return f"{value:#x}" if value < 10 else f"{value:#x} = {value}"


_SEAMRR_BASE = 0x000F_FFFF_FE00_0000
"""Bits 51:25 of the register: the range begins at a multiple of 32 MiB."""

_DOC = "A model-specific register that shows the state of TDX."


def _register(name: str, row: dict[str, Any]) -> Explanation:
    rows = [("address", f"{row['address']:#x}")]
    rows += [(f"{f['bits']} {f['name']}", _with_wanted(name, f)) for f in row["fields"]]
    rows += [("also", ", ".join(row.get("aliases", ()))), ("reference", row["reference"])]
    return explanation("MSR", name, row.get("doc", _DOC), rows)


def _with_wanted(register: str, found: dict[str, str]) -> str:
    """What a field is, and the value that TDX wants it to have."""
    value = wanted.text(register, found["name"])
    return f"{found['doc']} TDX wants: {value}." if value else found["doc"]


def names() -> Iterator[str]:
    yield from tables.load("msr")
