"""What a name, a number or a line of this field means: `tdxinfo explain`.

Each kind has a module here with functions from a query to meanings. A query with a word before
its number, as in `MSR 0x982`, is asked of that kind alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from tdxinfo.explain import (
    addresses,
    advisories,
    asked,
    bitmaps,
    bits_in_words,
    calls,
    catalogue,
    contexts,
    cpuid,
    errno_names,
    fields,
    files,
    flag_lists,
    floors,
    ghci,
    lines,
    loaders,
    makers,
    mentions,
    named_processors,
    nearest,
    processors,
    programs,
    questions,
    register_texts,
    registers,
    settings,
    svn,
    tcb,
    terms,
    values,
    versions,
)
from tdxinfo.explain.codes import codes_of, returned
from tdxinfo.explain.counts import counts
from tdxinfo.explain.meaning import Detail, Explainer, ExplainReport, Explanation, once
from tdxinfo.explain.numbers import readings
from tdxinfo.explain.spellings import MOST_WORDS, defined, says_nothing, spellings

__all__ = [
    "MAX_QUERY",
    "Detail", "ExplainReport", "Explanation",
    "all_names", "codes_of", "counts", "explanations", "nearest_to", "queries",
]  # fmt: skip

EXPLAINERS: tuple[Explainer, ...] = (
    lines.whole_line,
    returned,
    addresses.widths,
    cpuid.cpuid,
    flag_lists.flags_listed,
    ghci.call,
    tcb.microcode,
    tcb.status,
    tcb.level,
    tcb.svn_byte,
    floors.recovery,
    advisories.advisory,
    programs.program,
    programs.guest_firmware,
    settings.setting,
    terms.term,
    catalogue.check,
    catalogue.fact,
    tcb.component,
    catalogue.path,
    catalogue.counted,
    contexts.number_in_a_file,
    fields.by_name,
    fields.state_named,
    bitmaps.with_value,
    registers.compared,
    registers.with_value,
    registers.printed,
    bitmaps.numbered,
    registers.numbered,
    bitmaps.bit,
    bitmaps.whole_bitmap,
    calls.leaf_by_name,
    calls.leaf_with_number,
    calls.status_by_name,
    calls.status_with_operand,
    registers.by_name,
    registers.field,
    register_texts.field_with_state,
    versions.release,
    loaders.loader,
    svn.security_version,
    versions.day,
    bitmaps.features_of_a_release,
    processors.processor,
    processors.fmspc,
    calls.operand,
    catalogue.section,
    catalogue.label,
    errno_names.error_number,
    terms.service_code,
    terms.http_status,
    calls.leaf_by_number,
    registers.by_number,
    calls.status_by_number,
    ghci.numbered,
    fields.by_id,
    values.with_value,
    cpuid.flag,
)
"""Functions that explain a word of some kind. All meanings are shown, in this order."""

FALLBACKS: tuple[Explainer, ...] = (
    bits_in_words.with_state,
    bits_in_words.in_a_text,
    calls.half_in_words,
    register_texts.in_a_text,
    registers.accessed,
    advisories.in_words,
    advisories.with_status,
    tcb.microcode_in_words,
    floors.floor_in_words,
    flag_lists.missing,
    catalogue.path_named,
    catalogue.source_file,
    terms.message,
    terms.of_memory,
    questions.releases_in_words,
    lines.line,
    named_processors.with_tdx,
    calls.operand_named,
    terms.small_code,
    calls.status_in_words,
    named_processors.in_a_text,
    named_processors.misspelled,
)
"""Asked where no other explains the word: files that facts are read from, texts, and operands by
their bare names."""


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
    exact = list(files.file(query)) if may_be_file else []
    # A line that a question quotes, or a register that it asks for, comes before its topic.
    first = list(catalogue.counted_in_words(word)) or list(registers.asked_for(word))
    exact = exact or [*first, *asked.answers(word, _named)]
    exact = exact or _as_one_thing(word)
    exact = exact or _as_one_thing(defined(word))
    found = exact or [meaning for explain in FALLBACKS for meaning in explain(word)]
    found = (
        found
        or asked.answers(word, _named, may_be_line=True)
        or list(values.in_a_text(word))
        or _by_other_spelling(word)
        or _as_several(word)
        or _by_name_inside(word)
    )
    found = found or _by_setting_in(word) or _by_names_in(word) or _by_codes_in(word)
    found = found or list(named_processors.in_words(word)) or _by_near_name(word)
    found = found or mentions.mentioned(word, _as_name_or_text)
    return once(makers.without_tdx(word, found))


def _as_name_or_text(part: str) -> list[Explanation]:
    """What a part of a text means as a name, else as a text of its own."""
    return _named(part) or [meaning for explain in FALLBACKS for meaning in explain(part)]


def _by_near_name(word: str) -> list[Explanation]:
    """The meaning of the name that is misspelled by a letter, which says how it was read."""
    name = nearest.meant(word, chain(all_names(), settings.all_names()))
    note = [("read as", f"{name}, the nearest known name")]
    return [one.with_details(note) for one in _as_one_thing(name)] if name else []


def _by_setting_in(text: str) -> list[Explanation]:
    """The setting that a text names, after the processor and the kernel that it names."""
    found = list(settings.setting_in(text))
    named = [*named_processors.branded_in(text), *programs.releases_in(text)]
    return [*named, *found] if found else []


def _by_other_spelling(word: str) -> list[Explanation]:
    """The meaning of the first other spelling that has one."""
    for spelling in spellings(word):
        found = _as_one_thing(spelling) or _as_several(spelling)
        if found:
            return found
    return []


_TELLING = re.compile(r"^/\w|[A-Za-z0-9][_./=][\w/]|[a-z][A-Z]")
"""What a word has that can be no word of the language: a path, `misc.capacity`, `tcbStatus`."""
_ABOUT = {
    "kernel parameter", "kernel option", "QEMU option", "libvirt setting", "path", "term",
    "firmware setting", "flag in /proc/cpuinfo", "setting of the PCCS",
    "setting of the quote libraries", "setting of the quote service",
    "setting of Kata Containers", "setting of Nova",
}  # fmt: skip
"""Kinds of things that people write about in their own words."""
_MOST_NAMES = 2
"""Names in a text of which all are explained: a text with more is about something else."""


def _by_name_inside(text: str) -> list[Explanation]:
    """What the only name or two in somebody's own words mean: `misc.capacity has no tdx line`.

    A line of a log is not answered by a name in it, nor a text with a name that is unknown.
    """
    words = [word.strip("`'\"()?!,;:").rstrip(".") for word in text.split()]
    first, colon, _ = text.partition(": ")
    if not 1 < len(words) <= MOST_WORDS or (colon and not re.fullmatch(r"\S*[./]\S*", first)):
        return []
    names = [word for word in words if _TELLING.search(word) or word in settings.parameters()]
    # A number beside a name without a dot or a slash could mean anything.
    if any(word.isdigit() for word in words) and not all(re.search(r"[./]", one) for one in names):
        return []
    found = {name: [one for one in _named(name) if one.kind in _ABOUT] for name in names}
    firsts = dict.fromkeys(meanings[0] for meanings in found.values() if meanings)
    if not names or not all(found.values()) or len(firsts) > _MOST_NAMES:
        return []
    return [meaning for meanings in found.values() for meaning in meanings]


def _named(name: str) -> list[Explanation]:
    """What a name in a text means: also a file by its last name, and a unit of systemd."""
    plain = name.removesuffix(".service")
    found = _as_one_thing(name) or _as_one_thing(plain) or list(catalogue.path_named(name))
    return found or list(named_processors.with_tdx(name))


def _as_several(text: str) -> list[Explanation]:
    """What the words of a text mean, where each of them but for general ones means something."""
    words = [word for word in re.split(r"[\s,;]+", text.strip()) if word]
    groups = _groups(words) if 1 < len(words) <= MOST_WORDS else []
    # A number beside a name that it does not belong to could mean anything.
    if any(reading.value >> 32 == 0 for group in groups for reading in readings(group)):
        return []
    meanings = {group: _as_one_thing(group) for group in groups if not says_nothing(group)}
    if _OF_ANOTHER.search(text):
        # The security version of an enclave or an ACM is not that of a module.
        return [
            meaning
            for found in meanings.values()
            for meaning in found
            if meaning.kind != "module security version"
        ]
    if meanings and all(meanings.values()):
        return [meaning for found in meanings.values() for meaning in found]
    return []


def _by_names_in(text: str) -> list[Explanation]:
    """What the names of the module's interface in a text mean, where all such names are known."""
    words = [word.strip(".") for word in re.split(r"[\s,;:()\[\]{}'\"|<>=!?&*]+", text)]
    names = [word for word in dict.fromkeys(words) if _IDENTIFIER.fullmatch(word)]
    # A bit that its bitmap does not have is not explained by the bitmap.
    has_bit = re.search(r"\bbit\W*\d", text, re.I) and any(map(bitmaps.bitmap_named, names))
    if not 1 < len(words) <= MOST_WORDS or has_bit:
        return []
    found = {
        name: [meaning for meaning in _as_one_thing(name) if meaning.kind in _OF_THE_INTERFACE]
        for name in names
    }
    return [one for meanings in found.values() for one in meanings] if all(found.values()) else []


