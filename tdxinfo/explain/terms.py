"""Terms, and what other programs print."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import bits
from tdxinfo.explain import bitmaps, errno_names, line_values
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import readings


def term(query: str) -> Iterator[Explanation]:
    """A term by its name or one of its other names; a plural is found too."""
    key, parts = _key(query), _key(_CAPITAL.sub(" ", query))
    keys = (key, key.removesuffix("s"), parts)
    row = next((_terms()[one] for one in keys if one in _terms()), None)
    if row:
        rows = [
            ("also", ", ".join(row.get("aliases", ()))),
            ("bit", ", ".join(_bits_of(row))),
            ("facts", ", ".join(row.get("facts", ()))),
            ("checks", ", ".join(row.get("checks", ()))),
            ("see", ", ".join(row.get("see", ()))),
        ]
        yield explanation("term", row["name"], row["text"], rows)


_MEMORY = re.compile(
    r"(?:how (?:much|big|large)(?: is)?(?: the)? )?(.{2,40}?)[\s:=]{1,16}"
    r"(?:(?:size|for|of|on|with|at|a|is|overhead|memory)[\s:=]{1,16}){0,4}"
    r"(\d{1,6}(?:\.\d{1,3})?)\s?([gt])i?b?"
    r"(?:\s(?:of\s)?(?:memory|ram|host|server|machine))?",
    re.IGNORECASE,
)


def of_memory(query: str) -> Iterator[Explanation]:
    """A term that takes a part of the memory, and how much of that which is given: `PAMT 1 TB`."""
    match = _MEMORY.fullmatch(query)
    row = _terms().get(_key(match[1])) if match else None
    if match and row and "per_memory" in row:
        gib = float(match[2]) * (1024 if match[3].lower() == "t" else 1)
        share = gib / row["per_memory"]
        size = f"{share:g} GiB" if share >= 1 else f"{share * 1024:g} MiB"
        rows = [(f"for {match[2]} {match[3].upper()}iB", f"about {size}")]
        yield from (meaning.with_details(rows) for meaning in term(match[1]))


_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a name of JSON begins a word, as in teeTcbSvn."""


def _bits_of(row: dict[str, Any]) -> Iterator[str]:
    """The bits of TDX_FEATURES0 that the row sees, with their numbers."""
    for field in tables.load("features")["TDX_FEATURES0"]["fields"]:
        if field["name"] in row.get("see", ()):
            yield f"{field['name']} is TDX_FEATURES0 bit {field['bits']}"


@cache
def _terms() -> dict[str, dict[str, Any]]:
    """The rows of `tables/terms.toml` by all their names."""
    rows = tables.load("terms")["term"]
    named = [(name, row) for row in rows for name in (row["name"], *row.get("aliases", ()))]
    split = {_key(_CAPITAL.sub(" ", name)): row for name, row in named}
    return split | {_key(name): row for name, row in named}


def _key(text: str) -> str:
    """Without case, and the same for `TME-MT`, `TME MT` and `tme_mt`."""
    return re.sub(r"[\s_-]+", " ", text.strip().lower())


# --- what other programs print ----------------------------------------------------------------


def message(query: str) -> Iterator[Explanation]:
    """A message of QEMU, libvirt, QGS, QPL, PCCS or the kernel, or a part of one.

    The row with the longest part comes first, and one that names no cause last: of `Failed to
    start domain` and the line of QEMU behind it, QEMU's.
    """
    text = _plain(query)
    found = [(_part_in(text, row), row) for row in tables.load("symptoms")["symptom"]]
    known = [(part, _plain_part(part), row) for part, row in found if part]
    # A part of another row's part says less: `return` and `return success`.
    known = [one for one in known if not any(_says_less(one[1], part) for _, part, _ in known)]
    if errno_names.is_said(query):
        # The errno says why the call failed: the message alone has to name all causes.
        known = [one for one in known if not one[2].get("of_call", False)]
    has_code = bool(next(codes_in(query), None))
    for name, _, row in sorted(known, key=lambda one: (one[2].get("general", False), -len(one[1]))):
        if not (has_code and row.get("general")):
            size = line_values.inclusive(query) if row.get("range") else ""
            found_one = _symptom(row, name, _surplus(query, row.get("bitmap", "")))
            yield found_one.with_first([("size", size)])
        yield from _bitmaps_in(query, row.get("bitmap", ""))


def _part_in(text: str, row: dict[str, Any]) -> str:
    """The longest part of the row that the text has, or the first that has the text; else empty."""
    if len(text) >= _TELLING:
        whole = next((part for part in row["text"] if text in _plain_part(part)), "")
        if whole:
            return str(whole)
    parts = [str(part) for part in row["text"] if _holds(text, part)]
    return max(parts, key=len, default="")


def _says_less(part: str, other: str) -> bool:
    return part != other and part in other


