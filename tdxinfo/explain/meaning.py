"""One meaning of what was asked, and the document of `explain --json`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tdxinfo.model.base import Frozen
from tdxinfo.report import Document


class Detail(Frozen, frozen=True):
    """One thing to know about a meaning."""

    name: str
    """What it is."""
    text: str
    """The words."""


class Explanation(Frozen, frozen=True):
    """One meaning of a query."""

    kind: str
    """What it is: a metadata field, bit, SEAMCALL status, MSR, check, fact, release or term."""
    name: str
    """The name as the manual has it, or that of tdxinfo."""
    meaning: str
    """What it means."""
    details: tuple[Detail, ...]
    """What else there is to know."""

    def with_details(self, rows: Iterable[tuple[str, str]]) -> Explanation:
        """The same with more details at the end."""
        return self.model_copy(update={"details": (*self.details, *details(rows))})

    def with_first(self, rows: Iterable[tuple[str, str]]) -> Explanation:
        """The same with more details at the beginning."""
        return self.model_copy(update={"details": (*details(rows), *self.details)})


class ExplainReport(Document, frozen=True):
    """What `explain --json` prints."""

    explanations: dict[str, tuple[Explanation, ...]]
    """The meanings of each query, the most likely first; none for what tdxinfo does not know."""


Explainer = Callable[[str], Iterator[Explanation]]


def details(rows: Iterable[tuple[str, str]]) -> tuple[Detail, ...]:
    """Details of names and texts, without those whose text is empty."""
    return tuple(Detail(name=name, text=text) for name, text in rows if text)


def explanation(
    kind: str, name: str, meaning: str, rows: Iterable[tuple[str, str]] = ()
) -> Explanation:
    return Explanation(kind=kind, name=name, meaning=meaning, details=details(rows))


def once(found: list[Explanation]) -> list[Explanation]:
    """Each meaning once: of a name alone, and the same with a value, the latter; of the same with
    several values, one that has them all.
    """
    kept = [
        one for one in dict.fromkeys(found) if not any(_says_more(other, one) for other in found)
    ]
    merged: dict[tuple[str, str, str, tuple[Detail, ...]], Explanation] = {}
    for one in kept:
        rest = tuple(detail for detail in one.details if detail.name != _GIVEN)
        key = (one.kind, one.name, one.meaning, rest)
        merged[key] = _with_given_of(merged[key], one) if key in merged else one
    return list(merged.values())


_GIVEN = "given"
"""The detail with the value in the query."""


def _says_more(other: Explanation, one: Explanation) -> bool:
    is_alike = (other.kind, other.name, other.meaning) == (one.kind, one.name, one.meaning)
    return is_alike and set(other.details) > set(one.details)


def _with_given_of(one: Explanation, other: Explanation) -> Explanation:
    more = "".join(detail.text for detail in other.details if detail.name == _GIVEN)
    details = tuple(
        Detail(name=detail.name, text=f"{detail.text}; {more}") if detail.name == _GIVEN else detail
        for detail in one.details
    )
    return one.model_copy(update={"details": details})
