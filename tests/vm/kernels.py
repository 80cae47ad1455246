"""The kernels of the test bed: a folder of built ones, or built once into a cache.

TDXINFO_VM_KERNELS names a folder with one folder a kernel. Where it is not set, the newest
source that the package manager offers for each generation is built and kept.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.vm.missing import Missing

VARIABLE = "TDXINFO_VM_KERNELS"

Version = tuple[int, ...]


@dataclass(frozen=True)
class Generation:
    """Kernels that treat the TDX module alike, from the first version to before the last."""

    name: str
    first: Version
    end: Version

    def holds(self, version: Version) -> bool:
        return self.first <= version < self.end


GENERATIONS = {
    generation.name: generation
    for generation in (
        # The kernel initializes the module at boot and shows it in sysfs.
        Generation("at-boot", (7, 2), (1000,)),
        # KVM initializes the module when it is loaded with tdx=1.
        Generation("by-kvm", (6, 16), (7, 1)),
    )
}


@dataclass(frozen=True)
class Kernel:
    """A built kernel: what to boot, what to load, and where the emulator must stop it."""

    folder: Path
    version: Version

    @property
    def image(self) -> Path:
        return self.folder / "bzImage"

    @property
    def modules(self) -> Path:
        return self.folder / "modules"

    @property
    def sites(self) -> Path:
        return self.folder / "sites.json"

    @cached_property
    def options(self) -> dict[str, str]:
        """The configuration it was built with; options that are not set are left out."""
        lines = (self.folder / "config").read_text().splitlines()
        pairs = (line.split("=", 1) for line in lines if line.startswith("CONFIG_"))
        return {name: value.strip('"') for name, value in pairs}

    @property
    def release(self) -> str:
        """As `uname -r` prints it."""
        return ".".join(map(str, self.version)) + self.options.get("CONFIG_LOCALVERSION", "")

    @property
    def headers(self) -> Path:
        """A tree to build a kernel module against, packed."""
        return self.folder / "headers.tar.xz"


def need_options(kernel: Kernel, fragment: Path) -> None:
    """Raises Missing for the options of the fragment that the kernel was built without."""
    found = re.findall(r"^(CONFIG_\w+)=[ym]$", fragment.read_text(), re.MULTILINE)
    absent = [name for name in found if kernel.options.get(name) not in ("y", "m")]
    if absent:
        raise Missing(
            f"the kernel in {kernel.folder} was built without {', '.join(absent)} "
            f"(tests/vm/{fragment.name})"
        )


def kernel_of(generation: Generation) -> Kernel:
    """The newest kernel of the generation; built where there is none yet. Raises Missing."""
    given = os.environ.get(VARIABLE)
    if given:
        found = _newest(Path(given), generation)
        if not found:
            first = ".".join(map(str, generation.first))
            raise Missing(f"{VARIABLE} holds no kernel of {first} or later ({generation.name})")
        return found
    from tests.vm import build

    return _newest(build.kernels_folder(), generation) or opened(build.build(generation))


def _newest(folder: Path, generation: Generation) -> Kernel | None:
    found = [opened(image.parent) for image in folder.glob("*/bzImage")]
    fitting = [kernel for kernel in found if generation.holds(kernel.version)]
    return max(fitting, key=lambda kernel: kernel.version, default=None)


def opened(folder: Path) -> Kernel:
    """The kernel in a folder, its version from the head of its configuration."""
    with (folder / "config").open() as config:
        head = config.read(500)
    value = re.search(r"^# Linux/\S+ (\d+(?:\.\d+)*)", head, re.MULTILINE)
    if not value:
        raise ValueError(f"{folder}/config does not name its kernel's version")
    return Kernel(folder.resolve(), tuple(map(int, value[1].split("."))))
