"""An object of the kernel as a capture keeps it: its bytes, and where its members lie in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from tdxinfo.errors import Absent, Malformed

if TYPE_CHECKING:
    from tdxinfo.decode.btf import Leaf

_MAX_BITS = 64
_MAX_ELEMENTS = 4096
_PARTS = 5


class KernelObject(NamedTuple):
    """Bytes and members by path; the layout is that of the kernel's BTF."""

    name: str
    data: bytes
    leaves: dict[str, Leaf]

    def member(self, path: str) -> int | list[int]:
        """A number, or the numbers of an array. Raises Absent or Malformed."""
        from tdxinfo.decode.btf import read_leaf

        if path not in self.leaves:
            raise Absent(f"this kernel's {self.name} has no {path}")
        return read_leaf(self.data, self.leaves[path])

    def number(self, path: str) -> int:
        found = self.member(path)
        if isinstance(found, list):
            raise Malformed(f"{self.name}.{path} is an array")
        return found

    def recorded(self) -> dict[str, Any]:
        """Hex text, and a line a member: path, bit offset, bits, elements, 1 if signed.

        Pointers are left out of both: they would show a reader where the kernel's memory lies.
        """
        data = bytearray(self.data)
        lines = []
        for leaf in self.leaves.values():
            if leaf.is_pointer:
                first, size = leaf.bit_offset // 8, leaf.bit_size // 8 * leaf.length
                data[first : first + size] = bytes(len(data[first : first + size]))
            else:
                lines.append(_line(leaf))
        return {"data": data.hex(), "layout": lines}


def _line(leaf: Leaf) -> str:
    return f"{leaf.path} {leaf.bit_offset} {leaf.bit_size} {leaf.length} {int(leaf.is_signed)}"


def made(name: str, data: bytes, leaves: Iterable[Leaf]) -> KernelObject:
    """An object from live bytes; members without length, as flexible arrays, are left out.

    Raises Malformed for an array that is longer than any of the kernel's.
    """
    kept = {leaf.path: leaf for leaf in leaves if leaf.length}
    if any(leaf.length > _MAX_ELEMENTS for leaf in kept.values()):
        raise Malformed(f"the layout of {name} has an array of more than {_MAX_ELEMENTS} elements")
    return KernelObject(name, data, kept)


def without_padding(data: bytes, leaves: Iterable[Leaf]) -> bytes:
    """The bytes with zeros between the members, where the kernel may have left anything."""
    kept = bytearray(len(data))
    for leaf in leaves:
        first, end = leaf.bit_offset // 8, (leaf.bit_offset + leaf.bit_size * leaf.length + 7) // 8
        kept[first:end] = data[first:end]
    return bytes(kept)


def parse(name: str, recorded: Any) -> KernelObject:
    """The object that `recorded` wrote. Raises Malformed."""
    if not isinstance(recorded, dict) or not isinstance(recorded.get("layout"), list):
        raise Malformed(f"the record's {name} has no layout")
    try:
        data = bytes.fromhex(recorded.get("data", ""))
    except (TypeError, ValueError):
        raise Malformed(f"the record's {name} is not hex text") from None
    return made(name, data, [_leaf(name, line) for line in recorded["layout"]])


def _leaf(name: str, line: Any) -> Leaf:
    from tdxinfo.decode.btf import Leaf

    parts = str(line).split()
    if len(parts) != _PARTS or not all(part.isdecimal() and len(part) < 9 for part in parts[1:]):
        raise Malformed(f"the record's layout of {name} has {str(line)[:80]!r}")
    offset, size, length, sign = map(int, parts[1:])
    if not 0 < size <= _MAX_BITS or length > _MAX_ELEMENTS:
        raise Malformed(f"the record's layout of {name} has {str(line)[:80]!r}")
    return Leaf(parts[0], offset, size, length, bool(sign))
