"""Error numbers by name, by number or in the words of programs, and what TDX's host side means."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from functools import cache

from tdxinfo import tables
from tdxinfo.decode import failures
from tdxinfo.explain.meaning import Explanation, explanation

_ERRNO = re.compile(
    r"(?:(?:errno|error|err|ret(?:urn(?:s|ed)?)?|rc|res|result|code|status|exit|failed|fails|with|is)"
    r"[\s:=]*)*\(?-(?:(\d{1,3})|(E[A-Z0-9]{2,15}))\)?"
    r"|errno\s*(?:[:=]\s*)?(\d{1,3})",
    re.I,
)
_SAID = re.compile(
    r"(?:\w{0,32}errno\w{0,32}|error|\(?-?\d{1,3}\)?)?[\s:=]*\(?([A-Z][a-z' -]{5,60})\)?"
)


def error_number(query: str) -> Iterator[Explanation]:
    """An errno by its name, or negated as the kernel prints it: `-5`, `(-5)`, `-EIO`, `errno 5`;
    or in the words of programs, `No space left on device`.
    """
    text = query.strip()
    match = _ERRNO.fullmatch(text)
    if match and not match[2]:
        yield from of_errno(int(match[1] or match[3]))
        return
    name = match[2] if match else text.removeprefix("-")
    number = number_of(name.upper()) if name.isalnum() else None
    said = _SAID.fullmatch(text)
    if number is None and said:
        name = numbers_of_words().get(said[1].strip().lower(), "")
        number = number_of(name)
    if number is not None:
        yield from of_errno(number, name.upper())


def number_of(name: str) -> int | None:
    """The number of an errno; those that Python does not know have it in the table."""
    row = tables.load("terms")["errno"].get(name, {})
    number = row.get("number", getattr(errno, name, None))
    return number if isinstance(number, int) else None


@cache
def numbers_of_words() -> dict[str, str]:
    """The errnos that TDX is met with, by what programs say of them."""
    known = {
        *tables.load("terms")["errno"],
        *(row["errno"] for row in tables.load("errnos")["row"]),
    }
    return {_says(name).lower(): name for name in sorted(known)}


@cache
def words_of_all() -> dict[str, str]:
    """All errnos of Linux by what programs say of them."""
    return {os.strerror(number).lower(): name for number, name in errno.errorcode.items()}


def is_said(text: str) -> bool:
    """Whether a text has an errno, by name or in the words of programs."""
    plain = text.lower()
    return any(name.lower() in plain.split() for name in errno.errorcode.values()) or any(
        words in plain for words in words_of_all()
    )


def _says(name: str) -> str:
    row = tables.load("terms")["errno"].get(name, {})
    says: str = row.get("says") or os.strerror(getattr(errno, name))
    return says


def of_errno(number: int, asked: str = "", has_cause: bool = False) -> Iterator[Explanation]:
    """A number with two names has that which was asked for, or that of the table: EOPNOTSUPP.

    Where its cause is known already, `has_cause`, others are not listed.
    """
    rows = tables.load("terms")["errno"]
    known = next((name for name in rows if number_of(name) == number), "")
    name = asked or known or errno.errorcode.get(number)
    if not name:
        return
    value = rows.get(known, {})
    causes = [] if has_cause else causes_of(number)
    rows = [
        ("number", f"{number}, printed by the kernel as -{number}"),
        *failures.rows_of(causes, "from the TDX host", "what to do then"),
    ]
    says = value.get("says") or os.strerror(number)
    yield explanation("errno", name, value.get("meaning") or f"{says}.", rows)


def causes_of(number: int) -> list[failures.OfKernels]:
    """What an errno means where TDX's host side returns it."""
    rows = tables.load("terms")["errno"].items()
    value: dict[str, str] = next((row for name, row in rows if number_of(name) == number), {})
    said = failures.Diagnosis(value.get("tdx", ""), value.get("remedy", ""))
    return [failures.OfKernels("", said)] if said.cause else failures.of_errno(number)
