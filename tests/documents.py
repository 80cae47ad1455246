"""Documents that `--json` prints, held against the schema of their model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

from tdxinfo.cli.root import COMMANDS
from tdxinfo.cli.schema import MODELS, model_of

_SPACE = re.compile(r"\s*")


def closed(part: Any) -> Any:
    """The schema without room for keys that it does not name."""
    if isinstance(part, list):
        return [closed(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {key: closed(inner) for key, inner in part.items()}
    if part.get("type") == "object" and {"properties", "patternProperties"} & set(part):
        made["additionalProperties"] = False
    return made


@cache
def _validator(name: str) -> Draft202012Validator:
    """Of what the document's model prints, with no room for keys that the schema does not name."""
    schema = closed(model_of(name).model_json_schema())
    return Draft202012Validator(schema, format_checker=FormatChecker())


def fault(command: str, document: Any) -> str:
    """What the schema has most against the document, with its place; nothing when all is well.

    A run that failed prints a document of its own, whatever the command.
    """
    name = "failure" if document.get("errors") else command
    worst = best_match(_validator(name).iter_errors(document))
    return f"{worst.json_path}: {worst.message:.300}" if worst else ""


def hold_against_schema(arguments: tuple[str, ...], printed: str) -> None:
    """Asserts that JSON which `tdxinfo ARGUMENTS` printed is what the schema promises."""
    command = next((word for word in arguments if word in COMMANDS), None)
    if command in MODELS and printed.startswith("{"):
        for document in documents(printed):
            assert fault(command, document) == ""


def documents(printed: str) -> Iterator[Any]:
    """The JSON documents that stand one after another."""
    decoder, end = json.JSONDecoder(), 0
    while end < len(printed):
        document, end = decoder.raw_decode(printed, end)
        end = _SPACE.match(printed, end).end()  # type: ignore[union-attr]  # it fits anywhere
        yield document
