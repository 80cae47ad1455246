"""Names and numbers in a text that means nothing as a whole: those that can be nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo.explain import bitmaps, fields, settings
from tdxinfo.explain.known import as_one_thing, as_text, named
from tdxinfo.explain.meaning import Explanation
from tdxinfo.explain.spellings import MOST_WORDS

_TELLING = re.compile(r"^/\w|[A-Za-z0-9][_./=][\w/]|[a-z][A-Z]")
"""What a word has that can be no word of the language: a path, `misc.capacity`, `tcbStatus`."""
_ABOUT = {
    "kernel parameter", "kernel option", "QEMU option", "libvirt setting", "path", "term",
    "firmware setting", "flag in /proc/cpuinfo", "setting of the PCCS",
    "setting of the quote libraries", "setting of the quote service",
    "setting of Kata Containers", "setting of Nova",
}  # fmt: skip
"""Kinds of things that people write about in their own words."""
_MOST_NAMES = 2
"""Names in a text of which all are explained: a text with more is about something else."""


def only_name(text: str) -> list[Explanation]:
    """What the only name or two in somebody's own words mean: `misc.capacity has no tdx line`.

    A line of a log is not answered by a name in it, nor a text with a name that is unknown.
    """
    words = [word.strip("`'\"()?!,;:").rstrip(".") for word in text.split()]
    first, colon, _ = text.partition(": ")
    if not 1 < len(words) <= MOST_WORDS or (colon and not re.fullmatch(r"\S*[./]\S*", first)):
        return []
    names = [word for word in words if _TELLING.search(word) or word in settings.parameters()]
    # A number beside a name without a dot or a slash could mean anything.
    if any(word.isdigit() for word in words) and not all(re.search(r"[./]", one) for one in names):
        return []
    found = {name: [one for one in named(name) if one.kind in _ABOUT] for name in names}
    firsts = dict.fromkeys(meanings[0] for meanings in found.values() if meanings)
    if not names or not all(found.values()) or len(firsts) > _MOST_NAMES:
        return []
    return [meaning for meanings in found.values() for meaning in meanings]


def names_of_the_interface(text: str) -> list[Explanation]:
    """What the names of the module's interface in a text mean, where all such names are known."""
    words = [word.strip(".") for word in re.split(r"[\s,;:()\[\]{}'\"|<>=!?&*]+", text)]
    names = [word for word in dict.fromkeys(words) if _IDENTIFIER.fullmatch(word)]
    # A bit that its bitmap does not have is not explained by the bitmap.
    has_bit = re.search(r"\bbit\W*\d", text, re.I) and any(map(bitmaps.bitmap_named, names))
    if not 1 < len(words) <= MOST_WORDS or has_bit:
        return []
    found = {
        name: [meaning for meaning in as_one_thing(name) if meaning.kind in _OF_THE_INTERFACE]
        for name in names
    }
    return [one for meanings in found.values() for one in meanings] if all(found.values()) else []


def long_numbers(text: str) -> list[Explanation]:
    """What the only long number or two among words mean. A short or round one could be anything."""
    words = re.split(r"[\s,;:()\[\]{}'\"=?!]+", text)
    codes = list(dict.fromkeys(filter(_CODE.fullmatch, words)))
    is_sentence = any(word.isalpha() for word in words) and len(words) <= MOST_WORDS
    if not is_sentence or not 0 < len(codes) <= _MOST_NAMES:
        return []
    is_field = re.search(r"\bfield\b", text, re.I) and all(map(fields.is_own_form, codes))
    if not is_field and any(
        len(code.lower().removeprefix("0x").strip("0fh")) < _TELLING_DIGITS for code in codes
    ):
        return []
    found = [as_one_thing(code) for code in codes]
    return [meaning for meanings in found for meaning in meanings] if all(found) else []


_CODE = re.compile(r"0x[0-9a-f]{5,16}|(?=\d*[a-f]|\w*h$)(?=[a-f]*\d)[0-9a-f]{8,16}h?", re.I)
_TELLING_DIGITS = 5
"""Between the zeros, or the ones of a mask, at both ends."""
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_.][A-Za-z0-9]+)+")
_OF_THE_INTERFACE = {
    "SEAMCALL status", "SEAMCALL leaf", "TDCALL leaf", "P-SEAMLDR leaf", "metadata field", "bit",
    "MSR", "register field",
}  # fmt: skip
"""Kinds whose names can be nothing else in a text."""


