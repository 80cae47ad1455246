"""The native helper in the test bed: built against the kernel's own headers, loaded by guest.sh."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.vm.kernels import Kernel
from tests.vm.missing import Missing, need_programs

SOURCE = Path(__file__).resolve().parents[2] / "tdxinfo" / "native" / "tdx_sysrd"
_MODULE = "tdx_sysrd.ko"


def build(kernel: Kernel, folder: Path) -> None:
    """Puts the built module into the run's folder as `helper.ko`. Raises Missing."""
    if not SOURCE.is_dir():
        raise Missing("tdxinfo/native/tdx_sysrd: this checkout has no native helper")
    need_programs(("make", "gcc", "tar", "xz"))
    work = folder / "helper"
    work.mkdir()
    subprocess.run(["tar", "-xJf", str(kernel.headers), "-C", str(work)], check=True)
    (tree,) = work.iterdir()
    source = work / "source"
    subprocess.run(["cp", "-r", str(SOURCE), str(source)], check=True)
    with (folder / "helper.log").open("wb") as log:
        done = subprocess.run(
            ["make", "-C", str(tree), f"M={source}", "modules"],
            check=False,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        raise RuntimeError(f"the native helper does not build: see {folder}/helper.log")
    (source / _MODULE).rename(folder / "helper.ko")
