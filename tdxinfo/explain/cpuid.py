"""CPUID leaves, fields and flags, in the spellings of manuals, QEMU and people.

cpuid 0x21, CPUID leaf 1Bh, CPUID.7.0.EDX.18, cpuid 7 ecx bit 28, CPUID.(EAX=7,ECX=0):EDX[18],
CPUID.80000007H:EDX.invtsc [bit 8], 0x80000008 eax[7:0], lass cpuid 7.1 eax
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from tdxinfo import tables
from tdxinfo.decode.bits import bit_range
from tdxinfo.explain import processors
from tdxinfo.explain.meaning import Explanation, explanation

_INPUTS = re.compile(r"\(eax=([0-9a-fx]+)h?(?:,\s*ecx=([0-9a-fx]+)h?)?\)")
_IS_CPUID = re.compile(
    r"\bcpuid\b|^(?:0x[0-9a-f]{1,8}|[0-9a-f]{8})\s+e[abcd]x\b|\bleaf\b.*\be[abcd]x\b"
    r"|^e[abcd]x\[\d{1,2}:\d{1,2}\]"
    r"|^[0-9a-f]{1,8}h?[.:](?:\d[.:])?e[abcd]x\b|^leaf \(?(?:0x)?21h?\)?\s.*inteltdx"
)
_OPTION = re.compile(r"\s-(?:[1rsl]\b|-(?:leaf|subleaf|one-cpu|raw)\b=?)")
"""Options of the program cpuid."""
_MACRO = re.compile(r"cpuid_([0-9a-f]{1,8})_(?:(\d)_)?(e[abcd]x)_(\w+)")
"""A flag as QEMU's macros have it, CPUID_7_0_ECX_MOVDIR64B."""
_RAW = re.compile(
    r"(?:cpuid[ .]?)?(?:leaf )?((?:0x)?[0-9a-f]{1,8})h?"
    r"(?:[ .:,](?:subleaf |sub-leaf )?((?:0x)?[0-9a-f]{1,2}))?:?"
    r"((?:,? e[abcd]x ?[=:] ?(?:0x)?[0-9a-f]{1,8}){1,4})"
)
"""A line of `cpuid -r`; people write the registers in any order."""
_REGISTER = re.compile(r"(e[abcd]x) ?[=:] ?(?:0x)?([0-9a-f]{1,8})")
_INPUT = re.compile(
    r"^((?:cpuid )?(?:leaf )?(?:0x)?[0-9a-f]{1,8}h?) ecx ?= ?(?:0x)?([0-9a-f]{1,2})(?=$|:| e[abd]x)"
)
"""A leaf with its sub-leaf as the input that ECX is."""
_BIT_STATE = re.compile(
    r"(\be[abcd]x\b.*\d\]?) ?(?:=|:| is |(?= missing$| not set$| clear$)) ?"
    r"(0x[0-9a-f]{1,8}|\d{1,3}|missing|not set|clear)(?:[\s,;]+[a-z(][^=:]{0,80})?$"
)
_FLAG_OF_LEAF = re.compile(r"(\w+) leaf ((?:0x)?[0-9a-f]{1,8}h?)")
_VALUE = re.compile(r"(\be[abcd]x)(?:\s*[=:]\s*|\s+(?=0x))(0x[0-9a-f]{1,8}|[0-9a-f]{5,8})$")
_HIGH_LEAF = re.compile(r"0x(?:4000000|8000000)[0-9a-f]")
"""A leaf that is no other small number, without the word CPUID."""
_NUMBER = re.compile(r"(?:0x)?([0-9a-f]{1,8})h?")
_REGISTERS = ("eax", "ebx", "ecx", "edx")
_FILLERS = {
    "cpuid", "leaf", "bit", "bits", "sub", "subleaf", "sub-leaf", "function", "of", "the", "flag",
    "in",
}  # fmt: skip


class _Flag(NamedTuple):
    name: str
    leaf: int
    subleaf: int
    register: str
    bit: int


class _Asked(NamedTuple):
    """What a query names; None for what it does not."""

    leaf: int | None = None
    subleaf: int | None = None
    register: str = ""
    bits: tuple[int, ...] = ()
    flag: str = ""


@cache
def _flags() -> tuple[_Flag, ...]:
    found = [
        _Flag(name, int(leaf, 16), int(subleaf, 16), register, int(bit))
        for place, registers in tables.load("cpuid").items()
        for leaf, _, subleaf in [place.partition(".")]
        for register, rows in registers.items()
        for bit, name in [row.split() for row in rows]
    ]
    more = [
        _Flag(row["flag"], int(row["leaf"], 16), 0, row["register"], row["bit"])
        for row in tables.load("cpuid_notes")["place"]
    ]
    return (*found, *more)


