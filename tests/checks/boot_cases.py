"""What the checks of the next boot and of devices say, as rows of tests/checks/cases.py."""

from __future__ import annotations

from typing import Any

from tdxinfo.model.devices import PciDevice, PciPeer
from tdxinfo.model.provenance import Attempt

Case = tuple[str, dict[str, Any], str, str]

NOT_ROOT = Attempt(
    origin="bootloader:kernel",
    reason="denied",
    message="/boot/grub2/grub.cfg may not be read by this user",
    remedy="Run as root.",
)
RUNNING = {"kernel.release": "7.3.4", "kernel.config_tdx_host": True}
SAME = {**RUNNING, "boot.next_kernel": "7.3.4", "boot.next_generation": "boot"}
BUILT = {"boot.next_config_tdx_host": True, "boot.next_config_kvm_tdx": True}
OTHER = {**RUNNING, "boot.next_kernel": "6.8.0-101-generic", "boot.next_generation": "vendor-kvm"}
PLAIN = {**RUNNING, "boot.next_kernel": "6.8.0", "boot.next_generation": "detects"}

BOOT: list[Case] = [
    (
        "boot.next_kernel",
        {**SAME, **BUILT, "boot.chosen_by": "saved_entry"},
        "PASS",
        "the next boot starts 7.3.4, chosen by saved_entry in grubenv: 7.3.4 supports TDX",
    ),
    ("boot.next_kernel", SAME, "PASS", "the next boot starts 7.3.4, which supports TDX"),
    (
        "boot.next_kernel",
        {**SAME, "boot.next_config_kvm_tdx": False, "boot.chosen_by": "default"},
        "WARN",
        "the next boot starts 7.3.4, chosen by GRUB_DEFAULT: 7.3.4 does not support TDX",
    ),
    (
        "boot.next_kernel",
        {**PLAIN, "boot.next_config_tdx_host": True, "boot.chosen_by": "fallback"},
        "WARN",
        "the next boot starts 6.8.0, the first entry of the menu, as the entry that GRUB should "
        "start does not exist: 6.8.0 does not support TDX",
    ),
    (
        "boot.next_kernel",
        {**PLAIN, "boot.next_config_tdx_host": False, "boot.chosen_by": "next_entry"},
        "WARN",
        "the next boot starts 6.8.0, for one boot (next_entry in grubenv): 6.8.0 does not support "
        "TDX",
    ),
    (
        "boot.next_kernel",
        {**RUNNING, "boot.next_kernel": "6.12.0-124.8.1.el10_1.x86_64", **BUILT},
        "PASS",
        "the next boot starts 6.12.0-124.8.1.el10_1.x86_64, which supports TDX",
    ),
    (
        "boot.next_kernel",
        {
            **RUNNING,
            "boot.next_kernel": "6.12.0-124.8.1.el10_1.x86_64",
            "boot.next_config_tdx_host": True,
        },
        "UNKNOWN",
        "boot.next_generation is unknown",
    ),
    (
        "boot.next_kernel",
        {**RUNNING, "boot.next_kernel": "7.1.2", "boot.next_generation": "boot"},
        "UNKNOWN",
        "boot.next_config_tdx_host is unknown",
    ),
    (
        "boot.next_kernel",
        {**RUNNING, "boot.next_kernel": NOT_ROOT},
        "UNKNOWN",
        "boot.next_kernel is unknown: /boot/grub2/grub.cfg may not be read by this user",
    ),
    *[
        (
            check_id,
            {**PLAIN, "boot.next_config_tdx_host": False, "boot.next_options": "ro"},
            "SKIP",
            "the next boot starts 6.8.0, which does not support TDX",
        )
        for check_id in ("boot.hibernation", "boot.kvm_tdx")
    ],
    (
        "boot.hibernation",
        {**SAME, "boot.next_options": "ro hibernate=no"},
        "PASS",
        "the next boot has hibernate=no",
    ),
    (
        "boot.hibernation",
        {**SAME, "boot.next_options": "ro", "boot.next_config_hibernation": False},
        "PASS",
        "7.3.4 was built without hibernation",
    ),
    *[
        (
            "boot.hibernation",
            {
                **SAME,
                "boot.next_options": "ro",
                "boot.next_config_hibernation": True,
                "kernel.hibernation": available,
                "module.state": "initialized",
            },
            outcome,
            message,
        )
        for available, outcome, message in (
            (True, "PASS", "7.3.4 runs TDX although hibernation is available"),
            (False, "WARN", "the next boot starts 7.3.4 without nohibernate: TDX is then off"),
        )
    ],
    (
        "boot.hibernation",
        {**SAME, "boot.next_options": "ro", "kernel.lockdown": "integrity"},
        "PASS",
        "kernel lockdown turns hibernation off",
    ),
    (
        "boot.hibernation",
        {**SAME, "boot.next_options": "ro", "boot.next_config_hibernation": True},
        "WARN",
        "the next boot starts 7.3.4 without nohibernate: TDX is then off",
    ),
    (
        "boot.hibernation",
        {
            **RUNNING,
            "boot.next_kernel": "5.15.152.bsk.10-amd64",
            "boot.next_options": "ro",
            "boot.next_config_hibernation": False,
        },
        "PASS",
        "5.15.152.bsk.10-amd64 was built without hibernation",
    ),
    (
        "boot.hibernation",
        {
            **OTHER,
            "boot.next_kernel": "5.14.0-599.tdx.el9s.x86_64",
            "boot.next_options": "ro",
            "boot.next_config_hibernation": True,
        },
        "UNKNOWN",
        "whether 5.14.0-599.tdx.el9s.x86_64 disables TDX while hibernation is available is unknown",
    ),
    (
        "boot.hibernation",
        {**SAME, "boot.next_options": "ro"},
        "UNKNOWN",
        "boot.next_config_hibernation is unknown",
    ),
    (
        "boot.hibernation",
        {**SAME, "boot.next_options": NOT_ROOT},
        "UNKNOWN",
        "boot.next_options is unknown: /boot/grub2/grub.cfg may not be read by this user",
    ),
    *[
        (
            "boot.kvm_tdx",
            {**SAME, "boot.next_options": f"ro kvm-intel.tdx={on}"},
            "PASS",
            f"the command line of the next boot has kvm_intel.tdx={on}",
        )
        for on in ("1", "y", "Y", "on", "true", "t")
    ],
    (
        "boot.kvm_tdx",
        {**SAME, "boot.next_options": "kvm_intel.tdx=1 kvm-intel.tdx=off", "kvm.tdx_option": "1"},
        "WARN",
        "the command line of the next boot has kvm_intel.tdx=off",
    ),
    (
        "boot.kvm_tdx",
        {**SAME, "boot.next_options": "kvm.tdx=1 tdx=1 kvm_intel.tdx=2", "kvm.tdx_option": "n"},
        "WARN",
        "the command line of the next boot has kvm_intel.tdx=2",
    ),
    (
        "boot.kvm_tdx",
        {**SAME, "boot.next_options": "ro", "kvm.tdx_option": "Y"},
        "PASS",
        "modprobe's configuration has kvm_intel tdx=1",
    ),
    (
        "boot.kvm_tdx",
        {**SAME, "boot.next_options": NOT_ROOT, "kvm.tdx_option": "Y"},
        "PASS",
        "modprobe's configuration has kvm_intel tdx=1",
    ),
    (
        "boot.kvm_tdx",
        {
            **RUNNING,
            "kernel.command_line": "kvm_intel.tdx=0",
            "boot.next_options": NOT_ROOT,
            "kvm.tdx_option": "Y",
        },
        "UNKNOWN",
        "boot.next_options is unknown: /boot/grub2/grub.cfg may not be read by this user",
    ),
    (
        "boot.kvm_tdx",
        {
            **RUNNING,
            "kernel.command_line": "kvm_intel.tdx=1",
            "boot.next_options": NOT_ROOT,
            "kvm.tdx_option": "",
        },
        "UNKNOWN",
        "boot.next_options is unknown: /boot/grub2/grub.cfg may not be read by this user",
    ),
    (
        "boot.kvm_tdx",
        {**SAME, "boot.next_options": "ro", "kvm.tdx_option": ""},
        "WARN",
        "kvm_intel tdx=1 is neither on the command line of the next boot nor in modprobe.d",
    ),
    (
        "boot.kvm_tdx",
        {"kernel.release": "6.8.0-1028-intel"},
        "SKIP",
        "this vendor's kernel enables TDX in another way",
    ),
    (
        "boot.options",
        {"boot.option_changes": ()},
        "PASS",
        "the next boot has the same options about TDX as the running kernel",
    ),
    (
        "boot.options",
        {"boot.option_changes": ("nohibernate: given now, not given after a reboot",)},
        "INFO",
        "options that change with the next boot: nohibernate: given now, not given after a reboot",
    ),
]


