"""What a query that means nothing is nearest to, as a sentence that asks or says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache
from itertools import takewhile

from tdxinfo import tables
from tdxinfo.decode import seamcall
from tdxinfo.explain.numbers import readings

_MOST = 3
"""Names in one question."""
_ALIKE = 0.65
_ALIKE_CONFIG = 0.75
"""How alike names are at least: those of kernel options have parts in common anyway."""
_SHARED = 0.6
"""Of a text's words, how many a known message has at least."""
_LONGEST = 200
"""Letters of a query that is compared."""


def nearest(query: str, names: Iterable[str], is_known: Callable[[str], bool]) -> str:
    """The question which known name, message, path or number was meant; empty where none is near.

    `names` are all names that mean something, `is_known` says whether a word does.
    """
    text = query.strip()[:_LONGEST]
    if text.startswith("/"):
        return _question(_alike(text, _paths(), _ALIKE))
    if text.upper().startswith("CONFIG_"):
        options = [name for name in names if name.startswith("CONFIG_")]
        return _question(_alike(text, options, _ALIKE_CONFIG))
    number = _nearest_number(text)
    if number:
        return number
    found = _question(_alike(text, names, _ALIKE))
    return found or _in_words(text, is_known)


_IDENTIFIER = re.compile(r"/?[A-Za-z][\w./-]{6,80}|[A-Za-z][\w/-]*(?: [\w/-]+){1,5}")
"""One word, or a name of several: `sgx auto mp registraton`."""
_SLIP = 0.85
_LONGER = 2
"""Letters by which a name is longer or shorter than the word at most."""


def meant(word: str, names: Iterable[str]) -> str:
    """The only name that the word is but for one letter, or for its signs; empty where none is.

    Digits are not mistaken: another number is another thing.
    """
    if not _IDENTIFIER.fullmatch(word):
        return ""
    known = _paths() if word.startswith("/") else names
    known = [name for name in known if abs(len(name) - len(word)) <= _LONGER]
    alike = _alike(word, known, _SLIP)
    # Names that differ in signs only are one.
    found = {
        re.sub(r"[\W_]+", " ", name.lower()): name
        for name in alike
        if _is_slip(word.lower(), name.lower())
    }
    return next(iter(found.values())) if len(found) == 1 else ""


def _is_slip(word: str, name: str) -> bool:
    """Whether two names differ in their signs, or in one letter or the order of two in one part."""
    if re.sub(r"\D", "", word) != re.sub(r"\D", "", name):
        return False
    if re.sub(r"[\W_]", "", word) == re.sub(r"[\W_]", "", name):
        return True
    parts, others = re.split(r"[\W_]+", word), re.split(r"[\W_]+", name)
    changed = [(one, other) for one, other in zip(parts, others, strict=False) if one != other]
    if len(parts) != len(others) or len(changed) != 1:
        return False
    one, other = changed[0]
    is_swapped = len(one) >= _FEWEST and _swapped(one, other)
    return is_swapped or (min(len(one), len(other)) >= _FEW and _has_one_more(one, other))


_FEW, _FEWEST = 4, 3
"""Letters of a part of a name at least in which one is mistaken, or the order of two."""


def _swapped(one: str, other: str) -> bool:
    places = [i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]]
    return len(one) == len(other) and len(places) == 2 and sorted(one) == sorted(other)


def _has_one_more(one: str, other: str) -> bool:
    """Whether a letter is missing in one of the two words, or another."""
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    start = len(list(shared))
    rest, more = one[start:], other[start:]
    return any(
        left == right for left, right in ((rest[1:], more), (rest, more[1:]), (rest[1:], more[1:]))
    )


def _alike(text: str, names: Iterable[str], cutoff: float) -> list[str]:
    spellings = {one.lower(): one for one in names}
    near = get_close_matches(text.lower(), spellings, n=_MOST, cutoff=cutoff)
    return [spellings[one] for one in near]


def _question(names: list[str]) -> str:
    return f"Did you mean {', '.join(names)}?" if names else ""


@cache
def _paths() -> tuple[str, ...]:
    rows = tables.load("paths")["path"]
    return tuple(path for row in rows for path in row["paths"] if "*" not in path)


# --- texts of several words -----------------------------------------------------------------------


def _in_words(text: str, is_known: Callable[[str], bool]) -> str:
    """The known message with most of the words; else the words of the text that are known."""
    words = _words(text)
    if len(words) < 2:
        return ""
    shared, message = max((len(words & _words(one)) / len(words), one) for one in _messages())
    if shared >= _SHARED and len(words) > 2:
        return f"Did you mean the message {message!r}?"
    known = [word for word in text.split() if _is_name(word) and is_known(word)]
    return f"It knows {', '.join(dict.fromkeys(known[:_MOST]))}." if known else ""


def _is_name(word: str) -> bool:
    """Whether a word is meant as a name: with a capital inside, an underscore, a digit or a dot.

    A release in a text is one of something else: of the kernel that a driver belongs to.
    """
    is_release = re.match(r"\d+\.\d", word)
    return bool(re.search(r"[A-Z_0-9./]", word[1:])) and len(word) > 2 and not is_release


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"[a-z_]+", text.lower()) if len(word) > 2)


@cache
def _messages() -> tuple[str, ...]:
    """The messages that are known, without the values in them."""
    lines = tuple(
        re.sub(r"(?:0x)?%[0-9l]*[a-z]", "...", row["format"]) for row in tables.load("klog")["line"]
    )
    return lines + tuple(text for row in tables.load("symptoms")["symptom"] for text in row["text"])


# --- numbers --------------------------------------------------------------------------------------

_NUMBERED = re.compile(r"(msr|rdmsr|seamcall|tdcall|leaf)[\s:=]+(?:leaf\s)?\(?(\w{1,10})\)?", re.I)


def _nearest_number(text: str) -> str:
    """The register or the leaf whose number is nearest."""
    match = _NUMBERED.fullmatch(text)
    values = [reading.value for reading in readings(match[2])] if match else []
    if match is None or not values:
        return ""
    if "msr" in match[1].lower():
        known = {int(row["address"]): name for name, row in tables.load("msr").items()}
        kind = "register"
        wanted = int(match[2].lower().removeprefix("0x").removesuffix("h"), 16)
    else:
        table = "TDG" if match[1].lower() == "tdcall" else "TDH"
        known = {one.number: one.name for one in seamcall.leaves().values() if one.table == table}
        kind, wanted = "leaf", values[0]
    near = min(known, key=lambda number: abs(number - wanted))
    return f"The nearest known {kind} is {known[near]} ({near:#x})."
