"""`tdxinfo capture --print-script`: a POSIX shell script that makes a capture without tdxinfo.

The script is made from what the sources of all facts ask: a new source appears in it by itself.
What only a program can answer (KVM, kernel memory, the helper) is not in it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable

from tdxinfo import __version__, tables
from tdxinfo.decode.klog import wordings
from tdxinfo.host.questions import questions
from tdxinfo.inputs.supplied import example_names, open_input
from tdxinfo.machine import Machine
from tdxinfo.machine.captured import FORMAT
from tdxinfo.sources import bootmenu, pci, userspace

_SCRIPT = os.path.join(os.path.dirname(os.path.dirname(__file__)), "deploy", "collect.sh")
_CONFIG = re.compile(r"/(?:boot/config-|lib/modules/)")


def script() -> str:
    """The text of the script."""
    asked = questions(_examples())
    files = [q for q in asked if q.startswith("/") and not _CONFIG.match(q)]
    files = [q for q in files if q not in ("/proc/cmdline", "/proc/config.gz")]
    parts = {
        "VERSION": __version__,
        "FORMAT": str(FORMAT),
        "FILES": _lines(sorted({_with_all_numbers(path) for path in files})),
        "DEVICES": _lines(_after(asked, "device/")),
        "LINKS": _lines(_after(asked, "link/")),
        "FOLDERS": _lines(_after(asked, "list/")),
        "REGISTERS": _lines(dict.fromkeys(q.split("/")[1] for q in asked if q.startswith("msr/"))),
        "OPTIONS": _options(),
        "GRUB": " ".join(bootmenu.GRUB_FOLDERS),
        "LOADER": " ".join(bootmenu.LOADER_FOLDERS),
        "VARIABLES": " ".join(map(bootmenu.VARIABLE.format, bootmenu.VARIABLES)),
        "MODPROBE": " ".join(userspace.MODPROBE_FOLDERS),
        "KERNELS_KEY": bootmenu.KERNELS,
        "KERNEL_OPTIONS": " ".join(bootmenu.OPTIONS),
        "PCI_KEY": pci.KEY,
        "PCI": _pci_kinds(),
        "DESCRIPTORS_KEY": userspace.DESCRIPTORS_KEY,
        "DESCRIPTORS": userspace.DESCRIPTORS,
        "LEADS": _lines(sorted(_leads())),
    }
    with open(_SCRIPT, encoding="utf-8") as file:
        text = file.read()
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def _examples() -> list[Machine]:
    found = (open_input(name) for name in example_names())
    return [machine for machine in found if isinstance(machine, Machine)]


def _after(asked: Iterable[str], prefix: str) -> list[str]:
    return [q.removeprefix(prefix) for q in asked if q.startswith(prefix)]


def _with_all_numbers(path: str) -> str:
    """A folder for each number is listed by the shell itself."""
    path = re.sub(r"^(/sys/firmware/memmap)/\d+/\w+$", r"\1/*/*", path)
    return re.sub(r"/node\d+/", "/node*/", path)


def _lines(words: Iterable[str]) -> str:
    return "\n".join(words)


def _leads() -> set[str]:
    """Beginnings of the kernel's lines about TDX, as fixed texts."""
    heads = {(f"{w.prefix}: " if w.prefix not in ("", "bare") else "") + w.head for w in wordings()}
    return {head.strip() for head in heads if len(head.strip()) > 3}


def _pci_kinds() -> str:
    """Arms of a shell's `case`: what a device of this class and vendor is called."""
    arms = []
    for row in tables.load("devices")["device"]:
        vendors = row.get("vendors", ("*",))
        forms = "|".join(f"{begin}*-{vendor}" for begin in row["classes"] for vendor in vendors)
        arms.append(f"\t\t{forms}) kind={shlex.quote(row['kind'])} ;;")
    return _lines(arms)


def _options() -> str:
    """Arms of a shell's `case`: the names of options that a command line keeps, and their form."""
    arms = []
    for row in tables.load("options")["option"]:
        names = "|".join(name.replace("-", "_") for name in row["names"])
        form = row["value"].replace("(?:", "(")
        arms.append(f"\t{names}) form={shlex.quote(form)} ;;")
    return _lines(arms)
