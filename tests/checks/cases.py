"""The facts a check looks at, and what it must say of them: one row a verdict."""

from __future__ import annotations

from typing import Any

from tdxinfo.model.memory import NamedRange
from tdxinfo.model.provenance import Attempt
from tdxinfo.model.values import Failure, MemoryRange, ModuleVersion, NodeMemory

GIB = 1 << 30
DENIED = Attempt("msr:0x87", "denied", "/dev/cpu/0/msr may not be read", "Run as root.")
UNEQUAL = ("IA32_MKTME_KEYID_PARTITIONING differs", "IA32_TME_ACTIVATE differs")
ALL_INSTRUCTIONS = ("vmx", "movdir64b", "ss", "xsave")


def failure(**parts: Any) -> Failure:
    empty = dict.fromkeys(
        ("errno", "errno_name", "leaf", "leaf_name", "status", "status_name", "tdmr")
    )
    return Failure(**{**empty, "message": "virt/tdx: module initialization failed", **parts})


def cmrs(*ends: tuple[int, int]) -> tuple[MemoryRange, ...]:
    return tuple(MemoryRange.between(base, end) for base, end in ends)


REFUSED_SEAMCALL = failure(leaf=0x22, leaf_name="TDH.SYS.RD", status=0xC0000505 << 32)
EXHAUSTED = failure(errno=28, tdmr=MemoryRange.between(0, 2 * GIB))
SANE = cmrs((0x100000, GIB), (4 * GIB, 8 * GIB))
REGIONS = tuple(NodeMemory(part.base, part.end, part.size, 0) for part in SANE)
OUTSIDE = (NamedRange(2 * GIB, 3 * GIB, GIB, None),)

FORCED = {"kernel.release": "7.3.4", "td.attributes_fixed1": 1 << 28 | 1 << 27}
SYS_DISABLE = {"module.features0": 1 << 53}
V_1_5 = ModuleVersion(1, 5, 5)
INITIALIZED = {"module.state": "initialized"}

