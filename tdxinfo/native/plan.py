"""The commands of `tdxinfo helper`, made before any of them runs, so that all can be shown."""

from __future__ import annotations

import os

from tdxinfo import __version__
from tdxinfo.native import SOURCE
from tdxinfo.sources import helper
from tdxinfo.sources.programs import Command

_FILES = ("tdx_sysrd.c", "Kbuild", "dkms.conf", "COPYING")


def sources(directory: str) -> list[Command]:
    """Copies the source to a folder outside of the package."""
    files = [os.path.join(SOURCE, name) for name in _FILES]
    return [Command("mkdir", "-p", directory), Command("cp", *files, directory)]


def build(directory: str, headers: str, with_llvm: bool = False) -> list[Command]:
    """Builds the module in `directory` against the kernel whose headers are given."""
    compiler = ("LLVM=1",) if with_llvm else ()
    make = Command("make", "-C", headers, f"M={directory}", *compiler, "modules")
    return [*sources(directory), make]


def insert(module: str) -> list[Command]:
    return [Command("insmod", module)]


def unload() -> list[Command]:
    return [Command("rmmod", helper.NAME)]


def dkms(directory: str) -> list[Command]:
    """Hands a folder of source to DKMS, which builds it for this kernel and each later one."""
    release = f"{helper.NAME}/{__version__}"
    return [Command("dkms", "add", directory), Command("dkms", "install", release)]
