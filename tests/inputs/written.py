"""JSON reports as tdxinfo writes them, with what a test needs in them."""

from __future__ import annotations

import json
from typing import Any

from tdxinfo import __version__

REPORT: dict[str, Any] = {
    "schema_version": "1.0",
    "tool": {"name": "tdxinfo", "version": __version__},
    "origin": {"kind": "live", "path": None, "note": None, "recorded": None},
    "host": {},
    "sources": {},
    "unavailable": {},
    "errors": [],
}
"""The report of a host of which nothing was asked."""


def report(**parts: Any) -> bytes:
    """The report with these parts, in a line."""
    return line({**REPORT, **parts})


def line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"
