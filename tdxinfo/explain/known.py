"""What a word or a text means, by all that tdxinfo knows: every kind's functions, in order."""

from __future__ import annotations

import re

from tdxinfo.explain import (
    addresses,
    advisories,
    bitmaps,
    bits_in_words,
    calls,
    catalogue,
    contexts,
    cpuid,
    errno_names,
    fields,
    flag_lists,
    floors,
    ghci,
    lines,
    loaders,
    named_processors,
    printed_codes,
    processors,
    programs,
    questions,
    quotes,
    register_texts,
    registers,
    settings,
    svn,
    tcb,
    terms,
    values,
    versions,
)
from tdxinfo.explain.codes import returned
from tdxinfo.explain.meaning import Explainer, Explanation

EXPLAINERS: tuple[Explainer, ...] = (
    lines.whole_line,
    returned,
    addresses.widths,
    cpuid.cpuid,
    flag_lists.flags_listed,
    ghci.call,
    quotes.value,
    quotes.field,
    quotes.beginning,
    tcb.microcode,
    tcb.status,
    tcb.level,
    tcb.svn_byte,
    floors.recovery,
    advisories.advisory,
    advisories.of_platform_update,
    programs.program,
    programs.guest_firmware,
    settings.setting,
    terms.term,
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
    versions.release_with_day,
    loaders.loader,
    svn.security_version,
    versions.day,
    bitmaps.features_of_a_release,
    processors.processor,
    processors.fmspc,
    calls.operand,
    catalogue.check,
    catalogue.fact,
    catalogue.section,
    catalogue.label,
    errno_names.error_number,
    terms.service_code,
    terms.http_status,
    calls.leaf_by_number,
    registers.by_number,
    registers.by_value,
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
    register_texts.accessed,
    register_texts.with_bits,
    tcb.level_in_words,
    advisories.with_status,
    advisories.in_words,
    advisories.all_in_words,
    tcb.microcode_in_words,
    floors.floor_in_words,
    flag_lists.missing,
    catalogue.path_named,
    catalogue.source_file,
    terms.message,
    terms.of_memory,
    lines.line,
    questions.releases_in_words,
    named_processors.with_tdx,
    calls.operand_named,
    printed_codes.small_code,
    calls.status_in_words,
    named_processors.in_a_text,
    named_processors.misspelled,
)
"""Asked where no other explains the word: files that facts are read from, texts, and operands by
their bare names."""


def as_one_thing(word: str) -> list[Explanation]:
    """What the word means as a name, a number or a value; a text of many things means nothing."""
    exact = contexts.in_context(word)
    found = exact or [meaning for explain in EXPLAINERS for meaning in explain(word)]
    exactly = [one for one in found if "_" in word and one.name.lower() == word.lower()]
    if exactly:
        # LOCAL_ATTESTATION is the bit first, then the term that is written with a blank; of
        # TDX_TD_EXIT_ON_L2_VM_EXIT the status is first, then the bit without TDX_.
        found = sorted(found, key=lambda one: one.kind in _INEXACT and one not in exactly)
    kind = _WITH_KIND.fullmatch(word)
    return as_one_thing(kind[1]) if kind and not found else found


_INEXACT = {"term", "bit"}
"""Kinds that are found by other spellings of their names too."""
_WITH_KIND = re.compile(
    r"(\w\S+)\s+(?:bit|feature|field|status|leaf|error|msr|register|option)", re.I
)
"""A name followed by its kind, as in `NO_RBP_MOD bit`."""


def named(name: str) -> list[Explanation]:
    """What a name in a text means: also a file by its last name, and a unit of systemd."""
    plain = name.removesuffix(".service")
    found = as_one_thing(name) or as_one_thing(plain) or list(catalogue.path_named(name))
    return found or list(named_processors.with_tdx(name))


def as_text(text: str) -> list[Explanation]:
    """What a text means that is no name, number or value."""
    return [meaning for explain in FALLBACKS for meaning in explain(text)]