def _by_codes_in(text: str) -> list[Explanation]:
    """What the only long number or two among words mean. A short or round one could be anything."""
    words = re.split(r"[\s,;:()\[\]{}'\"=?!]+", text)
    codes = list(dict.fromkeys(filter(_CODE.fullmatch, words)))
    is_sentence = any(word.isalpha() for word in words) and len(words) <= MOST_WORDS
    if not is_sentence or not 0 < len(codes) <= _MOST_NAMES:
        return []
    is_field = re.search(r"\bfield\b", text, re.I) and all(map(fields.is_own_form, codes))
    if not is_field and any(
        len(code.lower().removeprefix("0x").strip("0fh")) < _TELLING_DIGITS for code in codes
    ):
        return []
    found = [_as_one_thing(code) for code in codes]
    return [meaning for meanings in found for meaning in meanings] if all(found) else []


_CODE = re.compile(r"0x[0-9a-f]{5,16}|(?=\d*[a-f]|\w*h$)(?=[a-f]*\d)[0-9a-f]{8,16}h?", re.I)
_TELLING_DIGITS = 5
"""Between the zeros, or the ones of a mask, at both ends."""
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_.][A-Za-z0-9]+)+")
_OF_THE_INTERFACE = {
    "SEAMCALL status", "SEAMCALL leaf", "TDCALL leaf", "P-SEAMLDR leaf", "metadata field", "bit",
    "MSR", "register field",
}  # fmt: skip
"""Kinds whose names can be nothing else in a text."""


