"""What the boot loader starts next, and which kernels are installed.

A boot menu names the machine: UUIDs, volumes, the id of the installation. An answer holds only the
kernel's release, the options that tdxinfo understands, and the setting that chose the entry.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tdxinfo.decode import lines
from tdxinfo.errors import Absent, Malformed, Unavailable
from tdxinfo.machine import Answer, Machine, identity
from tdxinfo.sources import first_answer
from tdxinfo.sources.files import KernelConfig

if TYPE_CHECKING:
    from tdxinfo.decode.bls import BootEntry, Choice
    from tdxinfo.machine.system import System

MENU = "boot/menu"
KERNELS = "boot/kernels"
CONFIGURED = "boot/configured"

GRUB_FOLDERS = ("/boot/grub2", "/boot/grub")
LOADER_FOLDERS = ("/boot", "/efi", "/boot/efi")
"""Where systemd-boot's own partition is mounted: the extended boot partition first."""
_MODULES = "/lib/modules"
VARIABLE = "/sys/firmware/efi/efivars/{}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
"""EFI variables of the Boot Loader Interface (systemd, BOOT_LOADER_INTERFACE.md)."""
_CHOOSING = ("LoaderEntryOneShot", "LoaderEntryDefault", "LoaderEntryLastBooted")
VARIABLES = ("LoaderInfo", *_CHOOSING)
OPTIONS = ("INTEL_TDX_HOST", "KVM_INTEL_TDX", "HIBERNATION")
"""Options of the build configuration that an answer holds for each kernel."""
_RELEASE = re.compile(r"\d{1,3}\.\d{1,4}[\w.+~-]{0,58}", re.ASCII)
_MAX_KERNELS = 64
_MAX_ENTRIES = 256
_MAX_VARIABLE = 64 << 10
"""Bytes of an EFI variable of the boot loader, which names one entry."""
_NO_LOADER = (
    "no configuration of GRUB or systemd-boot is in the usual places; in a container, name the "
    "host's files with --root"
)


class NextBoot(NamedTuple):
    """`loader`, `kernel`, `chosen_by` or `options` of what the boot loader starts next."""

    what: str

    @property
    def origin(self) -> str:
        return f"bootloader:{self.what}"

    def read(self, machine: Machine) -> str:
        found = machine.ask(MENU, _menu)
        if not isinstance(found, dict):
            raise Malformed("the record's boot menu is not a table")
        value = found.get(self.what)
        if value is None:
            raise Absent(_MISSING.get(self.what, f"the boot loader's entry has no {self.what}"))
        return _text(value)


_MISSING = {
    "kernel": "the boot loader's entry does not name the release of its kernel",
    "options": "the command line of the next boot is in a unified kernel image, which is not read",
}


class ConfiguredOptions:
    """The command line that new entries of the boot menu get, from the boot loader's settings."""

    @property
    def origin(self) -> str:
        return "file:/etc/default/grub"

    def read(self, machine: Machine) -> str:
        return _text(machine.ask(CONFIGURED, _configured))


class InstalledKernels(NamedTuple):
    """The releases of the installed kernels; with `with_tdx` only of those that can start TDs."""

    with_tdx: bool = False

    @property
    def origin(self) -> str:
        return f"folder:{_MODULES}"

    def read(self, machine: Machine) -> list[str]:
        from tdxinfo.decode.kernels import can_start_tds

        found = _kernels(machine)
        if not self.with_tdx:
            return list(found)
        return [r for r, options in found.items() if can_start_tds(r, *_of_tdx(options))]


def _of_tdx(options: dict[str, bool]) -> tuple[bool | None, bool | None]:
    return options.get("INTEL_TDX_HOST"), options.get("KVM_INTEL_TDX")


class NextKernelConfig(NamedTuple):
    """An option of the configuration of the kernel that starts next."""

    option: str

    @property
    def origin(self) -> str:
        return f"config:next/CONFIG_{self.option}"

    def read(self, machine: Machine) -> bool:
        release = NextBoot("kernel").read(machine)
        with suppress(Unavailable):
            if machine.text("/proc/sys/kernel/osrelease").strip() == release:
                return KernelConfig(f"CONFIG_{self.option}").read(machine)
        options = _kernels(machine).get(release)
        if options is None:
            raise Absent(f"{_MODULES} has no {release}")
        if self.option not in options:
            raise Absent(f"/boot/config-{release} cannot be read")
        return options[self.option]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Malformed("the record's boot menu is not text")
    return value


def _kernels(machine: Machine) -> dict[str, dict[str, bool]]:
    """The known build options of each installed kernel, by release."""
    found = machine.ask(KERNELS, _installed)
    if not isinstance(found, dict) or not all(isinstance(v, dict) for v in found.values()):
        raise Malformed("the record's list of kernels is not a table of tables")
    return {
        release: {name: value for name, value in options.items() if isinstance(value, bool)}
        for release, options in found.items()
        if isinstance(options, dict) and _RELEASE.fullmatch(release)
    }


# --- on the machine itself ------------------------------------------------------------------------


