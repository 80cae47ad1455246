"""The type of a fact: what may stand in it, and how JSON spells that.

A run meets a hundred facts, and to import pydantic for them costs more than all the rest of it. So
the annotations are read here, in plain Python; whole reports are read by pydantic models of the
same annotations (`host/reported.py`).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin, get_type_hints

from tdxinfo.errors import OutOfRange


class Kind(Protocol):
    """What values of a type must be, and how they are spelled; None is the matter of others."""

    def validated(self, given: Any) -> Any:
        """The value as this type, also from its spelling. Raises OutOfRange."""

    def as_json(self, value: Any) -> Any:
        """The value in plain types."""


def kind_of(annotation: Any) -> Kind:
    """The kind that an annotation of a fact, or of a part of one, means."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        marker: Kind = next(m for m in annotation.__metadata__ if hasattr(m, "validated"))
        return marker
    if origin is tuple:
        return _Tuple(kind_of(arguments[0]))
    if origin is Literal:
        return _Word(arguments)
    if origin in (Union, types.UnionType):
        (inner,) = (a for a in arguments if a is not type(None))
        return _Optional(kind_of(inner))
    if annotation in _PLAIN:
        return _Plain(_PLAIN[annotation])
    if annotation is date:
        return _Spelled(date, date.fromisoformat)
    if hasattr(annotation, "parse"):
        return _Spelled(annotation, annotation.parse)
    if is_dataclass(annotation):
        return _Record(annotation)
    raise TypeError(f"{annotation!r} is no type for a fact")


def _number(given: object) -> int:
    if not isinstance(given, int):
        raise OutOfRange("it is no whole number")
    return int(given)


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise OutOfRange("it is no text")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise OutOfRange("it is no text in UTF-8") from None
    return given


def _yes_or_no(given: object) -> bool:
    """A register's bit is 0 or 1."""
    if not isinstance(given, int) or given not in (0, 1):
        raise OutOfRange("it is neither true nor false")
    return bool(given)


_PLAIN: dict[Any, Callable[[object], Any]] = {int: _number, str: _text, bool: _yes_or_no}


class _Plain:
    """A type that JSON has too."""

    def __init__(self, validated: Callable[[object], Any]) -> None:
        self.validated = validated

    def as_json(self, value: Any) -> Any:
        return value


class _Word:
    """One of the words of a Literal."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words

    def validated(self, given: object) -> str:
        if given not in self.words:
            raise OutOfRange(f"it is none of {', '.join(self.words)}")
        return str(given)

    def as_json(self, value: str) -> str:
        return value


class _Spelled:
    """A type with a parser and a spelling of its own."""

    def __init__(self, cls: type, parse: Callable[[str], Any]) -> None:
        self.cls = cls
        self.parse = parse

    def validated(self, given: object) -> Any:
        try:
            value = self.parse(given) if isinstance(given, str) else given
        except ValueError as error:
            raise OutOfRange(str(error)) from None
        if type(value) is not self.cls:
            raise OutOfRange(f"it is no {self.cls.__name__}")
        return value

    def as_json(self, value: object) -> str:
        return str(value)


class _Optional:
    def __init__(self, inner: Kind) -> None:
        self.inner = inner

    def validated(self, given: object) -> Any:
        return None if given is None else self.inner.validated(given)

    def as_json(self, value: object) -> Any:
        return None if value is None else self.inner.as_json(value)


class _Tuple:
    def __init__(self, item: Kind) -> None:
        self.item = item

    def validated(self, given: object) -> tuple[Any, ...]:
        if not isinstance(given, list | tuple):
            raise OutOfRange("it is no list")
        return tuple(map(self.item.validated, given))

    def as_json(self, value: tuple[Any, ...]) -> list[Any]:
        return list(map(self.item.as_json, value))


class _Record:
    """A dataclass; keys that it has not are passed over, since a later version may have them."""

    def __init__(self, cls: Any) -> None:
        hints = get_type_hints(cls, include_extras=True)
        self.cls = cls
        self.parts = {field.name: kind_of(hints[field.name]) for field in fields(cls)}

    def validated(self, given: object) -> Any:
        told = given if isinstance(given, Mapping) else self._parts_of(given)
        if missing := self.parts.keys() - told.keys():
            raise OutOfRange(f"it has no {min(missing)}")
        parts = {name: kind.validated(told[name]) for name, kind in self.parts.items()}
        try:
            return self.cls(**parts)
        except ValueError as error:
            raise OutOfRange(str(error)) from None

    def _parts_of(self, given: object) -> dict[str, Any]:
        if not isinstance(given, self.cls):
            raise OutOfRange(f"it is no {self.cls.__name__}")
        return {name: getattr(given, name) for name in self.parts}

    def as_json(self, value: object) -> dict[str, Any]:
        return {name: kind.as_json(getattr(value, name)) for name, kind in self.parts.items()}


class FieldType:
    """The type of one fact, which may always be None; it is made out when first needed."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation

    @cached_property
    def _kind(self) -> Kind:
        return _Optional(kind_of(self.annotation))

    def validated(self, value: object) -> Any:
        """The value as this type. Raises OutOfRange."""
        return self._kind.validated(value)

    def as_json(self, value: object) -> Any:
        """The value in plain types, spelled as JSON shows it."""
        return self._kind.as_json(value)
