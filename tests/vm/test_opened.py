"""What a report opens in a guest, as strace sees it: `--without` leaves a kind of source alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tdxinfo.machine import kinds
from tests.vm import bed
from tests.vm.bed import Guest
from tests.vm.missing import Missing, need_programs
from tests.vm.opened_guest import CONTROL, MARK, TRACE

SCENARIO = ("helper-1.5", "at-boot")

_OF_KIND = {
    "helper": r"/sys/kernel/debug/tdx_sysrd/",
    "kmem": r"/proc/(?:kcore|kallsyms)$|/sys/kernel/btf/",
    "kvm": r"/dev/kvm$",
    "msr": r"/dev/cpu/\d+/msr$",
    "klog": r"/dev/kmsg$",
    "dmi": r"/sys/class/dmi/|/sys/firmware/dmi/",
    "cgroup": r"/sys/fs/cgroup/misc\.",
    "sysfs": r"/sys/(?:devices|module/kvm|power|class/firmware)\b",
    "procfs": r"/proc/(?:cpuinfo|cmdline|iomem|config\.gz|zoneinfo|sys/kernel/osrelease)$",
    "program": r"/qemu-system-x86_64$|/journalctl$",
    "file": r"/etc/(?:os-release|modprobe\.d)|/usr/lib/os-release$|/usr/share/(?:qemu|OVMF)\b",
}
"""What only a source of the kind opens on this host. The list of vsock sockets is no file."""


@pytest.mark.vm
def test_a_restriction_leaves_what_is_of_its_kind_closed(tmp_path: Path) -> None:
    try:
        need_programs(("strace",))
        result = bed.run(*SCENARIO, tmp_path / "opened", Guest("tests.vm.opened_guest"))
    except Missing as error:
        pytest.skip(str(error))
    opened = opened_by_report(result.text(TRACE))
    assert opened.keys() == {CONTROL, *kinds.NAMES}
    assert _OF_KIND.keys() == set(kinds.NAMES) - {"netlink"}
    for name in opened:
        assert result.text(f"opened-{name}.status") == "0", result.text(f"opened-{name}.err")
    for kind, pattern in _OF_KIND.items():
        of_kind = re.compile(pattern)
        assert any(map(of_kind.search, opened[CONTROL])), f"the control run opens nothing of {kind}"
        assert [path for path in opened[kind] if of_kind.search(path)] == []
        for other in _OF_KIND.keys() - {kind}:
            # The rest is still read.
            assert any(map(of_kind.search, opened[other])), (kind, other)


def opened_by_report(trace: str) -> dict[str, list[str]]:
    """The paths that each report opened, or tried to."""
    found: dict[str, list[str]] = {}
    name = ""
    for path in re.findall(r'^\d+\s+\w+\((?:AT_FDCWD|\d+)?(?:, )?"([^"]*)"', trace, re.MULTILINE):
        if path.startswith(MARK):
            name = path.removeprefix(MARK)
            found[name] = []
        elif name:
            found[name].append(path)
    return found


def test_a_trace_is_read_by_report() -> None:
    trace = (
        '12 openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY) = 3\n'
        '12 openat(AT_FDCWD, "/run/report-msr", O_RDONLY) = -1 ENOENT (No such file)\n'
        '13 openat(AT_FDCWD, "/proc/kcore", O_RDONLY <unfinished ...>\n'
        '13 openat2(5, "dev/kvm", {flags=O_RDONLY}, 24) = 6\n'
        '13 execve("/usr/bin/true", ["true"], 0x1 /* 3 vars */) = 0\n'
        '12 openat(AT_FDCWD, "/run/report-kvm", O_RDONLY) = -1 ENOENT (No such file)\n'
    )
    assert opened_by_report(trace) == {
        "msr": ["/proc/kcore", "dev/kvm", "/usr/bin/true"],
        "kvm": [],
    }
