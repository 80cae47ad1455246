"""Further cases of checks: values at limits, and rare messages. The rows are as in `cases`."""

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

# Facts that several rows use.
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


# Check, facts of the host, outcome, message.
EDGES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "cpu.vendor",
        {"platform.vendor": DENIED},
        "UNKNOWN",
        "platform.vendor is unknown: /dev/cpu/0/msr may not be read",
    ),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 143},
        "PASS",
        "some Sapphire Rapids processors have TDX",
    ),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 250, "keys.tdx_keyids": 0},
        "WARN",
        "this tdxinfo does not know processors of family 6, model 250",
    ),
    (
        "cpu.instructions",
        {"platform.instructions": ("vmx", "xsave")},
        "FAIL",
        "missing instructions: movdir64b, ss",
    ),
    (
        "cpu.errata",
        {"platform.errata": (*PW_MCE, *SEAMRET)},
        "INFO",
        "errata: tdx_pw_mce, seamret_invd_vmcs",
    ),
    (
        "firmware.packages_agree",
        {"platform.packages": 2},
        "UNKNOWN",
        "firmware.package_differences is unknown",
    ),
    (
        "firmware.packages_agree",
        {"firmware.package_differences": UNEQUAL[1:]},
        "FAIL",
        "IA32_TME_ACTIVATE differs",
    ),
    (
        "firmware.packages_agree",
        {"firmware.package_differences": ()},
        "UNKNOWN",
        "platform.packages is unknown",
    ),
    (
        "firmware.packages_agree",
        {"platform.packages": 2, "firmware.package_differences": ()},
        "PASS",
        "the MSRs of TDX are equal in all 2 packages",
    ),
    (
        "firmware.packages_agree",
        {"platform.packages": 2, "firmware.package_differences": NONE_THERE},
        "UNKNOWN",
        "firmware.package_differences is unknown: it does not exist",
    ),
    (
        "firmware.memory_modules",
        {"platform.memory_modules": 8, "platform.packages": 1},
        "PASS",
        "8 memory modules for 1 package",
    ),
    (
        "firmware.memory_modules",
        {"platform.memory_modules": 7, "platform.packages": 1},
        "WARN",
        "7 memory modules for 1 package: guides require 8 for each",
    ),
    ("keys.enough", {"keys.tdx_keyids": 3}, "PASS", "2 TDs can run at once"),
    (
        "keys.headroom",
        {"keys.guest_keyids": 10, "keys.guest_keyids_in_use": 8, "keys.guest_keyids_peak": 9},
        "PASS",
        "8 of 10 KeyIDs are in use, 9 at most so far",
    ),
    ("keys.leaked", {"keys.leaked": 1}, "WARN", "the kernel leaked 1 KeyID until the next reboot"),
    (
        "kernel.config_tdx_host",
        {
            "kernel.config_tdx_host": False,
            "kernel.config_kexec_core": True,
            "kernel.release": "6.17.9",
        },
        "FAIL",
        "this kernel was built without TDX host support (CONFIG_INTEL_TDX_HOST), which excludes "
        "kexec before Linux 6.18",
    ),
    (
        "kernel.config_tdx_host",
        {
            "kernel.config_tdx_host": False,
            "kernel.config_kexec_core": True,
            "kernel.release": "6.18.0",
        },
        "FAIL",
        "this kernel was built without TDX host support (CONFIG_INTEL_TDX_HOST)",
    ),
    (
        "kernel.config_tdx_host",
        {"kernel.config_tdx_host": False, "kernel.config_kexec_core": True},
        "FAIL",
        "this kernel was built without TDX host support (CONFIG_INTEL_TDX_HOST)",
    ),
    (
        "kernel.config_kvm_tdx",
        {**KVM_7, "kernel.config_kvm_intel_tdx": True},
        "PASS",
        "the KVM of this kernel was built with TDX",
    ),
    (
        "kernel.hibernation",
        {"kernel.hibernation": True, "kernel.release": "6.8.0"},
        "FAIL",
        "the kernel disables TDX while hibernation is available",
    ),
    (
        "kernel.hibernation",
        {"kernel.hibernation": True, "module.state": "initialized"},
        "PASS",
        "hibernation is available, but the module runs",
    ),
    *[
        (
            "kernel.command_line",
            {"kernel.command_line": f"ro {one}"},
            "WARN",
            f"these options can keep TDX from working: {one}",
        )
        for one in HURTFUL
    ],
    (
        "kernel.command_line",
        {"kernel.command_line": "ro xmem=4G"},
        "PASS",
        "no option prevents TDX",
    ),
    (
        "kernel.command_line",
        {"kernel.command_line": "mem=1G memmap=x"},
        "WARN",
        "these options can keep TDX from working: mem=1G memmap=x",
    ),
    (
        "kernel.command_line",
        {"kernel.command_line": "kvm-intel.tdx=1 kvm_intel.tdx=0"},
        "WARN",
        "the last of these options is used: kvm-intel.tdx=1 kvm_intel.tdx=0",
    ),
    (
        "kernel.command_line",
        {"kernel.command_line": "kvm-intel.tdx=1 kvm_intel.tdx=1"},
        "PASS",
        "no option prevents TDX",
    ),
    (
        "kernel.places_agree",
        {"kernel.disagreements": ("a: 1, 2", "b: 3, 4")},
        "WARN",
        "a: 1, 2; b: 3, 4",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "next"},
        "UNKNOWN",
        "whether this kernel refuses kexec while TDX is enabled is unknown",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "7.1.3", "kernel.kexec_loaded": True},
        "WARN",
        "on this processor kexec and kdump do not work with TDX before Linux 7.2, and kdump is "
        "configured",
    ),
    ("kernel.kexec", {"kernel.config_kexec_core": True}, "UNKNOWN", "platform.errata is unknown"),
    (
        "module.attempted",
        {"module.state": "not-attempted", **KVM_7},
        "FAIL",
        "the kernel found KeyIDs, but has not tried to initialize the module",
    ),
    (
        "module.attempted",
        {"module.state": "not-attempted", "kernel.release": "6.17"},
        "FAIL",
        "the kernel found KeyIDs, but has not tried to initialize the module: kvm_intel "
        "initializes the module when it is loaded with tdx=1, and as far as the log shows it was "
        "not: it can be blacklisted or not loaded yet; its first calls can also have failed, about "
        "which it prints nothing",
    ),
    (
        "module.attempted",
        {"module.state": "not-attempted", "module.failure": failure()},
        "FAIL",
        "virt/tdx: module initialization failed",
    ),
    (
        "module.line",
        {"module.version": version("1.0"), "kernel.release": "6.8.0"},
        "FAIL",
        "Linux 6.8 and later do not support module 1.0",
    ),
    (
        "module.line",
        {"module.version": version("1.0"), "kernel.release": "6.7.9"},
        "PASS",
        "module 1.0: no conflict with this kernel is known",
    ),
    (
        "module.line",
        {"module.version": version("1.0")},
        "PASS",
        "module 1.0: no conflict with this kernel is known",
    ),
    (
        "module.line",
        {"module.version": version("1.5.06"), "kernel.release": "6.8.0"},
        "PASS",
        "module 1.5.06: no conflict with this kernel is known",
    ),
    (
        "module.line",
        {"module.version": version("2.0.08"), **MVP},
        "FAIL",
        "this kernel supports only 1.0 modules, and the module is 2.0.08",
    ),
    (
        "module.line",
        {"module.version": version("1.0"), **MVP},
        "PASS",
        "module 1.0: no conflict with this kernel is known",
    ),
    (
        "module.line",
        {"module.version": version("1.5"), "kernel.release": "6.2.16-mvp"},
        "PASS",
        "module 1.5: no conflict with this kernel is known",
    ),
    (
        "module.line",
        {"module.version": version("1.5"), "kernel.release": "5.15.0-mvp"},
        "FAIL",
        "this kernel supports only 1.0 modules, and the module is 1.5",
    ),
    (
        "module.line",
        {"module.version": version("1.5"), "kernel.release": "6.1.0"},
        "PASS",
        "module 1.5: no conflict with this kernel is known",
    ),
    (
        "module.line",
        {"module.version": version("1.5"), "module.failure": LATER_SEAMCALL},
        "PASS",
        "module 1.5: no conflict with this kernel is known",
    ),
    (
        "module.line",
        {
            "module.version": version("1.5"),
            "module.failure": failure(leaf_name="TDH.SYS.RD", status=0xC0000506 << 32),
        },
        "PASS",
        "module 1.5: no conflict with this kernel is known",
    ),
    (
        "module.line",
        {"module.version": version("1.5"), "module.failure": failure(leaf_name="TDH.SYS.RD")},
        "PASS",
        "module 1.5: no conflict with this kernel is known",
    ),
    (
        "module.initialized",
        FAILED | {"seamldr.remaining_updates": 15},
        "FAIL",
        "the module was lost: it no longer runs",
    ),
    (
        "module.initialized",
        FAILED | {"module.driver_loaded": True},
        "FAIL",
        "the module was lost: it no longer runs",
    ),
    (
        "module.initialized",
        {"module.state": "not-attempted"},
        "FAIL",
        "the state of the module is not-attempted",
    ),
    (
        "module.initialized",
        {**FAILED, "module.failure": INIT},
        "FAIL",
        "virt/tdx: module initialization failed; TDH.SYS.INIT returned 0xc000050000000000; errno "
        "5 EIO; TDH.SYS.INIT was already called",
    ),
    (
        "module.initialized",
        {**FAILED, "module.failure": NO_STATUS},
        "FAIL",
        "virt/tdx: module initialization failed; TDH.SYS.LP.INIT returned an unknown status",
    ),
    (
        "module.initialized",
        {**FAILED, "module.failure": NAMED_STATUS},
        "FAIL",
        "virt/tdx: module initialization failed; TDH.SYS.CONFIG returned 0x0000000200000000 "
        "TDX_NEW",
    ),
    (
        "module.initialized",
        {**FAILED, "module.failure": REFUSED_SEAMCALL},
        "FAIL",
        "virt/tdx: module initialization failed; TDH.SYS.RD returned 0xc000050500000000; the "
        "module belongs to line 1.0, which this kernel cannot read field by field",
    ),
    (
        "module.initialized",
        {**FAILED, "module.failure": ENDED},
        "FAIL",
        "virt/tdx: module initialization failed; TDH.SYS.RD returned 0xc000050500000000; errno "
        "5; the module belongs to line 1.0, which this kernel cannot read field by field",
    ),
    (
        "module.release",
        {
            "module.release": "1.5.06",
            "module.newest_release": "1.5.34",
            "module.newest_for_processor": "1.5.16",
        },
        "WARN",
        "module 1.5.06 is out of date: 1.5.16 is the newest known release for this processor "
        "(table of 2026-08)",
    ),
    # A release that the table does not let load here: no advice names another that does not.
    (
        "module.release",
        {"module.release": "2.0.08", "module.newest_release": "2.0.18", **PROCESSOR},
        "PASS",
        "module 2.0.08: no newer release is known for this processor (table of 2026-08)",
    ),
    (
        "module.release",
        {"module.version": ModuleVersion(1, 5, 7)},
        "UNKNOWN",
        "module.release is unknown",
    ),
    (
        "module.vcpus",
        {**KVM_7, "td.max_vcpus": 1, "platform.cpus_present": 1},
        "PASS",
        "a TD can have 1 virtual CPU, and the host has 1 CPU",
    ),
    (
        "module.update_ready",
        {"seamldr.remaining_updates": 1},
        "PASS",
        "1 update left before a reboot",
    ),
    ("module.update_ready", KVM_7, "UNKNOWN", "seamldr.remaining_updates is unknown"),
    (
        "module.update_ready",
        {"kernel.release": "7.2.0", "module.features0": 2},
        "UNKNOWN",
        "seamldr.remaining_updates is unknown",
    ),
    (
        "module.update_ready",
        {"platform.errata": PW_MCE, "kernel.release": "6.17"},
        "INFO",
        "Linux updates the module at run time from 7.2 on",
    ),
    (
        "module.calls",
        {"module.failed_calls": ("one", "two", "three", "four")},
        "WARN",
        "SEAMCALLs failed: one; two; three; and 1 more",
    ),
    (
        "module.esp",
        {"module.esp_files": ("tdx-seam.so.SIGSTRUCT", "other")},
        "INFO",
        "EFI/TDX has TDX-SEAM.so.sigstruct alone, without its counterpart",
    ),
    (
        "memory.cmrs_sane",
        {"memory.cmrs": cmrs((0, GIB), (GIB, 2 * GIB))},
        "UNKNOWN",
        "memory.cmr_bytes is unknown",
    ),
    (
        "memory.cmrs_sane",
        {"memory.cmrs": cmrs((0, GIB + 1))},
        "FAIL",
        "[0x0, 0x40000001) does not consist of whole 4 KiB pages",
    ),
    (
        "memory.cmrs_cover_ram",
        {"memory.cmrs": SANE, "memory.regions": REGIONS[:1], "memory.ram_outside_cmrs": ()},
        "UNKNOWN",
        "the known memory map ends before the CMRs do",
    ),
    (
        "memory.cmrs_cover_ram",
        {
            "memory.cmrs": SANE,
            "memory.regions": REGIONS,
            "memory.ram_outside_cmrs": OUTSIDE * 2,
        },
        "WARN",
        "[0x80000000, 0xc0000000) is System RAM, but in no CMR, and 1 more range",
    ),
    (
        "memory.cmrs_cover_ram",
        {"memory.cmrs": SANE, "memory.system_ram": DENIED},
        "UNKNOWN",
        "memory.system_ram is unknown: /dev/cpu/0/msr may not be read",
    ),
    (
        "memory.tdmrs_fit",
        {**FAILED, "module.failure": failure(message="virt/tdx: TDMRs exhausted.")},
        "FAIL",
        "there are more memory regions than TDMRs",
    ),
    (
        "memory.tdmrs_fit",
        {"memory.system_ram": SANE, "memory.plan": DENIED},
        "UNKNOWN",
        "memory.plan is unknown: /dev/cpu/0/msr may not be read",
    ),
    (
        "memory.pamt",
        {"memory.pamt_bytes": 4 << 20, "memory.cmr_bytes": GIB},
        "INFO",
        "PAMT takes 4.0 MiB, 0.39% of memory",
    ),
    (
        "memory.pamt",
        {"memory.pamt_bytes": 4 << 20, "memory.system_ram_bytes": 2 * GIB},
        "INFO",
        "PAMT takes 4.0 MiB, 0.20% of memory",
    ),
    (
        "memory.pamt",
        {"memory.pamt_bytes": 4 << 20, "memory.pamt_difference_bytes": 1},
        "INFO",
        "PAMT takes 4.0 MiB, 1 bytes more than calculated",
    ),
    (
        "kvm.loaded",
        {"kvm.loaded": False, "kvm.refusal": REFUSED},
        "FAIL",
        "kvm_intel: tdx: no TDX private KeyIDs available: the kernel found no KeyIDs for TDX",
    ),
    (
        "kvm.tdx_enabled",
        {"kvm.tdx_enabled": False, "kvm.refusal": REFUSED},
        "FAIL",
        "kvm_intel: tdx: no TDX private KeyIDs available: the kernel found no KeyIDs for TDX",
    ),
    (
        "kvm.tdx_enabled",
        {"kvm.tdx_enabled": False, "kvm.refusal": "kvm_intel: no"},
        "FAIL",
        "kvm_intel: no",
    ),
    (
        "kvm.vm_type",
        {**KVM_7, "kvm.tdx_enabled": True},
        "PASS",
        "implied: kvm_intel.tdx is on, and KVM clears it where it cannot offer the VM type of TDs",
    ),
    (
        "kvm.vm_type",
        {**KVM_7, "kvm.tdx_enabled": False},
        "UNKNOWN",
        "kvm.vm_type_supported is unknown",
    ),
    (
        "kvm.vm_type",
        {**INTEL_6_8, "kvm.tdx_enabled": True},
        "UNKNOWN",
        "kvm.vm_type_supported is unknown",
    ),
    (
        "kvm.vm_type",
        {**KVM_7, "kvm.tdx_enabled": True, "kvm.vm_type_supported": False},
        "FAIL",
        "KVM does not support the VM type of TDs (KVM_X86_TDX_VM)",
    ),
    (
        "kvm.parameters",
        {f"kvm.{name}": False for name in PARAMETERS},
        "FAIL",
        "parameters that are off: kvm_intel.ept, kvm_intel.eptad, kvm_intel.enable_apicv, "
        "kvm.tdp_mmu, kvm.mmio_caching",
    ),
    (
        "kvm.capabilities",
        {**KVM_7, "kvm.supported_attributes": 1, "kvm.supported_xfam": 0},
        "WARN",
        "KVM and the module have no TD attribute or no extended feature in common",
    ),
    (
        "stack.pairing",
        {**QEMU, "kernel.release": "6.12.1", "stack.qemu_version": "10.1.2"},
        "SKIP",
        "the KVM of this kernel does not support TDX",
    ),
    (
        "stack.pairing",
        {**QEMU, "kernel.release": "5.4", "stack.qemu_version": "9.2"},
        "SKIP",
        "the KVM of this kernel does not support TDX",
    ),
    (
        "stack.pairing",
        {**QEMU, "stack.qemu_tdx_guest": False},
        "SKIP",
        "this QEMU does not support TDX",
    ),
    (
        "stack.pairing",
        {**QEMU, "kernel.release": "6.17", "stack.qemu_version": "10.1"},
        "PASS",
        "QEMU 10.1 and this kernel have the same interface",
    ),
    (
        "stack.pairing",
        {**QEMU, "kernel.release": "6.17", "stack.qemu_version": "10.0"},
        "WARN",
        "QEMU 10.0 has a vendor's interface, and the KVM of this kernel has another one",
    ),
    ("stack.libvirt", {"stack.libvirt_version": "11.6"}, "PASS", "libvirt 11.6 supports TDX"),
    (
        "stack.libvirt",
        {"stack.libvirt_version": "11.5.9"},
        "WARN",
        "libvirt 11.5.9 does not support TDX, unless its vendor added it",
    ),
    (
        "stack.firmware",
        {"stack.tdx_firmware": ("a.json", "b.json")},
        "PASS",
        "virtual firmware: a.json, b.json",
    ),
    (
        "stack.firmware",
        {"stack.firmware_images": ()},
        "WARN",
        "no OVMF image among 0 firmware images",
    ),
    (
        "attestation.sgx_devices",
        {"attestation.sgx_enclave": False, "attestation.sgx_provision": False},
        "INFO",
        "missing devices: /dev/sgx_enclave, /dev/sgx_provision",
    ),
    (
        "attestation.epc",
        {"attestation.epc_bytes": 128 << 20},
        "PASS",
        "128.0 MiB of memory for SGX enclaves",
    ),
    (
        "attestation.pccs",
        {"attestation.pccs": False},
        "INFO",
        "pccs is not running on this host, and no other PCCS is configured",
    ),
    (
        "attestation.certificate",
        {"attestation.checks_certificate": True, "attestation.pccs_is_local": False},
        "PASS",
        "the quote provider has use_secure_cert on",
    ),
]
