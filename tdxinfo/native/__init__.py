"""The native helper: its source, what this machine has of it, and the commands that change that."""

from __future__ import annotations

import hashlib
import os
import re

SOURCE = os.path.join(os.path.dirname(__file__), "tdx_sysrd")
"""The folder of the kernel module's source."""


def shipped_version() -> str:
    """What /sys/module/tdx_sysrd/version says of a module built from the source that ships.

    The number that dkms.conf gives, and the start of the SHA-256 of the C file, as Kbuild adds it.
    """
    with open(os.path.join(SOURCE, "tdx_sysrd.c"), "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:16]
    return f"{package_version()}-{digest}"


def package_version() -> str:
    """The version in dkms.conf."""
    with open(os.path.join(SOURCE, "dkms.conf"), encoding="utf-8") as file:
        found = re.search(r'^PACKAGE_VERSION="(.*)"$', file.read(), re.MULTILINE)
    assert found is not None
    return found.group(1)
