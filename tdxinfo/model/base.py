"""What all models share: they are frozen, strict, and described by their docstrings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import (
    BaseModel,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from tdxinfo.model.described import describe


class Matching:
    """Marks text that a pattern matches whole: `Annotated[str, Matching("[0-9]+")]`.

    pydantic's own `pattern` would read the machine's CPU quota: its regex engine asks for it.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def _check(self, text: str) -> str:
        if not re.fullmatch(self._pattern, text, re.ASCII):
            raise ValueError(f"{text[:60]!r} does not match {self._pattern}")
        return text

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self._pattern})$"}


class Frozen(BaseModel, frozen=True, strict=True, defer_build=True):
    """A value that does not change. Text is not taken for a number, nor a number for text.

    Keys that a later version added are ignored. `frozen` is an argument of each class, since type
    checkers know it there without pydantic's plugin.
    """

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The JSON Schema with the fields' docstrings as their descriptions."""
        schema = handler(core_schema)
        describe(cls, handler.resolve_ref_schema(schema))
        return schema

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """The JSON Schema of what `model_dump_json` prints."""
        return super().model_json_schema(*args, **{"mode": "serialization", **options})

    def model_dump_json(self, **options: Any) -> str:
        """The text that --json prints."""
        # Of the control characters JSON itself allows DEL; terminals obey it.
        printed = super().model_dump_json(**{"ensure_ascii": True, **options})
        return printed.replace("\x7f", "\\u007f")


class Value(Frozen, frozen=True, str_max_length=4096):
    """Facts, or the parts of one. What is out of range is refused when it is made.

    The longest text is the kernel's command line of 2048 characters (COMMAND_LINE_SIZE).
    """


def encodable(text: str) -> str:
    """The text with bytes escaped that JSON cannot hold: file names that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def first_message(error: Any) -> str:
    """The message of the first error, without the input and without pydantic's own prefix."""
    found: list[Mapping[str, Any]] = error.errors(
        include_url=False, include_context=False, include_input=False
    )
    return str(found[0]["msg"]).removeprefix("Value error, ")
