"""Compares the tables of codes with header files of the TDX module's source and of Linux.

    python -m tests.tools.compare_headers FOLDER...

Each FOLDER is searched for the files that define statuses and operands
(tdx_error_codes_defs.h), leaves and bitmaps (tdx_api_defs.h), metadata fields
(global_sys_fields_lookup.c and .h), and for Linux's own (tdx.h, tdx_errno.h). A name that the
tables lack, or that has another number there, is a line; the status is 1 when there is any. What a
header leaves out is not a difference: each version of the module has fewer or other names.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tdxinfo import tables
from tdxinfo.decode import bits, fieldid, metadata, seamcall

_STATUS = re.compile(r"#define\s+((?:TDX?_|UNINIT)\w+)\s+(?:_?ULL?\()?0x([0-9A-Fa-f]{9,16})")
_OPERAND = re.compile(r"#define\s+(?:TDX_)?OPERAND_ID_(\w+)\s+(?:0x([0-9a-fA-F]+)|(\d+))")
_LEAF = re.compile(r"\b(TD[HG]_\w+?)(?:_LEAF)?\s*=\s*(\d+)")
_FIELD = re.compile(r"//\s*([A-Z0-9_]+)\s*//\s*\d+\s+\.field_id\s*=\s*\{\s*\.raw\s*=\s*(0x\w+)")
_FIELD_ID = re.compile(r"#define\s+MD_SYS_(\w+)_FIELD_ID\s+(0x\w+?)ULL")
_BITMAP = re.compile(r"typedef union (\w+?)_[su]\b(.*?)\bstruct\s*\{(.*?)\}", re.DOTALL)
_MEMBER = re.compile(r"(\w+)\s*:\s*(\d+)\s*[,;]")
_ATTRIBUTE = re.compile(r"#define\s+TDX_(?:TD_)?ATTR_(\w+)_BIT\s+(\d+)")
_FEATURE = re.compile(r"#define\s+TDX_FEATURES0_(\w+)\s+BIT(?:_ULL)?\((\d+)\)")


def statuses(text: str) -> Iterator[str]:
    for name, digits in _STATUS.findall(text):
        code = int(digits, 16)
        known = seamcall.status_named(name)
        if known is None:
            yield f"status {name} ({code:#018x}) is not in the table"
        elif code not in (known.code, *known.other_codes):
            yield f"status {name} is {code:#018x}, and the table has {known.code:#018x}"


def operands(text: str) -> Iterator[str]:
    table = tables.load("seamcall")
    rows = {name.upper(): number for name, number in table["operand"].items()}
    rows |= {linux: rows[name] for linux, name in table["linux_operand"].items()}
    for name, hexadecimal, decimal in _OPERAND.findall(text):
        number = int(hexadecimal, 16) if hexadecimal else int(decimal)
        if rows.get(name.upper()) != number:
            yield f"operand {name} is {number:#x}, and the table has {rows.get(name.upper())}"


def leaves(text: str) -> Iterator[str]:
    for name, digits in _LEAF.findall(text):
        known = seamcall.leaf_named(name)
        if known is None or known.number != int(digits):
            yield f"leaf {name} is {digits}, and the table has {known and known.number}"


def fields(text: str) -> Iterator[str]:
    """Fields of the module only: those of a TD have a context in their ids."""
    for name, digits in [*_FIELD.findall(text), *_FIELD_ID.findall(text)]:
        number = int(digits, 16)
        if number >> 52 & 7:
            continue
        known = metadata.declared().get(name)
        if known is None or fieldid.key(known.id) != fieldid.key(number):
            yield f"field {name} is {number:#018x}, and the table has {known and hex(known.id)}"


BITMAPS = {
    "tdx_features_enum0": "TDX_FEATURES0",
    "td_param_attributes": "TD_ATTRIBUTES",
    "config_flags": "CONFIG_FLAGS",
    "gpa_attr_single_vm": "GPA_ATTR",
}
"""The bitmaps of the tables by the names of their unions in the module's source."""


def bitmaps(text: str) -> Iterator[str]:
    """Bits by their place in a union: each member follows the one before."""
    for union, _, members in _BITMAP.findall(text):
        place = 0
        for name, width in _MEMBER.findall(members) if union in BITMAPS else ():
            bitmap, end = BITMAPS[union], place + int(width)
            for number in range(place, end) if not name.startswith("reserved") else ():
                yield from _bit(bitmap, number, name.upper())
            place = end


def attributes(text: str) -> Iterator[str]:
    yield from _bits(_ATTRIBUTE, "TD_ATTRIBUTES", text)


def features(text: str) -> Iterator[str]:
    yield from _bits(_FEATURE, "TDX_FEATURES0", text)


def _bits(pattern: re.Pattern[str], bitmap: str, text: str) -> Iterator[str]:
    for name, digits in pattern.findall(text):
        yield from _bit(bitmap, int(digits), name)


def _bit(bitmap: str, number: int, name: str) -> Iterator[str]:
    names = _names_of(bitmap, number)
    if name not in names:
        yield f"bit {number} of {bitmap} is {name}, and the table has {names}"


def _names_of(bitmap: str, number: int) -> list[str]:
    rows = tables.load("features")[bitmap]["fields"]
    found = [
        [r["name"], *r.get("linux", ()), *r.get("source", ())]
        for r in rows
        if bits.bit_range(r["bits"])[0] == number
    ]
    return found[0] if found else []


COMPARED: dict[str, tuple[Callable[[str], Iterator[str]], ...]] = {
    "tdx_error_codes_defs.h": (statuses, operands),
    "tdx_api_defs.h": (leaves, bitmaps),
    "global_sys_fields_lookup.c": (fields,),
    "global_sys_fields_lookup.h": (fields,),
    "tdx_errno.h": (statuses, operands),
    "tdx.h": (statuses, attributes, features),
}
"""The functions for a file, by its name."""


def main(folders: list[Path]) -> int:
    """Prints each difference once, with the first file that shows it."""
    seen: dict[str, Path] = {}
    compared = 0
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*.[ch]") if path.name in COMPARED):
            compared += 1
            text = path.read_text(errors="replace")
            for compare in COMPARED[path.name]:
                for difference in compare(text):
                    seen.setdefault(difference, path)
    for difference, path in seen.items():
        print(f"{path}: {difference}")
    print(f"{compared} files compared")
    return int(bool(seen) or not compared)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main([Path(word) for word in sys.argv[1:]]))