def gpu(number: int = 0, driver: str | None = "vfio-pci", **parts: Any) -> PciDevice:
    return PciDevice(
        **{
            "address": f"0000:{0x17 + number:02x}:00.0",
            "kind": "GPU",
            "vendor": "0x10de",
            "device": "0x2330",
            "driver": driver,
            "iommu_group": 60 + number,
            "peers": (),
            **parts,
        }
    )


SWITCH = gpu(9, None, kind="NVSwitch", device="0x22a3")
BRIDGE = PciPeer(address="0000:16:01.0", driver="pcieport", is_bridge=True)
SOUND = PciPeer(address="0000:17:00.1", driver="snd_hda_intel", is_bridge=False)
FREE = PciPeer(address="0000:17:00.2", driver=None, is_bridge=False)
TAKEN = PciPeer(address="0000:17:00.3", driver="vfio-pci", is_bridge=False)

DEVICES: list[Case] = [
    (
        "devices.iommu",
        {"devices.iommu_units": 8, "devices.iommu_groups": 210},
        "PASS",
        "8 IOMMUs with 210 groups of devices",
    ),
    (
        "devices.iommu",
        {"devices.iommu_units": 0, "devices.iommu_groups": 0},
        "INFO",
        "no Intel IOMMU is on",
    ),
    (
        "devices.iommu",
        {"devices.iommu_units": 1, "devices.iommu_groups": 0},
        "INFO",
        "the IOMMU is on, but no device is in a group",
    ),
    (
        "devices.vfio",
        {"devices.accelerators": (gpu(), gpu(1, "nvgrace_gpu_vfio_pci"))},
        "PASS",
        "2 GPUs: all are bound to vfio-pci",
    ),
    (
        "devices.vfio",
        {"devices.accelerators": (gpu(), SWITCH)},
        "INFO",
        "1 of 2 devices is not bound to vfio-pci: 0000:20:00.0 (NVSwitch) has no driver",
    ),
    (
        "devices.vfio",
        {"devices.accelerators": tuple(gpu(n, "nvidia") for n in range(8))},
        "INFO",
        "8 of 8 devices are not bound to vfio-pci: 0000:17:00.0 (GPU) is bound to nvidia, "
        "0000:18:00.0 (GPU) is bound to nvidia, 0000:19:00.0 (GPU) is bound to nvidia and 5 more",
    ),
    (
        "devices.vfio",
        {"devices.accelerators": ()},
        "SKIP",
        "this host has no GPU, NVSwitch or other accelerator",
    ),
    (
        "devices.groups",
        {"devices.accelerators": (gpu(peers=(BRIDGE, FREE, TAKEN)), SWITCH)},
        "PASS",
        "1 GPU, 1 NVSwitch: the host uses no other device in their IOMMU groups",
    ),
    (
        "devices.groups",
        {"devices.accelerators": (gpu(peers=(BRIDGE, SOUND)),)},
        "INFO",
        "the host uses other devices in the IOMMU groups of GPUs: 0000:17:00.1 is bound to "
        "snd_hda_intel (group 60)",
    ),
    (
        "devices.groups",
        {"devices.accelerators": (gpu(iommu_group=None),)},
        "INFO",
        "in no IOMMU group: 0000:17:00.0",
    ),
    (
        "devices.groups",
        {"devices.accelerators": ()},
        "SKIP",
        "this host has no GPU, NVSwitch or other accelerator",
    ),
    (
        "devices.dma_limit",
        {"devices.dma_entry_limit": 4294967295},
        "PASS",
        "a VM can have 4294967295 mappings without iommufd",
    ),
    (
        "devices.dma_limit",
        {"devices.dma_entry_limit": 65535},
        "INFO",
        "a VM can have 65535 mappings without iommufd, which are too few for a TD with a GPU",
    ),
    (
        "devices.dma_limit",
        {
            "devices.dma_entry_limit": Attempt(
                origin="sysfs:/sys/module/vfio_iommu_type1/parameters/dma_entry_limit",
                reason="absent",
                message="x",
                remedy="",
            )
        },
        "SKIP",
        "the module vfio_iommu_type1 is not loaded",
    ),
    ("devices.iommufd", {"devices.iommufd": True}, "PASS", "/dev/iommu exists"),
    ("devices.iommufd", {"devices.iommufd": False}, "INFO", "/dev/iommu does not exist"),
    (
        "devices.iommufd",
        {"devices.iommufd": True, "devices.config_vfio_cdev": False},
        "INFO",
        "/dev/iommu exists, but this kernel was built without a file for each VFIO device "
        "(CONFIG_VFIO_DEVICE_CDEV)",
    ),
    (
        "devices.nodes",
        {"devices.nodes_possible": 2, "devices.nodes_online": 2},
        "PASS",
        "all 2 NUMA nodes that are possible are online",
    ),
    (
        "devices.nodes",
        {"devices.nodes_possible": 20, "devices.nodes_online": 2},
        "INFO",
        "20 NUMA nodes are possible and 2 online",
    ),
    (
        "devices.tdx_connect",
        {"devices.tdx_connect": True, "devices.tsm": ("tsm0",)},
        "PASS",
        "the TDX module has TDX Connect; TSM: tsm0",
    ),
    (
        "devices.tdx_connect",
        {
            "devices.tdx_connect": True,
            "devices.tsm": Attempt(origin="folder:x", reason="absent", message="x", remedy=""),
        },
        "INFO",
        "this kernel does not use TDX Connect: it has no TSM (/sys/class/tsm)",
    ),
    (
        "devices.tdx_connect",
        {"devices.tdx_connect": True, "devices.tsm": NOT_ROOT},
        "UNKNOWN",
        "devices.tsm is unknown: /boot/grub2/grub.cfg may not be read by this user",
    ),
    (
        "devices.tdx_connect",
        {"devices.tdx_connect": False, "devices.tsm": ("tsm0",)},
        "INFO",
        "the TDX module has no TDX Connect: devices use only shared memory of TDs",
    ),
]
