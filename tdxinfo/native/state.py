"""What this machine has of the native helper, and what it would need."""

from __future__ import annotations

import os

from pydantic import computed_field

from tdxinfo.decode import cpuinfo, kernels
from tdxinfo.errors import Absent, Unavailable
from tdxinfo.host.observe import Observer
from tdxinfo.machine import Machine
from tdxinfo.model.base import Frozen
from tdxinfo.native import shipped_version, trust
from tdxinfo.report import Document
from tdxinfo.sources import helper
from tdxinfo.sources.programs import path_of

COMPILERS = ("gcc", "clang", "cc")
_INSTALLED = ("updates/dkms", "updates", "extra")
_ENDINGS = ("", ".zst", ".xz", ".gz")
_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_SIGNED_ONLY = "/sys/module/module/parameters/sig_enforce"


class State(Frozen):
    """What this machine has of the native helper. null is what could not be looked at."""

    of_no_use: str
    """Why no helper can read anything here, in a sentence; empty where one can."""
    kernel: str | None
    """The running kernel's release."""
    shipped: str
    """The version of the source that ships, and the start of its digest."""
    loaded: str | None
    """The version of the loaded helper, and the start of its source's digest."""
    is_current: bool | None
    """The loaded helper was built from the source that ships."""
    reads: bool | None
    """The loaded helper can read the TDX module."""
    reason: str
    """Why the loaded helper does not read, in words."""
    headers: str | None
    """The headers of the running kernel."""
    make: str | None
    """The program make."""
    compiler: str | None
    """A C compiler."""
    built: str | None
    """The module that `build` made for this kernel."""
    installed: str | None
    """The module among those of this kernel, where DKMS puts it."""
    secure_boot: bool | None
    """Secure Boot is on."""
    lockdown: str | None
    """The kernel's lockdown mode."""
    signed_only: bool | None
    """The kernel takes only modules with a signature that it trusts."""

    @computed_field(description="Everything needed to build the helper is installed.")  # type: ignore[prop-decorator]
    @property
    def can_be_built(self) -> bool:
        return bool(self.headers and self.make and self.compiler)

    @property
    def needs_signature(self) -> bool:
        """Whether the kernel takes no module without a signature that it trusts."""
        return bool(self.signed_only or self.secure_boot or (self.lockdown or "none") != "none")


class HelperReport(Document):
    """What `helper status --json` prints."""

    helper: State
    """What this machine has of the native helper."""


def state_of(machine: Machine, directory: str | None = None) -> State:
    """The state now; `directory` is where a built module is looked for."""
    observer = Observer(machine)
    kernel = observer.value("kernel.release")
    loaded = _text(machine, f"{helper.LOADED}/version")
    reads, reason = _reading(machine) if loaded else (None, "")
    shipped = shipped_version()
    return State(
        of_no_use=of_no_use(observer),
        kernel=kernel,
        shipped=shipped,
        loaded=loaded,
        is_current=None if loaded is None else loaded == shipped,
        reads=reads,
        reason=reason,
        headers=_headers(machine, kernel),
        make=path_of("make"),
        compiler=next(filter(None, map(path_of, COMPILERS)), None),
        built=_first_file(machine, [built_module(directory or build_directory(kernel))]),
        installed=_first_file(machine, _places_of_installed(kernel)),
        secure_boot=_secure_boot(machine),
        lockdown=observer.value("kernel.lockdown"),
        signed_only=_yes_or_no(_text(machine, _SIGNED_ONLY)),
    )


def of_no_use(observer: Observer) -> str:
    """Why a helper could read nothing on this machine; empty where one could."""
    vendor = observer.value("platform.vendor")
    if vendor not in (None, "GenuineIntel"):
        return f"{cpuinfo.maker(vendor)} processors do not have TDX."
    if observer.value("platform.virtualization") in ("vm", "td-guest"):
        return "This is a virtual machine, in which there is no TDX module to read."
    release = observer.value("kernel.release")
    version = kernels.version(release or "")
    if version and version < kernels.FIRST_KVM_TDX:
        return f"The kernel {release} is too old: the helper needs Linux 6.16 or later."
    if not observer.value("kernel.tdx_detected"):
        return "The kernel does not regard this machine as a TDX host: see `tdxinfo check`."
    return ""


def build_directory(kernel: str | None) -> str:
    """Where `build` works when no folder was named: for root in a folder of root's own, for others
    in their cache."""
    if os.geteuid() == 0:
        return os.path.join(trust.STATE_FOLDER, helper.NAME, kernel or "unknown")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(cache, "tdxinfo", helper.NAME, kernel or "unknown")


def built_module(directory: str) -> str:
    return os.path.join(directory, f"{helper.NAME}.ko")


def _reading(machine: Machine) -> tuple[bool | None, str]:
    """Whether the loaded helper can read, and why not."""
    try:
        info = helper.info(machine)
    except Unavailable as refusal:
        return None, refusal.message
    return info.get("reads") == "yes", info.get("reason", "")


def _headers(machine: Machine, kernel: str | None) -> str | None:
    folder = f"/lib/modules/{kernel}/build"
    return folder if kernel and _first_file(machine, [f"{folder}/Makefile"]) else None


def _places_of_installed(kernel: str | None) -> list[str]:
    return [
        f"/lib/modules/{kernel}/{folder}/{helper.NAME}.ko{ending}"
        for folder in _INSTALLED
        for ending in _ENDINGS
    ]


def _first_file(machine: Machine, paths: list[str]) -> str | None:
    for path in paths:
        try:
            machine.read(path)
        except Unavailable:
            continue
        return path
    return None


def _text(machine: Machine, path: str) -> str | None:
    try:
        return machine.text(path).strip()
    except Unavailable:
        return None


def _yes_or_no(text: str | None) -> bool | None:
    return {"Y": True, "N": False}.get(text or "")


def _secure_boot(machine: Machine) -> bool | None:
    """Four bytes of attributes, then 1 for on. Without UEFI there is none."""
    try:
        return machine.read(_SECURE_BOOT)[4:] == b"\x01"
    except Absent:
        return False
    except Unavailable:
        return None
