"""Kernels into the generation of TDX host support they belong to.

The generations are rows of `tables/kernels.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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


def version(release: str) -> tuple[int, int] | None:
    """(6, 8) for 6.8.0-1028-intel; None for a release that begins with no number."""
    found = re.match(r"(\d{1,3})\.(\d{1,4})", release)
    return (int(found.group(1)), int(found.group(2))) if found else None


FIRST_TDX_HOST = (6, 8)
"""KeyIDs are detected; nothing initializes the module."""
FIRST_RBP_CHECK = (6, 14)
"""A module without NO_RBP_MOD is refused."""
FIRST_KVM_TDX = (6, 16)
"""kvm_intel initializes the module when it loads with tdx=1."""
FIRST_AT_BOOT = (7, 1)
"""The core kernel initializes the module at every boot."""


def by_log(lines: Iterable[str]) -> str | None:
    """The generation that printed these lines about TDX; None when they do not tell."""
    told = list(lines)
    for name, row in tables.load("kernels").items():
        leads = tuple(row.get("log", ()))
        if leads and any(line.startswith(leads) for line in told):
            return name
    return None


def by_release(release: str) -> str | None:
    """The generation that the release names, by a vendor's word in it or by its number."""
    found = version(release)
    rows = tables.load("kernels")
    if found and found < FIRST_KVM_TDX:
        for name, row in rows.items():
            if re.search(row.get("release", "$^"), release):
                return name
    upstream = {name: tuple(row["first"]) for name, row in rows.items() if "first" in row}
    begun = {name: first for name, first in upstream.items() if found and found >= first}
    return max(begun, key=lambda name: begun[name]) if begun else None


def by_parameter(tdx_enabled: bool, release: str) -> str | None:
    """A kernel older than 6.16 whose kvm_intel has the parameter `tdx` carries a vendor's KVM."""
    found = version(release)
    return VENDOR_KVM if found and found < FIRST_KVM_TDX else None


def meaning(name: str) -> str:
    """What a generation is, in a sentence."""
    told: str = tables.load("kernels").get(name, {}).get("meaning", "")
    return told


def is_upstream(release: str) -> bool:
    """Whether the release number tells the generation: vendor kernels carry TDX of their own."""
    rows = tables.load("kernels").values()
    return not any(re.search(row.get("release", "$^"), release) for row in rows)


_HOLES: tuple[tuple[str, HolesFrom | None], ...] = (
    # Build 1004 failed for holes in its memory (canonical/tdx issue 135). A later build of Ubuntu
    # 24.04's kernel took them from CMRs (canonical/tdx issue 415); the first is not known.
    (r"6\.8\.0-(?:[1-9]\d{0,2}|100[0-4])-intel$", "memory"),
    (r"6\.8\.0-\d+-intel$", None),
    # Ubuntu 25.04 lacks the patch again (canonical/tdx issue 415).
    (r"6\.14\.0-\d+-intel$", "memory"),
)
"""Vendor kernels by release, and what they take for holes of a TDMR."""
_LAST_READ = (7, 3)
"""The newest upstream kernel whose source was read for this."""


def holes_from(release: str) -> HolesFrom | None:
    """What the kernel takes for holes of a TDMR; None where that is not known."""
    for pattern, told in _HOLES:
        if re.match(pattern, release):
            return told
    number = version(release)
    if number is None or not is_upstream(release):
        return None
    return "memory" if FIRST_TDX_HOST <= number <= _LAST_READ else None
