"""Texts in plain English: no word that puzzles, no misspelling, and agreement of numbers."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tdxinfo import checks
from tdxinfo.checks.engine import CHECKS
from tdxinfo.checks.units import counted
from tests.texts import Text, all_texts

_ = checks  # declares them

PUZZLING = {
    r"\btold\b|\btells?\b": "reports, shows, has",
    r"\bspelled\b": "written",
    r"\bway out\b": "remedy",
    r"\bof no use\b": "cannot be used",
    r"\bat hand\b": "available",
    r"\bwhat there is\b": "name the thing",
    r"\bmend\b": "fix",
    r"\bwhoever\b": "the vendor",
    r"\balways in motion\b": "volatile",
    r"\bwaits? for\b": "not run",
    r"\blooked at\b": "checked, read",
    r"\bis not known\b|\bnot known\b": "unknown",
    r"\bin force\b": "enabled",
    r"\bbeside TDX\b.*\bnot take\b": "disables",
    r"\bmeans nothing here\b": "tdxinfo does not know",
    r"\banew\b": "again, new",
    r"\bvouch": "trusts, certifies",
}
"""Words that readers stumbled over, and what to say instead."""

DISAGREEING = (
    r"\b1 (?:[a-z]+ )*(?:checks|warnings|facts|hosts|notes|updates|KeyIDs|CMRs|TDMRs|CPUs)\b",
    r"\b[a-z]+\.[a-z_]+ do not\b",
    r"\b(?:a) (?:[aeio][a-z]+|MSR|SGX|MCHECK|NFD)\b",
    r"\b(?:an) (?:[bcdfgjklmnpqrstvwxz][a-z]+|TD|TDX|KVM|PAMT|CMR|CPU)\b",
    r"\b(\w+) \1\b",
)
"""One of a thing with several of it, and articles that do not fit."""

_FITTING = ("a one", "a once", "a use", "that that")

WORDS = Path(__file__).with_name("words.txt")
"""The words of all texts, read one by one: a new one is added once it is read too."""

_NAMES = re.compile(
    r"`[^`]*`|https?://\S+|\S*[/_=@{}<>\[\]|$%&~^\\]\S*|\S*\d\S*|--?[a-z-]+|\b[a-z]+\.[a-z_.]+\b"
)
"""What is not a word: commands, paths, options, names of facts, numbers."""


@cache
def texts() -> list[Text]:
    return all_texts()


@pytest.mark.parametrize("pattern", PUZZLING)
def test_no_text_has_a_word_that_puzzles(pattern: str) -> None:
    found = [text for text in texts() if re.search(pattern, text.text, re.IGNORECASE)]
    assert not found, f"say instead: {PUZZLING[pattern]}"


@pytest.mark.parametrize("pattern", DISAGREEING)
def test_numbers_and_articles_agree(pattern: str) -> None:
    found = [
        (text.place, match.group())
        for text in texts()
        for match in re.finditer(pattern, _NAMES.sub(" | ", text.text))
        if not match.group().startswith(_FITTING)
    ]
    assert not found


def words_of(text: str) -> set[str]:
    plain = _NAMES.sub(" ", text)
    return {word for word in re.findall(r"[A-Za-z]+(?:'[a-z]+)?", plain) if word[1:].islower()}


def test_every_word_was_read() -> None:
    known = set(WORDS.read_text().split())
    unread = {
        word: text.place
        for text in texts()
        for word in words_of(text.text)
        if word.lower() not in known
    }
    assert sorted(unread.items()) == [], "misspelled? If not, add them to words.txt"


def test_words_that_no_text_has_are_not_listed() -> None:
    used = {word.lower() for text in texts() for word in words_of(text.text)}
    assert not set(WORDS.read_text().split()) - used, "remove them from words.txt"


def test_a_count_of_one_has_a_singular() -> None:
    assert counted(1, "warning") == "1 warning"
    assert counted(2, "warning") == "2 warnings"


def test_titles_of_checks_are_short_and_claim_nothing() -> None:
    verbs = r"\b(?:is|are|has|have|was|were|can|does|fits?|knows?|runs|lies?|left|put)\b"
    for check in CHECKS.values():
        assert len(check.rule.title) <= 45, check.id
        assert not re.search(verbs, check.rule.title), (check.id, check.rule.title)


def test_a_sentence_with_a_typing_error_is_found() -> None:
    assert "neccessary" in words_of("TDX is neccessary.")
    assert "neccessary" not in WORDS.read_text().split()
