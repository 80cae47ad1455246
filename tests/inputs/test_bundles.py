"""Support bundles, laid out as sos and supportutils do, give the facts that they hold."""

from __future__ import annotations

import io
import os
import re
import tarfile
from pathlib import Path

import pytest

from tdxinfo.errors import BadInput, Unavailable
from tdxinfo.host import fact_names
from tdxinfo.inputs.supplied import open_input
from tdxinfo.machine import Machine
from tdxinfo.report import Report, observe
from tests.cli.command import ran

HOST = Path(__file__).parent.parent / "hosts" / "linux-6.17-kvm-ready"
RELEASE = (HOST / "root/proc/sys/kernel/osrelease").read_text().strip()
UNAME = f"Linux zeus42 {RELEASE} #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux\n"
COPIED = ("/proc/cpuinfo", "/proc/cmdline", "/proc/iomem")
LOG = (HOST / "kernel.log").read_text()
SECTION = "#==[ {} ]{}#\n# {}\n{}\n\n"
VOLATILE = ("kernel.log_complete",)
"""Whether a log is complete is judged by its length where somebody supplied it."""


def text(path: str) -> str:
    return (HOST / f"root{path}").read_text()


def sosreport() -> dict[str, str]:
    """Files by their paths below the top folder."""
    parameters = (HOST / "root/sys/module/kvm_intel/parameters").iterdir()
    return {
        "version.txt": "sosreport: 4.8.0\n",
        "sos_commands/kernel/uname_-a": UNAME,
        "sos_commands/kernel/dmesg": LOG,
        "sos_commands/logs/journalctl_--no-pager_--boot": "Nov 28 03:10:11 zeus42 sshd[1]: x\n",
        f"boot/config-{RELEASE}": "CONFIG_INTEL_TDX_HOST=y\n# CONFIG_HIBERNATION is not set\n",
        **{path.removeprefix("/"): text(path) for path in COPIED},
        **{f"sys/module/kvm_intel/parameters/{p.name}": p.read_text() for p in parameters},
    }


def section(kind: str, title: str, body: str = "") -> str:
    return SECTION.format(kind, "=" * 30, title, body)


def bare(body: str) -> str:
    """As supportconfig copies a file: without comments and empty lines."""
    return "\n".join(line for line in body.splitlines() if line.strip() and line[0] != "#")


def supportconfig() -> dict[str, str]:
    with_dates = re.sub(r"(?m)^\[ *[\d.]+\]", "[Fri Nov 27 10:00:00 2026]", LOG)
    parameters = "".join(
        f"/sys/module/kvm_intel/parameters/{p.name}={p.read_text().strip()}\n"
        for p in (HOST / "root/sys/module/kvm_intel/parameters").iterdir()
    )
    return {
        "basic-environment.txt": "Support Utilities\n\n"
        + section("Command", "/bin/date", "Fri Nov 27 10:00:00 UTC 2026")
        + section("Command", "/usr/bin/uname -a", UNAME),
        "boot.txt": section("Configuration File", "/proc/cmdline", bare(text("/proc/cmdline")))
        + section("Configuration File", "/etc/zipl.conf - File not found")
        + section("Command", "/usr/bin/dmesg -T", with_dates),
        "hardware.txt": section(
            "Configuration File", "/proc/cpuinfo", bare(text("/proc/cpuinfo") * 2)
        ),
        "modules.txt": section("Command", "/sbin/modinfo kvm_intel", "filename: kvm-intel.ko")
        + "# Known Module Parameter Values\n"
        + parameters,
    }


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    return folder


def packed(path: Path, top: str, files: dict[str, str], mode: str) -> Path:
    with tarfile.open(path, f"w:{mode}") as archive:  # type: ignore[call-overload]
        for name, body in files.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(body.encode())
            archive.addfile(member, io.BytesIO(body.encode()))
        link = tarfile.TarInfo(f"{top}/uname")
        link.type, link.linkname = tarfile.SYMTYPE, "sos_commands/kernel/uname_-a"
        archive.addfile(link)
    return path


def report_of(path: Path) -> Report:
    machine = open_input(str(path))
    assert isinstance(machine, Machine)
    return observe(machine)


def compared(report: Report) -> list[str]:
    """The facts that the bundle has, each as the capture of the same host has it."""
    original = report_of(HOST)
    names = [n for n in fact_names() if report.host.fact(n) is not None and n not in VOLATILE]
    return [n for n in names if report.host.fact(n) == original.host.fact(n)]


def test_a_sosreport_gives_the_facts_of_its_host(tmp_path: Path) -> None:
    report = report_of(written(tmp_path / "sosreport-zeus42-2026-11-28-abcdefg", sosreport()))
    assert report.subject.kind == "sosreport"
    same = compared(report)
    assert {"module.state", "kernel.release", "keys.tdx_keyids"} <= set(same)
    assert len(same) > 20
    assert report.host.kernel.config_tdx_host is True


