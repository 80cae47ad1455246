"""Lines of the kernel's log that a text is a part of, or that it has pieces or words of."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from tdxinfo import tables

_SUBSYSTEM = re.compile(r"(?:^|\s)(x86/\w+|virt/tdx|seamldr): \S")
"""A subsystem before a line, of which no other prints it."""


def rows_like(text: str) -> list[dict[str, Any]]:
    """The rows of `tables/klog.toml` that a text most likely means; none of another subsystem."""
    for find in (_rows_with, _rows_around, _rows_of_words):
        rows = [row for row in find(text) if _is_of_callee(row, text)]
        subsystem = _SUBSYSTEM.search(text)
        if subsystem:
            rows = [row for row in rows if row["prefix"] in ("", subsystem[1])]
        if rows:
            return [row for row in rows if row["prefix"] and f"{row['prefix']}:" in text] or rows
    return []


_CALL = re.compile(r"SEAMCALL \((0x[0-9a-f]+)\)", re.IGNORECASE)


def _is_of_callee(row: dict[str, Any], text: str) -> bool:
    """Whether a row about a call fits a text with its leaf, whose bit 63 says who was called."""
    call = _CALL.search(text)
    of_loader = {"seamcall_failed": False, "seamldr_call_failed": True}.get(row["event"])
    return call is None or of_loader is None or bool(int(call[1], 16) >> 63) == of_loader


_TELLING = 15
"""Letters that a part of a line has at least: fewer are terms, or in lines of many meanings."""
_FEWEST = 10
"""Letters of words that are in the lines of one event only, and in this order."""
_NUMBER = re.compile(r"(?:0x)?%[0-9l]*[dux]|\b0x[0-9a-f]+\b|\b\d+\b", re.IGNORECASE)


@cache
def _rows() -> tuple[tuple[str, dict[str, Any]], ...]:
    """The rows of `tables/klog.toml`, with their texts as `_plain` writes them."""
    return tuple(
        (_plain(f"{row['prefix']}: {row['format']}"), row) for row in tables.load("klog")["line"]
    )


def _rows_with(text: str) -> list[dict[str, Any]]:
    """The rows that have the text in them."""
    wanted = _plain(text)
    is_telling = len(wanted.replace("#", "")) >= _TELLING
    return [row for whole, row in _rows() if wanted in whole] if is_telling else []


def _rows_around(text: str) -> list[dict[str, Any]]:
    """The rows that the text has a whole piece of, from one value to the next."""
    wanted = _plain(text)
    return [
        row
        for _, row in _rows()
        for piece in re.split(r"#|%s", _plain(row["format"]))
        if len(piece.strip()) >= _TELLING and piece.strip() in wanted
    ]


def _rows_of_words(text: str) -> list[dict[str, Any]]:
    """The rows of the only event whose line has all the words, one after the other."""
    if re.match(r"[\w.]+=\w", text) or re.search(r"<\w+ \w+=", text):
        return []
    wanted = _words(re.sub(r"^[\w/]+: ", "", _plain(text)))
    if len(wanted) < 2 or len("".join(wanted)) < _FEWEST:
        return []
    found = [row for whole, row in _rows() if _has_words(_words(whole), wanted)]
    return found if len({row["event"] for row in found}) == 1 else []


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[a-z_-]+", text) if len(word) > 2 or word in ("td", "vm")]


def _has_words(words: list[str], wanted: list[str]) -> bool:
    """Whether the words are there, one after the other, whatever numbers are between them."""
    return f" {' '.join(wanted)} " in f" {' '.join(words)} "


def _plain(text: str) -> str:
    """In lower case, with single blanks, and with # for each number."""
    plain = text.lower().replace("initialis", "initializ")
    return " ".join(_NUMBER.sub("#", plain).split()).strip(" .:")
