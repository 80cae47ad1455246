"""The kinds of sources that a live machine has: what may be excluded, and how long each may take.

A kind is the part of an origin before the colon. A question to the machine is a path, or a key of
`Machine.ask`; its beginning determines its kind.
"""

from typing import NamedTuple

from tdxinfo.machine import FILE_LIMIT

_SMALL = 1 << 20


class Kind(NamedTuple):
    name: str
    """As `--without` takes it."""
    begins: tuple[str, ...]
    """How paths and keys of this kind begin."""
    timeout: float = 3.0
    """Seconds for one answer. The slowest file, a P-SEAMLDR call in sysfs, takes well under one."""
    shown: str = ""
    """How messages name the source; empty if they name the path instead."""
    idle: float = 3.0
    """Seconds that it may wait and use no processor; more where another process does the work."""
    limit: int = FILE_LIMIT
    """Bytes of one file at most, where its reader does not know better. Configurations are small:
    the largest, a kernel's build configuration, has under 300 KiB.
    """


KINDS = (
    Kind("helper", ("helper/", "/sys/module/tdx_sysrd", "/sys/kernel/debug/"), 35.0, "tdx_sysrd"),
    Kind("kmem", ("kernel-memory",), 10.0, "the kernel's memory"),
    Kind("kvm", ("kvm/",), 10.0, "/dev/kvm"),
    Kind("msr", ("msr/",), 3.0),
    Kind("klog", ("kernel-log",), 12.0, "the kernel log", 12.0),
    Kind("dmi", ("dmi/", "/sys/class/dmi/", "/sys/firmware/dmi/"), 3.0, "the DMI table"),
    Kind("cgroup", ("/sys/fs/cgroup/",)),
    Kind("sysfs", ("pci/",), 3.0, "the list of PCI devices"),
    Kind("sysfs", ("/sys/",)),
    Kind("procfs", ("/proc/",)),
    Kind("procfs", ("processes/",), 5.0, "the list of processes"),
    Kind("netlink", ("vsock/",), 3.0, "the list of vsock sockets"),
    Kind("program", ("qemu/",), 5.0),
    Kind("file", ("firmware/",), 5.0, "the list of firmware descriptors"),
    Kind("file", ("modprobe/",), 5.0, "modprobe's configuration"),
    Kind("file", ("quote-clients/libvirt",), 5.0, "the list of libvirt's domains"),
    Kind("file", ("quote-clients/kata",), 3.0, "the configuration of Kata Containers"),
    Kind("file", ("pccs/",), 20.0, idle=20.0),
    Kind("file", ("boot/menu",), 5.0, "the boot loader's configuration"),
    Kind("file", ("boot/configured",), 5.0, "/etc/default/grub"),
    Kind("file", ("boot/kernels",), 5.0, "the list of installed kernels"),
    Kind("file", ("",), limit=_SMALL),
)
"""The kind of a question is the first one here with a matching beginning."""

NAMES = tuple(dict.fromkeys(kind.name for kind in KINDS))

_BEFORE_A_PATH = ("device/", "link/", "list/", "config/", "qemu/", "pccs/", "socket/", "staged/")
"""Beginnings of keys that go on with a path. The path determines the kind, except for two."""

_OWN_KINDS = ("qemu/", "pccs/")
"""The beginnings that determine the kind, whatever path follows."""


def kind_of(question: str) -> Kind:
    """The kind of source that a path or a key asks."""
    begin = question if question.startswith(_OWN_KINDS) else _path_in(question)
    return next(kind for kind in KINDS if begin.startswith(kind.begins))


def key_as_text(question: str) -> str:
    """How messages name what a path or a key asks for."""
    if question.startswith("msr/"):
        _, address, cpu = question.split("/", 2)
        return f"MSR {address} of CPU {cpu.removeprefix('cpu')}"
    return kind_of(question).shown or _path_in(question).partition("#")[0]


def _path_in(question: str) -> str:
    prefix = next((p for p in _BEFORE_A_PATH if question.startswith(p)), "")
    return question.removeprefix(prefix)
