"""What a name, a number or a line of this field means: `tdxinfo explain`.

Each kind has a module here with functions from a query to meanings; `known` has them in order. A
query with a word before its number, as in `MSR 0x982`, is asked of that kind alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from tdxinfo.explain import (
    advisories,
    asked,
    bitmaps,
    calls,
    catalogue,
    cpuid,
    fields,
    files,
    ghci,
    makers,
    mentions,
    named_processors,
    nearest,
    programs,
    quotes,
    registers,
    settings,
    terms,
    values,
    versions,
)
from tdxinfo.explain.codes import codes_of
from tdxinfo.explain.counts import counts
from tdxinfo.explain.known import as_one_thing, as_text
from tdxinfo.explain.meaning import Detail, ExplainReport, Explanation, once
from tdxinfo.explain.numbers import readings
from tdxinfo.explain.spellings import MOST_WORDS, defined, says_nothing, spellings

__all__ = [
    "MAX_QUERY",
    "Detail", "ExplainReport", "Explanation",
    "all_names", "codes_of", "counts", "explanations", "nearest_to", "queries",
]  # fmt: skip

MAX_QUERY = 4096
"""Characters of a query. Lines of the kernel have up to 1,024; patterns may take their square."""


def explanations(query: str, may_be_file: bool = True) -> list[Explanation]:
    """All meanings of the query, the most likely first; none when tdxinfo does not know it.

    A path in a text that others wrote is no file to open: there `may_be_file` is False.
    """
    if len(query) > MAX_QUERY:
        return []
    word = query.strip().strip("`'\"")
    word = values.read_dump(registers.read_by_command(word))
    found = list(files.file(query)) if may_be_file else []
    found = found or next(filter(None, (list(read(word)) for read in _READINGS)), [])
    return once(makers.without_tdx(word, found))


def _as_question(text: str) -> list[Explanation]:
    """What answers a question: a line that it quotes or a register comes before its topic."""
    first = list(catalogue.counted_in_words(text)) or list(registers.asked_for(text))
    return [*first, *(asked.said(text) or asked.question(text))]


def _as_macro(text: str) -> list[Explanation]:
    """What the macro of a line of C means."""
    return as_one_thing(defined(text))


def _by_other_spelling(word: str) -> list[Explanation]:
    """The meaning of the first other spelling that has one."""
    for spelling in spellings(word):
        found = as_one_thing(spelling) or _as_several(spelling)
        if found:
            return found
    return []


def _as_several(text: str) -> list[Explanation]:
    """What the words of a text mean, where each of them but for general ones means something."""
    words = [word for word in re.split(r"[\s,;]+", text.strip()) if word]
    meanings: dict[str, list[Explanation]] = {}
    for group in _groups(words) if 1 < len(words) <= MOST_WORDS else ():
        # A number beside a name that it does not belong to could mean anything.
        if any(reading.value >> 32 == 0 for reading in readings(group)):
            return []
        if not says_nothing(group):
            meanings[group] = as_one_thing(group)
            if not meanings[group]:
                return []
    if _OF_ANOTHER.search(text):
        # The security version of an enclave or an ACM is not that of a module.
        return [
            meaning
            for found in meanings.values()
            for meaning in found
            if meaning.kind != "module security version"
        ]
    return [meaning for found in meanings.values() for meaning in found]


_OF_ANOTHER = re.compile(r"\b(?:acm|qe|qve|tdqe|pce|ide|sinit)\b.*svn\b", re.IGNORECASE)


def _by_setting_in(text: str) -> list[Explanation]:
    """The setting that a text names, after the processor and the kernel that it names."""
    found = list(settings.setting_in(text))
    named = [*named_processors.branded_in(text), *programs.releases_in(text)]
    return [*named, *found] if found else []


def _by_near_name(word: str) -> list[Explanation]:
    """The meaning of the name that is misspelled by a letter, which says how it was read."""
    name = nearest.meant(word, chain(all_names(), settings.all_names()))
    note = [("read as", f"{name}, the nearest known name")]
    return [one.with_details(note) for one in as_one_thing(name)] if name else []


_READINGS: tuple[Callable[[str], Iterable[Explanation]], ...] = (
    _as_question,
    as_one_thing,
    _as_macro,
    as_text,
    asked.topic,
    values.in_a_text,
    _by_other_spelling,
    _as_several,
    mentions.only_name,
    _by_setting_in,
    mentions.names_of_the_interface,
    mentions.long_numbers,
    named_processors.in_words,
    asked.kernels_named,
    _by_near_name,
    mentions.names_and_parts,
)
"""Ways to read a query; the first that has a meaning counts."""


def queries(words: Sequence[str]) -> list[str]:
    """The words of a command line as queries: words that mean one thing together are one query.

    So `MSR 0x982`, `TDX_FEATURES0 bit 18` and `Dynamic PAMT` need no quotes, and neither does a
    line of a log. What came in quotes stays as it is.
    """
    if any(word.split() != [word] for word in words):
        return list(words)
    whole = " ".join(words)
    if len(words) > 1 and not as_one_thing(whole) and _is_message(whole):
        return [whole]
    # A value of AMD's SEV, on its own, would be read as one of a TD.
    if makers.is_of_another(whole) and explanations(whole):
        return [whole]
    return list(_groups(words))


def _groups(words: Sequence[str]) -> Iterator[str]:
    """The words, with those together that mean one thing together."""
    rest = [word for word in words if word]
    while rest:
        # Within a text `on` is no value.
        sizes = [
            size
            for size in range(min(len(rest), _MAX_WORDS), 1, -1)
            if size == len(rest) or rest[size - 1].lower() != "on"
        ]
        size = next((size for size in sizes if as_one_thing(" ".join(rest[:size]))), 1)
        yield " ".join(rest[:size])
        rest = rest[size:]


_MAX_WORDS = 5
"""Words of one query at most: of a name or a number with its context, `TDX_FEATURES0 bit 18`."""


def _is_message(text: str) -> bool:
    return any(meaning.kind in ("message", "kernel log line") for meaning in explanations(text))


def nearest_to(query: str) -> str:
    """A sentence that names what an unknown query is nearest to; empty where nothing is."""
    return nearest.nearest(query, all_names(), lambda word: bool(as_one_thing(word)))


def all_names() -> Iterator[str]:
    """Every name that means something here."""
    for kind in (
        fields, catalogue, registers, calls, bitmaps, versions, terms, settings, cpuid, ghci,
        advisories, quotes,
    ):  # fmt: skip
        yield from kind.names()
