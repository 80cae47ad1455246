"""Metadata fields, facts and files with a value behind their name.

`build_num 481`, `max_tdmrs: 64`, `num_remaining_updates 0`
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from tdxinfo.decode import metadata
from tdxinfo.explain import bitmaps, catalogue, fields, processors, terms, versions
from tdxinfo.explain.meaning import Explainer, Explanation, details
from tdxinfo.explain.numbers import Reading, readings
from tdxinfo.model.values import decimal_date

_NAME = re.compile(r"[A-Za-z][\w.\[\]>-]*|(?:0x)?[0-9a-f]{16}(?=\s*[=:])", re.IGNORECASE)
_OF_BITS = re.compile(r"_(?:FIXED[01]|MASK)$", re.IGNORECASE)
"""How fields end that say of each bit of another whether it may be set."""
_NO_WORD = re.compile(r"^[a-z]+[A-Z]|_|[Ss][Vv][Nn]$|SEAM$")
"""In a term that is no word of the language, so that a number behind it is its value."""
_NAMED: tuple[Explainer, ...] = (fields.by_name, fields.by_id, catalogue.fact, catalogue.path_named)
_MORE: dict[str, Explainer] = {
    "BUILD_NUM": versions.build,
    "BUILD_DATE": versions.day,
    "PKG_FMS": processors.processor,
    "ALLOWED_FMS": processors.processor,
    "DISALLOWED_FMS": processors.processor,
}
"""What a value of a field names."""


_BETWEEN = re.compile(r"[,;]|(?<=[0-9a-f])\s+(?=[a-z]+_\w+[\s:=]+(?:0x)?[0-9a-f]+\b)", re.I)
"""Between two values: a comma, or the blank before the next name of two words."""
_OF_A_BUILD = ("module release", "module build")
_DUMPED = re.compile(
    r"0{7,8}:?\s+((?:[0-9a-f]{2}\s+){1,8})\s*(?:\|.{1,16}\|)?.*?\bmetadata/([0-9a-f]{16})\b", re.I
)


_DUMPED_BY = re.compile(r"\b(hexdump|hd|xxd|od)\b(.*)\bmetadata/([0-9a-f]{16})\b(.*)", re.I | re.S)
_WORDS = re.compile(
    r"[\s:|>#-]*(?:0{7,8}:?\s+)?((?:(?:[0-9a-f]{2}){1,8}(?![0-9a-z])[ \t]*){1,8})", re.I
)


def read_dump(text: str) -> str:
    """A field and its value, of a hexdump of a file `metadata/ID`; any other text as it is."""
    shown, command = _DUMPED.match(text), _DUMPED_BY.search(text)
    number, data = "", b""
    if shown:
        number, data = shown[2], bytes.fromhex(shown[1])
    elif command and (words := _WORDS.match(command[4])):
        number, data = command[3], _bytes_of(words[1].split(), command[1], command[2])
    found = list(fields.by_id(number)) if data else []
    if not found:
        return text
    value = int.from_bytes(data, "little")
    return f"{found[0].name.removesuffix('[0]')} = {value:#x}"


def _bytes_of(words: list[str], program: str, options: str) -> bytes:
    """The bytes that a program printed: od, and hexdump without -C, print words of two bytes or
    more as numbers of this processor, the lowest byte last.
    """
    size = len(words[0])
    same = [word for word in words if len(word) == size][: 16 // size]
    is_number = program.lower() == "od" or (program.lower() == "hexdump" and "C" not in options)
    return b"".join(bytes.fromhex(word)[:: -1 if is_number else 1] for word in same)


def with_value(query: str) -> Iterator[Explanation]:
    """A field, a fact or a file with its value; of a build or a date also the release.

    Several are explained one by one, `major_version 1, minor_version 5`, if all are known.
    """
    parts = [part.strip() for part in _BETWEEN.split(query)]
    found = [list(_one(part)) for part in parts]
    if all(found):
        meanings = [meaning for meanings in found for meaning in meanings]
        # Of several values that name a release it is the answer.
        yield from sorted(meanings, key=lambda one: len(parts) > 1 and one.kind not in _OF_A_BUILD)


_IN_A_TEXT = re.compile(
    r"(?<![\w/.])([A-Za-z]\w{2,60})[\s:=(]{1,4}(?:is\s)?(0x[0-9a-f]{1,16}|\d{1,20})\b"
)


def in_a_text(query: str) -> Iterator[Explanation]:
    """The fields of the module in a question with their values: `MAX_VCPUS_PER_TD 256 enough?`."""
    for name, value in _IN_A_TEXT.findall(query) if len(query) <= _MOST_LETTERS else ():
        if "_" in name and any(one.kind == "metadata field" for one in fields.by_name(name)):
            yield from _one(f"{name} {value}")


_MOST_LETTERS = 120
"""Of a question about a value."""


def _one(query: str) -> Iterator[Explanation]:
    match = _NAME.match(query)
    value = query[match.end() :].lstrip(" :=").removeprefix("is ").strip() if match else ""
    values = readings(value) if value else []
    if match is None or not values:
        return
    if fields.is_own_id(match[0], values[0].value):
        # The id of a field beside its name is no value.
        yield from fields.by_name(match[0])
        return
    if any(bitmaps.with_value(query)):
        # A bitmap with its value is explained as one: its bits are the answer. What a bit says in
        # a field such as XFAM_FIXED0 is not.
        yield from fields.by_name(match[0]) if _OF_BITS.search(match[0]) else ()
        return
    found = [meaning for explain in _NAMED for meaning in explain(match[0].removesuffix("[]"))]
    is_of_module = re.match(r"(?:tee_?)?tcb_?svn|seam", match[0], re.IGNORECASE)
    if not found and _NO_WORD.search(match[0]) and not is_of_module:
        found = list(terms.term(match[0]))
    if not re.search(r"[._]", match[0]):
        # A word of the language, or the name of a service, is no fact beside a number.
        found = [meaning for meaning in found if meaning.kind != "fact"]
    yield from (_valued(meaning, values[0]) for meaning in found)
    for name in dict.fromkeys(meaning.name.partition("[")[0] for meaning in found):
        yield from _MORE[name](value) if name in _MORE else ()


def _valued(meaning: Explanation, reading: Reading) -> Explanation:
    field = metadata.declared().get(meaning.name.partition("[")[0])
    rows = [("value", f"{reading.value} = {reading.value:#x}")]
    rows.append(("this value", fields.value_meaning(meaning.name, reading.value)))
    if field and field.name == "BUILD_DATE":
        with suppress(ValueError, OverflowError):
            rows.append(("day", decimal_date(reading.value).isoformat()))
    if field and field.name == "CPUID_CONFIG_LEAVES":
        leaf, subleaf = reading.value & _NO_SUBLEAF, reading.value >> 32
        rows.append(("leaf", f"{leaf:#x}"))
        rows.append(("sub-leaf", "none" if subleaf == _NO_SUBLEAF else f"{subleaf:#x}"))
    bits = 8 << field.parts.size_code if field else 64
    if reading.value >> bits:
        rows.append(("fits", f"no: the field has {bits} bits"))
    return meaning.model_copy(update={"details": (*details(rows), *meaning.details)})


_NO_SUBLEAF = 0xFFFFFFFF
"""In the upper half of a leaf that has no sub-leaves."""
