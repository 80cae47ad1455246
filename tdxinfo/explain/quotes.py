"""Values in a quote, `att_key_type 3`, and the beginning of a quote or of a TD's report.

BAACAIEAAAAAAAAAk5pyM/ecTKmUCg2zlX8GBw     a quote in base64
0400 0200 8100 0000 ...                    a quote in hex: version, key type, TEE type
TDREPORT starts with 81 00 00 00           a report
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from tdxinfo import tables
from tdxinfo.explain.meaning import Explanation, explanation

_VALUE = re.compile(
    r"(\D.{3,60}?)[\s:=]{1,4}(?:(?:of|is)\s{1,4})?(0x[0-9a-f]{1,8}|\d{1,4})", re.IGNORECASE
)
_HEX = re.compile(r"(?:0x)?((?:[0-9a-f]{2}[\s:]?){8,})(?:\.{2,3})?", re.IGNORECASE)
_BASE64 = re.compile(r"([A-Za-z0-9+/]{11,}={0,2})(?:\.{2,3})?")
_REPORT = re.compile(
    r"(?:td[\s_]?)?report\w*\b\D{0,40}?((?:81|00)(?:[\s:,]?[0-9a-f]{2}){3,})(?:\.{2,3})?", re.I
)
_QUOTE_VERSIONS = (4, 5)
_KEY_TYPES = (2, 3)
_TEE_TYPES = (0, 0x81)
_HEADER, _BODY_HEADER, _SVN = 48, 6, 16
"""Bytes of a quote's header, of what version 5 has before its body, and of TEE_TCB_SVN."""


def value(query: str) -> Iterator[Explanation]:
    """What a number means as the value of a field of quotes."""
    match = _VALUE.fullmatch(query.strip().rstrip("?"))
    row = _row(match[1]) if match else None
    if match and row:
        number = int(match[2], 0)
        meaning = row["values"].get(str(number), "tdxinfo does not know this value")
        others = [f"{_shown(n)}: {text}" for n, text in _values(row) if n != number]
        rows = [("given", f"{match[2]}: {meaning}"), ("others", "; ".join(others))]
        yield explanation("field of a quote", row["names"][0], row["text"], rows)


def field(query: str) -> Iterator[Explanation]:
    """A field of quotes by its name, with what all its values mean."""
    row = _row(query)
    if row:
        rows = [(_shown(number), text) for number, text in _values(row)]
        yield explanation("field of a quote", row["names"][0], row["text"], rows)


def _row(name: str) -> dict[str, Any] | None:
    wanted = _key(name)
    for row in tables.load("quotes")["field"]:
        if wanted in map(_key, row["names"]):
            found: dict[str, Any] = row
            return found
    return None


def _values(row: dict[str, Any]) -> list[tuple[int, str]]:
    return [(int(number), text) for number, text in row["values"].items()]


def _shown(number: int) -> str:
    return str(number) if number < 10 else f"{number:#x}"


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name.strip().lower())


def beginning(query: str) -> Iterator[Explanation]:
    """The beginning of a quote or of a TD's report, in hex or base64."""
    data = _bytes_of(query.strip())
    if _is_quote(data):
        yield _quote(data)
    report = _REPORT.fullmatch(query.strip())
    if report:
        kind = _text_of("TEE type", int(report[1][:2], 16))
        text = (
            "The beginning of a report: its first byte says of what it is. A TD's report has 1024 "
        )
        text += "bytes, and only the host on which it was made can verify it."
        yield explanation("report", "TDREPORT", text, [("report type", kind), ("see", "report")])


def _bytes_of(text: str) -> bytes:
    in_hex, in_base64 = _HEX.fullmatch(text), _BASE64.fullmatch(text)
    if in_hex:
        return bytes.fromhex(re.sub(r"[\s:]", "", in_hex[1]))
    if in_base64:
        digits = in_base64[1].rstrip("=")
        whole = digits[:-1] if len(digits) % 4 == 1 else digits
        return base64.b64decode(whole + "=" * (-len(whole) % 4))
    return b""


def _is_quote(data: bytes) -> bool:
    return (
        len(data) >= 8
        and _number(data, 0, 2) in _QUOTE_VERSIONS
        and _number(data, 2, 2) in _KEY_TYPES
        and _number(data, 4, 4) in _TEE_TYPES
        and not any(data[8:12])
    )


def _number(data: bytes, start: int, size: int) -> int:
    return int.from_bytes(data[start : start + size], "little")


def _quote(data: bytes) -> Explanation:
    version = _number(data, 0, 2)
    rows = [
        ("version", str(version)),
        ("attestation key type", _text_of("attestation key type", _number(data, 2, 2))),
        ("TEE type", _text_of("TEE type", _number(data, 4, 4))),
        ("vendor of the quoting enclave", _vendor(data[12:28])),
    ]
    body = _HEADER
    if version == 5 and len(data) >= _HEADER + _BODY_HEADER:
        rows.append(("body", _text_of("quote body type", _number(data, _HEADER, 2))))
        body += _BODY_HEADER
    if len(data) >= body + _SVN and _number(data, 4, 4) == 0x81:
        rows.append(("TEE_TCB_SVN", data[body : body + _SVN].hex()))
    text = (
        "The beginning of a quote: what the quote service of the host makes of a TD's report, and "
    )
    text += "what a verifier checks."
    return explanation("quote", f"quote of version {version}", text, [*rows, ("see", "quote")])


def _text_of(name: str, number: int) -> str:
    row = _row(name) or {"values": {}}
    return f"{_shown(number)}: {row['values'].get(str(number), 'unknown')}"


def _vendor(data: bytes) -> str:
    if len(data) < 16:
        return ""
    uuid = str(UUID(bytes=data))
    maker = tables.load("quotes")["vendors"].get(uuid, "unknown")
    return f"{uuid} ({maker})"


def names() -> Iterator[str]:
    for row in tables.load("quotes")["field"]:
        yield from row["names"]
