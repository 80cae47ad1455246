"""The TDX module's global metadata in the encodings that it comes in, and back again.

Encodings: the pages of TDH.SYS.RDALL; text lists of "ID VALUE [STATUS]"; raw values by field id,
as a vendor kernel shows them; `sysinfo.py` has the structures of TDH.SYS.INFO. All become one
`Metadata`, which knows elements by class and code. Source: the TDX module's public source,
versions 1.0.03 to 2.0.18.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

from tdxinfo import tables
from tdxinfo.decode import fieldid, seamcall
from tdxinfo.decode.fieldid import FieldId
from tdxinfo.errors import Absent, Malformed, TimedOut, Unsupported
from tdxinfo.model.units import PAGE

_MAX_PAGES = 64
"""Pages of a dump at most."""
_HEAD = struct.Struct("<HHI")
_WORD = struct.Struct("<Q")

NOT_IN_MODULE = 0xC0000C00
"""Upper half of TDX_METADATA_FIELD_ID_INCORRECT: this module is older than the field."""
_NON_RECOVERABLE = 1 << 62


class Declared(NamedTuple):
    """A row of `tables/fields.toml`: a field of the module, or an array of such."""

    name: str
    id: int
    fields: int
    elements: int
    kernel: str
    """The member of Linux's structures that has it; empty where none has."""
    since: tuple[str, ...]
    """The first release of each line that has it."""
    basis: str
    doc: str
    room: int
    """Elements that the codes up to the next field leave room for; a dump may have as many."""

    @property
    def parts(self) -> FieldId:
        return FieldId.parse(self.id)

    @property
    def words(self) -> int:
        """Elements of all its fields together."""
        return self.fields * self.elements

    def element_id(self, index: int) -> int:
        """The id by which TDH.SYS.RD gives one element."""
        return self.id + index


@cache
def declared() -> dict[str, Declared]:
    """All fields by name, in the order of class and code."""
    rows = tables.load("fields")["field"]
    return {
        row["name"]: Declared(
            row["name"],
            int(row["id"], 16),
            row.get("fields", 1),
            row.get("elements", 1),
            row.get("kernel", ""),
            tuple(row.get("since", ())),
            row.get("basis", "source"),
            row["doc"],
            row.get("room", row.get("fields", 1) * row.get("elements", 1)),
        )
        for row in rows
    }


@cache
def _by_key() -> dict[int, tuple[Declared, int]]:
    """Each element's field and its index there, by the element's key."""
    return {
        fieldid.key(found.element_id(index)): (found, index)
        for found in declared().values()
        for index in range(found.room)
    }


def element(number: int) -> tuple[Declared, int] | None:
    """The field that an id names, and which element of it; None for an unknown id."""
    return _by_key().get(fieldid.key(number))


@dataclass(frozen=True)
class Metadata:
    """Values by element. Ids are kept as they came, so that unknown ones are shown."""

    values: Mapping[int, int]
    """Values of elements, by key: `fieldid.key`."""
    ids: Mapping[int, int] = field(default_factory=dict)
    """The id that each key came with."""
    refused: Mapping[int, int] = field(default_factory=dict)
    """Status codes of elements that the module did not give, by key."""
    disputed: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Further values of elements that came with several, by key."""

    def word(self, name: str, index: int = 0) -> int:
        """The value of one element.

        Raises Absent when the dump has none, Unsupported when the module refused it, TimedOut when
        the module was busy, and Malformed when the dump has several answers, of which any could be
        right.
        """
        wanted = declared()[name]
        key = fieldid.key(wanted.element_id(index))
        if key in self.values:
            answers = self._answers(key)
            if len(answers) > 1:
                label = f"{name}[{index}]" if wanted.words > 1 else name
                raise Malformed(f"the metadata states {label} more than once: {', '.join(answers)}")
            return self.values[key]
        if self.lacks(name, index):
            raise Unsupported(f"this module has no {name}: it is older than the field")
        status = self.status(name, index)
        if status is not None:
            kind = Unsupported if status & _NON_RECOVERABLE else TimedOut
            status_name = seamcall.status_name(status) or "status"
            raise kind(f"the module did not give {name}: {status_name} ({status:#018x})")
        raise Absent(f"the metadata does not hold {name}")

    def _answers(self, key: int) -> list[str]:
        """The element's different answers in the dump. That the module was busy is not one."""
        values = (self.values[key], *self.disputed.get(key, ()))
        refusal = self.refused.get(key, 0)
        refused = [f"refused with {refusal:#018x}"] if refusal & _NON_RECOVERABLE else []
        return [*(f"{value:#x}" for value in values), *refused]

    def has(self, name: str, index: int = 0) -> bool:
        """Whether there is a value of the element."""
        return fieldid.key(declared()[name].element_id(index)) in self.values

    def lacks(self, name: str, index: int = 0) -> bool:
        """Whether the module answered that it has no such field; a missing line proves nothing."""
        return (self.status(name, index) or 0) >> 32 == NOT_IN_MODULE

    def status(self, name: str, index: int = 0) -> int | None:
        """The status with which the module refused the element; None when it did not."""
        return self.refused.get(fieldid.key(declared()[name].element_id(index)))

    def array(self, name: str, count: int | None = None) -> list[int]:
        """The elements of an array, all or the first `count`. Raises Absent or Malformed."""
        total = declared()[name].words if count is None else count
        if total > declared()[name].room:
            raise Malformed(f"{name} has no {total} elements")
        return [self.word(name, index) for index in range(total)]

    def elements(self) -> list[tuple[int, int]]:
        """Ids and values in the order of class and code, all values of an element that differ."""
        return [
            (self.ids.get(key, key), value)
            for key in sorted(self.values)
            for value in (self.values[key], *self.disputed.get(key, ()))
        ]


