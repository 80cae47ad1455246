"""BTF, the kernel's own description of its types: where a member of a structure lies.

Reads the raw format of /sys/kernel/btf/vmlinux and, above it, that of a module. From Linux 7.2 on
a type's `info` has 24 bits for the number of its parts and 7 for its kind, and the header names a
section with the length of each kind, so that kinds which are not known can be passed over. Older
kernels leave those bits zero. Source: Linux 7.3, include/uapi/linux/btf.h.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from tdxinfo.errors import Absent, Malformed

_HEADER = struct.Struct("<HBBIIIII")
_LAYOUT_HEADER = struct.Struct("<II")
"""Behind the header of Linux 7.2 and later: offset and length of the kinds' lengths."""
_LAYOUT = struct.Struct("<BBH")
"""Bytes behind a type of a kind, bytes for each of its parts, and flags."""
_MAGIC = 0xEB9F
_WORD = 4
_TYPE_WORDS = 3

INT, PTR, ARRAY, STRUCT, UNION, ENUM = 1, 2, 3, 4, 5, 6
TYPEDEF, VOLATILE, CONST, RESTRICT = 8, 9, 10, 11
FLOAT, TYPE_TAG, ENUM64 = 16, 18, 19
_MODIFIERS = (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG)

# Words behind a type's first three: a fixed number, and a number for each of its `vlen` parts.
_FIXED = {INT: 1, ARRAY: 3, 14: 1, 17: 1}
_PER_PART = {STRUCT: 3, UNION: 3, ENUM: 2, 13: 2, 15: 3, ENUM64: 3}
_LAST_KIND = 19
_KIND_BITS, _PARTS_BITS = 0x7F, 0xFFFFFF

_POINTER_SIZE = 8
_MAX_DEPTH = 32
"""Types inside types. The deepest that is read here has six."""
_MAX_LEAVES = 4096
_TOO_MANY = "the type has too many members"
_MAX_NAME = 512
"""As the kernel defines it (KSYM_NAME_LEN)."""


class Leaf(NamedTuple):
    """A number, or an array of such, inside a structure."""

    path: str
    bit_offset: int
    bit_size: int
    length: int
    """Elements of the array; 1 for a number."""
    is_signed: bool
    is_pointer: bool = False
    """An address of the kernel's memory."""


class Member(NamedTuple):
    name: str
    type_id: int
    bit_offset: int
    bit_size: int
    """0 where the member is not a bit field."""


class _Spot(NamedTuple):
    """Where a type lies inside of the one asked for."""

    path: str = ""
    bit_offset: int = 0
    bit_size: int = 0
    depth: int = 0

    def at(self, member: Member) -> _Spot:
        path = ".".join(part for part in (self.path, member.name) if part)
        offset = self.bit_offset + member.bit_offset
        return _Spot(path, offset, member.bit_size, self.depth + 1)


