"""Bits and bitmaps: by name, by number, by the kernel's macro, or with a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import bits, metadata
from tdxinfo.decode.releases import platform_bits, releases
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import Reading, read_as, readings
from tdxinfo.model.values import hex64

_ALIASES = {
    "features0": "TDX_FEATURES0",
    "tdx_features": "TDX_FEATURES0",
    "features": "TDX_FEATURES0",
    "attributes": "TD_ATTRIBUTES",
    "td_attr": "TD_ATTRIBUTES",
    "tdattributes": "TD_ATTRIBUTES",
    "tdattr": "TD_ATTRIBUTES",
    "attrs": "TD_ATTRIBUTES",
    "supported_attrs": "TD_ATTRIBUTES",
    "supported_attributes": "TD_ATTRIBUTES",
    "supported_xfam": "XFAM",
    "td_attribute": "TD_ATTRIBUTES",
    "seam_attributes": "SYS_ATTRIBUTES",
    "seamattributes": "SYS_ATTRIBUTES",
    "arch_capabilities": "IA32_ARCH_CAPABILITIES",
    "arch_cap": "IA32_ARCH_CAPABILITIES",
    "vcpu_l2_ctls": "L2_CTLS",
    "vpcu_l2_ctls": "L2_CTLS",
    "vcpu_l2_debug_ctls": "L2_DEBUG_CTLS",
    "vpcu_l2_debug_ctls": "L2_DEBUG_CTLS",
    "guest_gpa_attr": "GPA_ATTR",
    "guest_l2_gpa_attr": "GPA_ATTR",
}
_MACROS: dict[str, str | None] = {
    "TDX_FEATURES0_": "TDX_FEATURES0",
    "MD_FIELD_ID_FEATURES0_": "TDX_FEATURES0",
    "TDX_TD_ATTR_": "TD_ATTRIBUTES",
    "TDX_TD_ATTRIBUTES_": "TD_ATTRIBUTES",
    "TDX_TD_ATTRIBUTE_": "TD_ATTRIBUTES",
    "TDX_ATTR_": "TD_ATTRIBUTES",
    "TD_ATTRIBUTES_": "TD_ATTRIBUTES",
    "ATTR_": "TD_ATTRIBUTES",
    "TDX_TD_XFAM_": "XFAM",
    "TDX_XFAM_": "XFAM",
    "XFAM_": "XFAM",
    "XFEATURE_MASK_": "XFAM",
    "XFEATURE_": "XFAM",
    "TDX_CONFIG_FLAGS_": "CONFIG_FLAGS",
    "CONFIG_FLAGS_": "CONFIG_FLAGS",
    "TDCS_CONFIG_": "CONFIG_FLAGS",
    "TD_CTLS_": "TD_CTLS",
    "ARCH_CAP_": "IA32_ARCH_CAPABILITIES",
    "MSR_ARCH_CAP_": "IA32_ARCH_CAPABILITIES",
    "TDX_": None,
}
"""Prefixes of macros in Linux, QEMU and the module's source, and the bitmap of each."""
_WITH_VALUE = re.compile(r"([\w.]+(?:\s\w+)??)\s*(?:[=:&]|\bis\b)\s*(\w+)")
_VALUE_AFTER = re.compile(
    r"([\w.]+(?:\s\w+)?)\s+(0x[0-9a-f]{1,16}|[0-9a-f]{8}|[0-9a-f]{16}|\d{5,20})", re.IGNORECASE
)
_MEMBER = re.compile(r"(\w+)(?:\.|->|\s*[:,]\s*|\s+)(?:bit\s+)?([a-z]\w*)(?:\s+bit)?", re.I)
_MEMBER_OF = re.compile(r"(\w+)\s+(?:bit\s+)?(?:in|of)\s+(?:the\s+)?(\w+)", re.I)
_NUMBERED = (
    re.compile(r"([\w.]+)\s*\[\s*(\d{1,2})(?::\2)?\s*\]"),
    re.compile(r"([\w.]+)[\s,:.&]+bits?\s*[=#]?\s*(\d{1,2})", re.IGNORECASE),
)
_BITS = re.compile(
    r"([\w.]+)\s+bits\s+(\d{1,2}(?:\s*(?:,|and|&|to|-|:|/)\s*(?:and\s+|bit\s+)?\d{1,2}){1,9})", re.I
)
_BIT_RANGE = re.compile(r"([\w.]+)\s*\[\s*(\d{1,2}\s*[:-]\s*\d{1,2})\s*\]")
"""Several bits: `xfam bits 17 and 18`, `XFAM[7:5]`."""
_SHIFTED = re.compile(r"\bBIT(?:_ULL)?\((\d{1,2})\)|\(?\b1(?:U?L{0,2})\s*<<\s*(\d{1,2})\)?", re.I)
"""A bit as C writes it."""
_BIT_OF = re.compile(r"bit\s*#?(\d{1,2})\s+(?:of|in)\s+([\w.]+)", re.IGNORECASE)