def from_elements(elements: Iterable[tuple[int, int]]) -> Metadata:
    """Metadata of ids and values; of an id that comes twice, values that differ are disputed.

    Raises Malformed where a value does not fit the element's size, as none of the module does.
    """
    values: dict[int, int] = {}
    ids: dict[int, int] = {}
    disputed: dict[int, tuple[int, ...]] = {}
    for number, value in elements:
        if value >> _bits_of(number):
            known = element(number)
            name = known[0].name if known else f"{number:#018x}"
            raise Malformed(f"{value:#x} does not fit the {_bits_of(number)} bits of {name}")
        key = fieldid.key(number)
        values.setdefault(key, value)
        ids.setdefault(key, number)
        known_values = (values[key], *disputed.get(key, ()))
        if value not in known_values:
            disputed[key] = (*known_values[1:], value)
    return Metadata(values, ids, disputed=disputed)


def _bits_of(number: int) -> int:
    """Bits of an element: Linux and the module's table do not agree in the ids of some fields."""
    known = element(number)
    sizes = [FieldId.parse(number), *([known[0].parts] if known else [])]
    return max(parts.element_bits for parts in sizes)


# --- TDH.SYS.RDALL ----------------------------------------------------------------------------


def is_rdall(data: bytes) -> bool:
    """Whether the bytes begin like a list: its size, the count of its sequences, zeros."""
    if len(data) < _HEAD.size or len(data) > _MAX_PAGES * PAGE:
        return False
    size, sequences, reserved = _HEAD.unpack_from(data)
    return bool(reserved == 0 and sequences > 0 and _HEAD.size < size <= PAGE)


def parse_rdall(data: bytes) -> Metadata:
    """One or several pages, each with a list of sequences. Raises Malformed."""
    if not data:
        raise Malformed("there is no page")
    found: list[tuple[int, int]] = []
    for start in range(0, len(data), PAGE):
        found += _parse_list(data[start : start + PAGE])
    return from_elements(found)


def _parse_list(page: bytes) -> list[tuple[int, int]]:
    if len(page) < _HEAD.size:
        raise Malformed(f"a page of {len(page)} bytes has no list")
    size, sequences, reserved = _HEAD.unpack_from(page)
    if reserved or not _HEAD.size <= size <= len(page):
        raise Malformed(f"a list of {size} bytes does not fit its page of {len(page)}")
    found: list[tuple[int, int]] = []
    offset = _HEAD.size
    for _ in range(sequences):
        offset = _parse_sequence(page[:size], offset, found)
    if offset != size:
        raise Malformed(f"the list of {size} bytes ends after {offset}")
    return found


def _parse_sequence(page: bytes, offset: int, found: list[tuple[int, int]]) -> int:
    """Adds the sequence's elements to `found`, and returns the offset after it."""
    if offset + _WORD.size > len(page):
        raise Malformed(f"a sequence at offset {offset} has no header")
    (number,) = _WORD.unpack_from(page, offset)
    head = FieldId.parse(number)
    if fieldid.has_reserved_bits(number) or head.write_mask_valid:
        raise Malformed(f"{number:#018x} at offset {offset} is not a header of a sequence")
    count = head.fields * head.elements
    end = offset + _WORD.size * (count + 1)
    if end > len(page):
        raise Malformed(f"the sequence {number:#018x} goes beyond its list")
    first = int(head._replace(last_field=0, last_element=0))
    words = struct.unpack_from(f"<{count}Q", page, offset + _WORD.size)
    mask = (1 << head.element_bits) - 1
    found += [(first + i * head.stride, word & mask) for i, word in enumerate(words)]
    return end


def encode_rdall(values: Mapping[str, int | list[int]]) -> bytes:
    """The list of TDH.SYS.RDALL for field values by name, without the rest of its page.

    An array may have fewer values than the field; the rest is 0. Raises KeyError for a name that
    is not a field, and ValueError for a value that does not fit its element.
    """
    sequences: list[tuple[FieldId, list[int]]] = []
    for name in declared():
        if name in values:
            _append(sequences, declared()[name], _words(declared()[name], values[name]))
    unknown = set(values) - set(declared())
    if unknown:
        raise KeyError(f"no such field: {', '.join(sorted(unknown))}")
    body = b"".join(
        _WORD.pack(int(head)) + struct.pack(f"<{len(words)}Q", *words) for head, words in sequences
    )
    return _HEAD.pack(_HEAD.size + len(body), len(sequences), 0) + body


