"""Processors that a text names: by brand or model, or by a codename that may be misspelled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cache

from tdxinfo import tables
from tdxinfo.explain.makers import names_tdx
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.processors import (
    BRAND_WORDS,
    branded,
    brands_of,
    named_in,
    named_rows,
    of_row,
    processor,
)


def in_a_text(text: str) -> Iterator[Explanation]:
    """The processor in a text about TDX, by its brand or its model: `model 0xc6, TDX host?`."""
    if not names_tdx(text) or len(text.split()) > _MOST_WORDS:
        return
    found = list(branded_in(text))
    models = re.finditer(_MODEL_IN_A_TEXT, text.lower())
    yield from found or [meaning for one in models for meaning in processor(one[0])]


_MODEL_IN_A_TEXT = re.compile(
    r"\b(?:family[\s:=]{1,3}(?:0x[0-9a-f]{1,2}|\d{1,2})[\s,;]{1,3})?"
    r"model[\s:=]{1,3}(?:0x[0-9a-f]{1,2}|\d{2,3})\b|\b06-[0-9a-f]{2}-[0-9a-f]{2}\b"
)
_MOST_WORDS = 24


def in_words(text: str) -> Iterator[Explanation]:
    """The processors that a text about TDX names, `is emerald rapids TDX capable`."""
    if (
        not (names_tdx(text) or _OF_THIS_FIELD.search(text))
        or len(text.split()) > _MOST_WORDS
        or ": " in text
    ):
        return
    for name in named_in(text):
        yield from processor(name)


_OF_THIS_FIELD = re.compile(r"\b(?:modules?|sgx|keyids?)\b", re.I)


def misspelled(text: str) -> Iterator[Explanation]:
    """The processor whose codename is in a text, but for blanks or a letter: `sierra forrest`."""
    words = re.sub(r"[^a-z0-9 -]", " ", text.lower()).replace("-", " ").split()
    if len(words) > _MOST_WORDS or named_in(text):
        return
    groups = {
        "".join(words[start : start + size])
        for size in range(1, _CODENAME_WORDS + 1)
        for start in range(len(words) - size + 1)
    }
    likest = max((_likest(group) for group in groups if len(group) >= _CODENAME), default=(0.0, 0))
    if likest[0] >= _ALIKE:
        yield of_row(named_rows()[likest[1]][0])


_CODENAME, _CODENAME_WORDS = 7, 3
"""Letters of a codename at least, and its words at most."""
_ALIKE = 0.88
"""How alike a misspelled codename is at least, from 0 to 1."""


def _likest(group: str) -> tuple[float, int]:
    """How alike the most similar codename is, and the number of its row; 0.0 below `_ALIKE`."""
    alike = (
        (matcher.ratio(), -index)
        for index, name in enumerate(_codenames())
        if name[0] == group[0]
        for matcher in [SequenceMatcher(None, group, name)]
        if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE
    )
    found, index = max(alike, default=(0.0, 0))
    return found, -index


@cache
def _codenames() -> list[str]:
    return [re.sub(r"\W", "", row["codename"].lower()) for row, _ in named_rows()]


def branded_in(text: str) -> Iterator[Explanation]:
    """The processor whose brand is in a text, `Xeon w3-2423, W790 board`."""
    words = re.sub(r"[?.,;:|\"'()]", " ", text.lower()).split()
    for size in range(min(len(words), BRAND_WORDS), 0, -1):
        for start in range(len(words) - size + 1):
            name = " ".join(words[start : start + size])
            if any(size > 1 or "codename" in brand for brand in brands_of(name)):
                yield from branded(name)
                return


_WHICH = re.compile(
    r"(?=.*\btdx\b)(?=.*\b(?:cpus?|processors?|xeons?|hardware)\b)"
    r"(?!.*\b(?:hot-?plug|offline|online|pin|pinning|cores|frequency|microcode|flags?|bits?)\b)"
    r"(?!.*\baccording to\b)"
    r"(?=.*\b(?:which|what|list|support\w*|compatible|have|has|with|minimum|oldest|first|needs?|required)\b)",
    re.IGNORECASE,
)
_FEW = 10
"""Words of such a question at most."""


def with_tdx(query: str) -> Iterator[Explanation]:
    """The processors that have TDX, where a question asks for them all."""
    if len(query.split()) > _FEW or not _WHICH.match(query) or named_in(query):
        return
    rows = [
        (
            row["codename"],
            f"{row['sold_as']}{', selected parts only' if row['tdx'] == 'some' else ''}",
        )
        for row in tables.load("cpus")["model"]
        if row.get("tdx") in ("yes", "some")
    ]
    meaning = "These processors have TDX. Client processors and older servers do not."
    yield explanation("processors", "processors with TDX", meaning, rows)
