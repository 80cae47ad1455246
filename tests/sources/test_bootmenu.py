"""What is read of boot menus and installed kernels, and what of it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tdxinfo.host import fact_names
from tdxinfo.machine.live import LiveMachine
from tdxinfo.machine.recording import RecordingMachine
from tdxinfo.report import Report, observe
from tests.builders import captured_machine
from tests.decode.test_bls import MACHINE
from tests.decode.test_grub import ID, INTEL, NEWEST, RHEL, debian

TDX = "CONFIG_INTEL_TDX_HOST=y\nCONFIG_KVM_INTEL_TDX=y\nCONFIG_HIBERNATION=y\n"
PLAIN = "# CONFIG_INTEL_TDX_HOST is not set\nCONFIG_HIBERNATION=y\n"
VARIABLE = "sys/firmware/efi/efivars/{}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"


def put(root: Path, files: dict[str, str | bytes]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def report_of(root: Path) -> Report:
    return observe(LiveMachine(str(root)), fact_names("boot"))


def kernel(release: str, config: str) -> dict[str, str | bytes]:
    return {
        f"lib/modules/{release}/modules.dep": "",
        f"boot/vmlinuz-{release}": "x",
        f"boot/config-{release}": config,
    }


def loader_variable(text: str) -> bytes:
    return b"\6\0\0\0" + (text + "\0").encode("utf-16-le")


UBUNTU: dict[str, str | bytes] = {
    "boot/grub/grub.cfg": debian("${saved_entry}", "kvm_intel.tdx=1 rd.luks.name=x"),
    "boot/grub/grubenv": "# GRUB Environment Block\nsaved_entry=1>2\n####",
    "etc/default/grub": 'GRUB_DEFAULT=saved\nGRUB_CMDLINE_LINUX="secret=1"\n'
    'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n',
    "etc/default/grub.d/50-tdx.cfg": 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT '
    'nohibernate"\n',
    "proc/sys/kernel/osrelease": f"{NEWEST}\n",
    "proc/version": "Linux\n",
    "proc/cmdline": "ro nohibernate kvm_intel.tdx=1\n",
    **kernel(NEWEST, PLAIN),
    **kernel(INTEL, PLAIN.replace("# CONFIG_INTEL_TDX_HOST is not set", "CONFIG_INTEL_TDX_HOST=y")),
    "lib/modules/6.5.0-removed/modules.dep": "",
}


def test_grub_of_ubuntu(tmp_path: Path) -> None:
    put(tmp_path, UBUNTU)
    boot = report_of(tmp_path).host.boot
    assert (boot.loader, boot.next_kernel, boot.chosen_by) == ("grub", INTEL, "saved_entry")
    assert boot.next_options == "ro kvm_intel.tdx=1"
    assert boot.configured_options == "quiet nohibernate"
    assert boot.option_changes == ("nohibernate: given now, not given after a reboot",)
    assert boot.installed_kernels == (NEWEST, INTEL)
    assert boot.tdx_kernels == (INTEL,)
    assert boot.next_generation == "vendor-kvm"
    assert (boot.next_config_tdx_host, boot.next_config_kvm_tdx) == (True, False)
    assert boot.next_config_hibernation is True


def test_grub_of_rhel_reads_the_entries_beside_it(tmp_path: Path) -> None:
    release = "6.12.0-124.8.1.el10_1.x86_64"
    put(
        tmp_path,
        {
            "boot/grub2/grub.cfg": RHEL,
            "boot/grub2/grubenv": f"# GRUB Environment Block\nsaved_entry={MACHINE}-{release}\n",
            f"boot/loader/entries/{MACHINE}-{release}.conf": f"title RHEL\nversion {release}\n"
            f"linux /vmlinuz-{release}\noptions root=/dev/mapper/vg-root ro nohibernate\n",
            **kernel(release, TDX),
        },
    )
    boot = report_of(tmp_path).host.boot
    assert (boot.next_kernel, boot.next_options) == (release, "ro nohibernate")
    assert boot.tdx_kernels == (release,)


def test_systemd_boot_is_known_by_its_variable(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            **UBUNTU,
            "sys/kernel/x": "",
            VARIABLE.format("LoaderInfo"): loader_variable("systemd-boot 257.9-1"),
            VARIABLE.format("LoaderEntryOneShot"): loader_variable(f"{MACHINE}-7.1.2.conf"),
            "efi/loader/loader.conf": "default *-6.17.9.conf\n",
            **{
                f"efi/loader/entries/{MACHINE}-{release}.conf": f"title Debian\nversion {release}\n"
                f"linux /{MACHINE}/{release}/linux\noptions root=UUID={ID} rw\n"
                for release in ("7.1.2", "6.17.9")
            },
        },
    )
    boot = report_of(tmp_path).host.boot
    assert (boot.loader, boot.next_kernel) == ("systemd-boot", "7.1.2")
    assert (boot.chosen_by, boot.next_options) == ("loader-oneshot", "rw")


def test_a_container_without_a_boot_loader_says_so(tmp_path: Path) -> None:
    put(tmp_path, {"etc/os-release": "ID=debian\n"})
    report = report_of(tmp_path)
    assert {fact for fact in fact_names("boot") if report.is_known(fact)} == set()
    (attempt,) = report.attempts("boot.next_kernel")
    assert attempt.reason == "absent"
    assert "--root" in attempt.message


def test_what_may_not_be_read_is_no_absence(tmp_path: Path) -> None:
    refused = {"boot/menu": {"reason": "denied", "message": "x", "remedy": "Run as root."}}
    report = observe(captured_machine(refused=refused), fact_names("boot"))
    assert not report.is_absent("boot.next_kernel")
    assert report.attempts("boot.next_kernel")[0].remedy == "Run as root."


def test_a_record_keeps_nothing_that_names_the_machine(tmp_path: Path) -> None:
    put(tmp_path, UBUNTU)
    machine = RecordingMachine(LiveMachine(str(tmp_path)))
    observe(machine, fact_names("boot"))
    kept = repr(machine.answers)
    for secret in (ID, "rd.luks", "secret", "root=", "gnulinux"):
        assert secret not in kept
    assert INTEL in kept


@pytest.mark.parametrize("answer", ["", [], {"kernel": 1}, {"kernel": "x" * 100}, {"a": "b"}, 7])
def test_a_record_of_another_form_is_refused(answer: object) -> None:
    answers = {"boot/menu": answer, "boot/kernels": answer, "boot/configured": {"a": 1}}
    report = observe(captured_machine(answers=answers), fact_names("boot"))
    known = {fact for fact in fact_names("boot") if report.is_known(fact)}
    assert known <= {"boot.installed_kernels", "boot.tdx_kernels"}


def test_the_running_kernels_own_configuration_goes_before_the_list() -> None:
    machine = captured_machine(
        {"/proc/sys/kernel/osrelease": "7.1.2\n", "/boot/config-7.1.2": TDX},
        {"boot/menu": {"loader": "grub", "kernel": "7.1.2"}, "boot/kernels": {"7.1.2": {}}},
    )
    assert observe(machine, ["boot.next_config_tdx_host"]).host.boot.next_config_tdx_host is True


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ('GRUB_CMDLINE_LINUX="quiet"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX ro"\n', "quiet ro"),
        ("GRUB_CMDLINE_LINUX=quiet # a comment\n", "quiet"),
        ("#GRUB_CMDLINE_LINUX=quiet\n", ""),
        ("export GRUB_CMDLINE_LINUX='nohibernate'\n", "nohibernate"),
        ('GRUB_CMDLINE_LINUX+=" nohibernate"\n', "nohibernate"),
        ('GRUB_CMDLINE_LINUX="${OTHER} ro"\n', "ro"),
    ],
)
def test_settings_are_read_as_a_shell_reads_them(tmp_path: Path, text: str, options: str) -> None:
    put(tmp_path, {"etc/default/grub": text})
    assert report_of(tmp_path).host.boot.configured_options == options