_OF_ANOTHER = re.compile(r"\b(?:acm|qe|qve|tdqe|pce|ide|sinit)\b.*svn\b", re.IGNORECASE)


def queries(words: Sequence[str]) -> list[str]:
    """The words of a command line as queries: words that mean one thing together are one query.

    So `MSR 0x982`, `TDX_FEATURES0 bit 18` and `Dynamic PAMT` need no quotes, and neither does a
    line of a log. What came in quotes stays as it is.
    """
    if any(word.split() != [word] for word in words):
        return list(words)
    whole = " ".join(words)
    if len(words) > 1 and not _as_one_thing(whole) and _is_message(whole):
        return [whole]
    # A value of AMD's SEV, on its own, would be read as one of a TD.
    if makers.is_of_another(whole) and explanations(whole):
        return [whole]
    return _groups(words)


def _groups(words: Sequence[str]) -> list[str]:
    """The words, with those together that mean one thing together."""
    found: list[str] = []
    rest = [word for word in words if word]
    while rest:
        # Within a text `on` is no value.
        sizes = [
            size
            for size in range(min(len(rest), _MAX_WORDS), 1, -1)
            if size == len(rest) or rest[size - 1].lower() != "on"
        ]
        size = next((size for size in sizes if _as_one_thing(" ".join(rest[:size]))), 1)
        found.append(" ".join(rest[:size]))
        rest = rest[size:]
    return found


_MAX_WORDS = 5
"""Words of one query at most: of a name or a number with its context, `TDX_FEATURES0 bit 18`."""


def _is_message(text: str) -> bool:
    return any(meaning.kind in ("message", "kernel log line") for meaning in explanations(text))


def _as_one_thing(word: str) -> list[Explanation]:
    """What the word means as a name, a number or a value; a text of many things means nothing."""
    exact = contexts.in_context(word)
    found = exact or [meaning for explain in EXPLAINERS for meaning in explain(word)]
    exactly = [one for one in found if "_" in word and one.name.lower() == word.lower()]
    if exactly:
        # LOCAL_ATTESTATION is the bit first, then the term that is written with a blank; of
        # TDX_TD_EXIT_ON_L2_VM_EXIT the status is first, then the bit without TDX_.
        found = sorted(found, key=lambda one: one.kind in _INEXACT and one not in exactly)
    kind = _WITH_KIND.fullmatch(word)
    return _as_one_thing(kind[1]) if kind and not found else found


_INEXACT = {"term", "bit"}
"""Kinds that are found by other spellings of their names too."""
_WITH_KIND = re.compile(
    r"(\w\S+)\s+(?:bit|feature|field|status|leaf|error|msr|register|option)", re.I
)
"""A name followed by its kind, as in `NO_RBP_MOD bit`."""


def nearest_to(query: str) -> str:
    """A sentence that names what an unknown query is nearest to; empty where nothing is."""
    return nearest.nearest(query, all_names(), lambda word: bool(_as_one_thing(word)))


def all_names() -> Iterator[str]:
    """Every name that means something here."""
    for kind in (
        fields, catalogue, registers, calls, bitmaps, versions, terms, settings, cpuid, ghci,
        advisories,
    ):  # fmt: skip
        yield from kind.names()
