"""Annotations into pydantic-core validators, one fact at a time, and into the spelling of JSON.

pydantic's own models cost more to build than all the rest of a run, and the catalogue has a
hundred facts of which a host tells some. So each fact is checked by pydantic-core alone. The JSON
Schema is what pydantic makes of the same annotations.
"""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache, cached_property
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic_core import SchemaValidator, core_schema

_PLAIN = {
    int: core_schema.int_schema,
    str: core_schema.str_schema,
    bool: core_schema.bool_schema,
    date: core_schema.date_schema,
}


def schema_of(annotation: Any) -> core_schema.CoreSchema:
    """The core schema of the types that facts are made of."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _marker(annotation).schema()  # type: ignore[no-any-return]
    if origin is tuple:
        return core_schema.tuple_variable_schema(schema_of(arguments[0]))
    if origin is Literal:
        return core_schema.literal_schema(list(arguments))
    if origin in (Union, types.UnionType):
        return core_schema.nullable_schema(schema_of(_inner(arguments)))
    if annotation in _PLAIN:
        return _PLAIN[annotation]()  # type: ignore[no-any-return, operator]
    return _class_schema(annotation)


def _marker(annotation: Any) -> Any:
    return next(m for m in annotation.__metadata__ if hasattr(m, "schema"))


def _inner(arguments: tuple[Any, ...]) -> Any:
    """Of a type or None the type."""
    (inner,) = (a for a in arguments if a is not type(None))
    return inner


def _class_schema(cls: Any) -> core_schema.CoreSchema:
    """A type with a schema of its own, or a dataclass of such."""
    if hasattr(cls, "schema"):
        return cls.schema()  # type: ignore[no-any-return]
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise TypeError(f"{cls!r} is no type for a fact")
    hints = _hints(cls)
    parts = [
        core_schema.dataclass_field(field.name, schema_of(hints[field.name]))
        for field in fields(cls)
    ]
    names = [field.name for field in fields(cls)]
    arguments = core_schema.dataclass_args_schema(cls.__name__, parts)
    return core_schema.dataclass_schema(
        cls,
        arguments,
        names,
        slots=True,
        frozen=True,
        post_init=hasattr(cls, "__post_init__"),
        revalidate_instances="always",
    )


@cache
def _validator_of(annotation: Any) -> SchemaValidator:
    return SchemaValidator(core_schema.nullable_schema(schema_of(annotation)))


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def spelled(annotation: Any, value: Any) -> Any:
    """The value of this type in the plain types of JSON.

    pydantic-core could tell too, but its first word imports pathlib, ipaddress and more, which
    takes longer than to spell all of a report.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if value is None or origin is Literal or annotation in (int, str, bool):
        return value
    if origin is Annotated:
        return _marker(annotation).spelled(value)
    if origin is tuple:
        return [spelled(arguments[0], part) for part in value]
    if origin in (Union, types.UnionType):
        return spelled(_inner(arguments), value)
    if annotation is date or hasattr(annotation, "schema"):
        return str(value)
    return {name: spelled(hint, getattr(value, name)) for name, hint in _hints(annotation).items()}


class FieldType:
    """The type of one fact; its validator is made when first needed.

    Facts of the same type share it: the catalogue has ten times as many facts as types.
    """

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation

    @cached_property
    def _validator(self) -> SchemaValidator:
        return _validator_of(self.annotation)

    def validated(self, value: object) -> Any:
        """The value as this type. Raises pydantic_core.ValidationError."""
        return self._validator.validate_python(value)

    def as_json(self, value: object) -> Any:
        """The value in plain types, spelled as JSON shows it."""
        return spelled(self.annotation, value)
