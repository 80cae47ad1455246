"""Global metadata as a TDX module gives it: TDH.SYS.RD and TDH.SYS.RDALL, also for wrong ids.

Source: the TDX module's public source, versions 1.5.01 to 2.0.18.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tdxinfo.decode import fieldid, metadata
from tdxinfo.decode.fieldid import NULL, FieldId

OK = 0
FIELD_ID_INCORRECT = 0xC0000C0000000000
FIELD_NOT_READABLE = 0xC0000C0200000000
FIRST_FIELD_ID = 0x00000C0B00000000
"""Not an error: the answer to the null id."""


@dataclass
class Fields:
    """Global metadata as TDH.SYS.RD and TDH.SYS.RDALL give it."""

    values: Mapping[str, int | list[int]]
    """By the field's name; a field that is not here is one that the module does not have."""
    following: Mapping[str, str] = field(default_factory=dict)
    """Fields that name another than the next one as the next, which no real module does."""
    withheld: frozenset[str] = frozenset()
    """Fields that are named as the next, and refused when they are read."""

    def __post_init__(self) -> None:
        self._page = metadata.encode_rdall(self.values)
        found = metadata.parse_rdall(self._page).values
        self._order = sorted(found)
        self._values = found

    def read(self, number: int) -> tuple[int, int, int]:
        """Status, value and next id of one TDH.SYS.RD."""
        if _is_null(number):
            return FIRST_FIELD_ID, 0, _table_id(self._order[0])
        key = _key(number)
        if not _is_element(number) or key not in self._values:
            return FIELD_ID_INCORRECT, 0, NULL
        if _field(key) in self.withheld:
            return FIELD_NOT_READABLE, 0, NULL
        return OK, self._values[key], self._next(number, key)

    def _next(self, number: int, key: int) -> int:
        if _field(key) in self.following:
            return metadata.declared()[self.following[_field(key)]].id
        place = bisect_right(self._order, key)
        if place == len(self._order):
            return NULL
        following = self._order[place]
        # Inside an array the caller's size code and bit 63 stay as they are.
        return number + 1 if _field(following) == _field(key) else _table_id(following)

    def may_start_at(self, number: int) -> bool:
        """Whether TDH.SYS.RDALL takes the id: a field's first element, of the table's size."""
        if _is_null(number):
            return True
        key = _key(number)
        if not _is_element(number) or key not in self._values:
            return False
        declared, index = _element(key)
        same_size = FieldId.parse(number).size_code == declared.parts.size_code
        return same_size and index % declared.elements == 0

    def page_from(self, number: int) -> bytes:
        """The list of TDH.SYS.RDALL from a field on, or from the first for the null id."""
        first = 0 if _is_null(number) else _key(number)
        sequences = [
            _cut(head, words, first)
            for head, words in _sequences(self._page)
            if _key(int(head)) + len(words) > first
        ]
        body = b"".join(
            struct.pack(f"<{len(words) + 1}Q", int(head), *words) for head, words in sequences
        )
        return struct.pack("<HHI", 8 + len(body), len(sequences), 0) + body


def _sequences(page: bytes) -> Iterator[tuple[FieldId, list[int]]]:
    at = 8
    while at < len(page):
        (number,) = struct.unpack_from("<Q", page, at)
        head = FieldId.parse(number)
        count = head.fields * head.elements
        yield head, list(struct.unpack_from(f"<{count}Q", page, at + 8))
        at += 8 * (count + 1)


def _cut(head: FieldId, words: list[int], first: int) -> tuple[FieldId, list[int]]:
    """The sequence without what comes before the id."""
    skipped = first - _key(int(head))
    if skipped <= 0:
        return head, words
    parts = FieldId.parse(_table_id(first))
    left = head.last_field - skipped // head.elements
    return parts._replace(last_element=head.last_element, last_field=left), words[skipped:]


def _key(number: int) -> int:
    """Class and code: TDH.SYS.RD does not look at the context."""
    return fieldid.key(number) & ~(7 << 52)


def _is_null(number: int) -> bool:
    return number | 7 << 52 == NULL


def _is_element(number: int) -> bool:
    """No reserved bits, no write mask, and no counts: those are for sequences."""
    parts = FieldId.parse(number)
    plain = not parts.last_element and not parts.last_field and not parts.write_mask_valid
    return plain and not fieldid.has_reserved_bits(number)


def _element(key: int) -> tuple[metadata.Declared, int]:
    found = metadata.element(key)
    assert found, f"{key:#x} is no declared field"
    return found


def _field(key: int) -> str:
    return _element(key)[0].name


def _table_id(key: int) -> int:
    """The element's id as the module's own table has it."""
    declared, index = _element(key)
    return declared.element_id(index)
