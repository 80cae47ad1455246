"""Trees that kernel modules can be built against, on this machine."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

BED = "TDXINFO_VM_KERNELS"
"""Names a folder of built kernels, each with headers.tar.xz."""


def installed() -> list[Path]:
    """The kernel headers that the package manager installed."""
    found = [*Path("/usr/src").glob("linux-headers-*"), *Path("/usr/src/kernels").glob("*")]
    return sorted(tree for tree in found if (tree / "Module.symvers").exists())


def packed() -> list[Path]:
    folder = os.environ.get(BED)
    return sorted(Path(folder).glob("*/headers.tar.xz")) if folder else []


def unpacked(archive: Path, folder: Path) -> Path:
    """The tree in the archive."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="tar")
    (makefile,) = folder.glob("*/Makefile")
    return makefile.parent


def name_of(tree: Path | None) -> str:
    """A short name for test reports."""
    if tree is None:
        return "none"
    return tree.name if tree.is_dir() else tree.parent.name