@pytest.mark.parametrize("mode", ["xz", "gz", "bz2", ""])
def test_its_archive_gives_the_same(tmp_path: Path, mode: str) -> None:
    top = "sosreport-zeus42-2026-11-28-abcdefg"
    folder = report_of(written(tmp_path / "folder", sosreport()))
    archive = report_of(packed(tmp_path / f"{top}.tar", top, sosreport(), mode))
    assert archive.host == folder.host


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_a_supportconfig_gives_the_facts_of_its_host(tmp_path: Path, form: str) -> None:
    files = supportconfig()
    if form == "folder":
        path = written(tmp_path / "scc_zeus42_261128_0310", files)
    else:
        path = packed(tmp_path / "scc.txz", "scc_zeus42_261128_0310", files, "xz")
    report = report_of(path)
    assert report.subject.kind == "supportconfig"
    same = compared(report)
    assert {"module.state", "kernel.release", "keys.tdx_keyids"} <= set(same)
    assert len(same) > 20


MODPROBE = {"lib/modprobe.d/a.conf": "options x y=1\n", "etc/modprobe.d/tdx.conf": "%s\n"}
RPMS = (
    "libvirt-client-10.0.0-6.2.el9_4.x86_64                       Mon Nov  2 09:12:41 2026\n"
    "qemu-kvm-core-8.2.0-11.el9_4.6.x86_64                        Mon Nov  2 09:12:41 2026\n"
    "qemu-kvm-common-8.9.9-11.el9_4.6.x86_64                      Mon Nov  2 09:12:41 2026\n"
)
DEBS = (
    "Desired=Unknown/Install/Remove/Purge/Hold\n"
    "||/ Name             Version                Architecture Description\n"
    "+++-================-======================-============-===========\n"
    "ii  libvirt-clients  10.0.0-2ubuntu8.3      amd64        Programs for the libvirt library\n"
    "ii  qemu-system-x86  1:8.2.2+ds-0ubuntu1.4  amd64        QEMU full system emulation\n"
    "rc  qemu-kvm         1:2.1+dfsg-12          amd64        removed\n"
)
TABLE = (
    "NAME                                DISTRIBUTION                        VERSION\n"
    "libvirt-client                      SUSE Linux Enterprise 15            10.0.0-150600.8.6.1\n"
    "qemu-x86                            SUSE Linux Enterprise 15            8.2.6-150600.3.9.1\n"
)


def with_option(bundle: dict[str, str], option: str) -> dict[str, str]:
    """Files of modprobe, as sos copies them."""
    return bundle | {path: text.replace("%s", option) for path, text in MODPROBE.items()}


@pytest.mark.parametrize("option", ["1", ""])
@pytest.mark.parametrize("form", ["folder", "xz"])
def test_a_sosreport_has_the_options_that_modprobe_gives(
    tmp_path: Path, form: str, option: str
) -> None:
    files = with_option(sosreport(), f"options kvm_intel tdx={option}" if option else "# none")
    if form == "folder":
        report = report_of(written(tmp_path / "sosreport-zeus42-2026", files))
    else:
        report = report_of(packed(tmp_path / "sos.tar.xz", "sosreport-zeus42", files, form))
    assert report.host.kvm.tdx_option == option


def test_options_are_unknown_where_a_bundle_lacks_a_folder(tmp_path: Path) -> None:
    """Without the distribution's folder, no option is no answer, but one that is there counts."""
    files = sosreport() | {"etc/modprobe.d/tdx.conf": "# none\n"}
    assert report_of(written(tmp_path / "sosreport-1", files)).host.kvm.tdx_option is None
    files["etc/modprobe.d/tdx.conf"] = "options kvm_intel tdx=1\n"
    assert report_of(written(tmp_path / "sosreport-2", files)).host.kvm.tdx_option == "1"
    assert report_of(written(tmp_path / "sosreport-3", sosreport())).host.kvm.tdx_option is None


def test_a_supportconfig_has_options_and_packages(tmp_path: Path) -> None:
    files = supportconfig()
    files["modules.txt"] += section(
        "Configuration File", "/etc/modprobe.d/50-tdx.conf", "options kvm_intel tdx=1"
    )
    files["rpm.txt"] = section(
        "Command",
        'rpm -qa --queryformat "%-35{NAME} %-35{DISTRIBUTION} %{VERSION}-%{RELEASE}\\n"',
        TABLE,
    )
    stack = report_of(written(tmp_path / "scc_zeus42", files)).host
    assert stack.kvm.tdx_option == "1"
    assert (stack.stack.qemu_version, stack.stack.libvirt_version) == ("8.2.6", "10.0.0")