def cpuid(query: str) -> Iterator[Explanation]:
    """What a query about CPUID names: a flag, a field of several bits, or a leaf."""
    text = _plain(query)
    raw = _RAW.fullmatch(text)
    if raw and text.count("=") + text.count(": e") > 1:
        yield from _raw(raw)
    elif _HIGH_LEAF.fullmatch(text):
        yield from _leaf(int(text, 16), "")
    elif _IS_CPUID.search(text):
        yield from _asked_in(text)


def _plain(query: str) -> str:
    """The query in lower case, without options of the program cpuid, and as `cpuid 7 0 ecx tme`."""
    text = " ".join(_OPTION.sub(" ", query.lower()).split())
    text = re.sub(r"(?<=[0-9a-f])_(?=[0-9a-f]{4}\b)", "", text)
    text = _MACRO.sub(r"cpuid \1 \2 \3 \4", _INPUT.sub(r"\1 \2", text))
    named = _FLAG_OF_LEAF.fullmatch(text)
    is_flag = named and any(one.name == named[1] for one in _flags())
    return f"cpuid {named[2]}" if named and is_flag else text


def _asked_in(text: str) -> Iterator[Explanation]:
    """What a text names that is about CPUID, with a value where it has one."""
    state, value = _BIT_STATE.search(text), _VALUE.search(text)
    if _WHICH.search(text) and not re.search(r"\d", text):
        yield from _no_bit(text)
    elif state:
        found = _of(_parse(_BIT_STATE.sub(r"\1", text)))
        number = state[2] if state[2][0].isdigit() else "0"
        yield from (_with_state(meaning, number) for meaning in found)
    elif value:
        yield from _with_value(_parse(_VALUE.sub(r"\1", text)), int(value[2], 16))
    else:
        yield from _of(_parse(text))


def _with_state(meaning: Explanation, value: str) -> Explanation:
    notes = tables.load("cpuid_notes")["missing"]
    is_missed = not int(value, 0) and meaning.name in notes["flags"]
    text = notes["text"] if is_missed else ""
    given = {"0": "the bit is not set", "1": "the bit is set"}.get(value)
    given = given or f"{int(value, 0):#x} = {int(value, 0)}"
    refused = _refused(meaning, int(value, 0))
    first = [("given", f"{given}: {refused}" if refused else given)]
    means = ("means", _value_of(meaning, value))
    return meaning.with_first([*first, means]).with_details([("where it is missing", text)])


def _value_of(meaning: Explanation, value: str) -> str:
    """What a value of a field means by the table; empty where the table does not say it."""
    rows = (row for row in tables.load("cpuid_notes")["field"] if row["name"] == meaning.name)
    return next((row.get("values", {}).get(str(int(value, 0)), "") for row in rows), "")


def _refused(meaning: Explanation, value: int) -> str:
    """What is said of a value that a field must not have; empty where it may."""
    rows = (row for row in tables.load("cpuid_notes")["field"] if row["name"] == meaning.name)
    return next((row["refused"] for row in rows if value not in row.get("allowed", [value])), "")


def _of(asked: _Asked) -> Iterator[Explanation]:
    if asked.leaf is not None and not asked.register and not _is_leaf(asked.leaf):
        yield from processors.processor(f"{asked.leaf:#x}")
    elif asked.flag:
        named = list(_by_name(asked))
        yield from named or (_leaf(asked.leaf, asked.register) if asked.leaf else ())
    elif asked.register and asked.bits:
        yield from _by_place(asked)
    elif asked.leaf is not None:
        yield from _leaf(asked.leaf, asked.register)


_WHICH = re.compile(r"\b(?:which|what|bits?|flags?|leaf|detect|check|tells?|shows?)\b")


def _no_bit(text: str) -> Iterator[Explanation]:
    """That no bit of CPUID shows SEAM or TDX on a host, where a question names them."""
    for name in ("seam", "tdx"):
        if re.search(rf"\b{name}\b", text):
            note = tables.load("cpuid_notes")["flag"][name]
            yield explanation("CPUID", name.upper(), note)


_IN_A_TEXT = re.compile(
    r"\bCPUID\.[0-9A-F]{1,8}H?(?:\.\d+)?:E[ABCD]X\.[\w-]+(?:\s\[bit \d+\])?", re.IGNORECASE
)


def flags_in(text: str) -> Iterator[Explanation]:
    """The flags in a message of QEMU: `CPUID.80000007H:EDX.invtsc [bit 8]`."""
    for match in _IN_A_TEXT.findall(text):
        yield from cpuid(match)


