"""A minimal kernel with TDX host support, built once and kept: what the test bed boots.

Builds outside the checkout, in a folder that names the source's version and the configuration.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.vm.kernels import Generation
from tests.vm.missing import Missing, need_programs
from tests.vm.source import Archive

_HERE = Path(__file__).parent
SYSTEMD = _HERE / "systemd.config"
FRAGMENTS = (_HERE / "kernel.config", SYSTEMD)

_PROGRAMS = ("make", "gcc", "ld", "flex", "bison", "bc", "perl", "pahole", "strip", "cpio", "nice")
_HEADERS = {"libelf-dev": "libelf.h", "libssl-dev": "openssl/opensslv.h"}
_WANTED = ("CONFIG_INTEL_TDX_HOST=y", "CONFIG_KVM_INTEL_TDX=y", "CONFIG_DEBUG_INFO_BTF=y")
"""Options that depend on others: without them the kernel would be no use."""
_MODULES = ("msr", "cpuid", "irqbypass", "kvm", "kvm-intel", "tdx-host", "vsock", "vsock_diag")

_TREE = (
    *(".config", "Makefile", "Kbuild", "Module.symvers", "scripts", "include"),
    *("arch/x86/include", "arch/x86/Makefile", "arch/x86/Makefile_32.cpu"),
    *("tools/objtool/objtool", "tools/bpf/resolve_btfids/resolve_btfids"),
)
"""What of a built tree a module of somebody else's is built against, where it is there."""


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tdxinfo-vm"


def kernels_folder() -> Path:
    """Kernels built with today's fragments; those of others are not looked at."""
    digest = hashlib.sha256(_wanted()).hexdigest()[:12]
    return cache() / f"kernels-{digest}"


def _wanted() -> bytes:
    return b"".join(fragment.read_bytes() for fragment in FRAGMENTS)


def build(generation: Generation) -> Path:
    """The folder of a newly built kernel. Raises Missing; a build that fails is an error."""
    need_programs(_PROGRAMS)
    _need_headers()
    with _alone():
        archive = Archive(cache() / "apt")
        package = archive.newest(generation)
        done = kernels_folder() / archive.version(package).replace("~", "-")
        if not (done / "bzImage").exists():
            with tempfile.TemporaryDirectory(prefix="build-", dir=cache()) as work:
                tree = archive.unpack(package, Path(work))
                _make(tree)
                _keep(tree, done)
        return done


def _need_headers() -> None:
    absent = [
        package
        for package, header in _HEADERS.items()
        if subprocess.run(
            ["gcc", "-E", "-include", header, "-x", "c", "/dev/null"],
            check=False,
            capture_output=True,
        ).returncode
    ]
    if absent:
        raise Missing(f"not installed: {', '.join(absent)}")


@contextmanager
def _alone() -> Iterator[None]:
    """Two runs that need the same kernel build it once."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(tree: Path) -> None:
    log = cache() / "build.log"
    with log.open("wb") as output:

        def make(*arguments: str) -> None:
            command = ["nice", "make", "-C", str(tree), *arguments]
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            if done.returncode:
                raise RuntimeError(f"the kernel does not build: see the end of {log}")

        (tree / "wanted.config").write_bytes(_wanted())
        make("KCONFIG_ALLCONFIG=wanted.config", "allnoconfig")
        options = (tree / ".config").read_text().splitlines()
        if absent := [wanted for wanted in _WANTED if wanted not in options]:
            raise RuntimeError(f"{', '.join(absent)} cannot be had with {_HERE}/*.config")
        make(f"-j{os.cpu_count() or 1}", "bzImage", "modules")


def _keep(tree: Path, done: Path) -> None:
    """Puts what a run needs into its folder, whole or not at all."""
    from tests.vm import sites

    kernels_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="keep-", dir=cache()) as work:
        bundle = Path(work) / "kernel"
        (bundle / "modules").mkdir(parents=True)
        shutil.copy(tree / "arch/x86/boot/bzImage", bundle / "bzImage")
        shutil.copy(tree / ".config", bundle / "config")
        for built in tree.rglob("*.ko"):
            if built.stem in _MODULES:
                kept = bundle / "modules" / built.name
                subprocess.run(["strip", "-g", "-o", str(kept), str(built)], check=True)
        sites.of_build(tree / "vmlinux", tree / "System.map").write(bundle / "sites.json")
        parts = [part for part in _TREE if (tree / part).exists()]
        command = ["tar", "-C", str(tree.parent), "-cJf", str(bundle / "headers.tar.xz")]
        names = [f"{tree.name}/{part}" for part in parts]
        subprocess.run([*command, *names], check=True, env={**os.environ, "XZ_OPT": "-T0 -3"})
        bundle.rename(done)
