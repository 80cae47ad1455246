"""One meaning of what was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pydantic import BaseModel, ConfigDict


class Detail(BaseModel):
    """A row below the meaning."""

    model_config = ConfigDict(frozen=True)

    name: str
    text: str


class Explanation(BaseModel):
    """One meaning of a query."""

    model_config = ConfigDict(frozen=True)

    kind: str
    """What it is, for example a SEAMCALL status."""
    name: str
    meaning: str
    details: tuple[Detail, ...] = ()

    def text_of(self, name: str) -> str:
        """The text of the first detail of this name; empty without one."""
        return next((detail.text for detail in self.details if detail.name == name), "")

    def with_details(self, rows: Iterable[tuple[str, str]]) -> Explanation:
        """The same with more details at the end."""
        return self.model_copy(update={"details": (*self.details, *details(rows))})


Explainer = Callable[[str], Iterator[Explanation]]


def details(rows: Iterable[tuple[str, str]]) -> tuple[Detail, ...]:
    """Details of names and texts, without those whose text is empty."""
    return tuple(Detail(name=name, text=text) for name, text in rows if text)


def explanation(
    kind: str, name: str, meaning: str, rows: Iterable[tuple[str, str]] = ()
) -> Explanation:
    return Explanation(kind=kind, name=name, meaning=meaning, details=details(rows))
