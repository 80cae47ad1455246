"""The native helper: its source, what this machine has of it, and the commands that change that."""

from __future__ import annotations

import hashlib
import os

from tdxinfo import __version__

SOURCE = os.path.join(os.path.dirname(__file__), "tdx_sysrd")
"""The folder of the kernel module's source."""


def shipped_version() -> str:
    """What /sys/module/tdx_sysrd/version has for a module built from the source in this package.

    The version of tdxinfo, and the start of the SHA-256 of the C file: Kbuild adds both.
    """
    with open(os.path.join(SOURCE, "tdx_sysrd.c"), "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:16]
    return f"{__version__}-{digest}"