def _menu(system: System) -> Answer:
    if _variable(system, "LoaderInfo").startswith("systemd-boot"):
        return _systemd_boot(system)
    readers = [partial(_grub, system, folder) for folder in GRUB_FOLDERS]
    return first_answer([*readers, partial(_systemd_boot, system)], _NO_LOADER)


def _grub(system: System, folder: str) -> Answer:
    return _described("grub", _by_grub(system, folder))


def _systemd_boot(system: System) -> Answer:
    return _described("systemd-boot", _by_systemd(system))


def _described(loader: str, choice: Choice) -> Answer:
    """The answer for this choice; its command line keeps the options that tdxinfo understands."""
    entry = choice.entry
    found: dict[str, Answer] = {"loader": loader, "chosen_by": choice.chosen_by}
    if entry.release:
        found["kernel"] = entry.release
    if entry.options is not None:
        found["options"] = _kept(entry.options)
    return found


def _kept(options: str) -> str:
    return identity.command_line(options.encode("utf-8", "surrogateescape")).decode()


def _by_grub(system: System, folder: str) -> Choice:
    config = system.text(f"{folder}/grub.cfg")
    from tdxinfo.decode import grub  # where there is a menu

    variables: dict[str, str] = {}
    with suppress(Absent):
        variables = grub.environment(system.text(f"{folder}/grubenv"))
    entries = list(_entries(system, "/boot")) if "blscfg" in config else []
    try:
        return grub.chosen(config, variables, entries)
    except Malformed as error:
        raise Malformed(f"{folder}/grub.cfg: {error}") from None


def _by_systemd(system: System) -> Choice:
    config = ""
    entries: list[BootEntry] = []
    for folder in LOADER_FOLDERS:
        with suppress(Absent):
            entries += _entries(system, folder)
        with suppress(Absent):
            entries += _images(system, folder)
        with suppress(Absent):
            config = config or system.text(f"{folder}/loader/loader.conf")
    if not entries and not config:
        raise Absent(_NO_LOADER)
    from tdxinfo.decode import bls

    unique = list({entry.id: entry for entry in entries}.values())
    return bls.chosen(unique, config, {name: _variable(system, name) for name in _CHOOSING})


def _entries(system: System, folder: str) -> Iterator[BootEntry]:
    """The entries of the Boot Loader Specification on the partition mounted at `folder`."""
    place = f"{folder}/loader/entries"
    names = [name for name in system.names(place) if name.endswith(".conf")]
    if len(names) > _MAX_ENTRIES:
        raise Malformed(f"{place} has more than {_MAX_ENTRIES} entries")
    from tdxinfo.decode import bls

    for path, text in system.texts(f"{place}/{name}" for name in names):
        yield bls.parse(os.path.basename(path), text)


def _images(system: System, folder: str) -> Iterator[BootEntry]:
    names = system.names(f"{folder}/EFI/Linux")[:_MAX_ENTRIES]
    from tdxinfo.decode import bls

    yield from (bls.image(name) for name in names if name.endswith(".efi"))


def _variable(system: System, name: str) -> str:
    """The text of an EFI variable of the boot loader; empty where it is not set."""
    try:
        data = system.read(VARIABLE.format(name), _MAX_VARIABLE)
    except Unavailable:
        return ""
    return data[4:].decode("utf-16-le", "replace").partition("\0")[0]


def _configured(system: System) -> Answer:
    """The options in /etc/default/grub, with the files that Debian and Ubuntu read after it."""
    texts = [system.text("/etc/default/grub")]
    folder = "/etc/default/grub.d"
    with suppress(Absent):
        names = [name for name in system.names(folder) if name.endswith(".cfg")]
        texts += [text for _, text in system.texts(f"{folder}/{name}" for name in names)]
    found = lines.shell_settings("\n".join(texts))
    settings = ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
    return _kept(" ".join(found.get(name, "") for name in settings))


def _installed(system: System) -> Answer:
    names = [name for name in system.names(_MODULES) if _RELEASE.fullmatch(name)]
    releases = [name for name in names if _has_image(system, name)]
    if len(releases) > _MAX_KERNELS:
        raise Malformed(f"{_MODULES} has more than {_MAX_KERNELS} kernels")
    return {release: _configuration(system, release) for release in releases}


def _has_image(system: System, release: str) -> bool:
    """Whether the kernel's image exists, since the folder of modules can outlive it."""
    try:
        return system.exists(f"/boot/vmlinuz-{release}") or system.exists(
            f"{_MODULES}/{release}/vmlinuz"
        )
    except Unavailable:
        return True


def _configuration(system: System, release: str) -> Answer:
    """The kernel's _OPTIONS; none if its build configuration cannot be read."""
    for path in (f"/boot/config-{release}", f"{_MODULES}/{release}/config"):
        with suppress(Unavailable):
            text = system.text(path)
            values = {name: lines.config_option(text, f"CONFIG_{name}") for name in OPTIONS}
            return {name: value in ("y", "m") for name, value in values.items()}
    return {}