def flag(query: str) -> Iterator[Explanation]:
    """A flag of the processor by its name in /proc/cpuinfo, or a field of several bits."""
    notes = tables.load("cpuid_notes")
    name = re.sub(r"[-\s]", "_", query.strip().lower()).removeprefix("x86_feature_")
    name = notes["alias"].get(name, name)
    if len(name) > 2 or name in notes["flag"]:
        yield from (_flag(one) for one in _flags() if one.name == name)
    if name in notes["linux"]:
        yield explanation("flag in /proc/cpuinfo", name, notes["linux"][name])
    valued = _FIELD_VALUE.fullmatch(query.strip())
    for row in notes["field"]:
        names = [one.lower() for one in (row["name"], *row.get("also", ()))]
        if query.strip().lower() in names:
            yield _field(row)
        elif valued and valued[1].lower() in names:
            yield _with_state(_field(row), valued[2])
    if _FLAG_FOR_TDX.search(query) and "according to" not in query:
        kind = "absent" if _MISSES.search(query) else "linux"
        text = notes[kind]["tdx_host_platform"]
        yield explanation("flag in /proc/cpuinfo", "tdx_host_platform", text)
        yield explanation("CPUID", "TDX", notes["flag"]["tdx"])


_FIELD_VALUE = re.compile(r"(\D{1,80}?)[\s:=]{1,4}(\d{2})(?:\s?bits)?")
_MISSES = re.compile(r"\b(?:no|not|missing|without|lacks?|absent|doesn't|isn't|nothing)\b", re.I)
_FLAG_FOR_TDX = re.compile(
    r"\bflags?\b.*\b(?:for|of|with)\s+tdx\b|\btdx\s+(?:cpu\s+)?flag\b"
    r"|^(?!.*: ).{0,60}\btdx\b.{0,40}\b(?:lscpu|cpuinfo)\b"
    r"|^(?!.*: ).{0,40}\b(?:lscpu|cpuinfo)\b.{0,40}\btdx\b",
    re.I,
)


def _is_leaf(number: int) -> bool:
    """Whether a number is meant as a leaf: a signature of a processor is larger."""
    return number < _SMALLEST_SIGNATURE or number >> 28 in (4, 8)


_SMALLEST_SIGNATURE = 0x10000


def _raw(match: re.Match[str]) -> Iterator[Explanation]:
    """A line of `cpuid -r`: what the leaf is, with the fields and the flags of its registers."""
    leaf, subleaf = int(match[1], 16), int(match[2] or "0", 16)
    values = [(register, int(value, 16)) for register, value in sorted(_REGISTER.findall(match[3]))]
    rows: list[tuple[str, str]] = []
    for register, value in values:
        for meaning in _with_value(_Asked(leaf, subleaf, register), value):
            if meaning.kind != "CPUID":
                yield meaning
                continue
            shown = [one for one in meaning.details if one.name != "flags that concern TDX"]
            rows += [(f"{register.upper()} {one.name}", one.text) for one in shown]
    rows += [("text", _text_of(dict(values)))] if leaf == _TDX_LEAF else []
    for meaning in _leaf(leaf, ""):
        yield explanation("CPUID", f"leaf {leaf:#x}, sub-leaf {subleaf:#x}", meaning.meaning, rows)


_TDX_LEAF = 0x21


def _text_of(values: dict[str, int]) -> str:
    """The letters in EBX, EDX and ECX, in this order, and what they say."""
    words = (values.get(register, 0) for register in ("ebx", "edx", "ecx"))
    text = "".join(word.to_bytes(4, "little").decode("latin-1") for word in words)
    is_td = text == "IntelTDX    "
    return f"{text!r}{': the system with these values is a TD, not its host' if is_td else ''}"


def _with_value(asked: _Asked, value: int) -> Iterator[Explanation]:
    """A register of a leaf with its value: its fields, and which flags are set."""
    if asked.leaf == 1 and asked.register == "eax":
        yield from processors.processor(f"{value:#x}")
        return
    rows: list[tuple[str, str]] = []
    for row in tables.load("cpuid_notes")["field"]:
        if int(row["leaf"], 16) == asked.leaf and row["register"] == asked.register:
            lowest, width = bit_range(row["bits"])
            found = value >> lowest & ((1 << width) - 1)
            rows.append((row["name"], f"{found:#x} = {found}  ({row['text']})"))
    here = (asked.leaf, asked.subleaf or 0, asked.register)
    names = [one.name for one in _flags() if one[1:4] == here and value >> one.bit & 1]
    rows.append(("flags that are set", " ".join(names)))
    for meaning in _leaf(asked.leaf, asked.register) if asked.leaf is not None else ():
        found_rows = [*rows, *((one.name, one.text) for one in meaning.details)]
        name = f"{meaning.name}, {asked.register.upper()} {value:#x}"
        yield explanation("CPUID", name, meaning.meaning, found_rows)


