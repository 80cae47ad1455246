"""Where the limits of checks lie, and what else they can say: rows like those of `cases`."""

from __future__ import annotations

from typing import Any

from tdxinfo.model.values import ModuleVersion
from tests.checks.cases import (
    DENIED,
    GIB,
    INTEL_6_8,
    KEXEC,
    KVM_7,
    NONE_THERE,
    OUTSIDE,
    PARAMETERS,
    PW_MCE,
    QEMU,
    REFUSED_SEAMCALL,
    REGIONS,
    SANE,
    SEAMRET,
    UNEQUAL,
    cmrs,
    failure,
)

FAILED = {"module.state": "failed"}
INIT = failure(errno=5, errno_name="EIO", leaf_name="TDH.SYS.INIT", status=0xC000050000000000)
ENDED = failure(errno=5, leaf_name="TDH.SYS.RD", status=0xC0000505 << 32)
NO_STATUS = failure(leaf_name="TDH.SYS.LP.INIT")
NAMED_STATUS = failure(leaf_name="TDH.SYS.CONFIG", status=2 << 32, status_name="TDX_NEW")
REFUSED = "kvm_intel: tdx: no TDX private KeyIDs available"
PROCESSOR = {"platform.codename": "Emerald Rapids"}
LATER_SEAMCALL = failure(leaf_name="TDH.SYS.INIT", status=0xC0000505 << 32)
MVP = {"kernel.release": "5.19.17-mvp"}
HURTFUL = ("clearcpuid=x", "maxcpus=1", "nr_cpus=1", "memmap=x", "efi_fake_mem=x", "mem=4G")


def version(text: str) -> ModuleVersion:
    return ModuleVersion.parse(text)


