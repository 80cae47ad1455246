"""Bits and bitmaps in somebody's words: with a state, in a question, or listed by a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo import tables
from tdxinfo.decode import bits
from tdxinfo.explain.bitmaps import (
    at,
    bit,
    bitmap_named,
    described,
    of_the_module,
    rows_named,
    unnamed,
)
from tdxinfo.explain.meaning import Explanation
from tdxinfo.explain.numbers import readings

_STATES = re.compile(
    r"(?:\s{0,3}[=:]\s{0,3}|\s{1,3}(?:is\s{1,3})?)(?P<state>[01]|true|false|set|clear|missing|on|off"
    r"|(?:not\s)?(?:set|supported|available|present|there))$",
    re.IGNORECASE,
)
_ABSENT = re.compile(r"^(?:no|missing|without)\s+", re.IGNORECASE)
_NUMBER = re.compile(r"\bbit\s*#?(\d{1,2})\b[\s:,=]*|^(\d{1,2}):\s?", re.IGNORECASE)
_IS_SET = {"1", "true", "set", "on", "supported", "available", "present", "there"}
_AROUND_A_BIT = {
    "bit", "bits", "feature", "features", "attribute", "attributes", "flag", "td", "tdx", "module",
    "the", "is", "what", "which", "are", "of", "in", "a", "allowed", "enabled", "can", "have",
    "has", "my", "does", "for", "on", "support",
}  # fmt: skip
_KINDS = {"feature", "attribute", "sys_attribute", "allowed", "supported"}
_LETTERS = 2
_MOST = 80
"""Letters of a bit with its state."""


def with_state(query: str) -> Iterator[Explanation]:
    """A bit with its state or its number: `NO_RBP_MOD=0`, `PAGE_RELEASE is missing`,
    `TD attribute LASS bit 27`, `which bit is dynamic pamt`, `feature bit 36`.
    """
    query = of_the_module(query)
    state, absent = _STATES.search(query), _ABSENT.match(query)
    number = _NUMBER.search(query)
    words = _ABSENT.sub("", _NUMBER.sub(" ", _STATES.sub("", query))).split()
    names = [word for word in words if word.lower() not in _AROUND_A_BIT]
    kinds = {word.lower().removesuffix("s") for word in query.split()} & {"bit", *_KINDS}
    if len(query) > _MOST or not (state or absent or number or kinds):
        return
    is_set = not absent and state is not None and state["state"].lower() in _IS_SET
    given = ("given", "the bit is set" if is_set else "the bit is not set")
    rows = [given] if state or absent else []
    name = "_".join(names)
    # `no quote` and `debug=on` are about something else than the bits of these names.
    is_word = "_" not in name and not (name.isupper() and len(name) > _LETTERS)
    if is_word and not number and not kinds:
        return
    found = list(bit(name)) if names else list(_by_kind(words, number))
    yield from (meaning.with_details(rows) for meaning in found)


def _by_kind(words: list[str], number: re.Match[str] | None) -> Iterator[Explanation]:
    """A bit by its number and what it is: `feature bit 36`."""
    plain = {word.lower().removesuffix("s") for word in words}
    if number and "feature" in plain:
        yield from at("TDX_FEATURES0", int(number[1] or number[2]))
    elif number and "sys_attribute" in plain:
        yield from at("SYS_ATTRIBUTES", int(number[1] or number[2]))
    elif number and "attribute" in plain:
        yield from at("TD_ATTRIBUTES", int(number[1] or number[2]))


_VALUE_IN_A_TEXT = re.compile(r"\b(\w{3,40})[\s\"':=]{1,5}(0x[0-9a-f]{1,16})\b", re.IGNORECASE)
_BIT_IN_A_TEXT = re.compile(
    r"\b(\w{3,40})[\s:,.]{1,3}bit\s?#?(\d{1,2})\b(?:\s(?:is\s)?((?:not\s)?set|clear|unset|on|off)\b)?",
    re.IGNORECASE,
)
_MOST_LETTERS = 200


_HEX = re.compile(r"\b0x[0-9a-f]{1,16}\b", re.IGNORECASE)
_BIT = re.compile(r"\bbit\s?#?(\d{1,2})\b", re.IGNORECASE)
_FEWEST = 5
"""Hex digits that features have at least where no word says what a number is."""


def in_a_text(query: str) -> Iterator[Explanation]:
    """A bitmap with its value or one of its bits in a text, and the bits that the text asks for.

    `"tdx_features0": "0x10326f3f0fbf", does that one have dynamic PAMT`
    """
    if len(query) > _MOST_LETTERS or "vendor_id" in query:
        return  # a line of the kernel about the module is more than its attributes
    query = of_the_module(query)
    values = list(_values_in(query))
    for bitmap, value in values:
        meaning = described(bitmap, readings(value)[0])
        found = asked(bitmap, query, int(value, 16))
        yield meaning.with_first(found)
    for name, number, state in _BIT_IN_A_TEXT.findall(query) if not values else ():
        given = {"": "", "set": "the bit is set", "on": "the bit is set"}
        rows = [("given", given.get(state.lower(), "the bit is not set"))]
        yield from (one.with_details(rows) for one in at(name, int(number)))


def _values_in(text: str) -> Iterator[tuple[str, str]]:
    """The bitmaps in a text with their values; a number beside features is TDX_FEATURES0."""
    beside = [(_bitmap_said(name), value) for name, value in _VALUE_IN_A_TEXT.findall(text)]
    found = [(bitmap, value) for bitmap, value in beside if bitmap]
    words = {_bitmap_said(word) for word in re.findall(r"\w{3,40}", text)} - {None}
    values = _HEX.findall(text)
    if not found and len(words) == len(values) == 1:
        found = [(bitmap, values[0]) for bitmap in words if bitmap]
    is_telling = len(values) == 1 and len(values[0]) >= _FEWEST + len("0x")
    features = [name for name, _ in asked("TDX_FEATURES0", text, 0) if "_" in name or name in text]
    is_bitmap = is_telling and not unnamed("TDX_FEATURES0", int(values[0], 16))
    if not found and not words and is_bitmap and features:
        found = [("TDX_FEATURES0", values[0])]
    yield from found


def _bitmap_said(word: str) -> str | None:
    """The bitmap of a word that can be no word of the language."""
    is_name = "_" in word or word[-1].isdigit() or word.isupper() or word.lower() == "xfam"
    return bitmap_named(word) if is_name else None


def asked(bitmap: str, text: str, value: int | None) -> list[tuple[str, str]]:
    """The bits of a bitmap that a text names, also with blanks, and whether each is set; nothing
    where the value is not known.
    """
    if value is None:
        return []
    plain = f"_{re.sub('[^A-Z0-9]+', '_', text.upper())}_"
    numbers = _BIT.findall(text)
    return [
        (
            row["name"],
            f"{'yes' if is_set else 'no'}: bit {row['bits']} is {'' if is_set else 'not '}set",
        )
        for row in tables.load("features")[bitmap]["fields"]
        for is_set in [bits.is_set(bitmap, row["name"], value)]
        if (len(row["name"]) > _LETTERS and f"_{row['name']}_" in plain) or row["bits"] in numbers
    ]


_LISTED = re.compile(r"\b([A-Za-z]\w*):\s*([A-Z][A-Z0-9_]*(?:\s+[A-Z][A-Z0-9_]*){0,30})$")


def listed(query: str) -> Iterator[Explanation]:
    """The bits that a line lists behind their bitmap's name, as in `tdx: TD_CTLS: REDUCE_VE`."""
    match = _LISTED.search(query.strip())
    bitmap = bitmap_named(match[1]) if match else None
    for name in match[2].split() if match and bitmap else ():
        yield from rows_named(name, bitmap)
