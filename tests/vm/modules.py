"""Kernel modules in the test bed, above all the native helper: built against a kernel's headers."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

from tests.vm.kernels import Kernel
from tests.vm.missing import Missing, need_programs

HELPER = Path(__file__).resolve().parents[2] / "tdxinfo" / "native" / "tdx_sysrd"

_one_at_a_time = threading.Lock()


def build(kernel: Kernel, source: Path, folder: Path) -> Path:
    """The module made of a source folder of its name; it is kept in `folder`. Raises Missing."""
    if not source.is_dir():
        raise Missing(f"{source.name}: this checkout has no such kernel module")
    need_programs(("make", "gcc", "tar", "xz"))
    tree = folder / f"headers-{kernel.folder.name}"
    work = folder / f"{source.name}-{kernel.folder.name}"
    built = work / f"{source.name}.ko"
    with _one_at_a_time:
        if not tree.exists():
            _unpack(kernel.headers, tree)
        if not built.exists():
            shutil.copytree(source, work)
            _make(tree, work)
    return built


def _unpack(packed: Path, tree: Path) -> None:
    tree.mkdir()
    strip = "--strip-components=1"
    subprocess.run(["tar", "-xJf", str(packed), "-C", str(tree), strip], check=True)


def _make(tree: Path, work: Path) -> None:
    with (work / "make.log").open("wb") as log:
        command = ["make", "-C", str(tree), f"M={work}", "modules"]
        done = subprocess.run(command, check=False, stdout=log, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"{work.name} does not build: see {work}/make.log")
