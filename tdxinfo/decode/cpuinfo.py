"""/proc/cpuinfo into what TDX asks of a processor."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tdxinfo import tables
from tdxinfo.errors import Malformed


class Cpus(NamedTuple):
    """The online processors, which are all of one kind. None means that a line is missing."""

    vendor: str | None
    family: int | None
    model: int | None
    stepping: int | None
    model_name: str | None
    flags: frozenset[str] | None
    bugs: frozenset[str] | None
    physical_bits: int | None
    """Width of a physical address, without the bits that carry KeyIDs."""
    online: int | None
    packages: dict[int, int] | None
    """The first online CPU of each package; -1 where it is not known."""
    members: Mapping[int, Sequence[int]] = MappingProxyType({})
    """All online CPUs of each package; empty where only the first are known."""
    microcode: tuple[str, ...] | None = None
    """The microcode's revision of each package, the package's first online CPU first."""
    flags_are_cut: bool = False
    """The list of flags may go on: one that is not there proves nothing."""

    def those_of(self, names: Sequence[str]) -> list[str] | None:
        """The named flags that the processor has; None if its flags are unknown."""
        if self.flags is None:
            return None
        found = [name for name in names if name in self.flags]
        return None if self.flags_are_cut and len(found) < len(names) else found


def parse(text: str) -> Cpus:
    """Raises Malformed when the text has no processor.

    A line `processor` begins each; copies of the file may lack the empty lines between them.
    """
    parts = re.split(r"\n\s*\n|\n(?=processor\s*:)", text)
    blocks = [_block(block) for block in parts if block.strip()]
    if not blocks or "vendor_id" not in blocks[0]:
        raise Malformed("/proc/cpuinfo describes no x86 processor")
    first = blocks[0]
    width = re.match(r"(\d{1,3}) bits physical", first.get("address sizes", ""))
    return Cpus(
        vendor=first["vendor_id"],
        family=_number(first, "cpu family"),
        model=_number(first, "model"),
        stepping=_number(first, "stepping"),
        model_name=first.get("model name"),
        flags=_words(first, "flags"),
        bugs=_words(first, "bugs"),
        physical_bits=int(width.group(1)) if width else None,
        online=len(blocks),
        packages=_packages(blocks),
        members=_members(blocks),
        microcode=_microcode(blocks),
    )


def _block(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _number(block: dict[str, str], key: str) -> int | None:
    digits = block.get(key, "")
    return int(digits) if re.fullmatch(r"\d{1,9}", digits, re.ASCII) else None


def _words(block: dict[str, str], key: str) -> frozenset[str] | None:
    return frozenset(block[key].split()) if key in block else None


def _packages(blocks: list[dict[str, str]]) -> dict[int, int] | None:
    """Kernels without SMP leave `physical id` out."""
    packages: dict[int, int] = {}
    for block in blocks:
        package, cpu = _number(block, "physical id"), _number(block, "processor")
        if package is None or cpu is None:
            return None
        packages.setdefault(package, cpu)
    return packages


def _members(blocks: list[dict[str, str]]) -> dict[int, list[int]]:
    members: dict[int, list[int]] = {}
    for block in blocks:
        package, cpu = _number(block, "physical id"), _number(block, "processor")
        if package is not None and cpu is not None:
            members.setdefault(package, []).append(cpu)
    return members


def _microcode(blocks: list[dict[str, str]]) -> tuple[str, ...] | None:
    """A package whose CPUs differ has all their revisions, with a slash between."""
    packages: dict[int, dict[str, None]] = {}
    for block in blocks:
        digits = re.fullmatch(r"0x([0-9a-f]{1,8})", block.get("microcode", ""), re.ASCII)
        if not digits:
            return None
        revision = f"0x{int(digits[1], 16):08x}"
        packages.setdefault(_number(block, "physical id") or 0, {})[revision] = None
    return tuple("/".join(packages[package]) for package in sorted(packages)) or None


AMD_OR_HYGON = "AuthenticAMD or HygonGenuine"
"""One of two vendors: both use the kernel module kvm_amd."""

_MAKERS = {
    AMD_OR_HYGON: "AMD or Hygon",
    "GenuineIntel": "Intel",
    "AuthenticAMD": "AMD",
    "HygonGenuine": "Hygon",
    "CentaurHauls": "Centaur",
    "  Shanghai  ": "Zhaoxin",
}


def maker(vendor: str) -> str:
    """The maker's name for a vendor's id: AMD for AuthenticAMD."""
    return _MAKERS.get(vendor, vendor)


def codename(family: int, model: int) -> str | None:
    """Sapphire Rapids for family 6, model 143; None for what is not in the table."""
    row = cpu_row(family, model)
    return str(row["codename"]) if row else None


_VENDORS = {"Intel": "GenuineIntel", "INTEL": "GenuineIntel", "AMD": "AuthenticAMD"}


def vendor_of_name(model_name: str) -> str | None:
    """The vendor of a processor by the name that it gives itself: AMD EPYC 7502."""
    first = re.match(r"(?:\d+th Gen )?([A-Za-z]+)\b", model_name)
    return _VENDORS.get(first[1]) if first else None


_FAMILY = 6
"""Of the rows that name no family."""


def cpu_row(family: int, model: int) -> dict[str, str] | None:
    """The table's row of an Intel processor."""
    rows = tables.load("cpus")["model"]
    wanted = (family, model)
    return next((r for r in rows if (r.get("family", _FAMILY), r["model"]) == wanted), None)


def signature(family: int, model: int) -> int:
    """CPUID(1).EAX of a processor, without its stepping (SDM, CPUID, version information)."""
    base, extended = (family, 0) if family < 15 else (15, family - 15)
    return extended << 20 | (model >> 4) << 16 | base << 8 | (model & 0xF) << 4


def never_has_tdx(family: int, model: int) -> bool:
    """Whether no part of this family and model has TDX as a host."""
    if family in tables.load("cpus")["families_without_tdx"]:
        return True
    return (cpu_row(family, model) or {}).get("tdx") == "no"
