"""One boot: QEMU with a kernel, a root over 9p, and the emulator beside it.

The guest's root is the host's, read-only, or a folder with a system of its own, which boots. What
the guest shall do and what it found lie in the run's own folder, which is shared for writing. The
kernel's console is kept in that folder too.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.vm import sites
from tests.vm.emulator import DONE, END, Emulator, PhysicalMemory
from tests.vm.kernels import Kernel
from tests.vm.missing import need_programs
from tests.vm.rsp import Gdb
from tests.vm.tdx_module import TdxModule

PROGRAM = "qemu-system-x86_64"
_GUEST = Path(__file__).parent / "guest.sh"

PROCESSORS = {"SRF": "model=175,stepping=3", "GNR": "model=173,stepping=1"}
"""Processors by their names in tdxinfo's table of releases: those that load 1.5.25 and 2.0.18."""

_CPU = (
    "max,vendor=GenuineIntel,family=6,{processor},model-id=INTEL(R) XEON(R) 6 (emulated),"
    "svm=off,vmx=on,movdir64b=on,ss=on,la57=off,x2apic=on,hypervisor=off,"
    "xlevel=0x80000008,x-force-features=on"
)
"""TCG's processor under the name of a Xeon: KVM and tdxinfo look at these."""

_START = (
    "mount -t tmpfs tmpfs /run && mkdir /run/vm "
    "&& mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 vm /run/vm "
    "&& exec {next}"
)
"""What the shell that is the first process does. It names no place of this machine."""
_SCRIPT = "/bin/sh /run/vm/guest.sh"
_SYSTEMD = "/lib/systemd/systemd"


@dataclass(frozen=True)
class Machine:
    """What is booted, and on what."""

    kernel: Kernel
    command_line: str
    msrs: dict[int, int]
    memory_mb: int
    cpus: int
    processor: str = "SRF"
    system: Path | None = None
    """A folder whose systemd boots, and starts guest.sh; it is changed by that. Without it the
    guest has the host's root and no other process."""


class TimedOut(Exception):  # named for what happened
    """The guest did not end in time."""


@dataclass
class Run:
    """A boot that has ended, and its folder."""

    folder: Path
    module: TdxModule
    """The emulated module, with the SEAMCALLs that it was asked."""
    seconds: float


def boot(
    folder: Path,
    machine: Machine,
    module: Callable[[PhysicalMemory], TdxModule],
    environment: Mapping[str, str],
    time_out: float,
) -> Run:
    """Boots the kernel with an emulated TDX module, until the guest says that it is done.

    The environment is for guest.sh. Raises Missing without QEMU, Closed when it does not even
    start, and TimedOut.
    """
    need_programs((PROGRAM,))
    shutil.copy(_GUEST, folder / "guest.sh")
    shutil.copytree(machine.kernel.modules, folder / "modules")
    found = {
        "DONE": str(DONE),
        "END": str(END),
        **environment,
    }
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in found.items()]
    (folder / "run.env").write_text("".join(lines))
    started = time.monotonic()
    ours, theirs = socket.socketpair()
    with ours, _running(_command(folder, machine, theirs), theirs, folder, time_out):
        gdb = Gdb(ours)
        emulated = module(PhysicalMemory(gdb))
        Emulator(gdb, sites.read(machine.kernel.sites), emulated, machine.msrs).run()
    if not (folder / "dmesg").exists():
        raise RuntimeError(f"the guest ended early: see console, run.log and qemu.log in {folder}")
    return Run(folder, emulated, time.monotonic() - started)


def _command(folder: Path, machine: Machine, gdb: socket.socket) -> list[str]:
    root, is_read_only = (machine.system, False) if machine.system else (Path("/"), True)
    start = _START.format(next=_SYSTEMD if machine.system else _SCRIPT)
    words = (
        "console=ttyS0 nokaslr panic=-1 oops=panic root=/dev/root rootfstype=9p "
        f"{'ro' if is_read_only else 'rw'} "
        "rootflags=trans=virtio,version=9p2000.L,msize=262144,cache=loose init=/bin/sh "
        f'{machine.command_line} -- -c "{start}"'
    )
    cpu = _CPU.format(processor=PROCESSORS[machine.processor])
    shares = {"/dev/root": (root, is_read_only), "vm": (folder, False)}
    return [
        *(PROGRAM, "-accel", "tcg,thread=multi", "-cpu", cpu, "-machine", "q35"),
        *("-m", str(machine.memory_mb), "-smp", str(machine.cpus)),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-serial", f"file:{folder}/console"),
        *("-kernel", str(machine.kernel.image), "-append", words),
        *(word for tag, share in shares.items() for word in _share(tag, *share)),
        *("-S", "-chardev", f"socket,id=gdb,fd={gdb.fileno()}"),
        *("-gdb", "chardev:gdb"),
    ]


def _share(tag: str, path: Path, is_read_only: bool) -> list[str]:
    name = tag.rpartition("/")[2]
    how = f"local,id={name},path={path},security_model=none,multidevs=remap"
    how += f",readonly={'on' if is_read_only else 'off'}"
    return ["-fsdev", how, "-device", f"virtio-9p-pci,fsdev={name},mount_tag={tag}"]


@contextmanager
def _running(
    command: list[str], gdb: socket.socket, folder: Path, time_out: float
) -> Iterator[None]:
    """QEMU, which is killed at the end, or when its time is over: nothing of it is kept."""
    with gdb, (folder / "qemu.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[gdb.fileno()]
        )
    over = threading.Event()

    def end() -> None:
        over.set()
        process.kill()

    timer = threading.Timer(time_out, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
    if over.is_set():
        raise TimedOut(f"no end after {time_out:.0f} s: see {folder}/console")
