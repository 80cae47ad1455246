"""What is known of a text that means nothing as a whole: names in it that can be nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tdxinfo.explain.meaning import Explanation

_MOST_WORDS = 24
"""Of a text; a longer one is about something else."""
_MOST = 3
"""Names that are explained."""
_FEWEST_PLAIN = 2
"""Words without capitals that prose has at least."""
_SIGNS = re.compile(r"[\s,;:()\[\]{}'\"|<>=!?&*/]+")
_NAME = re.compile(r"(?=(?:.*[A-Z]){3})[A-Z][A-Za-z0-9_.-]{2,60}|[A-Za-z]\w*_\w+|[a-z]+\.[a-z]\w+")
"""At least three capitals, an underscore inside, or a dot between two words."""
_KINDS = {
    "SEAMCALL status", "SEAMCALL leaf", "TDCALL leaf", "P-SEAMLDR leaf", "metadata field", "bit",
    "MSR", "register field", "kernel parameter", "kernel option", "QEMU option", "libvirt setting",
    "path", "term", "firmware setting", "TCB status", "attestation error", "fact", "check",
}  # fmt: skip
_COMMON = {
    "ACPI", "AMD", "API", "BIOS", "CPU", "CPUID", "CPUS", "DIMM", "DRAM", "EFI", "GPU", "GRUB",
    "HTTP", "HTTPS", "INTEL", "JSON", "KVM", "LINUX", "MSR", "NUMA", "PCI", "PCIE", "QEMU", "RAM",
    "TDS", "TDX", "TPM", "UEFI", "URL", "USB", "VM", "VMM", "VMS", "XML", "NMI", "IOMMU", "VFIO",
    "TCB", "SVN", "SEV", "SEV-SNP", "SNP", "ABI", "X86_64", "TDX_01", "TDX_03", "TEE_TCB_SVN",
}  # fmt: skip
"""Names that texts about anything have."""
_PARTS = (
    ("MSR ", r"\bmsr[\s_#:]*(0x[0-9a-f]{1,4}|[0-9a-f]{1,4}h)\b(?:.{0,20}?\b(bits?\s?\d{1,2})\b)?"),
    ("MSR ", r"\b(0x[0-9a-f]{2,4})\s(\d{1,2}:\d{1,2}(?:\s*[=:]\s*\w+)?)"),
    ("", r"\b(tee_tcb_svn\[\d{1,2}\]\s*=\s*\w+)"),
    ("", r"\b(TDX_0\d,?\sisv\s?svn\s\d+)"),
    ("", r"\b(build\s\d{3,4})\b"),
)  # fmt: skip
"""What stands before parts of a text in a query, and the parts: where both groups mean nothing
together, the first does alone."""


def mentioned(text: str, named: Callable[[str], list[Explanation]]) -> list[Explanation]:
    """What `named` says of the registers and names in the text."""
    if len(text.split()) > _MOST_WORDS:
        return []
    parts = [one for before, part in _PARTS for one in _of_parts(before, part, text, named)]
    names = dict.fromkeys(filter(_is_name, _SIGNS.split(text))) if _is_prose(text) else ()
    found = (_first_of_kind(named(name)) for name in names)
    return [*parts, *(one for one in found if one)][:_MOST]


def _is_prose(text: str) -> bool:
    """Whether somebody wrote it: no line of a log, nor a name with a bit or number it lacks."""
    is_line = re.match(r"\S+: ", text) or re.search(r"\bbit \d+ of\b", text)
    plain = [word for word in text.split() if word.islower() and word.isalpha()]
    return not is_line and len(plain) >= _FEWEST_PLAIN


def _of_parts(
    before: str, part: str, text: str, named: Callable[[str], list[Explanation]]
) -> Iterator[Explanation]:
    for match in re.finditer(part, text, re.IGNORECASE):
        whole = before + " ".join(group for group in match.groups() if group)
        yield from (named(whole) or named(before + match[1]))[:1]


def _is_name(word: str) -> bool:
    plain = word.rstrip(".")
    return _NAME.fullmatch(plain) is not None and plain.upper() not in _COMMON


def _first_of_kind(meanings: list[Explanation]) -> Explanation | None:
    return next((one for one in meanings if one.kind in _KINDS), None)
