"""Registers in a text about other things too: commands of rdmsr, values and states behind a name.

PROD=$(rdmsr 0xce -f 27:27)
rdmsr 0xa0 gives 1861 on the new board
vmx basic msr 480h bit 60
msr 503h not zero
IA32_BIOS_SIGN_ID 0x8b upper half = 0x8100a0f1
SEAMRR lock bit: 0
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo import tables
from tdxinfo.explain import registers
from tdxinfo.explain.meaning import Explanation

_MOST = 400
"""Letters of such a text."""
_COMMAND = re.compile(
    r"\brdmsr\s{1,4}(?:-[a0-9xdoucpX]{1,2}\s{1,4}(?:\d{1,4}\s{1,4})?)*"
    r"(?:(?P<bits>-f\s{0,2}\d{1,2}:\d{1,2})\s{1,4})?"
    r"(?P<address>0x[0-9a-f]{1,8}|\d{2,5})\b"
    r"(?:\s{1,4}(?P<after>-f\s{0,2}\d{1,2}:\d{1,2})\b)?"
    r"(?:\)|`|\"|')?"
    r"(?:\s{0,4}(?:=>?|:|->|\b(?:is|prints?|returns?|returned|reads|shows?|gives?|gave|says|said)\b)"
    r"\s{0,4}(?P<value>(?:0x)?[0-9a-f]{1,16})\b)?",
    re.IGNORECASE,
)
_REGISTER = re.compile(
    r"\b(?:msrs?[\s#:]{1,3}(?P<number>0x[0-9a-f]{1,8}|[0-9a-f]{1,8}h)|(?P<name>[A-Z]\w{3,60}))\b",
    re.IGNORECASE,
)
_NOT_ZERO = re.compile(
    r"(?:\bnot|\bisn't|\bis\s?n't|!=|<>)\s{0,3}(?:zero|0(?:x0)?)\b|\bnon-?\s?zero\b", re.IGNORECASE
)
_HALF = re.compile(
    r"\b(?P<half>upper|high|top|lower|low)\s(?:half|32\sbits|dword|word)\W{0,4}"
    r"(?:(?:is|reads|shows|of)\s)?(?P<value>0x[0-9a-f]{1,8})\b",
    re.IGNORECASE,
)
_STATE = re.compile(
    r"(?P<name>\w[\w .-]{2,60}?)\s?(?:=|:|\s(?:is|reads|shows)\s|\s(?=not\b|clear|unset))\s?"
    r"(?P<value>0|1|0x0|0x1|not set|set|clear|cleared|unset|on|off)",
    re.IGNORECASE,
)


def in_a_text(text: str) -> Iterator[Explanation]:
    """The registers that commands of rdmsr in the text read, or one register's value or state."""
    if len(text) > _MOST:
        return
    found = [one for match in _COMMAND.finditer(text) for one in _read(match)]
    yield from found or _of_half(text) or _not_zero(text) or _assigned(text)


def accessed(text: str) -> Iterator[Explanation]:
    """The register in a message, `unchecked MSR access error: RDMSR from 0x87`."""
    is_read = re.search(r"RDMSR|cannot read", text)
    for groups in _ACCESSED.findall(text):
        for one in registers.by_number("".join(groups)):
            absent = tables.load("msr")[one.name].get("absent", "") if is_read else ""
            yield one.with_first([("cannot be read", f"{absent}." if absent else "")])


def with_bits(text: str) -> Iterator[Explanation]:
    """Bits of a register in a text, `vmx basic msr 480h bit 60`."""
    match = _BITS.search(text) if len(text.split()) <= _FEW else None
    if match:
        number = re.sub(r"bits?\s*", "", match[2], flags=re.I)
        yield from registers.numbered(f"{match[1]} bits {number}{match[3] or ''}")