def _symptom(row: dict[str, Any], name: str = "", surplus: str = "") -> Explanation:
    status = row.get("status")
    rows = [
        ("not supported", surplus),
        ("printed by", row["by"]),
        ("status", f"{status}, by HTTP" if status else ""),
        ("what to do", row["remedy"]),
        ("checks", ", ".join(row.get("checks", ()))),
        ("basis", row.get("basis", "")),
    ]
    return explanation("message", name or row["text"][0], row["cause"], rows)


_TELLING = 15
"""Letters that a part of a message has at least, so that it is a part of no other."""


def _bitmaps_in(text: str, bitmap: str) -> Iterator[Explanation]:
    """The bits of each hex number in a message that shows bitmaps."""
    for number in _HEX.findall(text) if bitmap else ():
        yield from bitmaps.with_value(f"{bitmap}={number}")


def _surplus(text: str, bitmap: str) -> str:
    """The bits that a message has in its first number, what was asked for, but not in its second,
    what is supported.
    """
    numbers = [int(number, 16) for number in _HEX.findall(text)] if bitmap else []
    return " ".join(bits.names_of(bitmap, numbers[0] & ~numbers[1])) if len(numbers) == 2 else ""


_HEX = re.compile(r"\b0x[0-9a-f]{1,16}\b", re.IGNORECASE)


def _holds(text: str, part: str) -> bool:
    """Whether the part is in the text, or its pieces between `...` one after the other."""
    position = 0
    for piece in _plain_part(part).split("..."):
        position = _end_of(piece.strip(), text, position)
        if position < 0:
            return False
    return True


def _end_of(piece: str, text: str, position: int) -> int:
    """Where the first occurrence of a piece ends from a position on; -1 without one.

    A piece that ends in a digit is none of a longer number: `CURL error: (6)` and (60).
    """
    begin = text.find(piece, position)
    while begin >= 0:
        end = begin + len(piece)
        if not (piece[-1:].isdigit() and text[end : end + 1].isdigit()):
            return end
        begin = text.find(piece, begin + 1)
    return -1


@cache
def _plain_part(part: str) -> str:
    """The same of a part in the table, which every text is held against."""
    return _plain(part)


def _plain(text: str) -> str:
    return re.sub(r"[\s'\"`()]+", " ", text).strip().lower()


def service_code(query: str) -> Iterator[Explanation]:
    """An error code of the quote libraries, 0xe011, by number or name."""
    name, _, code = query.strip().rpartition(" ")
    if name and re.fullmatch(r"(?:0x)?[0-9a-f]{1,5}", code, re.I) and "_" in name:
        yield from _service_codes((), name.upper())
        return
    found = {reading.value for reading in readings(query) if reading.base == "hex"}
    if re.fullmatch(r"\d{5}", query):
        found.add(int(query))
    yield from _service_codes(found, query.upper())


def code_of(beginnings: Iterable[str], value: int) -> Iterator[Explanation]:
    """The errors with this number, of those whose names begin so."""
    for row in tables.load("symptoms")["code"]:
        if row["name"].startswith(tuple(beginnings)) and int(row["code"], 16) == value:
            yield _service_code(row, row["name"], value)


_LONGEST = 400
"""Letters of an answer of a service at most."""


def codes_in(text: str) -> Iterator[Explanation]:
    """The error codes of the quote libraries in a text, and of SGX where it is about SGX."""
    found = {int(digits, 16) for digits in re.findall(r"\b0x([0-9a-f]{4,5})\b", text, re.I)}
    found |= {int(digits) for digits in _DECIMAL_CODE.findall(text)}
    found |= {int(digits, 16) for digits in _RESULT.findall(text)}
    yield from _service_codes(found)
    if _ABOUT_SGX.search(text):
        of_sgx = re.findall(r"(?:SGXError[\s:=]*(?:0x)?|\b0x)([0-9a-f]{4})\b", text, re.I)
        yield from _service_codes({int(digits, 16) for digits in of_sgx}, is_of_sgx=True)


_DECIMAL_CODE = re.compile(
    r"\b(?:code|error|ret(?:urn(?:s|ed)?)?|status|collateral)[\s:=(]+(\d{5})\b", re.IGNORECASE
)
"""A code as %d prints it: `QGS message error code 73729` is 0x12001."""
_RESULT = re.compile(r"\bresult[\s:=]+(a0[01][0-9a-f])\b", re.IGNORECASE)
"""A verification's result without 0x, as Intel's sample prints it: `Non-terminal result: a001`."""
_ABOUT_SGX = re.compile(r"sgx|enclave|aesm|\bQE", re.IGNORECASE)


def _service_codes(
    values: Collection[int], name: str = "", is_of_sgx: bool = False
) -> Iterator[Explanation]:
    """The errors with one of the values, or with the name; TDX's own where that was asked for."""
    if not values and name not in _names_of_codes():
        return
    for row in tables.load("symptoms")["code"]:
        if row.get("of_sgx", False) != is_of_sgx and name != row["name"]:
            continue
        code = int(row["code"], 16)
        rest = row["name"].removeprefix("SGX_QL_")
        of_tdx = code ^ _SGX ^ _TDX
        if rest != row["name"] and (of_tdx in values or name == f"TEE_ATT_{rest}"):
            yield _service_code(row, f"TEE_ATT_{rest}", of_tdx)
        elif (code >= _SMALL and code in values) or name in _other_names(row):
            yield _service_code(row, row["name"], code)