@pytest.mark.parametrize(
    ("name", "listed", "qemu"),
    [("installed-rpms", RPMS, "8.2.0"), ("sos_commands/dpkg/dpkg_-l", DEBS, "8.2.2")],
)
def test_a_sosreport_has_the_versions_of_packages(
    tmp_path: Path, name: str, listed: str, qemu: str
) -> None:
    files = sosreport() | {name: listed}
    for report in (
        report_of(written(tmp_path / "sosreport-zeus42", files)),
        report_of(packed(tmp_path / "sos.tar", "sosreport-zeus42", files, "")),
    ):
        stack = report.host.stack
        assert (stack.qemu_version, stack.libvirt_version) == (qemu, "10.0.0")


def test_processors_whose_empty_lines_were_left_out_are_still_counted(tmp_path: Path) -> None:
    report = report_of(written(tmp_path / "scc_zeus42_261128_0310", supportconfig()))
    expected = 2 * text("/proc/cpuinfo").count("vendor_id")
    assert report.host.fact("platform.cpus") == expected


def test_a_file_that_supportconfig_did_not_find_does_not_exist(tmp_path: Path) -> None:
    machine = open_input(str(written(tmp_path / "scc_zeus42_261128_0310", supportconfig())))
    assert isinstance(machine, Machine)
    with pytest.raises(Exception, match="does not exist"):
        machine.read("/etc/zipl.conf")


def test_the_log_with_the_beginning_of_the_boot_is_taken(tmp_path: Path) -> None:
    files = sosreport()
    begin = "Nov 28 03:10:11 zeus42 kernel: Linux version 6.17.0 (x@y) #1\n"
    body = "".join(f"Nov 28 03:10:12 zeus42 kernel: {ln}\n" for ln in LOG.splitlines()[1:])
    files["sos_commands/logs/journalctl_--no-pager_--boot"] = begin + body
    files["sos_commands/kernel/dmesg"] = "[99999.1] usb 1-1: new device\n"
    machine = open_input(str(written(tmp_path / "sosreport-x", files)))
    assert isinstance(machine, Machine)
    assert str(machine.ask("kernel-log", lambda system: "")).startswith("Nov 28 03:10:11")


def test_its_host_is_named_nowhere(tmp_path: Path) -> None:
    files = sosreport()
    files["sos_commands/kernel/dmesg"] += "[   99.0] virt/tdx: zeus42: initialization failed (-5)\n"
    folder = written(tmp_path / "bundle", files)
    assert ran("capture", str(tmp_path / "capture"), "--from", str(folder)).status == 0
    for path in (tmp_path / "capture").rglob("*"):
        assert path.is_dir() or b"zeus42" not in path.read_bytes()
    for command in (("dump", "--json"), ("dump", "-v"), ("check", "-v")):
        shown = ran(*command, "--from", str(folder))
        assert shown.status in (0, 1, 3)
        assert "zeus42" not in shown.out + shown.err


def reads_nothing(bundle: Path, path: str) -> bool:
    machine = open_input(str(bundle))
    assert isinstance(machine, Machine)
    with pytest.raises(Unavailable):
        machine.read(path)
    return True


def test_links_of_a_bundle_lead_only_into_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("CONFIG_INTEL_TDX_HOST=y\n")
    folder = written(tmp_path / "sosreport-x", sosreport())
    config = folder / f"boot/config-{RELEASE}"
    config.unlink()
    os.symlink(secret, config)
    assert reads_nothing(folder, f"/boot/config-{RELEASE}")
    top = "sosreport-x"
    files = sosreport()
    del files[f"boot/config-{RELEASE}"]
    path = packed(tmp_path / "x.tar", top, files, "")
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo(f"{top}/boot/config-{RELEASE}")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
    assert reads_nothing(path, f"/boot/config-{RELEASE}")


def test_links_in_circles_end(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.tar", "sosreport-x", sosreport(), "")
    with tarfile.open(path, "a") as archive:
        for name, target in (("proc/zoneinfo", "a"), ("proc/a", "zoneinfo")):
            link = tarfile.TarInfo(f"sosreport-x/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    assert report_of(path).host.kernel.release


def test_a_bundle_without_log_and_release_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "x", {"sos_commands/kernel/lsmod": "x\n"})
    with pytest.raises(BadInput, match="is a sosreport without the kernel's log"):
        open_input(str(folder))


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    whole = packed(tmp_path / "x.txz", "scc_x", supportconfig(), "xz").read_bytes()
    (tmp_path / "x.txz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="is not a complete archive"):
        open_input(str(tmp_path / "x.txz"))
