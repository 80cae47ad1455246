"""The first screens of `check` and `dump` at 80 columns: `python -m tests.pages` writes them.

A wording is pinned here and nowhere else; other widths are tested by what every page must keep.
"""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

from tests.cli.command import ran

FOLDER = Path(__file__).parent
TOP = FOLDER.parents[1]

HOSTS = {
    "amd": "tests/hosts/amd-epyc-7502",
    "virtual-machine": "tests/pages/vm.log",
    "td-guest": "tests/hosts/td-guest-gce",
    "intel-client": "tests/hosts/xeon-e3-v6",
    "ice-lake": "tests/hosts/icelake-no-tdx",
    "off-in-firmware": "tests/hosts/half-configured-firmware",
    "generic-kernel": "tests/hosts/generic-kernel-without-tdx-host",
    "ready-6.17": "tests/hosts/linux-6.17-kvm-ready",
    "ready-7.3": "example:linux-7.3-emulated",
    "qemu-too-old": "tests/hosts/qemu-without-tdx",
    "failed-rbp": "example:no-rbp-mod-refused",
    "failed-cpuid": "tests/hosts/firmware-too-old-cpuid",
    "failed-reserved-areas": "tests/hosts/emr-reserved-areas-exhausted",
    "failed-packages": "tests/hosts/packages-disagree",
    "lost-after-update": "tests/hosts/linux-7.2-module-lost",
    "silent": "tests/hosts/silent-after-keyids",
    "excerpt": "tests/pages/excerpt.log",
}
"""Each page and the host that it shows."""

COMMANDS = ("check", "dump")


def page(name: str) -> str:
    """What the commands print of the host, one after the other."""
    parts = []
    with chdir(TOP):
        for command in COMMANDS:
            done = ran("--from", HOSTS[name], command, columns=80)
            parts.append(f"$ tdxinfo --from {HOSTS[name]} {command}\n{done.out}[{done.status}]\n")
    return "\n".join(parts)


def file_of(name: str) -> Path:
    return FOLDER / f"{name}.txt"


def write() -> None:
    for name in HOSTS:
        file_of(name).write_text(page(name))