_OF_THE_MODULE = re.compile(
    r"\b(?:virt/)?(?:(?:tdx|seam)[\s:-]{1,3}){0,2}module(?:'s)?[\s:]{1,3}attributes?\b",
    re.IGNORECASE,
)


def of_the_module(text: str) -> str:
    """The text with the module's own attributes by their name, which are not those of a TD:
    `TDX module: attributes 0x80000000`.
    """
    return _OF_THE_MODULE.sub("SYS_ATTRIBUTES", text)


def bitmap_named(name: str) -> str | None:
    """TDX_FEATURES0 for `features0`, `module.features0` or `tdx_features0`."""
    stems = {bitmap.lower(): bitmap for bitmap in tables.load("features")}
    short = re.sub(
        r"_(fixed[01]|mask|config_mask)$", "", name.lower().replace(" ", "_").rpartition(".")[2]
    )
    short = short.removeprefix("msr_")
    return stems.get(short) or _ALIASES.get(short)


def bit(query: str) -> Iterator[Explanation]:
    """A bit by its name, by the kernel's macro for it, as BITMAP.NAME or as NAME in BITMAP."""
    member, of = _MEMBER.fullmatch(query), _MEMBER_OF.fullmatch(query)
    if member or of:
        name, word = (of[1], of[2]) if of else (member[2], member[1]) if member else ("", "")
        bitmap = bitmap_named(word)
        yield from rows_named(name, bitmap) if bitmap else ()
        return
    found = list(rows_named(query, None))
    if not found:
        found = [
            meaning
            for prefix, bitmap in _MACROS.items()
            if query.upper().startswith(prefix)
            for meaning in rows_named(_without_macro(query.upper(), prefix), bitmap)
        ]
    yield from found


def _without_macro(macro: str, prefix: str) -> str:
    return macro.removeprefix(prefix).removesuffix("_BIT")


def rows_named(name: str, only: str | None) -> Iterator[Explanation]:
    """The bits of a name; QEMU's options have hyphens, `sept-ve-disable`."""
    for bitmap, row in _by_names().get(name.replace("-", "_").upper(), ()):
        if only in (None, bitmap):
            yield _bit(bitmap, row)


@cache
def _by_names() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The bits by all their names, each with its bitmap."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for bitmap, table in tables.load("features").items():
        for row in table["fields"]:
            for name in {row["name"].upper(), *_other_names(row)}:
                found.setdefault(name, []).append((bitmap, row))
    return found


def _other_names(row: dict[str, Any]) -> tuple[str, ...]:
    """The names of the bit in Linux and in the module's source, where they differ."""
    return (*row.get("linux", ()), *row.get("source", ()))


