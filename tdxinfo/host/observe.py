"""Asks the sources of each fact, in order, until one has a value."""

from typing import Any, NamedTuple

from pydantic import ValidationError

from tdxinfo.errors import Absent, Lost, Malformed, Unavailable
from tdxinfo.host import AnySource, as_json, default_of, sources_of, validated
from tdxinfo.host.section import Compared, From
from tdxinfo.machine import Machine, identity
from tdxinfo.model.base import encodable, first_message
from tdxinfo.model.provenance import Attempt
from tdxinfo.model.values import Failure


class Answer(NamedTuple):
    """A source's value for a fact. None is a value too: the source reports that there is none."""

    origin: str
    value: Any


class Observed(NamedTuple):
    """A fact's value, its source, and the sources that were asked first and had no value."""

    value: Any
    origin: str
    """Empty when no source had a value."""
    attempts: tuple[Attempt, ...]


class Observer:
    """Observes facts of one machine, each once."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._observed: dict[str, Observed] = {}

    def fact(self, name: str) -> Observed:
        """The value of `section.field` from its first source that has one."""
        if name not in self._observed:
            self._observed[name] = self._observe(name)
        return self._observed[name]

    def value(self, name: str) -> Any:
        return self.fact(name).value

    def answers(self, name: str) -> list[Answer | Attempt]:
        """What each source of the fact has, or why it has nothing."""
        return [self._ask(name, source) for source in sources_of(name)]

    def _observe(self, name: str) -> Observed:
        attempts: list[Attempt] = []
        for source in sources_of(name):
            answer = self._ask(name, source)
            if isinstance(answer, Answer):
                return Observed(answer.value, answer.origin, tuple(attempts))
            attempts.append(answer)
            if answer.reason == Lost.reason:
                break
        return Observed(default_of(name), "", tuple(attempts))

    def _ask(self, name: str, source: AnySource) -> Answer | Attempt:
        """The source's value as the fact's type, or why there is none."""
        try:
            return Answer(source.origin, validated(name, self._redacted(name, self._read(source))))
        except Unavailable as refusal:
            return self._attempt(source.origin, refusal)
        except ValidationError as error:
            message = f"what {source.origin} says of {name} is out of range: {first_message(error)}"
            return self._attempt(source.origin, Malformed(message))

    def _redacted(self, name: str, value: Any) -> Any:
        """The value without host names, addresses and the like, unless the machine keeps them."""
        if self._machine.keeps_identity:
            return value
        if isinstance(value, str):
            return identity.of_fact(name, value, self._machine.host_names)
        if isinstance(value, Failure):
            return value.model_copy(update={"message": self._redacted(name, value.message)})
        if isinstance(value, tuple | list):
            return tuple(self._redacted(name, part) for part in value)
        return value

    def _attempt(self, origin: str, refusal: Unavailable) -> Attempt:
        return Attempt(
            origin=origin,
            reason=refusal.reason,
            message=encodable(self._redacted("", refusal.message)),
            remedy=refusal.remedy,
        )

    def _read(self, source: AnySource) -> Any:
        """The source's value. Sources that need other facts are read by the observer itself."""
        if isinstance(source, From):
            return self._derive(source)
        if isinstance(source, Compared):
            return self._compare(source)
        return source.read(self._machine)

    def _compare(self, source: Compared) -> tuple[str, ...]:
        """A sentence for each fact whose sources differ. Raises Absent when none has two values."""
        found = {
            name: [answer for answer in self.answers(name) if isinstance(answer, Answer)]
            for name in source.names
        }
        if not any(len(answers) > 1 for answers in found.values()):
            raise Absent("no fact has a value from two sources")
        return tuple(
            f"{name}: " + ", ".join(f"{as_json(name, a.value)} by {a.origin}" for a in answers)
            for name, answers in found.items()
            if any(answer.value != answers[0].value for answer in answers)
        )

    def _derive(self, source: From) -> Any:
        """The function's result. Raises Absent when a fact that it needs is unknown."""
        values = []
        for name, is_needed in source.needed.items():
            observed = self.fact(name)
            if is_needed and not observed.origin:
                raise Absent(f"{name} is unknown")
            values.append(observed.value)
        derived = source.function(*values)
        if derived is None:
            raise Absent(f"it cannot be derived from {', '.join(source.needed)}")
        return derived
