"""What a question in somebody's own words is about."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from tdxinfo import tables
from tdxinfo.explain import makers, programs
from tdxinfo.explain.known import as_one_thing, as_text, named
from tdxinfo.explain.meaning import Explanation, explanation

_IS_QUESTION = re.compile(
    r"(?:how|what|which|is|are|can|could|do|does|did|why|where|when|should|must|will|who|no|nothing)"
    r"\b(?!['\u2019]t).*|.*\?"
    r"|.*\b(?:I|my|we|our)\b.*|(?!.*: ).*\b(?:never|(?:does|wo|is)n['\u2019]?t)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN = re.compile(r"[A-Za-z0-9'\u2019/.,?!() -]{3,120}")
_WORD = re.compile(r"[a-z0-9][a-z0-9'-]*")
_OF_THIS_FIELD = re.compile(
    r"\b(?:tdx|tds?|trust(?:ed)? domains?|tme|sgx|seam\w{0,12}|p-seamldr|qgsd?|qpl|pccs|pck"
    r"|quot(?:e|es|ing)|attest\w{0,8}|collateral|enclaves?|keyids?|mpa|tcb|misc\.capacity"
    r"|kvm_tdx\w{0,30})\b",
    re.IGNORECASE,
)
_ANY_TEXT = re.compile(r"[^\n\[\]{}<>]{3,240}")
_LONG_WORD = re.compile(r"(?<![\w.-])[a-z0-9][\w.-]{2,60}(?<![.-])")


_DISTRIBUTION = re.compile(r"\d{2}\.(?:0?\d|10)|[89]\.\d{1,2}")
"""The version of a distribution, 24.04; a module's line, 1.5, is another thing."""


class Topic(NamedTuple):
    """A row of `tables/questions.toml`."""

    groups: tuple[frozenset[str], ...]
    words: frozenset[str]
    """Of all groups, and those that a question may have too."""
    names: tuple[tuple[str, str], ...]
    """Kind and name of each thing that answers the question."""
    title: str
    answer: str
    """Where no name has the answer: one or two sentences, with their title."""
    is_sure: bool
    """The words can be about nothing else, so that a question's other words do not matter."""
    is_of_field: bool
    """Only a question that names TDX, or something of it, asks for this."""

    @classmethod
    def of(cls, row: dict[str, Any]) -> Topic:
        groups = tuple(frozenset(group.split("|")) for group in row["words"])
        names = (name.partition(": ") for name in row.get("names", ()))
        return cls(
            groups,
            frozenset(row.get("also", ())).union(*groups),
            tuple((kind, name) for kind, _, name in names),
            row.get("name", ""),
            row.get("answer", ""),
            row.get("sure", False),
            ("answer" in row or row.get("sure", False)) and not row.get("alone", False),
        )

    def is_asked(self, words: set[str]) -> bool:
        """Whether the question has a word of each group."""
        return all(group & words for group in self.groups)


class _Words(NamedTuple):
    """The words that questions have."""

    topics: tuple[Topic, ...]
    same: dict[str, str]
    """The word that the topics have for each other word."""
    aspects: frozenset[str]
    """What is asked of a thing: a topic needs not have them."""
    general: frozenset[str]
    """What says nothing."""

    def plain(self, word: str) -> str:
        """The word that the topics have for this one; of a plural they know also the singular."""
        singular = word.removesuffix("s")
        found = next((one for one in (word, singular) if one in self.same), None)
        if found:
            return self.same[found]
        return word if self._is_known(word) or not self._is_known(singular) else singular

    def _is_known(self, word: str) -> bool:
        is_of_topic = any(word in topic.words for topic in self.topics)
        return is_of_topic or word in self.general or word in self.aspects


@cache
def _words() -> _Words:
    table = tables.load("questions")
    others = [
        row
        for name in ("questions_attestation", "questions_host")
        for row in tables.load(name)["question"]
    ]
    return _Words(
        tuple(map(Topic.of, [*others, *table["question"]])),
        {other: word for word, others in table["same"].items() for other in others},
        frozenset(table["aspects"]),
        frozenset(table["general"]),
    )


_SAID = re.compile(
    r"(?:why|what|how)\b.{0,40}\b(?:says?|shows?|prints?|reports?|complains?(?: about| of)?|logs?)"
    r"\b(?: that)?[:\s]+(?P<said>.{12,})|.*\b(?:does|do)\s+(?P<meant>.{12,}?)\s+mean\b.*",
    re.IGNORECASE,
)
_ARE_SAID = {"message", "kernel log line", "attestation error", "SEAMCALL status"}


def said(text: str) -> list[Explanation]:
    """The message that a question quotes: `why does dmesg say reserved areas exhausted`."""
    match = _SAID.fullmatch(text.strip())
    words = (match["said"] or match["meant"]).strip(" \"'`?.") if match else ""
    found = as_one_thing(words) or as_text(words) if words else []
    return found if found and found[0].kind in _ARE_SAID else []


def question(text: str) -> list[Explanation]:
    """What answers a text that is a question by its form; another may be a line of a log."""
    return topic(text) if _IS_QUESTION.fullmatch(text.strip()) else []


def topic(text: str) -> list[Explanation]:
    """What answers the text, whatever its form: the topic's own answer, and its names."""
    rest, kernels = programs.without_kernels(text)
    found = _topic_of(rest)
    if found is None:
        return []
    own = [explanation("answer", found.title, found.answer)] if found.answer else []
    names = [one for kind, name in found.names for one in named(name) if one.kind == kind]
    return [*own, *names, *kernels]


def kernels_named(text: str) -> list[Explanation]:
    """The kernels that a text about TDX names, with what they have of it."""
    is_log = ": " in text
    is_of_field = _OF_THIS_FIELD.search(text) and not is_log
    return programs.without_kernels(text)[1] if is_of_field else []


def _topic_of(text: str) -> Topic | None:
    """The topic that has the most of the text's words; the first of several."""
    if not _ANY_TEXT.fullmatch(text):
        return None
    known = _words()
    lower = text.lower().replace("\u2019", "'")
    words = {known.plain(word.removesuffix("'s")) for word in _WORD.findall(lower)}
    # The version of a distribution is in the words by its numbers.
    long_words = {word for word in _LONG_WORD.findall(lower) if "_" in word or "." in word}
    words |= {word for word in long_words if not _DISTRIBUTION.fullmatch(word)}
    found = [topic for topic in known.topics if topic.is_sure and topic.is_asked(words)]
    if _PLAIN.fullmatch(text):
        found += _wholly_asked(text, words - known.general)
    if not _OF_THIS_FIELD.search(text) or makers.names_another(text):
        found = [topic for topic in found if not topic.is_of_field]
    return max(found, key=lambda topic: len(words & topic.words), default=None)


def _wholly_asked(text: str, asked: set[str]) -> list[Topic]:
    """The topics that have all words of the question, but for what is asked of a thing."""
    known = _words()
    # What is only asked of a thing is asked of TDX if the text says so.
    needs_thing = not makers.names_tdx(text)
    return [
        topic
        for topic in known.topics
        if topic.is_asked(asked)
        and not asked - topic.words - known.aspects
        and not (needs_thing and asked <= known.aspects)
    ]