def numbered(query: str) -> Iterator[Explanation]:
    """A bit by its number: `TDX_FEATURES0 bit 18`, `features0[18]`, `bit 18 of TDX_FEATURES0`,
    `TDX_FEATURES0 & BIT(18)`.
    """
    query = _SHIFTED.sub(r"bit \1\2", of_the_module(query))
    for pattern in _NUMBERED:
        match = pattern.fullmatch(query)
        if match:
            yield from at(match[1], int(match[2]))
            return
    match = _BIT_OF.fullmatch(query)
    if match:
        yield from at(match[2], int(match[1]))
    match = _BITS.fullmatch(query) or _BIT_RANGE.fullmatch(query)
    if match:
        numbers = [int(number) for number in re.findall(r"\d+", match[2])]
        if re.search(r"to|-|:", match[2]) and len(numbers) == 2:
            numbers = list(range(min(numbers), max(numbers) + 1))
        yield from (meaning for number in numbers for meaning in at(match[1], number))


def at(name: str, number: int) -> Iterator[Explanation]:
    """The bit of a bitmap by its number."""
    bitmap = bitmap_named(name)
    if bitmap is None or number > 63:
        return
    for row in tables.load("features")[bitmap]["fields"]:
        if row["bits"] == str(number):
            yield _bit(bitmap, row)
            return
    rows = [("bitmap", bitmap), ("bit", str(number))]
    yield explanation("bit", f"bit {number} of {bitmap}", "This bit has no public name.", rows)


def _bit(bitmap: str, row: dict[str, Any]) -> Explanation:
    rows = [
        ("bitmap", bitmap),
        ("bit", row["bits"]),
        ("Linux", ", ".join(row.get("linux", ()))),
        ("source", ", ".join(row.get("source", ()))),
    ]
    if bitmap == "TDX_FEATURES0":
        rows.append(("releases that have it", _first_releases(int(row["bits"]))))
    rows.append(("KVM", _of_kvm(bitmap, [row["name"]])))
    return explanation("bit", row["name"], row.get("doc", ""), rows)


def _of_kvm(bitmap: str, names: list[str]) -> str:
    """Which of the bits KVM does not let a TD have; empty where it lets it have all."""
    known: list[str] = tables.load("features")[bitmap].get("kvm", names)
    refused = [name for name in names if name not in known]
    only = f"KVM of upstream Linux, 6.16 to 7.3, supports only {', '.join(known)}"
    return f"{only}: not {', '.join(refused)}" if refused else ""


def _first_releases(number: int) -> str:
    """The first release of each line from which on every known one has the bit."""
    since: dict[tuple[int, int], str] = {}
    for release in releases():
        if release.features0 is None:
            continue
        if release.features0 >> number & 1:
            since.setdefault(release.line, f"{release.version} and later")
        else:
            since.pop(release.line, None)
    if not since and platform_bits() >> number & 1:
        return "it depends on the processor or the platform"
    return ", ".join(since.values()) or "none that tdxinfo knows of"


def with_value(query: str) -> Iterator[Explanation]:
    """A bitmap with its value, `features0=0xfbf`: the names of the bits that are set."""
    query = of_the_module(query.replace('"', "").strip("{}, "))
    query = re.sub(r"^\w+->(?=\w)", "", query)
    match = _WITH_VALUE.fullmatch(query) or _VALUE_AFTER.fullmatch(query)
    bitmap = bitmap_named(match[1]) if match else None
    values = (readings(match[2]) or readings(f"0x{match[2]}")) if match else []
    if match and bitmap and re.fullmatch(r"[0-9a-f]{16}", match[2], re.I):
        values = [_of_bytes(bitmap, match[2])]
    if bitmap:
        # A number without 0x is that which leaves fewer bits without a name.
        values = sorted(values, key=lambda one: unnamed(bitmap, one.value))
    field = metadata.declared().get(match[1].upper()) if match else None
    if bitmap and values and not (field and int(field.id) == values[0].value):
        yield described(bitmap, values[0])


def _of_bytes(bitmap: str, digits: str) -> Reading:
    """16 digits without 0x: a number, or bytes as a quote has them, the lowest first. They are
    bytes where this leaves fewer bits without a name.
    """
    number = int(digits, 16)
    swapped = int.from_bytes(number.to_bytes(8, "big"), "little")
    if unnamed(bitmap, swapped) < unnamed(bitmap, number):
        return Reading(swapped, _BYTES, digits, False)
    return Reading(number, "hex", digits, True)


