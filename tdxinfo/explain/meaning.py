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