class Btf:
    """The types of a kernel, or of a module above its kernel's."""

    def __init__(self, data: bytes, base: Btf | None = None) -> None:
        """Raises Malformed when the data is not BTF, or cut."""
        if len(data) < _HEADER.size:
            raise Malformed("the data is too short for BTF")
        header = _HEADER.unpack_from(data)
        magic, version, _, length, type_offset, type_length, string_offset, string_length = header
        if magic != _MAGIC or version != 1:
            raise Malformed("the data is not BTF of version 1")
        types = length + type_offset
        strings = length + string_offset
        if types % _WORD or type_length % _WORD or types + type_length > len(data):
            raise Malformed("the BTF's types are cut short")
        if strings + string_length > len(data):
            raise Malformed("the BTF's names are cut short")
        layout = _layout(data, length)
        self._base = base
        self._types = data[types : types + type_length]
        self._words = memoryview(self._types).cast("I")
        self._strings = data[strings : strings + string_length]
        self._starts = _starts(self._words, layout)
        self._first_id: int = base._first_id + len(base._starts) if base else 1
        self._first_name: int = base._first_name + len(base._strings) if base else 0

    def find(self, name: str, kinds: tuple[int, ...] = (STRUCT, UNION)) -> int:
        """The id of the named type. Raises Absent."""
        for start in self._named(name):
            if self._words[start + 1] >> 24 & _KIND_BITS in kinds:
                return self._first_id + bisect_left(self._starts, start)
        if self._base:
            return self._base.find(name, kinds)
        raise Absent(f"this kernel's BTF has no type {name}")

    def size(self, type_id: int) -> int:
        """Bytes of the type. Raises Malformed."""
        count = 1
        for _ in range(_MAX_DEPTH):
            owner, kind, _, third, start = self._type(self._behind(type_id))
            if kind != ARRAY:
                return count * (_POINTER_SIZE if kind == PTR else third)
            type_id, count = owner._words[start + 3], count * owner._words[start + 5]
        raise Malformed("the BTF's types are nested too deeply")

    def leaves(self, type_id: int) -> list[Leaf]:
        """All numbers inside the type, by path. Raises Malformed."""
        steps = iter(range(_MAX_LEAVES))
        return _at_most_leaves(self._walk(type_id, _Spot(), steps))

    def _named(self, name: str) -> Iterator[int]:
        """Where types of this name begin, found by the name's offset among the type words."""
        for offset in self._offsets_of(name.encode() + b"\0"):
            wanted = struct.pack("<I", offset)
            place = self._types.find(wanted)
            while place >= 0:
                start, odd = divmod(place, _WORD)
                number = bisect_left(self._starts, start)
                if not odd and number < len(self._starts) and self._starts[number] == start:
                    yield start
                place = self._types.find(wanted, place + 1)

    def _offsets_of(self, text: bytes) -> Iterator[int]:
        """The offsets of the name: a module uses its kernel's names, too."""
        # A module's own names begin without the empty one that a kernel's begin with.
        if self._strings.startswith(text):
            yield self._first_name
        elif (at := self._strings.find(b"\0" + text)) >= 0:
            yield self._first_name + at + 1
        if self._base:
            yield from self._base._offsets_of(text)

    def _name(self, offset: int) -> str:
        if offset < self._first_name and self._base:
            return self._base._name(offset)
        start = offset - self._first_name
        end = self._strings.find(b"\0", start, start + _MAX_NAME)
        if not 0 <= start < len(self._strings) or end < 0:
            raise Malformed(f"the BTF has no name at {offset}")
        return self._strings[start:end].decode("utf-8", "replace")

    def _type(self, type_id: int) -> tuple[Btf, int, int, int, int]:
        """The BTF that holds the type; its kind, parts, third word and start there."""
        if type_id < self._first_id and self._base:
            return self._base._type(type_id)
        number = type_id - self._first_id
        if not 0 <= number < len(self._starts):
            raise Malformed(f"the BTF has no type {type_id}")
        start = self._starts[number]
        info = self._words[start + 1]
        return self, info >> 24 & _KIND_BITS, info & _PARTS_BITS, self._words[start + 2], start

    def _behind(self, type_id: int) -> int:
        """The id behind typedefs and qualifiers."""
        for _ in range(_MAX_DEPTH):
            _, kind, _, third, _ = self._type(type_id)
            if kind not in _MODIFIERS:
                return type_id
            type_id = third
        raise Malformed("the BTF's types name each other in a circle")

    def _members(self, type_id: int) -> Iterator[Member]:
        owner, _, parts, _, start = self._type(type_id)
        has_bit_fields = owner._words[start + 1] >> 31
        for number in range(parts):
            name, member, offset = owner._words[start + 3 + 3 * number : start + 6 + 3 * number]
            size = offset >> 24 if has_bit_fields else 0
            bits = offset & 0xFFFFFF if has_bit_fields else offset
            yield Member(owner._name(name) if name else "", member, bits, size)

    def _walk(self, type_id: int, spot: _Spot, steps: Iterator[int]) -> Iterator[Leaf]:
        """The leaves of the type at a spot; each type that is met takes one of the steps."""
        # Empty structures inside each other have no leaves, and can be without number all the same.
        if next(steps, None) is None:
            raise Malformed(_TOO_MANY)
        if spot.depth > _MAX_DEPTH:
            raise Malformed("the BTF's types are nested too deeply")
        type_id = self._behind(type_id)
        owner, kind, _, third, start = self._type(type_id)
        if kind in (STRUCT, UNION):
            for member in self._members(type_id):
                yield from self._walk(member.type_id, spot.at(member), steps)
        elif kind == ARRAY:
            element, count = owner._words[start + 3], owner._words[start + 5]
            yield from self._array(element, count, spot, steps)
        elif kind in (INT, ENUM, ENUM64, PTR):
            size = _POINTER_SIZE if kind == PTR else third
            signed = kind == INT and bool(owner._words[start + 3] >> 24 & 1)
            bits = spot.bit_size or size * 8
            yield Leaf(spot.path, spot.bit_offset, bits, 1, signed, kind == PTR)

    def _array(self, element: int, count: int, spot: _Spot, steps: Iterator[int]) -> Iterator[Leaf]:
        """An array of arrays of numbers is one array; structures are listed one by one."""
        if count > _MAX_LEAVES:
            raise Malformed(f"{spot.path} has {count} elements")
        inner = _at_most_leaves(self._walk(element, _Spot(depth=spot.depth + 1), steps))
        if len(inner) == 1 and not inner[0].path:
            leaf = inner[0]
            length = leaf.length * count
            yield leaf._replace(path=spot.path, bit_offset=spot.bit_offset, length=length)
            return
        stride = self.size(element) * 8
        for number in range(count):
            for leaf in inner:
                at = spot.bit_offset + number * stride + leaf.bit_offset
                yield leaf._replace(path=f"{spot.path}[{number}].{leaf.path}", bit_offset=at)


