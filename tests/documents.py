"""Documents that `--json` prints, held against their schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

from tdxinfo import schemas
from tdxinfo.cli.root import COMMANDS
from tests.artifacts.schema import closed

_SPACE = re.compile(r"\s*")


@cache
def validator(command: str) -> Draft202012Validator:
    """Of what the command prints, with no room for keys that the schema does not name."""
    shipped = json.loads(schemas.text(command))
    return Draft202012Validator(closed(shipped), format_checker=FormatChecker())


def fault(command: str, document: Any) -> str:
    """What the schema has most against the document, with its place; nothing when all is well."""
    worst = best_match(validator(command).iter_errors(document))
    return f"{worst.json_path}: {worst.message:.300}" if worst else ""


def hold_against_schema(arguments: tuple[str, ...], printed: str) -> None:
    """Asserts that JSON which `tdxinfo ARGUMENTS` printed is what the schema promises."""
    command = next((word for word in arguments if word in COMMANDS), None)
    if command in schemas.NAMES and printed.startswith("{"):
        for document in documents(printed):
            assert fault(command, document) == ""


def documents(printed: str) -> Iterator[Any]:
    """The JSON documents that stand one after another."""
    decoder, end = json.JSONDecoder(), 0
    while end < len(printed):
        document, end = decoder.raw_decode(printed, end)
        end = _SPACE.match(printed, end).end()  # type: ignore[union-attr]  # it fits anywhere
        yield document
