"""Annotations into pydantic-core validators and serializers, one fact at a time.

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

from pydantic_core import SchemaSerializer, SchemaValidator, core_schema

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
        marker = next(m for m in annotation.__metadata__ if hasattr(m, "schema"))
        return marker.schema()  # type: ignore[no-any-return]
    if origin is tuple:
        return core_schema.tuple_variable_schema(schema_of(arguments[0]))
    if origin is Literal:
        return core_schema.literal_schema(list(arguments))
    if origin in (Union, types.UnionType):
        (inner,) = (a for a in arguments if a is not type(None))
        return core_schema.nullable_schema(schema_of(inner))
    if annotation in _PLAIN:
        return _PLAIN[annotation]()  # type: ignore[no-any-return, operator]
    return _class_schema(annotation)


def _class_schema(cls: Any) -> core_schema.CoreSchema:
    """A type with a schema of its own, or a dataclass of such."""
    if hasattr(cls, "schema"):
        return cls.schema()  # type: ignore[no-any-return]
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise TypeError(f"{cls!r} is no type for a fact")
    hints = get_type_hints(cls, include_extras=True)
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
def _serializer_of(annotation: Any) -> SchemaSerializer:
    return SchemaSerializer(core_schema.nullable_schema(schema_of(annotation)))


class FieldType:
    """The type of one fact; its validator and serializer are made when first needed.

    Facts of the same type share them: the catalogue has ten times as many facts as types.
    """

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation

    @cached_property
    def _validator(self) -> SchemaValidator:
        return _validator_of(self.annotation)

    @cached_property
    def _serializer(self) -> SchemaSerializer:
        return _serializer_of(self.annotation)

    def validated(self, value: object) -> Any:
        """The value as this type. Raises pydantic_core.ValidationError."""
        return self._validator.validate_python(value)

    def as_json(self, value: object) -> Any:
        """The value in plain types, spelled as JSON shows it."""
        return self._serializer.to_python(value, mode="json")