EDGES: list[tuple[str, dict[str, Any], str]] = [
    ("cpu.vendor", {"platform.vendor": DENIED}, "UNKNOWN"),
    ("cpu.model", {"platform.family": 6, "platform.model": 143}, "PASS"),
    ("cpu.model", {"platform.family": 6, "platform.model": 250, "keys.tdx_keyids": 0}, "WARN"),
    ("cpu.instructions", {"platform.instructions": ("vmx", "xsave")}, "FAIL"),
    ("cpu.errata", {"platform.errata": (*PW_MCE, *SEAMRET)}, "INFO"),
    ("firmware.packages_agree", {"platform.packages": 2}, "UNKNOWN"),
    ("firmware.packages_agree", {"firmware.package_differences": UNEQUAL[1:]}, "FAIL"),
    ("firmware.packages_agree", {"firmware.package_differences": ()}, "UNKNOWN"),
    (
        "firmware.packages_agree",
        {"platform.packages": 2, "firmware.package_differences": ()},
        "PASS",
    ),
    (
        "firmware.packages_agree",
        {"platform.packages": 2, "firmware.package_differences": NONE_THERE},
        "UNKNOWN",
    ),
    ("firmware.memory_modules", {"platform.memory_modules": 8, "platform.packages": 1}, "PASS"),
    ("firmware.memory_modules", {"platform.memory_modules": 7, "platform.packages": 1}, "WARN"),
    ("keys.enough", {"keys.tdx_keyids": 3}, "PASS"),
    (
        "keys.headroom",
        {"keys.guest_keyids": 10, "keys.guest_keyids_in_use": 8, "keys.guest_keyids_peak": 9},
        "PASS",
    ),
    ("keys.leaked", {"keys.leaked": 1}, "WARN"),
    (
        "kernel.config_tdx_host",
        {
            "kernel.config_tdx_host": False,
            "kernel.config_kexec_core": True,
            "kernel.release": "6.17.9",
        },
        "FAIL",
    ),
    (
        "kernel.config_tdx_host",
        {
            "kernel.config_tdx_host": False,
            "kernel.config_kexec_core": True,
            "kernel.release": "6.18.0",
        },
        "FAIL",
    ),
    (
        "kernel.config_tdx_host",
        {"kernel.config_tdx_host": False, "kernel.config_kexec_core": True},
        "FAIL",
    ),
    ("kernel.config_kvm_tdx", {**KVM_7, "kernel.config_kvm_intel_tdx": True}, "PASS"),
    ("kernel.hibernation", {"kernel.hibernation": True, "kernel.release": "6.8.0"}, "FAIL"),
    ("kernel.hibernation", {"kernel.hibernation": True, "module.state": "initialized"}, "PASS"),
    *[("kernel.command_line", {"kernel.command_line": f"ro {one}"}, "WARN") for one in HURTFUL],
    ("kernel.command_line", {"kernel.command_line": "ro xmem=4G"}, "PASS"),
    ("kernel.command_line", {"kernel.command_line": "mem=1G memmap=x"}, "WARN"),
    ("kernel.command_line", {"kernel.command_line": "kvm-intel.tdx=1 kvm_intel.tdx=0"}, "WARN"),
    ("kernel.command_line", {"kernel.command_line": "kvm-intel.tdx=1 kvm_intel.tdx=1"}, "PASS"),
    ("kernel.places_agree", {"kernel.disagreements": ("a: 1, 2", "b: 3, 4")}, "WARN"),
    ("kernel.kexec", {**KEXEC, "kernel.release": "next"}, "UNKNOWN"),
    ("kernel.kexec", {**KEXEC, "kernel.release": "7.1.3", "kernel.kexec_loaded": True}, "WARN"),
    ("kernel.kexec", {"kernel.config_kexec_core": True}, "UNKNOWN"),
    ("module.attempted", {"module.state": "not-attempted", **KVM_7}, "FAIL"),
    ("module.attempted", {"module.state": "not-attempted", "kernel.release": "6.17"}, "FAIL"),
    (
        "module.attempted",
        {"module.state": "not-attempted", "module.failure": failure()},
        "FAIL",
    ),
    ("module.line", {"module.version": version("1.0"), "kernel.release": "6.8.0"}, "FAIL"),
    ("module.line", {"module.version": version("1.0"), "kernel.release": "6.7.9"}, "PASS"),
    ("module.line", {"module.version": version("1.0")}, "PASS"),
    ("module.line", {"module.version": version("1.5.06"), "kernel.release": "6.8.0"}, "PASS"),
    ("module.line", {"module.version": version("2.0.08"), **MVP}, "FAIL"),
    ("module.line", {"module.version": version("1.0"), **MVP}, "PASS"),
    ("module.line", {"module.version": version("1.5"), "kernel.release": "6.2.16-mvp"}, "PASS"),
    ("module.line", {"module.version": version("1.5"), "kernel.release": "5.15.0-mvp"}, "FAIL"),
    ("module.line", {"module.version": version("1.5"), "kernel.release": "6.1.0"}, "PASS"),
    (
        "module.line",
        {"module.version": version("1.5"), "module.failure": LATER_SEAMCALL},
        "PASS",
    ),
    (
        "module.line",
        {
            "module.version": version("1.5"),
            "module.failure": failure(leaf_name="TDH.SYS.RD", status=0xC0000506 << 32),
        },
        "PASS",
    ),
    (
        "module.line",
        {"module.version": version("1.5"), "module.failure": failure(leaf_name="TDH.SYS.RD")},
        "PASS",
    ),
    ("module.initialized", FAILED, "FAIL"),
    ("module.initialized", {"module.state": "not-attempted"}, "FAIL"),
    ("module.initialized", {**FAILED, "module.failure": INIT}, "FAIL"),
    ("module.initialized", {**FAILED, "module.failure": NO_STATUS}, "FAIL"),
    ("module.initialized", {**FAILED, "module.failure": NAMED_STATUS}, "FAIL"),
    ("module.initialized", {**FAILED, "module.failure": REFUSED_SEAMCALL}, "FAIL"),
    ("module.initialized", {**FAILED, "module.failure": ENDED}, "FAIL"),
    (
        "module.release",
        {
            "module.release": "1.5.06",
            "module.newest_release": "1.5.34",
            "module.newest_for_processor": "1.5.16",
        },
        "WARN",
    ),
    # A release that the table does not let load here: no advice names another that does not.
    (
        "module.release",
        {"module.release": "2.0.08", "module.newest_release": "2.0.18", **PROCESSOR},
        "PASS",
    ),
    ("module.release", {"module.version": ModuleVersion(1, 5, 7)}, "UNKNOWN"),
    ("module.vcpus", {**KVM_7, "td.max_vcpus": 1, "platform.cpus_present": 1}, "PASS"),
    ("module.update_ready", {"seamldr.remaining_updates": 1}, "PASS"),
    ("module.update_ready", KVM_7, "UNKNOWN"),
    ("module.update_ready", {"kernel.release": "7.2.0", "module.features0": 2}, "UNKNOWN"),
    ("module.update_ready", {"platform.errata": PW_MCE, "kernel.release": "6.17"}, "INFO"),
    ("module.calls", {"module.failed_calls": ("one", "two", "three", "four")}, "WARN"),
    ("module.esp", {"module.esp_files": ("tdx-seam.so.SIGSTRUCT", "other")}, "INFO"),
    ("memory.cmrs_sane", {"memory.cmrs": cmrs((0, GIB), (GIB, 2 * GIB))}, "UNKNOWN"),
    ("memory.cmrs_sane", {"memory.cmrs": cmrs((0, GIB + 1))}, "FAIL"),
    (
        "memory.cmrs_cover_ram",
        {"memory.cmrs": SANE, "memory.regions": REGIONS[:1], "memory.ram_outside_cmrs": ()},
        "UNKNOWN",
    ),
    (
        "memory.cmrs_cover_ram",
        {
            "memory.cmrs": SANE,
            "memory.regions": REGIONS,
            "memory.ram_outside_cmrs": OUTSIDE * 2,
        },
        "WARN",
    ),
    ("memory.cmrs_cover_ram", {"memory.cmrs": SANE, "memory.system_ram": DENIED}, "UNKNOWN"),
    (
        "memory.tdmrs_fit",
        {**FAILED, "module.failure": failure(message="virt/tdx: TDMRs exhausted.")},
        "FAIL",
    ),
    ("memory.tdmrs_fit", {"memory.system_ram": SANE, "memory.plan": DENIED}, "UNKNOWN"),
    ("memory.pamt", {"memory.pamt_bytes": 4 << 20, "memory.cmr_bytes": GIB}, "INFO"),
    ("memory.pamt", {"memory.pamt_bytes": 4 << 20, "memory.system_ram_bytes": 2 * GIB}, "INFO"),
    (
        "memory.pamt",
        {"memory.pamt_bytes": 4 << 20, "memory.pamt_difference_bytes": 1},
        "INFO",
    ),
    ("kvm.loaded", {"kvm.loaded": False, "kvm.refusal": REFUSED}, "FAIL"),
    ("kvm.tdx_enabled", {"kvm.tdx_enabled": False, "kvm.refusal": REFUSED}, "FAIL"),
    ("kvm.tdx_enabled", {"kvm.tdx_enabled": False, "kvm.refusal": "kvm_intel: no"}, "FAIL"),
    ("kvm.vm_type", {**KVM_7, "kvm.tdx_enabled": True}, "PASS"),
    ("kvm.vm_type", {**KVM_7, "kvm.tdx_enabled": False}, "UNKNOWN"),
    ("kvm.vm_type", {**INTEL_6_8, "kvm.tdx_enabled": True}, "UNKNOWN"),
    (
        "kvm.vm_type",
        {**KVM_7, "kvm.tdx_enabled": True, "kvm.vm_type_supported": False},
        "FAIL",
    ),
    ("kvm.parameters", {f"kvm.{name}": False for name in PARAMETERS}, "FAIL"),
    (
        "kvm.capabilities",
        {**KVM_7, "kvm.supported_attributes": 1, "kvm.supported_xfam": 0},
        "WARN",
    ),
    (
        "kvm.after_reboot",
        {**KVM_7, "kernel.command_line": "kvm.tdx=1 tdx=1 kvm_intel.tdx=2", "kvm.tdx_option": "n"},
        "WARN",
    ),
    (
        "stack.pairing",
        {**QEMU, "kernel.release": "6.12.1", "stack.qemu_version": "10.1.2"},
        "SKIP",
    ),
    ("stack.pairing", {**QEMU, "kernel.release": "5.4", "stack.qemu_version": "9.2"}, "SKIP"),
    ("stack.pairing", {**QEMU, "stack.qemu_tdx_guest": False}, "SKIP"),
    ("stack.pairing", {**QEMU, "kernel.release": "6.17", "stack.qemu_version": "10.1"}, "PASS"),
    ("stack.pairing", {**QEMU, "kernel.release": "6.17", "stack.qemu_version": "10.0"}, "WARN"),
    ("stack.libvirt", {"stack.libvirt_version": "11.6"}, "PASS"),
    ("stack.libvirt", {"stack.libvirt_version": "11.5.9"}, "WARN"),
    ("stack.firmware", {"stack.tdx_firmware": ("a.json", "b.json")}, "PASS"),
    ("stack.firmware", {"stack.firmware_images": ()}, "WARN"),
    (
        "attestation.sgx_devices",
        {"attestation.sgx_enclave": False, "attestation.sgx_provision": False},
        "INFO",
    ),
    ("attestation.epc", {"attestation.epc_bytes": 128 << 20}, "PASS"),
    ("attestation.pccs", {"attestation.pccs": False}, "INFO"),
    (
        "attestation.certificate",
        {"attestation.checks_certificate": True, "attestation.pccs_is_local": False},
        "PASS",
    ),
    (
        "kvm.after_reboot",
        {
            **KVM_7,
            "kernel.command_line": "kvm_intel.tdx=1 kvm-intel.tdx=off",
            "kvm.tdx_option": "1",
        },
        "WARN",
    ),
    *[
        ("kvm.after_reboot", {**KVM_7, "kernel.command_line": f"kvm_intel.tdx={on}"}, "PASS")
        for on in ("y", "Y", "on", "true", "t")
    ],
]
