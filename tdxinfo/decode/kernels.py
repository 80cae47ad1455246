"""Which generation of TDX host support a kernel has, and what follows from it.

The generations are rows of `tables/kernels.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tdxinfo import tables
from tdxinfo.model.memory import HolesFrom

VENDOR_BOOT = "vendor-boot"
VENDOR_KVM = "vendor-kvm"
BOOT = "boot"
KVM = "kvm"
DETECTS = "detects"
NONE = "none"

UPSTREAM_KVM = (KVM, BOOT)
"""Generations whose KVM is that of Linux 6.16 and later."""
BY_KVM = (KVM, VENDOR_KVM)
"""Generations in which kvm_intel starts the module when it is loaded."""


def version(release: str) -> tuple[int, int] | None:
    """(6, 8) for 6.8.0-1028-intel; None when the release does not begin with a number."""
    found = re.match(r"(\d{1,3})\.(\d{1,4})", release)
    return (int(found.group(1)), int(found.group(2))) if found else None


FIRST_TDX_HOST = (6, 8)
"""The first upstream kernel that detects KeyIDs; nothing in it initializes the module."""
FIRST_RBP_CHECK = (6, 14)
"""The first upstream kernel that refuses a module without NO_RBP_MOD."""
FIRST_KVM_TDX = (6, 16)
"""The first upstream kernel whose kvm_intel, loaded with tdx=1, initializes the module."""
FIRST_UPDATE = (7, 2)
"""The first upstream kernel that can update the module at run time; a failed update loses it."""

NO_HIBERNATION = frozenset(("nohibernate", "hibernate=no"))
"""Options of the kernel command line that turn hibernation off."""


def by_log(lines: Iterable[str]) -> str | None:
    """The generation that alone prints one of these lines about TDX; None when several do."""
    printed = list(lines)
    for name, row in _generations().items():
        leads = tuple(row.get("log", ()))
        if leads and any(line.startswith(leads) for line in printed):
            return name
    return None


def by_release(release: str) -> str | None:
    """The generation of a release: that of its vendor, else the newest up to its version."""
    vendor = vendor_of(release)
    if vendor is not None and not _is_recent(release):
        return vendor.get("generation")
    found = version(release)
    upstream = {name: tuple(row["first"]) for name, row in _generations().items() if "first" in row}
    reached = {name: first for name, first in upstream.items() if found and found >= first}
    return max(reached, key=lambda name: reached[name]) if reached else None


def generation_of(release: str | None, lines: Iterable[str], was_tried: bool) -> str | None:
    """The generation, by the lines that the kernel printed, else by its release.

    `was_tried` is whether the kernel tried to initialize the module, which no upstream kernel
    before 6.16 does.
    """
    printed = list(lines)
    by_lines = by_log(printed)
    if by_lines is not None:
        return by_lines
    named = by_release(release) if release is not None else None
    if named in UPSTREAM_KVM or release is None:
        return named
    shared = _shared_leads()
    if was_tried or any(line.startswith(shared) for line in printed):
        return _vendor_generation(release)
    return None if named == NONE and has_tdx_lines(printed) else named


def has_tdx_lines(lines: Iterable[str]) -> bool:
    """Whether one of the lines is of a kernel with TDX host support."""
    return any(line.startswith(("virt/tdx: ", "tdx: BIOS enabled")) for line in lines)


def _vendor_generation(release: str) -> str:
    """The generation of a vendor's kernel that starts the module before upstream's does."""
    vendor = vendor_of(release) or {}
    return str(vendor.get("when_shown") or vendor.get("generation") or VENDOR_KVM)


def by_parameter(tdx_enabled: bool, release: str) -> str | None:
    """The generation of a kernel whose kvm_intel has the parameter `tdx`, with whatever value.

    Before Linux 6.16 only vendors' kernels have it. None for others.
    """
    if version(release) is None or _is_recent(release):
        return None
    return _vendor_generation(release)


def _is_recent(release: str) -> bool:
    """Whether it is 6.16 or later, from where every kernel has at least upstream's KVM."""
    found = version(release)
    return found is not None and found >= FIRST_KVM_TDX


def meaning(name: str) -> str:
    """The sentence that describes a generation."""
    sentence: str = _generations().get(name, {}).get("meaning", "")
    return sentence


def _generations() -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = tables.load("kernels")["generation"]
    return rows


def _shared_leads() -> tuple[str, ...]:
    return tuple(lead for row in _generations().values() for lead in row.get("shared_log", ()))


def vendor_of(release: str) -> dict[str, Any] | None:
    """The table's row of a vendor's kernel; None for a kernel whose numbers are upstream's."""
    rows: list[dict[str, Any]] = tables.load("kernels")["vendor"]
    return next((row for row in rows if re.search(row["release"], release)), None)


def is_upstream(release: str) -> bool:
    """Whether the release number is upstream's: vendors' kernels carry TDX of their own."""
    return vendor_of(release) is None


def upstream_version(release: str | None) -> tuple[int, int] | None:
    """The version of an upstream kernel; None for a vendor's kernel, or a release without one.

    Rules by version hold only for upstream kernels.
    """
    if release is None or not is_upstream(release):
        return None
    return version(release)


def can_start_tds(
    release: str, config_tdx_host: bool | None, config_kvm_tdx: bool | None
) -> bool | None:
    """Whether an installed kernel can start TDs; None where that is unknown.

    Its configuration decides before its release: whatever its version, a kernel with the option
    CONFIG_KVM_INTEL_TDX has TDX in its KVM. Vendors' kernels before 6.16 do not have this option.
    """
    if config_tdx_host is False:
        return False
    if config_kvm_tdx:
        return True
    named = by_release(release)
    if named in UPSTREAM_KVM:
        return config_kvm_tdx
    if named in (VENDOR_BOOT, VENDOR_KVM):
        return config_tdx_host
    return None if named is None else False


def refuses_hibernation(release: str) -> bool | None:
    """Whether TDX is off while hibernation is available; None for vendors' kernels before 6.16."""
    if _is_recent(release):
        return True
    number = upstream_version(release)
    return None if number is None else number >= FIRST_TDX_HOST


def only_line(release: str) -> str | None:
    """The only line of modules, for example 1.0, that a vendor's kernel supports; None for all."""
    row = vendor_of(release) or {}
    return row.get("drives")


_HOLES: tuple[tuple[str, HolesFrom | None], ...] = (
    # Build 1004 failed for holes in its memory (canonical/tdx issue 135). A later build of Ubuntu
    # 24.04's kernel took them from CMRs (canonical/tdx issue 415); the first is not known.
    (r"6\.8\.0-(?:[1-9]\d{0,2}|100[0-4])-intel$", "memory"),
    (r"6\.8\.0-\d+-intel$", None),
    # Ubuntu 25.04 lacks the patch again (canonical/tdx issue 415).
    (r"6\.14\.0-\d+-intel$", "memory"),
)
"""Vendor kernels by release: a hole of a TDMR is a gap between memory regions, or between CMRs."""
_LAST_READ = (7, 3)
"""The newest upstream kernel whose source was read for `holes_from`."""


def holes_from(release: str) -> HolesFrom | None:
    """What the kernel finds holes of a TDMR between: memory regions or CMRs; None when unknown."""
    for pattern, value in _HOLES:
        if re.match(pattern, release):
            return value
    number = version(release)
    if number is None or not is_upstream(release):
        return None
    return "memory" if FIRST_TDX_HOST <= number <= _LAST_READ else None