@cache
def _names_of_codes() -> frozenset[str]:
    """All names of errors."""
    rows = tables.load("symptoms")["code"]
    of_tdx = (f"TEE_ATT_{row['name'].removeprefix('SGX_QL_')}" for row in rows)
    return frozenset(of_tdx).union(*map(_other_names, rows))


def _other_names(row: dict[str, Any]) -> tuple[str, ...]:
    """The names of an error, but for that of TDX."""
    rest = row["name"].removeprefix("SGX_QL_")
    return (row["name"], f"TEE_{rest}", *_short(row), *row.get("also", ()))


_SGX, _TDX = 0xE000, 0x11000
"""Where the codes of the quote libraries of SGX and of TDX begin."""
_SMALL = 0x1000
"""Codes below are numbers that mean other things too."""


def _short(row: dict[str, Any]) -> tuple[str, ...]:
    """The name of a verification's result without what stands before it, TD_RELAUNCH_ADVISED."""
    result = row["name"].removeprefix("SGX_QL_QV_RESULT_")
    return (result, f"QV_RESULT_{result}") if result not in (row["name"], "OK") else ()


_SERVICES = {
    "pccs": "pccs", "qcnl": "pccs", "pcs": "pcs", "registration": "registration",
    "irs": "registration",
}  # fmt: skip
"""Services by the words for them: the quote libraries show what the PCCS answered."""
_HTTP_STATUS = re.compile(
    r"(?:\[?error\]?[\s:]+)?(?:(?:sgx|intel|the|platform|mpa)\s+)*"
    r"\[?(?P<service>pccs|qcnl|pcs|registration|irs)\]?[\s_:]*"
    r"(?:(?:http/?1?\.?1?|error|status|code|returned|returns|response|responds?|with|server|service|failed"
    r"|reports?|answers?|answered|an?|is|of)\b[\s:=]*)*"
    r"['(]?(?P<code>\d{3})\b(?![./]\d).*",
    re.IGNORECASE | re.DOTALL,
)
_FROM_SERVICE = re.compile(
    r"(?:(?:http(?:/1\.1)?|error|status|code)[\s:=]*)*(?P<code>\d{3})\s(?:[\w-]{1,20}\s){0,3}"
    r"(?:from|of|by|in|at|on|during|for)\s+(?:the\s+|intel\s+|platform\s+)*"
    r"(?P<service>pccs|pcs|registration|irs)\b.*",
    re.IGNORECASE,
)
_STATUS_IN_WORDS = re.compile(
    r"(?:[\w',-]{1,15} ){0,5}(?P<service>pccs|pcs|irs)(?: [\w',-]{1,15}){0,8}"
    r" (?:status|error|code|http|returns?|answers?)[ :=]{1,3}(?P<code>\d{3})\b(?![./]\d).*",
    re.IGNORECASE,
)
_BARE_STATUS = re.compile(
    r"http(?:/1\.1)? (?P<code>\d{3})\b.*\b(?P<service>registration|pccs|pcs)\b.*", re.I
)


def http_status(query: str) -> Iterator[Explanation]:
    """What a service answered by HTTP, `PCCS error 461`, `registration 400`, `401 from the PCS`."""
    text = query.strip()[:_LONGEST]
    match = (
        _HTTP_STATUS.fullmatch(text)
        or _FROM_SERVICE.fullmatch(text)
        or _BARE_STATUS.fullmatch(text)
        or _STATUS_IN_WORDS.fullmatch(text)
    )
    for row in tables.load("symptoms")["symptom"] if match else ():
        is_meant = row.get("status") == int(match["code"]) if match else False
        if match and is_meant and row.get("service", "pccs") == _service_of(match):
            yield _symptom(row)


def _service_of(match: re.Match[str]) -> str:
    return _SERVICES[match["service"].lower()]


def _service_code(row: dict[str, Any], name: str, code: int) -> Explanation:
    rows = [
        ("also", ", ".join(row.get("also", ()))),
        ("code", f"{code:#x}"),
        ("printed by", row["by"]),
        ("what follows", tables.load("symptoms")["affects"].get(row.get("affects"), "")),
        ("what to do", row.get("remedy", "")),
    ]
    return explanation("attestation error", name, row["meaning"], rows)


def names() -> Iterator[str]:
    for row in tables.load("terms")["term"]:
        yield row["name"]
        yield from row.get("aliases", ())
    yield from tables.load("terms")["errno"]
    for row in tables.load("symptoms")["code"]:
        yield from (row["name"], *row.get("also", ()))