def _parse(text: str) -> _Asked:
    text = _INPUTS.sub(r" \1 \2 ", text)
    tokens = [one for one in re.findall(r"[0-9a-z_-]+", text) if one not in _FILLERS]
    numbers: list[str] = []
    after: list[int] = []
    names: list[str] = []
    register = ""
    for token in tokens:
        number = _NUMBER.fullmatch(token)
        is_number = number and (token[0].isdigit() or token.endswith("h"))
        if token in _REGISTERS:
            register = token
        elif number and is_number and not register:
            numbers.append(number[1])
        elif token.isdecimal():
            after.append(int(token))
        else:
            names.append(token.replace("-", "_"))
    leaf = int(numbers[0], 16) if numbers else None
    subleaf = int(numbers[1], 16) if len(numbers) > 1 else None
    # A text of several words is a message in which CPUID only occurs.
    if len(names) > 1:
        return _Asked()
    return _Asked(leaf, subleaf, register, tuple(after), "".join(names))


def _by_name(asked: _Asked) -> Iterator[Explanation]:
    found = [one for one in _flags() if one.name == asked.flag]
    notes: dict[str, str] = tables.load("cpuid_notes")["flag"]
    yield from map(_flag, found)
    if not found and asked.flag in notes:
        yield explanation("CPUID", asked.flag.upper(), notes[asked.flag])
    for row in tables.load("cpuid_notes")["field"]:
        names = {re.sub(r"\W", "_", one.lower()) for one in (row["name"], *row.get("also", ()))}
        yield from (_field(row),) if asked.flag in names else ()


def _by_place(asked: _Asked) -> Iterator[Explanation]:
    lowest, highest = min(asked.bits), max(asked.bits)
    for row in tables.load("cpuid_notes")["field"]:
        first, width = bit_range(row["bits"])
        is_leaf = asked.leaf in (None, int(row["leaf"], 16))
        is_here = is_leaf and row["register"] == asked.register
        # Without a leaf all bits of the field have to be named.
        if asked.leaf is None and (lowest, highest) != (first, first + width - 1):
            continue
        if is_here and first <= lowest and highest < first + width:
            yield _field(row)
            return
    if asked.leaf is None:
        return
    subleaf = asked.subleaf or 0
    place = (asked.leaf, subleaf, asked.register, lowest)
    found = [one for one in _flags() if one[1:] == place]
    yield from map(_flag, found)
    known = f"{asked.leaf:x}" in tables.load("cpuid_notes")["leaf"]
    if not found and known and lowest < 32:
        register = asked.register.upper()
        name = f"leaf {asked.leaf:#x}, sub-leaf {subleaf:#x}, {register}, bit {lowest}"
        yield explanation("CPUID", name, "tdxinfo does not know what this bit means.")


def _field(row: dict[str, Any]) -> Explanation:
    where = f"leaf {int(row['leaf'], 16):#x}, {row['register'].upper()}, bits {row['bits']}"
    rows = [("place", where), ("also", ", ".join(row.get("also", ())))]
    return explanation("CPUID", row["name"], row["text"], rows)


def _leaf(leaf: int, register: str) -> Iterator[Explanation]:
    meaning = tables.load("cpuid_notes")["leaf"].get(f"{leaf:x}")
    if meaning is None:
        return
    flags = [one for one in _flags() if one.leaf == leaf and register in ("", one.register)]
    known = [
        f"{one.register.upper()} {one.bit} {one.name}"
        for one in flags
        if one.name in tables.load("cpuid_notes")["flag"]
    ]
    rows = [("flags that concern TDX", ", ".join(known))]
    yield explanation("CPUID", f"leaf {leaf:#x}", meaning, rows)


def _flag(found: _Flag) -> Explanation:
    notes = tables.load("cpuid_notes")
    text = "A flag of the processor; TDX does not depend on it."
    features = [row["feature"] for row in notes["xfam"] if found.name in row["flags"]]
    if features:
        text = f"A flag of the processor. A TD sees it only where XFAM has the bit {features[0]}."
    place = f"leaf {found.leaf:#x}, sub-leaf {found.subleaf:#x}"
    rows = [
        ("place", f"{place}, {found.register.upper()}, bit {found.bit}"),
        ("see", ", ".join(features)),
    ]
    return explanation("CPUID flag", found.name, notes["flag"].get(found.name, text), rows)


def names() -> Iterator[str]:
    yield from (one.name for one in _flags() if one.name in tables.load("cpuid_notes")["flag"])
