"""An invented machine of which every identity and secret is known: none is in anything written.

The kernel's lines quote them, so do files, answers and refusals. Captures, reports, every format
and the collector's output are searched for them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tdxinfo.inputs.collector import script
from tdxinfo.machine.identity import without_identity
from tests.cli.command import ran
from tests.parts import one_in

NAME = "zeus42"
KNOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "name": ("root is /dev/zeus42-vg/root and rhel_zeus42-root of ZEUS42.corp-x.example", ()),
    "IPv4": ("peer 10.77.3.4:6443", ("10.77.3.4",)),
    "IPv6": (
        "peer 2001:db8:77::5, fe80::a00:27ff:fe4e:66a1%eth0 and [2001:db8::17]:514",
        ("2001:db8:77::5", "a00:27ff", "2001:db8::17"),
    ),
    "MAC": (
        "aa:bb:cc:dd:ee:01 AA-BB-CC-DD-EE-02 aabb.ccdd.ee03 hwaddr=aabbccddee04",
        ("dd:ee:01", "DD-EE-02", "ccdd.ee03", "aabbccddee04"),
    ),
    "InfiniBand": (
        "port guid 0x0002c90300a1b2c3, 0002:c903:00a1:b2c4, "
        "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:a1:b2:c5",
        ("0002c90300a1b2c3", "00a1:b2c4", "a1:b2:c5"),
    ),
    "LVM": ("rd.lvm.lv=vgblue/lvroot on /dev/mapper/vgblue-lvroot", ("vgblue", "lvroot")),
    "labels": ("LABEL=bluedisk PARTLABEL=bluepart", ("bluedisk", "bluepart")),
    "UUIDs": (
        "luks-5B3B5A5E-0000-4000-8000-123456789ABD UUID=ABCD-1234 PARTUUID=deadbeef-02",
        ("5B3B5A5E", "ABCD-1234", "deadbeef-02"),
    ),
    "WWN": (
        "wwn-0x5002538f00aabb11 WWN: 0x5002538f00aabb12 naa.5002538f00aabb13 "
        "eui.0025385f00aabb14 50:02:53:8f:00:aa:bb:15",
        ("aabb11", "aabb12", "aabb13", "aabb14", "aa:bb:15"),
    ),
    "iSCSI": ("InitiatorName=iqn.1994-05.com.redhat:blueinit", ("blueinit",)),
    "NVMe": ("subsystem nqn.2019-10.com.blue:sub7", ("com.blue", "sub7")),
    "disks": (
        "/dev/disk/by-id/x_S64HNE0T000001 nvme-SAMSUNG_MZQL23T8HCLS-00A07_S64HNE0T000002",
        ("S64HNE0T000001", "S64HNE0T000002"),
    ),
    "serial numbers": (
        "Serial Number: ABC123XYZ SerialNumber=ABC124XYZ S/N: ABC125XYZ Service Tag: 7HXABC2",
        ("ABC123XYZ", "ABC124XYZ", "ABC125XYZ", "7HXABC2"),
    ),
    "URLs": (
        "GET https://api.corp-x.example/v1?token=abcTOK7 http://deploy:pw77@10.1.2.3/ks",
        ("abcTOK7", "pw77", "10.1.2.3"),
    ),
    "tokens": (
        "Bearer eyJhbGciOi77.eyJzdWI77.SflKxwRJ77 x-api-key: k1234577 password=hunter77 "
        "AWS_SECRET_ACCESS_KEY=wJalr77",
        ("SflKxwRJ77", "k1234577", "hunter77", "wJalr77"),
    ),
    "AWS": (
        "i-0abc1234def567890 vol-0123456789abcdef0 arn:aws:iam::123456789012:role/blue "
        "AKIAIOSFODNN7EXAMPLE",
        ("0abc1234def567890", "0123456789abcdef0", "123456789012", "AKIAIOSFODNN7EXAMPLE"),
    ),
    "Azure": (
        "/subscriptions/7c1a3f2e-1111-2222-3333-444455556666/resourceGroups/blue-rg/providers",
        ("7c1a3f2e", "blue-rg"),
    ),
    "users": (
        "/home/bertha/x /run/user/1000/bertha/y uid=1000(bertha) user=bertha bertha@corp-x.example",
        ("bertha", "corp-x"),
    ),
    "platform": ("PPID: 0123456789abcdef0123456789abcdef", ("0123456789abcdef0123456789abcdef",)),
    "certificate": (
        "-----BEGIN CERTIFICATE----- MIIBszCCAVmgAw77 QWErty77== -----END CERTIFICATE-----",
        ("MIIBszCCAVmgAw77", "QWErty77"),
    ),
    "SSH": ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIabc77", ("AAAAC3NzaC1lZDI1",)),
}
"""What is written of each kind, and what of it must be nowhere. The name is in none of it."""

SECRETS = (NAME, *(secret for _, secrets in KNOWN.values() for secret in secrets))
COMMAND_LINE = (
    f"BOOT_IMAGE=/vmlinuz ro hostname={NAME} intel_iommu=on kvm_intel.tdx=1 nohibernate "
    + " ".join(words for words, _ in KNOWN.values())
)


def lines() -> Iterator[str]:
    yield f"Nov 28 03:10:11 {NAME} kernel: Linux version 6.17.0 (bertha@{NAME}) #1"
    yield f"Nov 28 03:10:11 {NAME} kernel: Command line: {COMMAND_LINE}"
    yield f"Nov 28 03:10:11 {NAME} kernel: virt/tdx: BIOS enabled: private KeyID range [64, 128)"
    for words, _ in KNOWN.values():
        yield f"Nov 28 03:10:12 {NAME} kernel: virt/tdx: {words}: initialization failed (-5)"
        yield f"Nov 28 03:10:12 {NAME} kernel: tdx: SEAMCALL (0x{8:016x}) failed: {words}"
        yield f"Nov 28 03:10:12 {NAME} sshd[1]: {words} virt/tdx"


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture that keeps all of it, as `--keep-identity` makes one."""
    folder = tmp_path_factory.mktemp("privacy") / "capture"
    everything = "; ".join(words for words, _ in KNOWN.values())
    without_name = everything.replace(NAME, "h").replace(f"{NAME.upper()}.corp-x.example", "h")
    files = {
        "about.toml": f"format = 1\nprovenance = {json.dumps(without_name)}\n",
        "kernel.log": "".join(f"{line}\n" for line in lines()),
        "root/proc/cmdline": COMMAND_LINE + "\n",
        "root/proc/sys/kernel/osrelease": "6.17.0\n",
        "root/boot/config-6.17.0": f'CONFIG_INTEL_TDX_HOST=y\nCONFIG_CMDLINE="{COMMAND_LINE}"\n',
        "root/sys/class/dmi/id/sys_vendor": everything + "\n",
        "root/sys/class/dmi/id/product_name": everything + "\n",
        "root/sys/class/dmi/id/bios_version": everything + "\n",
        "answers.toml": "".join(
            f'[refused."{path}"]\nreason = "unsupported"\nmessage = {json.dumps(everything)}\n'
            for path in ("/proc/cpuinfo", "/proc/iomem", "msr/0x982/cpu0", "/sys/fs/cgroup/misc.x")
        ),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def found_in(data: bytes) -> list[str]:
    lower = data.lower()
    return [secret for secret in SECRETS if secret.lower().encode() in lower]


@pytest.mark.parametrize("kind", KNOWN)
def test_each_kind_is_taken_out_of_text(kind: str) -> None:
    words, secrets = KNOWN[kind]
    for text in (words, f"\xff {words}\n", f"virt/tdx: {words}, and more"):
        kept = without_identity(text.encode("latin-1"), [NAME]).lower()
        assert [s for s in (NAME, *secrets) if s.lower().encode() in kept] == []


COMMANDS = (
    ("dump",),
    ("dump", "-v", "--all-sources"),
    ("dump", "--json"),
    ("dump", "--json", "--all-sources"),
    ("check",),
    ("check", "-v"),
    ("check", "--steps"),
    ("check", "--json"),
    ("check", "--format", "markdown"),
    ("check", "--format", "junit"),
    ("check", "--format", "prometheus"),
    ("check", "--format", "nfd"),
    ("check", "--format", "nagios"),
    ("check", "--format", "html"),
    ("check", "--format", "svg"),
)


@pytest.mark.parametrize("command", one_in(3, COMMANDS), ids=" ".join)
def test_no_format_shows_any(capture: Path, command: tuple[str, ...]) -> None:
    shown = ran(*command, "--from", str(capture), columns=400)
    assert shown.out, shown.err
    assert found_in((shown.out + shown.err).replace(str(capture), "").encode()) == []


@pytest.mark.parametrize("options", [[], ["--format", "json"], ["--format", "csv"]], ids=str)
def test_no_fleet_shows_any(capture: Path, options: list[str]) -> None:
    shown = ran("fleet", str(capture), *options, columns=400)
    assert shown.status in (0, 1, 3, 4), shown.err
    assert found_in((shown.out + shown.err).encode()) == []


def test_no_capture_of_it_keeps_any(capture: Path, tmp_path: Path) -> None:
    done = ran("capture", str(tmp_path / "again"), "--from", str(capture))
    assert done.status == 0, done.err
    written = [path for path in (tmp_path / "again").rglob("*") if path.is_file()]
    assert len(written) > 4
    for path in written:
        assert found_in(path.read_bytes()) == [], path
    line = (tmp_path / "again/root/proc/cmdline").read_text()
    assert line == "ro intel_iommu=on kvm_intel.tdx=1 nohibernate\n"


def test_no_log_in_any_form_shows_any(capture: Path, tmp_path: Path) -> None:
    text = (capture / "kernel.log").read_text()
    entries = "".join(
        json.dumps({"_TRANSPORT": "kernel", "_HOSTNAME": NAME, "MESSAGE": ln.split(": ", 1)[1]})
        + "\n"
        for ln in text.splitlines()
    )
    for name, data in (
        ("journal", text),
        ("json", entries),
        ("windows", text.replace("\n", "\r\n")),
    ):
        (tmp_path / name).write_text(data, newline="")
        for command in (("dump", "--json", "--all-sources"), ("check", "-v")):
            shown = ran(*command, "--from", str(tmp_path / name), columns=400)
            assert shown.status in (0, 1, 3), shown.err
            assert found_in((shown.out + shown.err).encode()) == [], name


@pytest.mark.parametrize(
    "command", [["dash"], ["bash", "--posix"], ["busybox", "sh"]], ids=" ".join
)
def test_the_collector_keeps_none(capture: Path, command: list[str]) -> None:
    """Its filter of lines, on the lines of the kernel."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    functions = script().split("if [ -r /proc/cmdline ]")[0].replace("uname -n", f"echo {NAME}")
    text = (capture / "kernel.log").read_text()
    done = subprocess.run(
        [*command, "-c", functions + "\nclean"],
        input="".join(ln + "\n" for ln in text.splitlines() if "ommand line" not in ln).encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert b"private KeyID range [64, 128)" in done.stdout
    assert found_in(done.stdout) == []