_ACCESSED = re.compile(
    r"(?:RDMSR|WRMSR) (?:from|to):? (0x[0-9a-f]+)|unrecognized MSR (0x[0-9a-f]+)"
    r"|cannot (?:read|set|write) MSR (0x[0-9a-f]+)",
    re.I,
)
_BITS = re.compile(
    r"\bmsr\s+(0x[0-9a-f]+|[0-9a-f]{1,4}h|[A-Z]\w*_\w+)[\s,:]+"
    r"(bits?\s*\d{1,2}(?::\d{1,2})?|\d{1,2}:\d{1,2})(?![\w:])(\s?[=:]\s?\w+)?",
    re.I,
)
_FEW = 12
"""Words of a text about some bits at most."""


def _read(match: re.Match[str]) -> list[Explanation]:
    """What a command reads: bits of a register, or all of it, with its value."""
    address, value = match["address"], match["value"]
    wanted = match["bits"] or match["after"]
    address = address if address[:2].lower() == "0x" else f"{int(address):#x}"
    if wanted:
        given = f" = {value}" if value else ""
        range_ = re.sub(r"-f\s*", "", wanted)
        return list(registers.numbered(f"msr {address} bits {range_}{given}"))
    whole = f"rdmsr {address} {value}" if value else f"msr {address}"
    return list(registers.with_value(whole) if value else registers.by_number(address))


def _of_half(text: str) -> list[Explanation]:
    """A register of which the text has one half, `0x8b upper half = 0x8100a0f1`."""
    register, half = _register_in(text), _HALF.search(text)
    if register is None or half is None:
        return []
    value = int(half["value"], 16)
    shift = 0 if half["half"].lower().startswith("low") else 32
    return list(registers.with_value(f"msr {register} {value << shift:#x}"))


def _assigned(text: str) -> list[Explanation]:
    """A register by its address with a value, in a question: `is 0x503 = 1 a problem`."""
    match = _ASSIGNED.search(text)
    if match is None or _OF_OTHERS.search(text):
        return []
    return list(registers.with_value(f"msr {match['address']} {match['value']}"))


_ASSIGNED = re.compile(
    r"\b(?P<address>0x[0-9a-f]{2,8})\s{0,2}(?:==?|\bis\b|\breads\b)\s{0,2}"
    r"(?P<value>0x[0-9a-f]{1,16}|\d[0-9a-f]{0,15})\b(?!\S)",
    re.IGNORECASE,
)
_OF_OTHERS = re.compile(
    r"\b(?:leaf|leaves|field|status|cpuid|seamcall|tdcall|bits?|error|svn|rcx|rdx|r8|offset)\b",
    re.I,
)
"""What the number before a value may belong to instead."""


def _not_zero(text: str) -> list[Explanation]:
    """A register of which a text says no more than that it is not 0, `msr 503h not zero`."""
    name = _register_in(text) if _NOT_ZERO.search(text) else None
    if name is None:
        return []
    # Only of a register that is one number: of others it says nothing of a single field.
    means = [
        field["other"]
        for field in tables.load("msr")[name]["fields"]
        if field["bits"] == "63:0" and "other" in field
    ]
    rows = [("not 0 means", f"{one}.") for one in means]
    return [one.with_first(rows) for one in registers.by_name(name)]


def _register_in(text: str) -> str | None:
    """The name of the first known register in a text, by its name or its address."""
    for match in _REGISTER.finditer(text):
        address = int(re.sub(r"(?i)^0x|h$", "", match["number"]), 16) if match["number"] else None
        for name, row in tables.load("msr").items():
            if row["address"] == address:
                return name
        for found in registers.by_name(match["name"] or ""):
            return found.name
    return None


def field_with_state(text: str) -> Iterator[Explanation]:
    """A field by its name with the state of its bit, `SEAMRR lock bit: 0`, `TME lock not set`."""
    match = _STATE.fullmatch(text) if len(text) <= _MOST else None
    if match is None:
        return
    name = re.sub(r"\s(?:bit|flag)$", "", match["name"].strip(), flags=re.IGNORECASE)
    for one in registers.field(name):
        place = {detail.name: detail.text for detail in one.details}
        register, lowest = place["register"].split()[0], place["bits"].rpartition(":")[2]
        yield from registers.numbered(f"{register} bit {lowest} {_said(match['value'])}")


def _said(value: str) -> str:
    return f"= {value}" if value[0].isdigit() else value
