"""A scenario in a kernel: boots it, and gathers what tdxinfo said in there."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tdxinfo.inputs.collector import script
from tests.vm import modules, qemu, scenario
from tests.vm.kernels import GENERATIONS, Kernel, kernel_of
from tests.vm.missing import Missing, need_programs
from tests.vm.scenario import Scenario
from tests.vm.tdx_module import update_image

_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Guest:
    """What the guest does once its kernel is up."""

    command: str = "tests.vm.guest"
    """Arguments of `python -m`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    command_line: str = ""
    """More words for the kernel."""
    modules: tuple[Path, ...] = ()
    """Sources of kernel modules, which are built and laid into the run's folder."""
    system: Path | None = None
    """A folder whose systemd boots, and starts what the guest does."""
    time_out: float = 900
    """Seconds for the boot; a quiet machine takes 20, and others may use it too."""


@dataclass
class Result:
    """A run, and what its commands printed."""

    scenario: Scenario
    kernel: Kernel
    generation: str
    run: qemu.Run

    @cached_property
    def statuses(self) -> dict[str, int]:
        document: dict[str, int] = json.loads(self.text("statuses.json"))
        return document

    def text(self, name: str) -> str:
        """What lies in the run's folder under the name; nothing where the guest wrote none."""
        path = self.run.folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    def document(self, command: str) -> dict[str, Any]:
        whole: dict[str, Any] = json.loads(self.text(f"{command}.out"))
        return whole

    @property
    def capture(self) -> Path:
        return self.run.folder / "capture"


Case = tuple[str, str]
"""A scenario and a generation of kernels."""
Boots = dict[Case, "Future[Result]"]


def cases() -> list[Case]:
    return [
        (name, generation)
        for name in scenario.names()
        for generation in scenario.raw(name)["generations"]
    ]


@contextmanager
def boots(wanted: Iterable[Case], folder: Path) -> Iterator[Boots]:
    """The runs of the cases, as many at a time as there are processors."""
    # The guest cannot write, and would compile the package in every process.
    compileall.compile_dir(_CHECKOUT / "tdxinfo", quiet=1)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        try:
            yield {case: pool.submit(run, *case, folder / "-".join(case)) for case in wanted}
        finally:
            pool.shutdown(cancel_futures=True)


def run(name: str, generation: str, folder: Path, guest: Guest | None = None) -> Result:
    """Boots the scenario in the newest kernel of the generation.

    Raises Missing for what this machine does not have.
    """
    guest = guest or Guest()
    if os.geteuid() != 0:
        raise Missing("root: the guest's first process must own what it reads of the host's root")
    need_programs(("insmod",))
    described = scenario.load(name, generation)
    kernel = kernel_of(GENERATIONS[generation])
    folder.mkdir(parents=True)
    environment = {
        "KVM_INTEL": described.kvm_intel,
        "PYTHON": sys.executable,
        "CHECKOUT": str(_CHECKOUT),
        "GUEST": guest.command,
        "LATER": described.later,
        "LAST_CPU": str(described.cpus - 1),
        **guest.environment,
    }
    if described.collector:
        (folder / "collect.sh").write_text(script())
    if described.later == "update":
        (folder / "update.blob").write_bytes(update_image())
    if described.helper:
        shutil.copy(modules.build(kernel, modules.HELPER, folder.parent), folder / "helper.ko")
    for source in guest.modules:
        shutil.copy(modules.build(kernel, source, folder.parent), folder)
    booted = qemu.boot(
        folder,
        qemu.Machine(
            kernel,
            f"{described.command_line} {guest.command_line}".strip(),
            described.msrs,
            described.memory_mb,
            described.cpus,
            described.processor,
            guest.system,
        ),
        described.module,
        environment,
        guest.time_out,
    )
    return Result(described, kernel, generation, booted)
