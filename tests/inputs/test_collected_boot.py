"""What the collecting shell script keeps of boot menus, modprobe's files and PCI devices.

First its filters by themselves, on the menus that GRUB's own answers are known of; then the whole
script and tdxinfo on the same invented host, whose folders are mounted over this machine's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tdxinfo.decode import bls, grub, lines, parameters
from tdxinfo.host import fact_names
from tdxinfo.machine import identity
from tdxinfo.report import Report
from tests.decode.test_grub import CHOICES, ENTRIES, ID, MACHINE, RELEASES, RHEL, debian
from tests.inputs.test_collector import SHELLS, functions, report_of, shell, text
from tests.parts import one_in

SECRETS = (ID, MACHINE, "rhel-root", "alice", "hunter2", "zeus42", "0123-4567")
OPTIONS = f"root=UUID={ID} ro kvm_intel.tdx=1 nohibernate password=hunter2 $tuned_params"


def all_functions() -> str:
    """The script's functions and lists, without what collects."""
    begin = text().index("# What the boot loader starts next")
    return functions() + text()[begin : text().index("\nfor path in ", begin)]


def filtered(command: tuple[str, ...], name: str, content: str) -> str:
    script = all_functions().replace("uname -n", "echo zeus42") + f"\n{name} | clean_names"
    done = subprocess.run(
        [*shell(command), "-c", script],
        input=content.encode(),
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == b""
    assert not [word for word in SECRETS if word in done.stdout.decode()]
    return done.stdout.decode()


def environment(variables: Mapping[str, str]) -> str:
    return "# GRUB Environment Block\n" + "".join(f"{k}={v}\n" for k, v in variables.items())


def options_of(entry: bls.BootEntry) -> bytes:
    """What a capture keeps of the entry's command line."""
    return identity.command_line((entry.options or "").encode())


@pytest.mark.parametrize("command", one_in(3, SHELLS), ids=" ".join)
def test_a_menu_that_was_cleaned_starts_the_same(command: tuple[str, ...]) -> None:
    menu = debian("${saved_entry}", OPTIONS)
    kept = filtered(command, "menu_lines", f'set superusers="alice"\n{menu}')
    for variables, _, _ in CHOICES:
        known = grub.environment(filtered(command, "grubenv_lines", environment(variables)))
        expected, found = grub.chosen(menu, variables), grub.chosen(kept, known)
        assert (found.entry.release, found.chosen_by) == (
            expected.entry.release,
            expected.chosen_by,
        ), variables
        assert options_of(found.entry) == options_of(expected.entry)


@pytest.mark.parametrize("command", one_in(3, SHELLS), ids=" ".join)
def test_entries_that_were_cleaned_start_the_same(command: tuple[str, ...]) -> None:
    variables = {
        "saved_entry": f"{MACHINE}-{RELEASES[0]}",
        "boot_success": "0",
        "kernelopts": OPTIONS,
        "tuned_params": "nohibernate skew_tick=1 password=hunter2",
    }
    known = grub.environment(filtered(command, "grubenv_lines", environment(variables)))
    entries = []
    for entry in ENTRIES:
        content = (
            f"title {entry.title} on zeus42\nversion {entry.version}\nlinux {entry.kernel}\n"
            f"machine-id {MACHINE}\noptions {entry.options} $kernelopts\ngrub_users alice\n"
        )
        name = filtered(command, "cat", f"{entry.id}.conf\n").strip()
        entries.append(bls.parse(name, filtered(command, "entry_lines", content)))
    expected = grub.chosen(RHEL, variables, ENTRIES)
    found = grub.chosen(filtered(command, "menu_lines", RHEL), known, entries)
    assert (found.entry.release, found.chosen_by) == (RELEASES[0], expected.chosen_by)
    assert found.entry.options is not None
    assert set(found.entry.options.split()) >= {"kvm_intel.tdx=1", "nohibernate"}


@pytest.mark.parametrize("command", one_in(3, SHELLS), ids=" ".join)
def test_settings_and_module_options_keep_what_counts(command: tuple[str, ...]) -> None:
    settings = f'# of alice\nGRUB_CMDLINE_LINUX="{OPTIONS}"\nGRUB_PASSWORD=hunter2\n'
    kept = lines.shell_settings(filtered(command, "default_lines", settings))
    assert kept == {"GRUB_CMDLINE_LINUX": "ro kvm_intel.tdx=1 nohibernate $tuned_params"}
    module = "# alice\noptions kvm-intel ept=1 \\\n  tdx=1\noptions wifi key=hunter2\n"
    found = filtered(command, "modprobe_lines", module)
    assert parameters.of_modprobe(found, "kvm_intel", "tdx") == "1"


@pytest.mark.parametrize("command", SHELLS, ids=" ".join)
def test_variables_of_the_boot_loader_are_cleaned_and_stay_utf_16(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    name = "LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
    value = f"{MACHINE}-6.17.0.conf\0"
    variables = tmp_path / "efivars"
    variables.mkdir()
    (variables / name).write_bytes(b"\x07\0\0\0" + value.encode("utf-16-le"))
    begin = text().index("# The boot loader's variables")
    end = text().index("# The kernels that are installed")
    part = text()[begin:end].replace("/sys/firmware/efi/efivars", str(variables))
    script = f'{all_functions()}\n{part}\ncat "$top/root{variables}/{name}"'
    done = subprocess.run(
        [*shell(command), "-c", script], capture_output=True, check=True, timeout=60
    )
    assert done.stdout[4:].decode("utf-16-le") == "_id_-6.17.0.conf\0"


# --- the whole script ---------------------------------------------------------------------------

MOUNTED = ("/boot", "/etc/default", "/etc/modprobe.d", "/usr/lib/modules", "/sys/bus/pci/devices")
GROUPS = "/sys/kernel/iommu_groups"
DEVICES = {
    "0000:17:00.0": ("0x030200", "0x10de", "0x2331", "vfio-pci", "7"),
    "0000:17:00.1": ("0x040300", "0x10de", "0x22ba", "snd_hda_intel", "7"),
    "0000:16:01.0": ("0x060400", "0x8086", "0x352a", "pcieport", "7"),
    "0000:03:00.0": ("0x030000", "0x1a03", "0x2000", "ast", "8"),
    "0000:6a:00.0": ("0x120000", "0x8086", "0x0b25", "idxd", "9"),
}
"""Class, vendor, device, driver and IOMMU group by address."""
NEWEST = "6.17.0-8-generic"


def invented(top: Path) -> Path:
    """A host with a boot menu, kernels, settings and devices, below a folder."""
    root = top / "root"
    files = {
        "/boot/grub/grub.cfg": debian("${saved_entry}", OPTIONS),
        "/boot/grub/grubenv": environment({"saved_entry": "1>2"}),
        f"/boot/vmlinuz-{NEWEST}": "",
        f"/boot/config-{NEWEST}": "CONFIG_INTEL_TDX_HOST=y\nCONFIG_KVM_INTEL_TDX=y\n",
        f"/usr/lib/modules/{NEWEST}/modules.dep": "",
        "/usr/lib/modules/6.8.0-31-generic/modules.dep": "",
        "/etc/default/grub": f'GRUB_CMDLINE_LINUX="{OPTIONS}"\n',
        "/etc/default/grub.d/50-cloud.cfg": 'GRUB_CMDLINE_LINUX_DEFAULT="console=ttyS0"\n',
        "/etc/modprobe.d/tdx.conf": "options kvm_intel tdx=1\n",
    }
    for address, (kind, vendor, device, driver, group) in DEVICES.items():
        place = f"/sys/bus/pci/devices/{address}"
        files |= {f"{place}/class": kind, f"{place}/vendor": vendor, f"{place}/device": device}
        for name, target in (("driver", driver), ("iommu_group", group)):
            link = root / f"{place[1:]}/{name}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(f"../../{target}")
        (root / f"{GROUPS[1:]}/{group}/devices/{address}").mkdir(parents=True)
    for path, content in files.items():
        file = root / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if content.endswith("\n") else f"{content}\n")
    return root


def inside(root: Path, command: list[str], given: str = "") -> bytes:
    """What the command prints where the host's folders are mounted over this machine's."""
    mounts = [f"mount --bind {root}{path} {path}" for path in (*MOUNTED, GROUPS)]
    script = " && ".join([*mounts, 'exec "$@"'])
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *command],
        input=given.encode(),
        capture_output=True,
        check=False,
        timeout=300,
    )
    if b"mount: " in done.stderr or b"unshare: " in done.stderr:
        pytest.skip("folders cannot be mounted over others")
    assert done.stderr == b""
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", SHELLS, ids=" ".join)
def test_the_script_records_what_a_capture_by_root_does(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("folders are mounted over others by root alone")
    if not all(os.path.isdir(path) for path in (*MOUNTED, GROUPS)):
        pytest.skip("this machine lacks a folder to mount over")
    root = invented(tmp_path)
    archive = tmp_path / "host.tar"
    archive.write_bytes(inside(root, [*shell(command)], text()))
    live = inside(root, [sys.executable, "-m", "tdxinfo", "dump", "--json"])
    collected, expected = report_of(str(archive)), Report.model_validate_json(live)
    asked = [name for name in fact_names() if name.startswith(("boot.", "devices."))]
    for name in (*asked, "kvm.tdx_option"):
        assert collected.host.fact(name) == expected.host.fact(name), name
    assert collected.host.kvm.tdx_option == "1"
    assert collected.host.boot.next_kernel
    assert [device.kind for device in collected.host.devices.accelerators or ()] == [
        "GPU",
        "accelerator",
    ]
    assert not [word for word in SECRETS if word.encode() in archive.read_bytes()]