# The facts a check looks at, and what it must say of them.
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("cpu.vendor", {"platform.vendor": "GenuineIntel"}, "PASS"),
    ("cpu.vendor", {"platform.vendor": "AuthenticAMD"}, "FAIL"),
    ("cpu.vendor", {}, "UNKNOWN"),
    ("cpu.bare_metal", {"platform.virtualization": "none"}, "PASS"),
    ("cpu.bare_metal", {"platform.virtualization": "vm"}, "FAIL"),
    ("cpu.bare_metal", {"platform.virtualization": "td-guest"}, "FAIL"),
    ("cpu.model", {"platform.family": 6, "platform.model": 207}, "PASS"),
    ("cpu.model", {"platform.family": 6, "platform.model": 106}, "FAIL"),
    ("cpu.model", {"platform.family": 6, "platform.model": 250}, "WARN"),
    ("cpu.model", {"platform.family": 6, "platform.model": 0xB7}, "FAIL"),
    ("cpu.model", {"platform.family": 18, "platform.model": 1}, "FAIL"),
    ("cpu.model", {"platform.family": 15, "platform.model": 6}, "FAIL"),
    ("cpu.model", {"platform.family": 19, "platform.model": 1}, "WARN"),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 106, "module.state": "initialized"},
        "PASS",
    ),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 106, "kernel.tdx_detected": True},
        "PASS",
    ),
    ("cpu.model", {"platform.family": 6, "platform.model": 250, "keys.tdx_keyids": 4}, "PASS"),
    ("cpu.instructions", {"platform.instructions": ALL_INSTRUCTIONS}, "PASS"),
    ("cpu.instructions", {"platform.instructions": ("vmx", "ss", "xsave")}, "FAIL"),
    ("cpu.seamrr", {"firmware.seamrr_supported": True}, "PASS"),
    ("cpu.seamrr", {"firmware.seamrr_supported": False}, "FAIL"),
    ("cpu.production", {"firmware.preproduction": False}, "PASS"),
    ("cpu.production", {"firmware.preproduction": True}, "WARN"),
    ("firmware.tme", {"firmware.tme_enabled": True}, "PASS"),
    ("firmware.tme", {"firmware.tme_enabled": False}, "FAIL"),
    ("firmware.tme", {"firmware.tme_enabled": DENIED}, "UNKNOWN"),
    ("firmware.packages_agree", {"platform.packages": 1}, "PASS"),
    (
        "firmware.packages_agree",
        {"platform.packages": 2, "firmware.package_differences": UNEQUAL},
        "FAIL",
    ),
    (
        "firmware.packages_agree",
        {"platform.packages": 2, "firmware.package_differences": DENIED},
        "UNKNOWN",
    ),
    ("firmware.seamrr_enabled", {"firmware.seamrr_enabled": True}, "PASS"),
    ("firmware.seamrr_enabled", {"firmware.seamrr_enabled": False}, "FAIL"),
    ("firmware.seamrr_locked", {"firmware.seamrr_locked": True}, "PASS"),
    ("firmware.seamrr_locked", {"firmware.seamrr_locked": False}, "WARN"),
    ("firmware.sgx", {"firmware.sgx_enabled": True}, "PASS"),
    ("firmware.sgx", {"firmware.sgx_enabled": False}, "WARN"),
    ("firmware.mcheck", {"firmware.mcheck_status": 0}, "PASS"),
    ("firmware.mcheck", {"firmware.mcheck_status": 0x1861}, "FAIL"),
    ("keys.tdx_share", {"keys.tdx_keyids": 16}, "PASS"),
    ("keys.tdx_share", {"keys.tdx_keyids": 0}, "FAIL"),
    ("keys.tdx_share", {"keys.tdx_keyids": 0, "firmware.keyid_bits": 0}, "FAIL"),
    ("keys.tdx_share", {"keys.tdx_keyids": DENIED}, "UNKNOWN"),
    ("keys.enough", {"keys.tdx_keyids": 2}, "PASS"),
    ("keys.enough", {"keys.tdx_keyids": 1}, "FAIL"),
    ("keys.headroom", {"keys.guest_keyids": 10, "keys.guest_keyids_in_use": 8}, "PASS"),
    ("keys.headroom", {"keys.guest_keyids": 10, "keys.guest_keyids_in_use": 9}, "WARN"),
    ("kernel.config_tdx_host", {"kernel.config_tdx_host": True}, "PASS"),
    ("kernel.config_tdx_host", {"kernel.config_tdx_host": False}, "FAIL"),
    ("kernel.config_kvm_tdx", {"kernel.release": "6.12.1"}, "SKIP"),
    ("kernel.config_kvm_tdx", {"kernel.config_kvm_intel_tdx": True}, "PASS"),
    ("kernel.config_kvm_tdx", {"kernel.config_kvm_intel_tdx": False}, "FAIL"),
    ("kernel.hibernation", {"kernel.hibernation": False}, "PASS"),
    ("kernel.hibernation", {"kernel.hibernation": True}, "FAIL"),
    ("kernel.hibernation", {"kernel.hibernation": True, "kernel.release": "6.2.16"}, "PASS"),
    (
        "kernel.hibernation",
        {"kernel.hibernation": True, "kernel.release": "5.14.0-570.el9_6.x86_64"},
        "UNKNOWN",
    ),
    (
        "kernel.hibernation",
        {"kernel.hibernation": True, "kernel.release": "6.17.0-1001-intel"},
        "FAIL",
    ),
    ("kernel.command_line", {"kernel.command_line": "ro nohibernate kvm_intel.tdx=1"}, "PASS"),
    ("kernel.command_line", {"kernel.command_line": "ro memmap=4G!8G"}, "WARN"),
    ("kernel.command_line", {"kernel.command_line": "kvm_intel.tdx=1 kvm_intel.tdx=0"}, "WARN"),
    ("kernel.tdx_detected", {"kernel.tdx_detected": True}, "PASS"),
    ("kernel.tdx_detected", {"kernel.tdx_detected": False}, "FAIL"),
    ("kernel.places_agree", {"kernel.disagreements": ()}, "PASS"),
    ("kernel.places_agree", {"kernel.disagreements": ("keys.tdx_keyids: 1, 2",)}, "WARN"),
    ("kernel.places_agree", {}, "UNKNOWN"),
    ("kernel.log", {"kernel.log_complete": True}, "PASS"),
    ("kernel.log", {"kernel.log_complete": False}, "INFO"),
    ("module.attempted", {"module.state": "failed"}, "PASS"),
    ("module.attempted", {"module.state": "not-attempted"}, "FAIL"),
    *(
        ("kernel.generation", {"module.state": state, "kernel.release": release}, "PASS")
        for state in ("initialized", "failed", "not-loaded")
        for release in ("5.14.0-570.83.1.el9_6.x86_64", "6.12.9", "5.15.0")
    ),
    ("kernel.generation", {"kernel.release": "6.12.0-124.8.1.el10_1.x86_64"}, "UNKNOWN"),
    ("module.initialized", {"module.state": "failed", "module.last_update": "module-lost"}, "FAIL"),
    (
        "module.initialized",
        {"module.state": "failed", "module.log_silent": True, "kernel.release": "7.3.4"},
        "FAIL",
    ),
    (
        "module.initialized",
        {
            "module.state": "failed",
            "module.log_silent": True,
            "kernel.release": "6.17.1",
            "kvm.tdx_requested": True,
            "firmware.sgx_enabled": False,
        },
        "FAIL",
    ),
    (
        "module.initialized",
        {"module.state": "failed", "module.sysinit_done": True, "module.sysinit_result": -95},
        "FAIL",
    ),
    (
        "module.initialized",
        {
            "module.state": "failed",
            "module.sysinit_done": False,
            "module.sysinit_result": 0,
            "kernel.tdx_detected": True,
        },
        "FAIL",
    ),
    ("module.last_update", {"module.last_update": "module-lost"}, "WARN"),
    ("module.last_update", {"module.last_update": "module-kept"}, "WARN"),
    (
        "module.update_ready",
        {"kernel.release": "7.2.1", "module.driver_loaded": False},
        "UNKNOWN",
    ),
    ("module.attempted", {}, "UNKNOWN"),
    ("module.loaded", {"module.state": "not-loaded"}, "FAIL"),
    ("module.loaded", {"module.state": "failed"}, "PASS"),
    ("module.line", {"module.failure": REFUSED_SEAMCALL}, "FAIL"),
    *(
        ("module.line", {"module.version": V_1_5, "kernel.release": release, **INITIALIZED}, "PASS")
        for release in ("5.15.152.bsk.10-amd64", "5.14.0-599.tdx.el9s.x86_64", "5.15.0-mvp11")
    ),
    ("module.line", {"module.version": V_1_5, "kernel.release": "5.14.0-570.el9_6"}, "PASS"),
    ("module.line", {"module.version": V_1_5, "kernel.release": "5.19.0-mvp12v2"}, "FAIL"),
    ("module.no_rbp_mod", {"module.no_rbp_mod": True}, "PASS"),
    ("module.no_rbp_mod", {"module.no_rbp_mod": False}, "FAIL"),
    ("module.no_rbp_mod", {}, "UNKNOWN"),
    ("module.initialized", {"module.state": "initialized"}, "PASS"),
    ("module.initialized", {"module.state": "failed", "module.failure": failure(errno=5)}, "FAIL"),
    ("module.production", {"module.debug": False}, "PASS"),
    ("module.production", {"module.debug": True}, "WARN"),
    ("module.topology_enum", {"module.features0": 1 << 20, "kernel.release": "6.17.1"}, "PASS"),
    ("module.topology_enum", {"module.features0": 0xFBF, "kernel.release": "6.17.1"}, "FAIL"),
    ("module.topology_enum", {"module.features0": 0xFBF}, "UNKNOWN"),
    ("module.topology_enum", {"kernel.release": "6.8.0-1028-intel"}, "SKIP"),
    ("memory.cmrs_sane", {"memory.cmrs": SANE, "memory.cmr_bytes": 5 * GIB}, "PASS"),
    ("memory.cmrs_sane", {"memory.cmrs": ()}, "FAIL"),
    ("memory.cmrs_sane", {"memory.cmrs": cmrs((0, GIB), (GIB // 2, 2 * GIB))}, "FAIL"),
    ("memory.cmrs_sane", {"memory.cmrs": cmrs((0x100, GIB))}, "FAIL"),
    (
        "memory.cmrs_cover_ram",
        {"memory.cmrs": SANE, "memory.regions": REGIONS, "memory.ram_outside_cmrs": ()},
        "PASS",
    ),
    (
        "memory.cmrs_cover_ram",
        {"memory.cmrs": SANE, "memory.regions": REGIONS, "memory.ram_outside_cmrs": OUTSIDE},
        "WARN",
    ),
    ("memory.tdmrs_fit", {"module.state": "initialized"}, "PASS"),
    ("memory.tdmrs_fit", {"module.state": "failed", "module.failure": EXHAUSTED}, "FAIL"),
    ("memory.tdmrs_fit", {"module.state": "failed", "module.failure": failure(errno=5)}, "UNKNOWN"),
    ("memory.pamt", {"memory.pamt_bytes": 4 << 30}, "INFO"),
    ("kvm.loaded", {"kvm.loaded": True}, "PASS"),
    ("kvm.loaded", {"kvm.loaded": False}, "FAIL"),
    ("kvm.loaded", {"kvm.loaded": False, **FORCED}, "FAIL"),
    ("kvm.capabilities", {**FORCED}, "WARN"),
    ("kvm.capabilities", {**FORCED, "td.attributes_fixed1": 1 << 28}, "UNKNOWN"),
    (
        "kvm.capabilities",
        {"kernel.release": "7.3.4", "td.attributes_fixed0": 0x1, "td.attributes_fixed1": 0},
        "WARN",
    ),
    (
        "kvm.capabilities",
        {**FORCED, "kvm.supported_attributes": 1 << 28, "kvm.supported_xfam": 0xE7},
        "PASS",
    ),
    *(
        (f"attestation.{name}", {"module.features0": 1 << 50}, "SKIP")
        for name in ("sgx_devices", "epc", "quote_service", "pccs")
    ),
    ("attestation.quote_service", {"attestation.quote_buffer": False}, "INFO"),
    (
        "memory.cmrs_cover_ram",
        {"module.state": "initialized", "memory.convertible_at_least": SANE},
        "PASS",
    ),
    ("kvm.virt_at_load", {"kernel.release": "6.17.0", "kvm.virt_at_load": False}, "FAIL"),
    ("kvm.virt_at_load", {"kernel.release": "6.17.0", "kvm.virt_at_load": True}, "PASS"),
    ("kvm.virt_at_load", {"kernel.release": "7.1.0", "kvm.virt_at_load": False}, "SKIP"),
    ("kvm.tdx_enabled", {"kvm.tdx_enabled": True}, "PASS"),
    ("kvm.tdx_enabled", {"kvm.tdx_enabled": False}, "FAIL"),
    ("kvm.vm_type", {"kvm.vm_type_supported": True}, "PASS"),
    ("kvm.vm_type", {"kvm.vm_type_supported": False}, "FAIL"),
]
PARAMETERS = dict.fromkeys(("ept", "eptad", "apicv", "tdp_mmu", "mmio_caching"), True)
CASES += [
    ("kvm.parameters", {f"kvm.{name}": on for name, on in PARAMETERS.items()}, "PASS"),
    ("kvm.parameters", {f"kvm.{n}": n != "tdp_mmu" for n in PARAMETERS}, "FAIL"),
]

NONE_THERE = Attempt("test:by hand", "absent", "it does not exist", "")
NOT_RECORDED = Attempt("test:by hand", "not-recorded", "it is not in the record", "")
PW_MCE, SEAMRET = ("tdx_pw_mce",), ("seamret_invd_vmcs",)
KEXEC = {"kernel.config_kexec_core": True, "platform.errata": PW_MCE}
QEMU = {"stack.qemu_path": "/usr/bin/qemu-system-x86_64", "stack.qemu_tdx_guest": True}
KVM_7 = {"kernel.release": "7.3.4"}
INTEL_6_8 = {"kernel.release": "6.8.0-1028-intel"}
BOTH_FILES = ("TDX-SEAM.so", "TDX-SEAM.so.sigstruct")

CASES += [
    ("cpu.online", {"platform.cpus": 8, "platform.cpus_present": 8}, "PASS"),
    ("cpu.online", {**KVM_7, "platform.cpus": 7, "platform.cpus_present": 8}, "PASS"),
    ("cpu.online", {**INTEL_6_8, "platform.cpus": 7, "platform.cpus_present": 8}, "WARN"),
    ("cpu.online", {"platform.package_offline": True}, "WARN"),
    ("cpu.online", {"platform.cpus": 8}, "UNKNOWN"),
    ("cpu.errata", {"platform.errata": ()}, "PASS"),
    ("cpu.errata", {"platform.errata": PW_MCE}, "INFO"),
    ("firmware.tme_locked", {"firmware.tme_locked": True}, "PASS"),
    ("firmware.tme_locked", {"firmware.tme_locked": False}, "WARN"),
    ("firmware.tme_bypass", {"firmware.tme_bypass": True}, "PASS"),
    ("firmware.tme_bypass", {"firmware.tme_bypass": False}, "INFO"),
    (
        "firmware.memory_modules",
        {"platform.memory_modules": 16, "platform.packages": 2},
        "PASS",
    ),
    ("firmware.memory_modules", {"platform.memory_modules": 8, "platform.packages": 2}, "WARN"),
    ("firmware.memory_modules", {"platform.memory_modules": 17, "platform.packages": 2}, "WARN"),
    (
        "firmware.memory_modules",
        {"platform.memory_modules": DENIED, "platform.packages": 2},
        "UNKNOWN",
    ),
    ("keys.leaked", {"keys.leaked": 0}, "PASS"),
    ("keys.leaked", {"keys.leaked": 2}, "WARN"),
    ("keys.leaked", {}, "UNKNOWN"),
    ("keys.counted", {"keys.guest_keyids": 63}, "INFO"),
    ("kernel.generation", KVM_7, "PASS"),
    ("kernel.generation", {"kernel.release": "6.17.1"}, "PASS"),
    ("kernel.generation", INTEL_6_8, "PASS"),
    ("kernel.generation", {"kernel.release": "6.12.1"}, "FAIL"),
    ("kernel.generation", {"kernel.release": "5.4.0"}, "FAIL"),
    ("kernel.generation", {}, "UNKNOWN"),
    ("kernel.kexec", {"kernel.config_kexec_core": False}, "SKIP"),
    ("kernel.kexec", {"platform.errata": (), "kernel.config_kexec_core": True}, "PASS"),
    ("kernel.kexec", {**KEXEC, "kernel.release": "7.2.0", **SYS_DISABLE}, "PASS"),
    ("kernel.kexec", {**KEXEC, "kernel.release": "7.2.0", "module.features0": 0xFBF}, "INFO"),
    (
        "kernel.kexec",
        {
            **KEXEC,
            "kernel.release": "7.2.0",
            "module.features0": 0xFBF,
            "kernel.crash_kernel_loaded": True,
        },
        "WARN",
    ),
    ("kernel.kexec", {**KEXEC, "kernel.release": "7.2.0"}, "UNKNOWN"),
    ("kernel.kexec", {**KEXEC, "kernel.release": "6.12.0-124.8.1.el10_1.x86_64"}, "UNKNOWN"),
    ("kernel.kexec", {"kernel.kexec_refused": True}, "INFO"),
    (
        "kernel.kexec",
        {"kernel.kexec_refused": True, "kernel.command_line": "ro crashkernel=1G"},
        "WARN",
    ),
    ("kernel.kexec", {**KEXEC, "kernel.release": "7.1.9"}, "INFO"),
    ("kernel.kexec", {**KEXEC, "kernel.release": "6.18.3"}, "INFO"),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "6.18.3", "kernel.command_line": "ro crashkernel=1G"},
        "WARN",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "7.1.3", "kernel.crash_kernel_loaded": True},
        "WARN",
    ),
    ("kernel.machine_checks", {"kernel.private_memory_error": False}, "PASS"),
    ("kernel.machine_checks", {"kernel.private_memory_error": True}, "WARN"),
    ("kernel.suspend", {"kernel.deep_sleep": False}, "PASS"),
    ("kernel.suspend", {"kernel.deep_sleep": True}, "INFO"),
    ("kernel.numa_balancing", {"kernel.numa_balancing": False}, "PASS"),
    ("kernel.numa_balancing", {"kernel.numa_balancing": True}, "INFO"),
    ("kernel.msr", {"kernel.msr_device": True}, "PASS"),
    ("kernel.msr", {"kernel.msr_device": False}, "INFO"),
    ("module.release", {"module.release": "1.5.34", "module.newest_release": "1.5.34"}, "PASS"),
    ("module.release", {"module.release": "1.5.06", "module.newest_release": "1.5.34"}, "WARN"),
    (
        "module.release",
        {
            "module.release": "1.5.16",
            "module.newest_release": "1.5.34",
            "module.newest_for_processor": "1.5.16",
        },
        "PASS",
    ),
    ("module.release", {"module.version": ModuleVersion(1, 5, 40)}, "INFO"),
    (
        "module.release",
        {"module.version": ModuleVersion(1, 5), "module.build_number": 1100},
        "INFO",
    ),
    (
        "module.release",
        {"module.version": ModuleVersion(1, 5, 24), "module.build_number": 944},
        "WARN",
    ),
    (
        "module.release",
        {"module.version": ModuleVersion(1, 5, 24), "module.features0": 0xD1326F3B0FBF},
        "WARN",
    ),
    ("module.vcpus", {**KVM_7, "td.max_vcpus": 576, "platform.cpus_present": 256}, "PASS"),
    ("module.vcpus", {**KVM_7, "td.max_vcpus": 128, "platform.cpus_present": 256}, "FAIL"),
    ("module.vcpus", INTEL_6_8, "SKIP"),
    ("module.update_ready", {"seamldr.remaining_updates": 15}, "PASS"),
    ("module.update_ready", {"seamldr.remaining_updates": 0}, "INFO"),
    ("module.update_ready", {"platform.errata": SEAMRET}, "INFO"),
    ("module.update_ready", {"module.features0": 0xFBD}, "INFO"),
    ("module.update_ready", {"kernel.release": "7.1.3"}, "INFO"),
    ("module.update_ready", {**KVM_7, "seamldr.remaining_updates": DENIED}, "UNKNOWN"),
    ("module.last_update", {"seamldr.update_error": ""}, "PASS"),
    ("module.last_update", {"seamldr.update_error": "programming:firmware-invalid"}, "WARN"),
    ("module.calls", {"module.failed_calls": ()}, "PASS"),
    ("module.calls", {"module.failed_calls": ("leaf 0x1c: 0xc000030000000001",)}, "WARN"),
    ("module.esp", {"module.esp_files": NONE_THERE}, "PASS"),
    ("module.esp", {"module.esp_files": ()}, "PASS"),
    ("module.esp", {"module.esp_files": BOTH_FILES}, "INFO"),
    ("module.esp", {"module.esp_files": ("TDX-SEAM.so",)}, "INFO"),
    ("module.esp", {"module.esp_files": DENIED}, "UNKNOWN"),
    ("module.esp", {"module.esp_files": NOT_RECORDED}, "UNKNOWN"),
    ("memory.tdmr_headroom", {"memory.tdmrs_used": 60, "memory.max_tdmrs": 64}, "PASS"),
    ("memory.tdmr_headroom", {"memory.tdmrs_used": 61, "memory.max_tdmrs": 64}, "WARN"),
    ("memory.pamt_local", {"memory.pamt_on_other_node": False}, "PASS"),
    ("memory.pamt_local", {"memory.pamt_on_other_node": True}, "INFO"),
    ("memory.hotplug", {"memory.added_memory_online": False}, "PASS"),
    ("memory.hotplug", {"memory.added_memory_online": True}, "INFO"),
    ("kvm.device", {"kvm.device": True}, "PASS"),
    ("kvm.device", {"kvm.device": False}, "FAIL"),
    (
        "kvm.capabilities",
        {**KVM_7, "kvm.supported_attributes": 1 << 28, "kvm.supported_xfam": 0xE7},
        "PASS",
    ),
    (
        "kvm.capabilities",
        {**KVM_7, "kvm.supported_attributes": 0, "kvm.supported_xfam": 0xE7},
        "WARN",
    ),
    ("kvm.capabilities", INTEL_6_8, "SKIP"),
    ("kvm.after_reboot", {**KVM_7, "kernel.command_line": "ro kvm-intel.tdx=1"}, "PASS"),
    (
        "kvm.after_reboot",
        {**KVM_7, "kernel.command_line": "ro", "kvm.tdx_option": "Y"},
        "PASS",
    ),
    (
        "kvm.after_reboot",
        {**KVM_7, "kernel.command_line": "ro", "kvm.tdx_option": ""},
        "WARN",
    ),
    ("kvm.after_reboot", INTEL_6_8, "SKIP"),
    ("stack.qemu", {**QEMU, "stack.qemu_version": "10.1.2"}, "PASS"),
    ("stack.qemu", {**QEMU, "stack.qemu_tdx_guest": False}, "WARN"),
    ("stack.qemu", {"stack.qemu_path": NONE_THERE}, "INFO"),
    ("stack.qemu", {"stack.qemu_path": NOT_RECORDED}, "UNKNOWN"),
    ("stack.pairing", {**QEMU, **KVM_7, "stack.qemu_version": "10.1.2"}, "PASS"),
    ("stack.pairing", {**QEMU, **INTEL_6_8, "stack.qemu_version": "8.2.2"}, "PASS"),
    ("stack.pairing", {**QEMU, **KVM_7, "stack.qemu_version": "8.2.2"}, "WARN"),
    ("stack.pairing", {**QEMU, **INTEL_6_8, "stack.qemu_version": "10.1.0"}, "WARN"),
    ("stack.pairing", {"stack.qemu_path": NONE_THERE}, "SKIP"),
    ("stack.libvirt", {"stack.libvirt_version": "11.6.0"}, "PASS"),
    ("stack.libvirt", {"stack.libvirt_version": "9.0.0"}, "WARN"),
    ("stack.libvirt", {"stack.libvirt_version": NONE_THERE}, "SKIP"),
    ("stack.firmware", {"stack.tdx_firmware": ("60-edk2-ovmf-inteltdx.json",)}, "PASS"),
    ("stack.firmware", {"stack.firmware_images": ("OVMF.fd",)}, "PASS"),
    ("stack.firmware", {"stack.firmware_images": NONE_THERE}, "WARN"),
    ("stack.firmware", {"stack.firmware_images": NOT_RECORDED}, "UNKNOWN"),
    (
        "attestation.sgx_devices",
        {"attestation.sgx_enclave": True, "attestation.sgx_provision": True},
        "PASS",
    ),
    (
        "attestation.sgx_devices",
        {"attestation.sgx_enclave": True, "attestation.sgx_provision": False},
        "INFO",
    ),
    ("attestation.epc", {"attestation.epc_bytes": 256 << 20}, "PASS"),
    ("attestation.epc", {"attestation.epc_bytes": 16 << 20}, "INFO"),
    ("attestation.quote_service", {"attestation.quote_service": True}, "PASS"),
    ("attestation.quote_service", {"attestation.quote_service": False}, "INFO"),
    ("attestation.pccs", {"attestation.pccs": True}, "PASS"),
    ("attestation.pccs", {"attestation.pccs_is_local": False}, "PASS"),
    ("attestation.pccs", {"attestation.pccs": False, "attestation.pccs_is_local": True}, "INFO"),
    ("attestation.pccs", {}, "UNKNOWN"),
    ("attestation.certificate", {"attestation.checks_certificate": True}, "PASS"),
    ("attestation.certificate", {"attestation.checks_certificate": False}, "INFO"),
    (
        "attestation.certificate",
        {"attestation.checks_certificate": True, "attestation.pccs_is_local": True},
        "INFO",
    ),
    ("attestation.registration", {"attestation.registration": "complete"}, "PASS"),
    ("attestation.registration", {"attestation.registration": "not sent"}, "INFO"),
    ("attestation.efivars", {"attestation.efivars_writable": True}, "PASS"),
    ("attestation.efivars", {"attestation.efivars_writable": False}, "INFO"),
]
