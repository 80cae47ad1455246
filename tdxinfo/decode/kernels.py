"""Kernel releases into the generation of TDX host support they belong to."""

from __future__ import annotations

import re


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


def is_upstream(release: str) -> bool:
    """Whether the release number tells the generation: vendor kernels carry TDX of their own."""
    return not re.search(r"intel|mvp|tdx|\.an8|\.bsk", release)
