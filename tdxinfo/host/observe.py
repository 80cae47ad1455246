"""Asks the places of each fact, in order, until one answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic_core import ValidationError

from tdxinfo.errors import Absent, Lost, Malformed, Unavailable
from tdxinfo.host import SECTIONS, Host, fact_names
from tdxinfo.host.section import Compared, From, Section
from tdxinfo.machine import Machine, Origin
from tdxinfo.model.observed import Attempt, Observed
from tdxinfo.sources import Place


class Observer:
    """Observes facts of one machine, each once."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._known: dict[str, Observed[Any]] = {}

    def fact(self, name: str) -> Observed[Any]:
        """What the first place that answers tells of `section.field`."""
        if name not in self._known:
            self._known[name] = self._observe(name)
        return self._known[name]

    def every_place(self, name: str) -> list[Observed[Any] | Attempt]:
        """What each place of the fact tells."""
        section, field = _declared(name)
        return [self._ask(section, name, field, place) for place in section.fields[field].places]

    def _observe(self, name: str) -> Observed[Any]:
        section, field = _declared(name)
        attempts: list[Attempt] = []
        for place in section.fields[field].places:
            answer = self._ask(section, name, field, place)
            if isinstance(answer, Observed):
                return Observed(answer.value, answer.origin, tuple(attempts), name)
            attempts.append(answer)
            if answer.reason == Lost.reason:
                break
        return Observed(section.unknown_values.get(field), "", tuple(attempts), name)

    def _ask(
        self, section: type[Section], name: str, field: str, place: Place | From | Compared
    ) -> Observed[Any] | Attempt:
        """The one place's answer, held against the field's type; or why it gave none."""
        try:
            told = self._tell(place)
            return Observed(section.fields[field].type.validated(told), place.origin, (), name)
        except Unavailable as refusal:
            return Attempt.from_error(place.origin, refusal)
        except ValidationError as error:
            why = error.errors(include_url=False, include_context=False)[0]["msg"]
            message = f"what {place.origin} says of {name} is out of range: {why}"
            return Attempt.from_error(place.origin, Malformed(message))

    def _tell(self, place: Place | From | Compared) -> Any:
        if isinstance(place, From):
            return self._derive(place)
        if isinstance(place, Compared):
            return self._compare(place)
        return place.read(self._machine)

    def _compare(self, place: Compared) -> list[str]:
        """Raises Absent when no fact was told by two places."""
        told = {name: self._answers(name) for name in place.names}
        if not any(len(answers) > 1 for answers in told.values()):
            raise Absent("no fact was told by two places")
        return [
            f"{name}: " + ", ".join(f"{_spelled(a)} by {a.origin}" for a in answers)
            for name, answers in told.items()
            if any(answer.value != answers[0].value for answer in answers)
        ]

    def _answers(self, name: str) -> list[Observed[Any]]:
        return [answer for answer in self.every_place(name) if isinstance(answer, Observed)]

    def _derive(self, place: From) -> Any:
        """Raises Absent when a fact that it needs is unknown."""
        values = []
        for name, is_needed in place.needed.items():
            observed = self.fact(name)
            if is_needed and not observed.is_known:
                raise Absent(f"{name} is not known")
            values.append(observed.value)
        derived = place.function(*values)
        if derived is None:
            raise Absent(f"{' and '.join(place.needed)} do not tell")
        return derived


def _spelled(observed: Observed[Any]) -> Any:
    section, field = _declared(observed.name)
    return section.fields[field].type.as_json(observed.value)


def _declared(name: str) -> tuple[type[Section], str]:
    section, _, field = name.partition(".")
    return SECTIONS[section], field


def observe(machine: Machine, names: Iterable[str] | None = None) -> Host:
    """The host, with the named facts looked up; all of them when none are named."""
    observer = Observer(machine)
    facts = {name: observer.fact(name) for name in (fact_names() if names is None else names)}
    return assemble(facts, machine.origin)


def glimpse(machine: Machine) -> Host:
    """The host of a record, of which few facts are wanted: each is looked up when it is looked at.

    For a live machine that will not do: its facts should be of one moment.
    """
    return host_told_by(Observer(machine).fact, machine.origin)


def assemble(facts: Mapping[str, Observed[Any]], origin: Origin) -> Host:
    """The host of these facts; those that are not among them are unknown."""
    return host_told_by(lambda name: facts.get(name) or Observed(name=name), origin)


def host_told_by(tell: Callable[[str], Observed[Any]], origin: Origin) -> Host:
    """The host whose facts `tell` tells by their full names, each when it is first looked at."""
    sections = {name: section(name, tell) for name, section in SECTIONS.items()}
    return Host(origin, **sections)