def _at_most_leaves(leaves: Iterator[Leaf]) -> list[Leaf]:
    """Raises Malformed when there are more: arrays of arrays multiply."""
    found = list(islice(leaves, _MAX_LEAVES + 1))
    if len(found) > _MAX_LEAVES:
        raise Malformed(_TOO_MANY)
    return found


_KIND_AND_PARTS = _KIND_BITS << 24 | _PARTS_BITS
"""The part of a type's `info` that gives its length."""

_Layout = dict[int, tuple[int, int]]
"""Words behind a type and for each of its parts, by kind."""


def _layout(data: bytes, header_length: int) -> _Layout:
    """What the BTF says of its kinds; empty of a kernel before 7.2. Raises Malformed."""
    if header_length < _HEADER.size + _LAYOUT_HEADER.size:
        return {}
    offset, length = _LAYOUT_HEADER.unpack_from(data, _HEADER.size)
    section = data[header_length + offset : header_length + offset + length]
    if len(section) != length or length % _LAYOUT.size:
        raise Malformed("the BTF's lengths of kinds are cut short")
    return {
        kind: (fixed // _WORD, part // _WORD)
        for kind, (fixed, part, _) in enumerate(_LAYOUT.iter_unpack(section))
        if fixed % _WORD == part % _WORD == 0
    }


class _Lengths(dict[int, int]):
    """Words of a type, by kind and number of parts; worked out at first sight."""

    def __init__(self, layout: _Layout) -> None:
        super().__init__()
        self._layout = layout

    def __missing__(self, info: int) -> int:
        kind, parts = info >> 24, info & _PARTS_BITS
        if 0 < kind <= _LAST_KIND:
            fixed, part = _FIXED.get(kind, 0), _PER_PART.get(kind, 0)
        elif kind in self._layout:
            fixed, part = self._layout[kind]
        else:
            raise Malformed(f"the BTF has a type of unknown kind {kind}")
        self[info] = length = _TYPE_WORDS + fixed + part * parts
        return length


def _starts(words: memoryview, layout: _Layout) -> array[int]:
    """Where each type begins, in words. Raises Malformed when one has no known length."""
    lengths = _Lengths(layout)
    starts = array("I")
    append = starts.append
    at, end = 0, len(words) - _TYPE_WORDS + 1
    while at < end:
        append(at)
        at += lengths[words[at + 1] & _KIND_AND_PARTS]
    if at != len(words):
        raise Malformed("the BTF's last type is cut short")
    return starts


def read_leaf(data: bytes, leaf: Leaf) -> int | list[int]:
    """The number, or the numbers of an array. Raises Malformed when the data is too short."""
    words = [
        _bits(data, leaf.bit_offset + number * leaf.bit_size, leaf.bit_size, leaf.is_signed)
        for number in range(leaf.length)
    ]
    return words[0] if leaf.length == 1 else words


def _bits(data: bytes, offset: int, size: int, is_signed: bool) -> int:
    first, last = offset // 8, (offset + size + 7) // 8
    if last > len(data):
        raise Malformed(f"{len(data)} bytes do not reach bit {offset + size}")
    value = int.from_bytes(data[first:last], "little") >> offset % 8 & ((1 << size) - 1)
    return value - (1 << size) if is_signed and value >> (size - 1) else value