def unnamed(bitmap: str, value: int) -> int:
    return sum(name.startswith("BIT_") for name in bits.names_of(bitmap, value))


_BYTES = "bytes"
_EXPLAINED = 8
"""Set bits of a bitmap up to which each is explained."""


def described(bitmap: str, value: Reading) -> Explanation:
    set_bits = bits.names_of(bitmap, value.value)
    names = " ".join(set_bits) or "none"
    fields = tables.load("features")[bitmap]["fields"]
    explained = [row for row in fields if bits.is_set(bitmap, row["name"], value.value)]
    missing = [
        f"{row['name']}, without which {row['required']}"
        for row in fields
        if "required" in row and not bits.is_set(bitmap, row["name"], value.value)
    ]
    rows = [
        ("missing", "; ".join(missing)),
        ("what to do", "Update the TDX module." if missing else ""),
        ("read as", "bytes, the lowest first, as a quote has them") if value.base == _BYTES
        else read_as(value),
    ]  # fmt: skip
    known: dict[str, str] = tables.load("features")[bitmap].get("values", {})
    rows.append(("this value", known.get(f"{value.value:#x}", "")))
    if bitmap == "TDX_FEATURES0":
        rows.append(("Linux and KVM", "" if missing else f"accept it: {_required()} are set"))
        rows.append(("releases with this value", _releases_with(value.value)))
        rows.append(("other builds with it", _builds_with(value.value)))
        rows.append(("not set", " ".join(_not_set(bitmap, value.value))))
    rows.append(("KVM", _of_kvm(bitmap, set_bits)))
    title = f"{bitmap} {hex64(value.value)}"
    if len(set_bits) <= _EXPLAINED:
        rows += [(f"bit {row['bits']} {row['name']}", row.get("doc", "")) for row in explained]
    return explanation("bitmap", title, f"These bits are set: {names}.", rows)


def _required() -> str:
    """The bits without which kernels refuse the module."""
    rows = tables.load("features")["TDX_FEATURES0"]["fields"]
    return " and ".join(row["name"] for row in rows if "required" in row)


def _not_set(bitmap: str, value: int) -> list[str]:
    rows = tables.load("features")[bitmap]["fields"]
    return [row["name"] for row in rows if not bits.is_set(bitmap, row["name"], value)]


def features_of_a_release(query: str) -> Iterator[Explanation]:
    """A number alone, where it is TDX_FEATURES0 of a release."""
    for reading in readings(query):
        if reading.base == "hex" and _releases_with(reading.value):
            yield described("TDX_FEATURES0", reading)


def _releases_with(features0: int) -> str:
    return ", ".join(str(r.version) for r in releases() if r.features0 == features0)


def _builds_with(features0: int) -> str:
    """Builds that are no public releases."""
    rows = [row for row in tables.load("modules")["unreleased"] if "features0" in row]
    found = [row for row in rows if int(row["features0"], 16) == features0]
    return ", ".join(f"{r['line']} build {r['build_number']} ({r['note']})" for r in found)


def whole_bitmap(query: str) -> Iterator[Explanation]:
    """A bitmap by its own name: its bits."""
    query = of_the_module(query)
    bitmap = bitmap_named(query)
    if bitmap and query.upper().removeprefix("MSR_") in (bitmap, *map(str.upper, _ALIASES)):
        names = ((row["bits"], row["name"]) for row in tables.load("features")[bitmap]["fields"])
        rows = [("bits", ", ".join(f"{number} {name}" for number, name in names))]
        meaning = f"A bitmap; `tdxinfo explain {bitmap}=VALUE` names the bits that are set."
        yield explanation("bitmap", bitmap, meaning, rows)


def names() -> Iterator[str]:
    for bitmap in tables.load("features"):
        yield bitmap
        yield from bits.all_names(bitmap)