def _words(wanted: Declared, given: int | list[int]) -> list[int]:
    words = [given] if isinstance(given, int) else list(given)
    if len(words) > wanted.words:
        raise ValueError(f"{wanted.name} has {wanted.words} elements, not {len(words)}")
    for word in words:
        if not 0 <= word < 1 << wanted.parts.element_bits:
            raise ValueError(f"{word:#x} does not fit {wanted.name}")
    return words + [0] * (wanted.words - len(words))


def _append(sequences: list[tuple[FieldId, list[int]]], wanted: Declared, words: list[int]) -> None:
    """Adds a field to the last sequence where it continues that, else begins a new one."""
    parts = wanted.parts._replace(last_element=wanted.elements - 1, last_field=wanted.fields - 1)
    if sequences:
        head, before = sequences[-1]
        same_shape = parts._replace(
            code=head.code, last_field=head.last_field, non_arch=head.non_arch
        )
        if same_shape == head and parts.code == head.code + len(before):
            whole = head._replace(last_field=head.last_field + wanted.fields)
            sequences[-1] = (whole, before + words)
            return
    sequences.append((parts, words))


# --- text and folders -------------------------------------------------------------------------

_SEPARATORS = re.compile(r"[\s:=,;|]+")
_WORD64 = re.compile(r"(?:0x)?([0-9a-f]{1,16})", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][\w.\[\]]*")
_BOM = "\ufeff"
_MIN_ID_DIGITS = 9
"""Digits of the shortest id without leading zeros: that of NUM_PKGS, 200000000."""


class _Line(NamedTuple):
    id: int
    value: int
    status: int


def is_list(text: str) -> bool:
    """Whether the text is a list of "ID VALUE [STATUS]" in hex; some lines may be damaged.

    Its first line, after a heading, must be of that form, and more than half of all; one must be
    of a known field.
    """
    rows = _rows(text.splitlines())
    if not rows or _line(rows[0]) is None:
        return False
    lines = [_line(row) for row in rows]
    found = [line for line in lines if line]
    return 2 * len(found) > len(lines) and any(element(line.id) for line in found)


def _content(lines: Iterable[str]) -> Iterator[str]:
    """The lines without comments, blank ones and a byte order mark."""
    for line in lines:
        text = line.strip().lstrip(_BOM).partition("#")[0].strip()
        if text and not text.startswith(";"):
            yield text


def _rows(lines: Iterable[str]) -> list[str]:
    """The content without a first line that names the columns of what follows."""
    content = list(_content(lines))
    words = _SEPARATORS.split(content[0].strip(" :=,;|")) if len(content) > 1 else []
    is_heading = len(words) > 1 and all(_NAME.fullmatch(word) for word in words)
    return content[1:] if is_heading else content


def _line(text: str) -> _Line | None:
    """Id, value and status of a line; names of the field may follow them. None for other text."""
    words = _SEPARATORS.split(text.strip(" :=,;|"))
    numbers: list[int] = []
    for word in words:
        match = _WORD64.fullmatch(word)
        if match is None or len(numbers) == 3:
            break
        numbers.append(int(match[1], 16))
    rest = words[len(numbers) :]
    is_id = len(words[0].lower().removeprefix("0x")) >= _MIN_ID_DIGITS
    if len(numbers) < 2 or not is_id or not all(_NAME.fullmatch(word) for word in rest):
        return None
    return _Line(numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0)


def parse_list(lines: Iterable[str]) -> Metadata:
    """Lines of "ID VALUE [STATUS] [NAME]" in hex, as a helper or a kernel developer prints them.

    A line with a status that is an error gives no value. Raises Malformed, naming the line.
    """
    found: list[tuple[int, int]] = []
    refused: dict[int, int] = {}
    for text in _rows(lines):
        line = _line(text)
        if line is None:
            raise Malformed(f"{text[:80]!r} does not have the form ID VALUE [STATUS]")
        if line.status >> 63:
            refused[fieldid.key(line.id)] = line.status
        else:
            found.append((line.id, line.value))
    return replace(from_elements(found), refused=refused)


def encode_list(metadata: Metadata) -> list[str]:
    """The lines that `parse_list` reads: 16 hex digits each."""
    lines = [f"{number:016x} {value:016x} {0:016x}" for number, value in metadata.elements()]
    return lines + [
        f"{key:016x} {0:016x} {status:016x}" for key, status in metadata.refused.items()
    ]


def parse_files(files: Mapping[str, bytes]) -> Metadata:
    """Raw little-endian values by file name, which is the first element's id in 16 hex digits."""
    found: list[tuple[int, int]] = []
    for name, data in sorted(files.items()):
        number = int(name, 16)
        width = FieldId.parse(number).element_bits // 8
        if not data or len(data) % width:
            raise Malformed(f"{name} holds {len(data)} bytes, not elements of {width}")
        for i in range(len(data) // width):
            found.append((number + i, int.from_bytes(data[i * width : (i + 1) * width], "little")))
    return from_elements(found)