_LONGEST = 24
"""Of a text; a longer one is about something else."""
_MOST = 3
"""Names that are explained."""
_FEWEST_PLAIN = 2
"""Words without capitals that prose has at least."""
_SIGNS = re.compile(r"[\s,;:()\[\]{}'\"|<>=!?&*/]+")
_NAME = re.compile(r"(?=(?:.*[A-Z]){3})[A-Z][A-Za-z0-9_.-]{2,60}|[A-Za-z]\w*_\w+|[a-z]+\.[a-z]\w+")
"""At least three capitals, an underscore inside, or a dot between two words."""
_KINDS = _OF_THE_INTERFACE | {
    "kernel parameter", "kernel option", "QEMU option", "libvirt setting", "path", "term",
    "firmware setting", "TCB status", "attestation error", "fact", "check",
}  # fmt: skip
"""Kinds of names that are explained wherever they are."""
_COMMON = {
    "ACPI", "AMD", "API", "BIOS", "CPU", "CPUID", "CPUS", "DIMM", "DRAM", "EFI", "GPU", "GRUB",
    "HTTP", "HTTPS", "INTEL", "JSON", "KVM", "LINUX", "MSR", "NUMA", "PCI", "PCIE", "QEMU", "RAM",
    "TDS", "TDX", "TPM", "UEFI", "URL", "USB", "VM", "VMM", "VMS", "XML", "NMI", "IOMMU", "VFIO",
    "TCB", "SVN", "SEV", "SEV-SNP", "SNP", "ABI", "X86_64", "TDX_01", "TDX_03", "TEE_TCB_SVN",
}  # fmt: skip
"""Names that texts about anything have."""
_PARTS = (
    ("MSR ", r"\bmsr[\s_#:]*(0x[0-9a-f]{1,4}|[0-9a-f]{1,4}h)\b"),
    ("MSR ", r"\b(0x[0-9a-f]{2,4}\s\d{1,2}:\d{1,2}(?:\s*[=:]\s*\w+)?)"),
    ("", r"\b(tee_tcb_svn\[\d{1,2}\]\s*=\s*\w+)"),
    ("", r"\b(TDX_0\d,?\sisv\s?svn\s\d+)"),
    ("", r"\b(build\s\d{3,4})\b"),
)  # fmt: skip
"""Words of a text that mean something together, and what a query has before them."""


def names_and_parts(text: str) -> list[Explanation]:
    """What the first names of a text mean, and parts of it such as a register with its bit."""
    if len(text.split()) > _LONGEST:
        return []
    parts = [one for before, part in _PARTS for one in _of_parts(before, part, text)]
    names = dict.fromkeys(filter(_is_name, _SIGNS.split(text))) if _is_prose(text) else ()
    found = (_first_of_kind(_meanings_of(name)) for name in names)
    return [*parts, *(one for one in found if one)][:_MOST]


def _is_prose(text: str) -> bool:
    """Whether somebody wrote it: no line of a log, nor a name with a bit or number it lacks."""
    is_line = re.match(r"\S+: ", text) or re.search(r"\bbit \d+ of\b", text)
    plain = [word for word in text.split() if word.islower() and word.isalpha()]
    return not is_line and len(plain) >= _FEWEST_PLAIN


def _of_parts(before: str, part: str, text: str) -> Iterator[Explanation]:
    for words in re.findall(part, text, re.IGNORECASE):
        yield from _meanings_of(f"{before}{words}")[:1]


def _meanings_of(part: str) -> list[Explanation]:
    return named(part) or as_text(part)


def _is_name(word: str) -> bool:
    plain = word.rstrip(".")
    return _NAME.fullmatch(plain) is not None and plain.upper() not in _COMMON


def _first_of_kind(meanings: list[Explanation]) -> Explanation | None:
    return next((one for one in meanings if one.kind in _KINDS), None)
