"""Validates documents that `--json` prints against the schema of their model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from tdxinfo.cli.root import COMMANDS
from tdxinfo.cli.schema import MODELS, model_of

_SPACE = re.compile(r"\s*")


def closed(part: Any) -> Any:
    """The schema with additionalProperties off everywhere, so that unknown keys are errors."""
    if isinstance(part, list):
        return [closed(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {key: closed(inner) for key, inner in part.items()}
    if part.get("type") == "object" and {"properties", "patternProperties"} & set(part):
        made["additionalProperties"] = False
    return made


@cache
def _validator(name: str) -> Any:
    """The validator for documents of the command, with unknown keys as errors.

    Documents share most of their parts: a part that a definition allowed is not validated again.
    """
    valid: set[tuple[str, str]] = set()
    follow = Draft202012Validator.VALIDATORS["$ref"]

    def ref(validator: Any, target: str, part: Any, schema: Any) -> Iterator[ValidationError]:
        key = (target, json.dumps(part))
        if key not in valid:
            errors = list(follow(validator, target, part, schema))
            if not errors:
                valid.add(key)
            yield from errors

    schema = closed(model_of(name).model_json_schema())
    caching = extend(Draft202012Validator, {"$ref": ref})  # type: ignore[no-untyped-call]
    return caching(schema, format_checker=FormatChecker())


def fault(command: str, document: Any) -> str:
    """The most relevant error of the document with its JSON path; empty when it is valid.

    A document with `errors` is that of a failed run, and has a schema of its own. That of explain
    may have what it could explain beside them.
    """
    is_failure = document.get("errors") and "explanations" not in document
    name = "failure" if is_failure else command
    worst = best_match(_validator(name).iter_errors(document))
    return f"{worst.json_path}: {worst.message:.300}" if worst else ""


def assert_valid(arguments: tuple[str, ...], printed: str) -> None:
    """Asserts that the output of `tdxinfo ARGUMENTS` is valid, if it is JSON with a schema."""
    command = next((word for word in arguments if word in COMMANDS), None)
    if command in MODELS and printed.startswith("{"):
        for document in documents(printed):
            assert fault(command, document) == ""


def documents(printed: str) -> Iterator[Any]:
    """The JSON documents in the text, one after another."""
    decoder, end = json.JSONDecoder(), 0
    while end < len(printed):
        document, end = decoder.raw_decode(printed, end)
        end = _SPACE.match(printed, end).end()  # type: ignore[union-attr]  # it fits anywhere
        yield document
