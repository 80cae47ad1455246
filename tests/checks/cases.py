"""The facts that a check reads, its outcome and its whole message: one row for each verdict."""

from __future__ import annotations

from datetime import date
from typing import Any

from tdxinfo.model.memory import NamedRange
from tdxinfo.model.provenance import Attempt
from tdxinfo.model.tcb import ModuleLevel, PlatformLevel, TcbInfo
from tdxinfo.model.values import Failure, MemoryRange, ModuleVersion, NodeMemory
from tests.checks.boot_cases import BOOT, DEVICES

GIB = 1 << 30
DENIED = Attempt(
    origin="msr:0x87",
    reason="denied",
    message="/dev/cpu/0/msr may not be read",
    remedy="Run as root.",
)
UNEQUAL = ("IA32_MKTME_KEYID_PARTITIONING differs", "IA32_TME_ACTIVATE differs")
ALL_INSTRUCTIONS = ("vmx", "movdir64b", "ss", "xsave")


NO_KEXEC = ", which excludes kexec before Linux 6.18"
ANSWERED = ("PASS", "the module is loaded")
NO_ANSWER = ("UNKNOWN", "no source shows that a module is loaded")


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
REGIONS = tuple(NodeMemory.between(part.base, part.end, node=0) for part in SANE)
OUTSIDE = (NamedRange.between(2 * GIB, 3 * GIB, name=None),)

FORCED = {"kernel.release": "7.3.4", "td.attributes_fixed1": 1 << 28 | 1 << 27}
SYS_DISABLE = {"module.features0": 1 << 53}
V_1_5 = ModuleVersion(1, 5, 5)
INITIALIZED = {"module.state": "initialized"}

# The facts a check looks at, and what it must say of them.
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("cpu.vendor", {"platform.vendor": "GenuineIntel"}, "PASS", "this is an Intel processor"),
    (
        "cpu.vendor",
        {"platform.vendor": "AuthenticAMD"},
        "FAIL",
        "this is an AMD processor: AMD processors do not have TDX",
    ),
    ("cpu.vendor", {}, "UNKNOWN", "platform.vendor is unknown"),
    (
        "cpu.bare_metal",
        {"platform.virtualization": "none"},
        "PASS",
        "this is not a virtual machine",
    ),
    (
        "cpu.bare_metal",
        {"platform.virtualization": "vm"},
        "FAIL",
        "this is a virtual machine, which cannot see its host's TDX",
    ),
    (
        "cpu.bare_metal",
        {"platform.virtualization": "td-guest"},
        "FAIL",
        "this is a trust domain, a guest, which cannot see its host's TDX",
    ),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 207},
        "PASS",
        "Emerald Rapids processors have TDX",
    ),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 106},
        "FAIL",
        "Ice Lake processors do not have TDX",
    ),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 250},
        "WARN",
        "this tdxinfo does not know processors of family 6, model 250",
    ),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 0xB7},
        "FAIL",
        "Raptor Lake processors do not have TDX",
    ),
    (
        "cpu.model",
        {"platform.family": 18, "platform.model": 1},
        "FAIL",
        "Nova Lake processors do not have TDX",
    ),
    (
        "cpu.model",
        {"platform.family": 15, "platform.model": 6},
        "FAIL",
        "processors of family 15 do not have TDX",
    ),
    (
        "cpu.model",
        {"platform.family": 19, "platform.model": 1},
        "WARN",
        "this tdxinfo does not know whether Diamond Rapids processors have TDX",
    ),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 106, "module.state": "initialized"},
        "PASS",
        "the TDX module runs on this processor",
    ),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 106, "kernel.tdx_detected": True},
        "PASS",
        "the kernel found KeyIDs for TDX",
    ),
    (
        "cpu.model",
        {"platform.family": 6, "platform.model": 250, "keys.tdx_keyids": 4},
        "PASS",
        "the firmware gave KeyIDs to TDX",
    ),
    (
        "cpu.instructions",
        {"platform.instructions": ALL_INSTRUCTIONS},
        "PASS",
        "instructions: vmx, movdir64b, ss, xsave",
    ),
    (
        "cpu.instructions",
        {"platform.instructions": ("vmx", "ss", "xsave")},
        "FAIL",
        "missing instructions: movdir64b",
    ),
    (
        "cpu.seamrr",
        {"firmware.seamrr_supported": True},
        "PASS",
        "this processor has SEAM range registers",
    ),
    (
        "cpu.seamrr",
        {"firmware.seamrr_supported": False},
        "FAIL",
        "this processor has no SEAM range registers (IA32_MTRRCAP), so it does not have TDX",
    ),
    ("cpu.production", {"firmware.preproduction": False}, "PASS", "this is a production processor"),
    (
        "cpu.production",
        {"firmware.preproduction": True},
        "WARN",
        "this is a pre-production processor",
    ),
    ("firmware.tme", {"firmware.tme_enabled": True}, "PASS", "memory encryption (TME) is enabled"),
    (
        "firmware.tme",
        {"firmware.tme_enabled": False},
        "FAIL",
        "memory encryption (TME) is disabled",
    ),
    (
        "firmware.tme",
        {"firmware.tme_enabled": DENIED},
        "UNKNOWN",
        "firmware.tme_enabled is unknown: /dev/cpu/0/msr may not be read",
    ),
    ("firmware.packages_agree", {"platform.packages": 1}, "PASS", "there is one package"),
    (
        "firmware.packages_agree",
        {"platform.packages": 2, "firmware.package_differences": UNEQUAL},
        "FAIL",
        "IA32_MKTME_KEYID_PARTITIONING differs",
    ),
    (
        "firmware.packages_agree",
        {"platform.packages": 2, "firmware.package_differences": DENIED},
        "UNKNOWN",
        "firmware.package_differences is unknown: /dev/cpu/0/msr may not be read",
    ),
    (
        "firmware.seamrr_enabled",
        {"firmware.seamrr_enabled": True},
        "PASS",
        "the firmware enabled the SEAM range (SEAMRR)",
    ),
    (
        "firmware.seamrr_enabled",
        {"firmware.seamrr_enabled": False},
        "FAIL",
        "the firmware did not enable the SEAM range (SEAMRR): TDX is off in the firmware",
    ),
    (
        "firmware.seamrr_locked",
        {"firmware.seamrr_locked": True},
        "PASS",
        "the SEAM range is locked",
    ),
    (
        "firmware.seamrr_locked",
        {"firmware.seamrr_locked": False},
        "WARN",
        "the SEAM range is not locked: the SEAM loader may not have run",
    ),
    ("firmware.sgx", {"firmware.sgx_enabled": True}, "PASS", "SGX is enabled"),
    ("firmware.sgx", {"firmware.sgx_enabled": False}, "WARN", "SGX is disabled"),
    ("firmware.mcheck", {"firmware.mcheck_status": 0}, "PASS", "MCHECK ok"),
    ("firmware.mcheck", {"firmware.mcheck_status": 0x1861}, "FAIL", "MCHECK failed with 0x1861"),
    ("keys.tdx_share", {"keys.tdx_keyids": 16}, "PASS", "16 KeyIDs for TDX"),
    ("keys.tdx_share", {"keys.tdx_keyids": 0}, "FAIL", "all KeyIDs belong to MKTME, none to TDX"),
    (
        "keys.tdx_share",
        {"keys.tdx_keyids": 0, "firmware.keyid_bits": 0},
        "FAIL",
        "there are no KeyIDs: TME-MT is disabled",
    ),
    (
        "keys.tdx_share",
        {"keys.tdx_keyids": DENIED},
        "UNKNOWN",
        "keys.tdx_keyids is unknown: /dev/cpu/0/msr may not be read",
    ),
    ("keys.enough", {"keys.tdx_keyids": 2}, "PASS", "1 TD can run at once"),
    (
        "keys.enough",
        {"keys.tdx_keyids": 1},
        "FAIL",
        "one KeyID is too few: the TDX module uses the first itself",
    ),
    (
        "keys.headroom",
        {"keys.guest_keyids": 10, "keys.guest_keyids_in_use": 8},
        "PASS",
        "8 of 10 KeyIDs are in use",
    ),
    (
        "keys.headroom",
        {"keys.guest_keyids": 10, "keys.guest_keyids_in_use": 9},
        "WARN",
        "9 of 10 KeyIDs are in use",
    ),
    (
        "kernel.config_tdx_host",
        {"kernel.config_tdx_host": True},
        "PASS",
        "this kernel was built with TDX host support",
    ),
    (
        "kernel.config_tdx_host",
        {"kernel.config_tdx_host": False},
        "FAIL",
        "this kernel was built without TDX host support (CONFIG_INTEL_TDX_HOST)",
    ),
    (
        "kernel.config_kvm_tdx",
        {"kernel.release": "6.12.1"},
        "SKIP",
        "only Linux 6.16 and later have CONFIG_KVM_INTEL_TDX",
    ),
    (
        "kernel.config_kvm_tdx",
        {"kernel.config_kvm_intel_tdx": True},
        "PASS",
        "the KVM of this kernel was built with TDX",
    ),
    (
        "kernel.config_kvm_tdx",
        {"kernel.config_kvm_intel_tdx": False},
        "FAIL",
        "the KVM of this kernel was built without TDX (CONFIG_KVM_INTEL_TDX)",
    ),
    ("kernel.hibernation", {"kernel.hibernation": False}, "PASS", "hibernation is unavailable"),
    (
        "kernel.hibernation",
        {"kernel.hibernation": True},
        "FAIL",
        "the kernel disables TDX while hibernation is available",
    ),
    (
        "kernel.hibernation",
        {"kernel.hibernation": True, "kernel.release": "6.2.16"},
        "PASS",
        "kernels before 6.8 run TDX although hibernation is available",
    ),
    (
        "kernel.hibernation",
        {"kernel.hibernation": True, "kernel.release": "5.14.0-570.el9_6.x86_64"},
        "UNKNOWN",
        "hibernation is available, and whether this kernel then disables TDX is unknown",
    ),
    (
        "kernel.hibernation",
        {"kernel.hibernation": True, "kernel.release": "6.17.0-1001-intel"},
        "FAIL",
        "the kernel disables TDX while hibernation is available",
    ),
    (
        "kernel.command_line",
        {"kernel.command_line": "ro nohibernate kvm_intel.tdx=1"},
        "PASS",
        "no option prevents TDX",
    ),
    (
        "kernel.command_line",
        {"kernel.command_line": "ro memmap=4G!8G"},
        "WARN",
        "these options can keep TDX from working: memmap=4G!8G",
    ),
    (
        "kernel.command_line",
        {"kernel.command_line": "kvm_intel.tdx=1 kvm_intel.tdx=0"},
        "WARN",
        "the last of these options is used: kvm_intel.tdx=1 kvm_intel.tdx=0",
    ),
    (
        "kernel.tdx_detected",
        {"kernel.tdx_detected": True},
        "PASS",
        "the kernel found KeyIDs for TDX",
    ),
    (
        "kernel.tdx_detected",
        {"kernel.tdx_detected": False, "kernel.config_tdx_host": True},
        "FAIL",
        "the kernel found no TDX on this platform",
    ),
    *(
        (
            "kernel.tdx_detected",
            {"kernel.tdx_detected": False, "keys.tdx_keyids": keyids, "kernel.release": release},
            "FAIL",
            f"the log of the whole boot has no line about TDX on the host: {cause} this kernel was "
            f"built without CONFIG_INTEL_TDX_HOST{more}",
        )
        for keyids, release, cause, more in (
            (None, "6.18.3", "TDX is off in the firmware, or", ""),
            (None, "6.17.1", "TDX is off in the firmware, or", NO_KEXEC),
            (64, "6.18.3", "the firmware gives TDX 64 KeyIDs, so that most likely", ""),
        )
    ),
    ("kernel.places_agree", {"kernel.disagreements": ()}, "PASS", "all sources agree"),
    (
        "kernel.places_agree",
        {"kernel.disagreements": ("keys.tdx_keyids: 1, 2",)},
        "WARN",
        "keys.tdx_keyids: 1, 2",
    ),
    ("kernel.places_agree", {}, "UNKNOWN", "kernel.disagreements is unknown"),
    ("kernel.log", {"kernel.log_complete": True}, "PASS", "the kernel log begins at boot"),
    (
        "kernel.log",
        {"kernel.log_complete": False},
        "INFO",
        "the beginning of the kernel log is missing: a missing line proves nothing",
    ),
    (
        "kernel.log",
        {
            "kernel.log_complete": True,
            "kernel.boots_in_log": 1,
            "kernel.crash_kernel_skipped": True,
        },
        "PASS",
        "the kernel log begins at boot; it ends with the boot of a crash kernel (kdump), which is "
        "not checked",
    ),
    (
        "kernel.log",
        {"kernel.log_complete": False, "kernel.log_lacks": "lines"},
        "INFO",
        "the kernel log has too few lines to be that of a whole boot: a missing line proves "
        "nothing",
    ),
    (
        "kernel.log",
        {"kernel.log_complete": False, "kernel.log_lacks": "end"},
        "INFO",
        "the kernel log ends before the kernel starts the first program: a missing line proves "
        "nothing",
    ),
    (
        "module.attempted",
        {"module.state": "failed"},
        "PASS",
        "the kernel has tried to initialize the module",
    ),
    (
        "module.attempted",
        {"module.state": "failed", "module.log_silent": True, "kernel.generation": "kvm"},
        "UNKNOWN",
        "kvm_intel.tdx=1 is set, but the kernel log has no line about the module: whether "
        "kvm_intel has tried to initialize it is unknown",
    ),
    (
        "module.attempted",
        {"module.state": "failed", "module.log_silent": True, "kernel.generation": "boot"},
        "PASS",
        "the kernel has tried to initialize the module",
    ),
    (
        "module.attempted",
        {
            "module.state": "not-attempted",
            "module.log_silent": True,
            "kernel.generation": "kvm",
            "kvm.tdx_enabled": False,
            "kvm.ept": False,
            "kvm.apicv": True,
            "kvm.virt_at_load": False,
        },
        "FAIL",
        "the kernel found KeyIDs, but its log has no line about the module: kvm_intel initializes "
        "the module when it is loaded with tdx=1, and its parameter tdx is off; parameters that "
        "are off, which TDX requires: kvm_intel.ept, kvm.enable_virt_at_load",
    ),
    (
        "module.attempted",
        {
            "module.state": "not-attempted",
            "kernel.generation": "vendor-kvm",
            "kvm.refusal": "kvm_intel: MOVDIR64B is reqiured for TDX",
        },
        "FAIL",
        "kvm_intel: MOVDIR64B is reqiured for TDX: the processor lacks MOVDIR64B, or it is hidden: "
        "by `clearcpuid=` on the kernel command line, or by a hypervisor",
    ),
    (
        "module.attempted",
        {"module.state": "not-attempted"},
        "FAIL",
        "the kernel found KeyIDs, but has not tried to initialize the module",
    ),
    *(
        (
            "kernel.generation",
            {"module.state": state, "kernel.release": release},
            "PASS",
            "this kernel initialized the TDX module"
            if state == "initialized"
            else "this kernel tried to initialize the TDX module",
        )
        for state in ("initialized", "failed", "not-loaded")
        for release in ("5.14.0-570.83.1.el9_6.x86_64", "6.12.9", "5.15.0")
    ),
    (
        "kernel.generation",
        {"kernel.release": "6.12.0-124.8.1.el10_1.x86_64"},
        "UNKNOWN",
        "kernel.generation is unknown",
    ),
    (
        "module.initialized",
        {"module.state": "failed", "module.last_update": "module-lost"},
        "FAIL",
        "the last update of the module at run time failed: no module runs until the host reboots",
    ),
    (
        "module.initialized",
        {"module.state": "failed", "module.log_silent": True, "kernel.release": "7.3.4"},
        "FAIL",
        "the kernel log has no line about the module: this kernel tries to initialize the module "
        "at every boot, and prints nothing when its first calls fail before the module answers: "
        "VMX, SGX, TDX or the SEAM loader is off in the firmware",
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
        "the kernel log has no line about the module: kvm_intel.tdx=1 is set, so kvm_intel most "
        "likely tried to initialize the module; it prints nothing when its first calls fail "
        "before the module answers: VMX, SGX, TDX or the SEAM loader is off in the firmware; or "
        "kvm_intel is blacklisted or not loaded yet, and has not tried; SGX is off on this host",
    ),
    (
        "module.initialized",
        {"module.state": "failed", "module.sysinit_done": True, "module.sysinit_result": -95},
        "FAIL",
        "the processor refused the first SEAMCALL (#GP), which the kernel does not print: TDX is "
        "off in the firmware",
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
        "the kernel never made its first SEAMCALL, so VMXON failed: VMX is off in the firmware, "
        "or another hypervisor uses it",
    ),
    (
        "module.initialized",
        {
            "module.state": "failed",
            "module.log_silent": True,
            "module.sysinit_done": True,
            "module.sysinit_result": 0,
        },
        "FAIL",
        "TDH.SYS.INIT, the first SEAMCALL, succeeded, so the module is loaded; then a CPU refused "
        "TDH.SYS.LP.INIT without a status, which the kernel does not print: TDX or VMX is off on "
        "it, or it has no SEAM loader",
    ),
    (
        "module.initialized",
        {
            "module.state": "failed",
            "module.driver_loaded": True,
            "module.sysinit_done": False,
            "module.sysinit_result": 0,
            "kernel.tdx_detected": True,
        },
        "FAIL",
        "the module was lost: it no longer runs",
    ),
    (
        "module.initialized",
        {"module.state": "failed"},
        "FAIL",
        "the module is not initialized, and no source shows why",
    ),
    (
        "module.last_update",
        {"module.last_update": "module-lost"},
        "WARN",
        "the last update of the module at run time failed: no module runs until the host reboots",
    ),
    (
        "module.last_update",
        {"module.last_update": "module-kept"},
        "WARN",
        "the last update of the module at run time failed: the old one runs",
    ),
    (
        "module.update_ready",
        {"kernel.release": "7.2.1", "module.driver_loaded": False},
        "UNKNOWN",
        "the driver tdx_host, which updates the module, is not loaded",
    ),
    ("module.attempted", {}, "UNKNOWN", "module.state is unknown"),
    ("module.loaded", {"module.state": "not-loaded"}, "FAIL", "the TDX module is not loaded"),
    ("module.loaded", {"module.state": "initialized"}, "PASS", "the module is loaded"),
    (
        "module.loaded",
        {"module.state": "failed"},
        "UNKNOWN",
        "no source shows that a module is loaded",
    ),
    *(
        ("module.loaded", {"module.state": "failed", **facts}, *verdict)
        for facts, verdict in (
            ({"module.version": ModuleVersion(1, 5, 24)}, ANSWERED),
            ({"module.sysinit_done": True, "module.sysinit_result": 0}, ANSWERED),
            ({"module.sysinit_done": True, "module.sysinit_result": -95}, NO_ANSWER),
            ({"module.sysinit_done": False}, NO_ANSWER),
            ({"module.failure": failure(errno=28)}, ANSWERED),
            ({"module.failure": failure(errno=19)}, NO_ANSWER),
            ({"module.failure": failure(errno=95)}, NO_ANSWER),
            ({"module.failure": failure(errno=5)}, NO_ANSWER),
            ({"module.failure": failure(leaf_name="TDH.SYS.INIT", status=0xC000 << 48)}, ANSWERED),
            ({"module.failure": failure(status=0x8000FF000000000D)}, NO_ANSWER),
            ({"module.failure": failure(leaf_name="SEAMLDR.INFO", status=1 << 63)}, NO_ANSWER),
        )
    ),
    (
        "module.line",
        {"module.failure": REFUSED_SEAMCALL},
        "FAIL",
        "the module does not answer TDH.SYS.RD: it is older than 1.5",
    ),
    *(
        (
            "module.line",
            {"module.version": V_1_5, "kernel.release": release, **INITIALIZED},
            "PASS",
            "module 1.5.05: this kernel initialized it",
        )
        for release in ("5.15.152.bsk.10-amd64", "5.14.0-599.tdx.el9s.x86_64", "5.15.0-mvp11")
    ),
    (
        "module.line",
        {"module.version": V_1_5, "kernel.release": "5.14.0-570.el9_6"},
        "PASS",
        "module 1.5.05: no conflict with this kernel is known",
    ),
    (
        "module.line",
        {"module.version": V_1_5, "kernel.release": "5.19.0-mvp12v2"},
        "FAIL",
        "this kernel supports only 1.0 modules, and the module is 1.5.05",
    ),
    ("module.no_rbp_mod", {"module.no_rbp_mod": True}, "PASS", "the module has NO_RBP_MOD"),
    (
        "module.no_rbp_mod",
        {"module.no_rbp_mod": False},
        "FAIL",
        "the module lacks NO_RBP_MOD: Linux 6.14 and later refuse it",
    ),
    ("module.no_rbp_mod", {}, "UNKNOWN", "module.no_rbp_mod is unknown"),
    ("module.initialized", {"module.state": "initialized"}, "PASS", "the module is initialized"),
    (
        "module.initialized",
        {"module.state": "failed", "module.failure": failure(errno=5)},
        "FAIL",
        "virt/tdx: module initialization failed; errno 5",
    ),
    ("module.production", {"module.debug": False}, "PASS", "the module is a production build"),
    ("module.production", {"module.debug": True}, "WARN", "the module is a debug build"),
    (
        "module.topology_enum",
        {"module.features0": 1 << 20, "kernel.release": "6.17.1"},
        "PASS",
        "the module has TOPOLOGY_ENUM",
    ),
    (
        "module.topology_enum",
        {"module.features0": 0xFBF, "kernel.release": "6.17.1"},
        "FAIL",
        "the module lacks TOPOLOGY_ENUM: kvm_intel does not load with tdx=1",
    ),
    (
        "module.topology_enum",
        {"module.features0": 0xFBF},
        "UNKNOWN",
        "kernel.generation is unknown",
    ),
    (
        "module.topology_enum",
        {"kernel.release": "6.8.0-1028-intel"},
        "SKIP",
        "KVM requires TOPOLOGY_ENUM only from Linux 6.16 on",
    ),
    (
        "memory.cmrs_sane",
        {"memory.cmrs": SANE, "memory.cmr_bytes": 5 * GIB},
        "PASS",
        "2 CMRs, 5.0 GiB",
    ),
    ("memory.cmrs_sane", {"memory.cmrs": ()}, "FAIL", "there is no convertible memory"),
    (
        "memory.cmrs_sane",
        {"memory.cmrs": cmrs((0, GIB), (GIB // 2, 2 * GIB))},
        "FAIL",
        "[0x20000000, 0x80000000) begins before [0x0, 0x40000000) ends",
    ),
    (
        "memory.cmrs_sane",
        {"memory.cmrs": cmrs((0x100, GIB))},
        "FAIL",
        "[0x100, 0x40000000) does not consist of whole 4 KiB pages",
    ),
    (
        "memory.cmrs_cover_ram",
        {"memory.cmrs": SANE, "memory.regions": REGIONS, "memory.ram_outside_cmrs": ()},
        "PASS",
        "all System RAM is in CMRs",
    ),
    (
        "memory.cmrs_cover_ram",
        {"memory.cmrs": SANE, "memory.regions": REGIONS, "memory.ram_outside_cmrs": OUTSIDE},
        "WARN",
        "[0x80000000, 0xc0000000) is System RAM, but in no CMR",
    ),
    ("memory.tdmrs_fit", {"module.state": "initialized"}, "PASS", "the kernel created its TDMRs"),
    (
        "memory.tdmrs_fit",
        {"module.state": "failed", "module.failure": EXHAUSTED},
        "FAIL",
        "TDMR [0x0, 0x80000000) has more holes and PAMTs than the module has reserved areas",
    ),
    (
        "memory.tdmrs_fit",
        {"module.state": "failed", "module.failure": failure(errno=5)},
        "UNKNOWN",
        "memory.system_ram is unknown",
    ),
    ("memory.pamt", {"memory.pamt_bytes": 4 << 30}, "INFO", "PAMT takes 4.0 GiB"),
    ("kvm.loaded", {"kvm.loaded": True}, "PASS", "kvm_intel is loaded"),
    ("kvm.loaded", {"kvm.loaded": False}, "FAIL", "kvm_intel is not loaded"),
    (
        "kvm.loaded",
        {"kvm.loaded": False, **FORCED},
        "FAIL",
        "kvm_intel is not loaded, and KVM prints no reason: the module forces TD attributes on "
        "that "
        "KVM does not support (0x0000000008000000)",
    ),
    (
        "kvm.capabilities",
        {**FORCED},
        "WARN",
        "the module forces TD attributes on that KVM does not support (0x0000000008000000): "
        "kvm_intel does not load with tdx=1",
    ),
    (
        "kvm.capabilities",
        {**FORCED, "td.attributes_fixed1": 1 << 28},
        "UNKNOWN",
        "kvm.supported_attributes is unknown",
    ),
    (
        "kvm.capabilities",
        {"kernel.release": "7.3.4", "td.attributes_fixed0": 0x1, "td.attributes_fixed1": 0},
        "WARN",
        "the module does not allow the TD attribute SEPT_VE_DISABLE, which KVM needs: kvm_intel "
        "does not load with tdx=1",
    ),
    (
        "kvm.capabilities",
        {"kernel.release": "7.3.4", "td.xfam_fixed1": 1 << 15 | 0x3},
        "WARN",
        "the module forces extended features on that KVM does not support (0x0000000000008000): "
        "kvm_intel does not load with tdx=1",
    ),
    (
        "kvm.capabilities",
        {"kernel.release": "7.3.4", "td.xfam_fixed1": 0x618E7},
        "UNKNOWN",
        "kvm.supported_attributes is unknown",
    ),
    (
        "kvm.capabilities",
        {**FORCED, "kvm.supported_attributes": 1 << 28, "kvm.supported_xfam": 0xE7},
        "PASS",
        "KVM and the module allow attributes 0x0000000010000000, XFAM 0x00000000000000e7",
    ),
    *(
        (
            f"attestation.{name}",
            {"module.features0": 1 << 50},
            "SKIP",
            "not required: this module makes quotes itself",
        )
        for name in ("sgx_devices", "epc", "quote_service", "pccs")
    ),
    (
        "attestation.quote_service",
        {"attestation.quote_buffer": False},
        "INFO",
        "the kernel could not make a buffer for the module's quotes",
    ),
    (
        "memory.cmrs_cover_ram",
        {"module.state": "initialized", "memory.convertible_at_least": SANE},
        "PASS",
        "the TDX module accepted all memory that the kernel had when it booted",
    ),
    (
        "kvm.virt_at_load",
        {"kernel.release": "6.17.0", "kvm.virt_at_load": False},
        "FAIL",
        "kvm.enable_virt_at_load is off",
    ),
    (
        "kvm.virt_at_load",
        {"kernel.release": "6.17.0", "kvm.virt_at_load": True},
        "PASS",
        "kvm.enable_virt_at_load is on",
    ),
    (
        "kvm.virt_at_load",
        {"kernel.release": "7.1.0", "kvm.virt_at_load": False},
        "SKIP",
        "only Linux 6.16 to 7.0 require kvm.enable_virt_at_load",
    ),
    ("kvm.tdx_enabled", {"kvm.tdx_enabled": True}, "PASS", "kvm_intel.tdx is on"),
    ("kvm.tdx_enabled", {"kvm.tdx_enabled": False}, "FAIL", "kvm_intel.tdx is off"),
    (
        "kvm.vm_type",
        {"kvm.vm_type_supported": True},
        "PASS",
        "KVM supports the VM type of TDs (KVM_X86_TDX_VM)",
    ),
    (
        "kvm.vm_type",
        {"kvm.vm_type_supported": False},
        "FAIL",
        "KVM does not support the VM type of TDs (KVM_X86_TDX_VM)",
    ),
]
PARAMETERS = dict.fromkeys(("ept", "eptad", "apicv", "tdp_mmu", "mmio_caching"), True)
CASES += [
    (
        "kvm.parameters",
        {f"kvm.{name}": on for name, on in PARAMETERS.items()},
        "PASS",
        "all parameters that TDX requires are on",
    ),
    (
        "kvm.parameters",
        {f"kvm.{n}": n != "tdp_mmu" for n in PARAMETERS},
        "FAIL",
        "parameters that are off: kvm.tdp_mmu",
    ),
]

NONE_THERE = Attempt(origin="test:by hand", reason="absent", message="it does not exist", remedy="")
NOT_RECORDED = Attempt(
    origin="test:by hand", reason="not-recorded", message="it is not in the record", remedy=""
)
PW_MCE, SEAMRET = ("tdx_pw_mce",), ("seamret_invd_vmcs",)
KEXEC = {"kernel.config_kexec_core": True, "platform.errata": PW_MCE}
QEMU = {"stack.qemu_path": "/usr/bin/qemu-system-x86_64", "stack.qemu_tdx_guest": True}
KVM_7 = {"kernel.release": "7.3.4"}
INTEL_6_8 = {"kernel.release": "6.8.0-1028-intel"}
BOTH_FILES = ("TDX-SEAM.so", "TDX-SEAM.so.sigstruct")

CASES += [
    ("cpu.online", {"platform.cpus": 8, "platform.cpus_present": 8}, "PASS", "8 CPUs online"),
    (
        "cpu.online",
        {**KVM_7, "platform.cpus": 7, "platform.cpus_present": 8},
        "PASS",
        "1 of 8 CPUs is offline, and KVM requires one online in each package",
    ),
    (
        "cpu.online",
        {**INTEL_6_8, "platform.cpus": 7, "platform.cpus_present": 8},
        "WARN",
        "1 of 8 CPUs is offline, and this kernel initializes the module only when all are online",
    ),
    (
        "cpu.online",
        {"platform.package_offline": True},
        "WARN",
        "a package has no online CPU, and KVM then creates no TDs",
    ),
    ("cpu.online", {"platform.cpus": 8}, "UNKNOWN", "platform.cpus_present is unknown"),
    ("cpu.errata", {"platform.errata": ()}, "PASS", "the kernel lists no erratum about TDX"),
    ("cpu.errata", {"platform.errata": PW_MCE}, "INFO", "errata: tdx_pw_mce"),
    ("firmware.tme_locked", {"firmware.tme_locked": True}, "PASS", "memory encryption is locked"),
    (
        "firmware.tme_locked",
        {"firmware.tme_locked": False},
        "WARN",
        "memory encryption is not locked",
    ),
    (
        "firmware.tme_bypass",
        {"firmware.tme_bypass": True},
        "PASS",
        "ordinary memory (KeyID 0) is not encrypted",
    ),
    (
        "firmware.tme_bypass",
        {"firmware.tme_bypass": False},
        "INFO",
        "ordinary memory (KeyID 0) is encrypted too",
    ),
    (
        "firmware.memory_modules",
        {"platform.memory_modules": 16, "platform.packages": 2},
        "PASS",
        "16 memory modules for 2 packages",
    ),
    (
        "firmware.memory_modules",
        {"platform.memory_modules": 8, "platform.packages": 2},
        "WARN",
        "8 memory modules for 2 packages: guides require 8 for each",
    ),
    (
        "firmware.memory_modules",
        {"platform.memory_modules": 17, "platform.packages": 2},
        "WARN",
        "17 memory modules for 2 packages: the packages cannot have the same number",
    ),
    (
        "firmware.memory_modules",
        {"platform.memory_modules": DENIED, "platform.packages": 2},
        "UNKNOWN",
        "platform.memory_modules is unknown: /dev/cpu/0/msr may not be read",
    ),
    ("keys.leaked", {"keys.leaked": 0}, "PASS", "no leaked KeyID in the kernel log"),
    ("keys.leaked", {"keys.leaked": 2}, "WARN", "the kernel leaked 2 KeyIDs until the next reboot"),
    ("keys.leaked", {}, "UNKNOWN", "keys.leaked is unknown"),
    (
        "keys.counted",
        {"keys.guest_keyids": 63, "keys.cgroup_keyids": NONE_THERE},
        "INFO",
        "it does not exist; keys.guest_keyids is 63 from another source",
    ),
    (
        "keys.counted",
        {"keys.guest_keyids": 63, "keys.cgroup_keyids": DENIED},
        "UNKNOWN",
        "keys.cgroup_keyids is unknown: /dev/cpu/0/msr may not be read",
    ),
    (
        "keys.counted",
        {"keys.guest_keyids": 63},
        "UNKNOWN",
        "keys.cgroup_keyids is unknown",
    ),
    (
        "kernel.generation",
        KVM_7,
        "PASS",
        "the core kernel starts the TDX module at every boot (Linux 7.1 and later)",
    ),
    (
        "kernel.generation",
        {"kernel.release": "6.17.1"},
        "PASS",
        "kvm_intel starts the TDX module when it is loaded with tdx=1 (Linux 6.16 to 7.0)",
    ),
    (
        "kernel.generation",
        INTEL_6_8,
        "PASS",
        "a vendor's kernel with KVM patches of its own: kvm_intel starts the TDX module when it "
        "is loaded",
    ),
    (
        "kernel.generation",
        {"kernel.release": "6.12.1"},
        "FAIL",
        "nothing in Linux 6.8 to 6.15 starts the TDX module: one that was built with "
        "CONFIG_INTEL_TDX_HOST only looks for the KeyIDs",
    ),
    (
        "kernel.generation",
        {"kernel.release": "5.4.0"},
        "FAIL",
        "the kernel has no TDX host support (before Linux 6.8)",
    ),
    ("kernel.generation", {}, "UNKNOWN", "kernel.generation is unknown"),
    (
        "kernel.kexec",
        {"kernel.config_kexec_core": False},
        "SKIP",
        "this kernel was built without kexec",
    ),
    (
        "kernel.kexec",
        {"platform.errata": (), "kernel.config_kexec_core": True},
        "PASS",
        "no erratum of this processor prevents kexec",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "7.2.0", **SYS_DISABLE},
        "PASS",
        "the kernel disables the TDX module before kexec (SYS_DISABLE)",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "7.2.0", "module.features0": 0xFBF},
        "INFO",
        "this module lacks SYS_DISABLE: kexec and kdump are not safe with TDX",
    ),
    (
        "kernel.kexec",
        {
            **KEXEC,
            "kernel.release": "7.2.0",
            "module.features0": 0xFBF,
            "kernel.crash_kernel_loaded": True,
        },
        "WARN",
        "this module lacks SYS_DISABLE: kexec and kdump are not safe with TDX, and kdump is "
        "configured",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "7.2.0"},
        "UNKNOWN",
        "module.features0 is unknown",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "6.12.0-124.8.1.el10_1.x86_64"},
        "UNKNOWN",
        "whether this kernel refuses kexec while TDX is enabled is unknown",
    ),
    (
        "kernel.kexec",
        {"kernel.kexec_refused": True},
        "INFO",
        "kexec and kdump do not work with TDX: the kernel refused kexec",
    ),
    (
        "kernel.kexec",
        {"kernel.kexec_refused": True, "kernel.command_line": "ro crashkernel=1G"},
        "WARN",
        "kexec and kdump do not work with TDX: the kernel refused kexec, and kdump is configured",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "7.1.9"},
        "INFO",
        "on this processor kexec and kdump do not work with TDX before Linux 7.2",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "6.18.3"},
        "INFO",
        "on this processor kexec and kdump do not work with TDX before Linux 7.2",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "6.18.3", "kernel.command_line": "ro crashkernel=1G"},
        "WARN",
        "on this processor kexec and kdump do not work with TDX before Linux 7.2, and kdump is "
        "configured",
    ),
    (
        "kernel.kexec",
        {**KEXEC, "kernel.release": "7.1.3", "kernel.crash_kernel_loaded": True},
        "WARN",
        "on this processor kexec and kdump do not work with TDX before Linux 7.2, and kdump is "
        "configured",
    ),
    (
        "kernel.machine_checks",
        {"kernel.private_memory_error": False},
        "PASS",
        "no machine check in private memory in the kernel log",
    ),
    (
        "kernel.machine_checks",
        {"kernel.private_memory_error": True},
        "WARN",
        "the kernel log has a machine check in private memory: the host wrote to it",
    ),
    ("kernel.suspend", {"kernel.deep_sleep": False}, "PASS", "suspend to RAM is unavailable"),
    ("kernel.suspend", {"kernel.deep_sleep": True}, "INFO", "suspend to RAM is available"),
    ("kernel.numa_balancing", {"kernel.numa_balancing": False}, "PASS", "NUMA balancing is off"),
    ("kernel.numa_balancing", {"kernel.numa_balancing": True}, "INFO", "NUMA balancing is on"),
    ("kernel.msr", {"kernel.msr_device": True}, "PASS", "/dev/cpu/0/msr exists"),
    ("kernel.msr", {"kernel.msr_device": False}, "INFO", "/dev/cpu/0/msr does not exist"),
    (
        "module.release",
        {"module.release": "1.5.34", "module.newest_release": "1.5.34"},
        "PASS",
        "module 1.5.34 is the newest known release of its line (table of 2026-08)",
    ),
    (
        "module.release",
        {"module.release": "1.5.06", "module.newest_release": "1.5.34"},
        "WARN",
        "module 1.5.06 is out of date: 1.5.34 is the newest known release of its line (table of "
        "2026-08)",
    ),
    (
        "module.release",
        {
            "module.release": "1.5.16",
            "module.newest_release": "1.5.34",
            "module.newest_for_processor": "1.5.16",
        },
        "PASS",
        "module 1.5.16 is the newest known release for this processor (table of 2026-08)",
    ),
    (
        "module.release",
        {
            "module.version": ModuleVersion(2, 0, 9),
            "platform.family": 6,
            "platform.model": 173,
            "platform.codename": "Granite Rapids",
        },
        "WARN",
        "module 2.0.09 is not a release that this tdxinfo knows, and older than 2.0.18, the newest "
        "known release for this processor (table of 2026-08)",
    ),
    (
        "module.release",
        {"module.version": ModuleVersion(1, 5, 40)},
        "INFO",
        "module 1.5.40 is newer than this tdxinfo knows (1.5.34, 2026-08)",
    ),
    (
        "module.release",
        {"module.version": ModuleVersion(1, 5), "module.build_number": 1100},
        "INFO",
        "module 1.5 is newer than this tdxinfo knows (1.5.34, 2026-08)",
    ),
    (
        "module.release",
        {"module.version": ModuleVersion(1, 5, 24), "module.build_number": 944},
        "WARN",
        "the module reports version 1.5.24 and build 944, and the release 1.5.24 is build 943",
    ),
    (
        "module.release",
        {"module.version": ModuleVersion(1, 5, 24), "module.features0": 0xD1326F3B0FBF},
        "WARN",
        "the module reports version 1.5.24, and its features differ from the release's: NO_RBP_MOD",
    ),
    (
        "module.vcpus",
        {**KVM_7, "td.max_vcpus": 576, "platform.cpus_present": 256},
        "PASS",
        "a TD can have 576 virtual CPUs, and the host has 256 CPUs",
    ),
    (
        "module.vcpus",
        {**KVM_7, "td.max_vcpus": 128, "platform.cpus_present": 256},
        "FAIL",
        "a TD can have 128 virtual CPUs, and the host has 256 CPUs",
    ),
    (
        "module.vcpus",
        INTEL_6_8,
        "SKIP",
        "KVM compares the limit of virtual CPUs only from Linux 6.16 on",
    ),
    (
        "module.update_ready",
        {"seamldr.remaining_updates": 15},
        "PASS",
        "15 updates left before a reboot",
    ),
    (
        "module.update_ready",
        {"seamldr.remaining_updates": 0},
        "INFO",
        "no update is left, or this P-SEAMLDR does not support updates",
    ),
    (
        "module.update_ready",
        {"platform.errata": SEAMRET},
        "INFO",
        "the processor's erratum seamret_invd_vmcs excludes updates",
    ),
    ("module.update_ready", {"module.features0": 0xFBD}, "INFO", "the module lacks TD_PRESERVING"),
    (
        "module.update_ready",
        {"kernel.release": "7.1.3"},
        "INFO",
        "Linux updates the module at run time from 7.2 on",
    ),
    (
        "module.update_ready",
        {**KVM_7, "seamldr.remaining_updates": DENIED},
        "UNKNOWN",
        "seamldr.remaining_updates is unknown: /dev/cpu/0/msr may not be read",
    ),
    (
        "module.last_update",
        {"seamldr.update_error": ""},
        "PASS",
        "no update of the module at run time failed",
    ),
    (
        "module.last_update",
        {"seamldr.update_error": "programming:firmware-invalid"},
        "WARN",
        "the last update of the module at run time ended with programming:firmware-invalid",
    ),
    ("module.calls", {"module.failed_calls": ()}, "PASS", "no failed SEAMCALL in the kernel log"),
    (
        "module.calls",
        {"module.failed_calls": ("leaf 0x1c: 0xc000030000000001",)},
        "WARN",
        "a SEAMCALL failed: leaf 0x1c: 0xc000030000000001",
    ),
    (
        "module.esp",
        {"module.esp_files": NONE_THERE},
        "PASS",
        "the EFI system partition has no folder EFI/TDX",
    ),
    ("module.esp", {"module.esp_files": ()}, "PASS", "EFI/TDX has no module"),
    (
        "module.esp",
        {"module.esp_files": BOTH_FILES},
        "INFO",
        "EFI/TDX has a module with its sigstruct for the next boot",
    ),
    (
        "module.esp",
        {"module.esp_files": ("TDX-SEAM.so",)},
        "INFO",
        "EFI/TDX has TDX-SEAM.so alone, without its counterpart",
    ),
    (
        "module.esp",
        {"module.esp_files": DENIED},
        "UNKNOWN",
        "module.esp_files is unknown: /dev/cpu/0/msr may not be read",
    ),
    (
        "module.esp",
        {"module.esp_files": NOT_RECORDED},
        "UNKNOWN",
        "module.esp_files is unknown: it is not in the record",
    ),
    (
        "memory.tdmr_headroom",
        {"memory.tdmrs_used": 60, "memory.max_tdmrs": 64},
        "PASS",
        "60 of 64 TDMRs are in use",
    ),
    (
        "memory.tdmr_headroom",
        {"memory.tdmrs_used": 61, "memory.max_tdmrs": 64},
        "WARN",
        "61 of 64 TDMRs are in use",
    ),
    (
        "memory.pamt_local",
        {"memory.pamt_on_other_node": False},
        "PASS",
        "each PAMT is on the NUMA node of its memory",
    ),
    (
        "memory.pamt_local",
        {"memory.pamt_on_other_node": True},
        "INFO",
        "a PAMT is on node 0, its memory on another node",
    ),
    ("memory.hotplug", {"memory.added_memory_online": False}, "PASS", "added memory stays offline"),
    (
        "memory.hotplug",
        {"memory.added_memory_online": True},
        "INFO",
        "added memory is brought online automatically, which the kernel refuses with TDX",
    ),
    ("kvm.device", {"kvm.device": True}, "PASS", "/dev/kvm exists"),
    ("kvm.device", {"kvm.device": False}, "FAIL", "/dev/kvm does not exist"),
    (
        "kvm.capabilities",
        {**KVM_7, "kvm.supported_attributes": 1 << 28, "kvm.supported_xfam": 0xE7},
        "PASS",
        "KVM and the module allow attributes 0x0000000010000000, XFAM 0x00000000000000e7",
    ),
    (
        "kvm.capabilities",
        {**KVM_7, "kvm.supported_attributes": 0, "kvm.supported_xfam": 0xE7},
        "WARN",
        "KVM and the module have no TD attribute or no extended feature in common",
    ),
    (
        "kvm.capabilities",
        INTEL_6_8,
        "SKIP",
        "the KVM of this vendor's kernel has another interface for TDs",
    ),
    (
        "stack.qemu",
        {**QEMU, "stack.qemu_version": "10.1.2"},
        "PASS",
        "QEMU 10.1.2 supports TDX (/usr/bin/qemu-system-x86_64)",
    ),
    (
        "stack.qemu",
        {**QEMU, "stack.qemu_tdx_guest": False},
        "WARN",
        "QEMU (version unknown) cannot start a TD: it was built without the tdx-guest object "
        "(/usr/bin/qemu-system-x86_64)",
    ),
    (
        "stack.qemu",
        {"stack.qemu_path": NONE_THERE},
        "INFO",
        "QEMU is not installed in the usual places",
    ),
    (
        "stack.qemu",
        {"stack.qemu_path": NOT_RECORDED},
        "UNKNOWN",
        "stack.qemu_path is unknown: it is not in the record",
    ),
    (
        "stack.pairing",
        {**QEMU, **KVM_7, "stack.qemu_version": "10.1.2"},
        "PASS",
        "QEMU 10.1.2 and this kernel have the same interface",
    ),
    (
        "stack.pairing",
        {**QEMU, **INTEL_6_8, "stack.qemu_version": "8.2.2"},
        "PASS",
        "QEMU 8.2.2 and this kernel have the same interface",
    ),
    (
        "stack.pairing",
        {**QEMU, **KVM_7, "stack.qemu_version": "8.2.2"},
        "WARN",
        "QEMU 8.2.2 has a vendor's interface, and the KVM of this kernel has another one",
    ),
    (
        "stack.pairing",
        {**QEMU, **INTEL_6_8, "stack.qemu_version": "10.1.0"},
        "WARN",
        "QEMU 10.1.0 has the upstream interface, and the KVM of this kernel has another one",
    ),
    (
        "stack.pairing",
        {"stack.qemu_path": NONE_THERE},
        "SKIP",
        "QEMU is not installed in the usual places",
    ),
    ("stack.libvirt", {"stack.libvirt_version": "11.6.0"}, "PASS", "libvirt 11.6.0 supports TDX"),
    (
        "stack.libvirt",
        {"stack.libvirt_version": "9.0.0"},
        "WARN",
        "libvirt 9.0.0 does not support TDX, unless its vendor added it",
    ),
    ("stack.libvirt", {"stack.libvirt_version": NONE_THERE}, "SKIP", "libvirt is not installed"),
    (
        "stack.firmware",
        {"stack.tdx_firmware": ("60-edk2-ovmf-inteltdx.json",)},
        "PASS",
        "virtual firmware: 60-edk2-ovmf-inteltdx.json",
    ),
    (
        "stack.firmware",
        {"stack.firmware_images": ("OVMF.fd",)},
        "PASS",
        "OVMF is installed; no descriptor names intel-tdx",
    ),
    (
        "stack.firmware",
        {"stack.firmware_images": NONE_THERE},
        "WARN",
        "OVMF is not installed in the usual places",
    ),
    (
        "stack.firmware",
        {"stack.firmware_images": NOT_RECORDED},
        "UNKNOWN",
        "stack.firmware_images is unknown: it is not in the record",
    ),
    (
        "attestation.sgx_devices",
        {"attestation.sgx_enclave": True, "attestation.sgx_provision": True},
        "PASS",
        "devices: /dev/sgx_enclave, /dev/sgx_provision",
    ),
    (
        "attestation.sgx_devices",
        {"attestation.sgx_enclave": True, "attestation.sgx_provision": False},
        "INFO",
        "missing devices: /dev/sgx_provision",
    ),
    (
        "attestation.epc",
        {"attestation.epc_bytes": 256 << 20},
        "PASS",
        "256.0 MiB of memory for SGX enclaves",
    ),
    (
        "attestation.epc",
        {"attestation.epc_bytes": 16 << 20},
        "INFO",
        "16.0 MiB of memory for SGX enclaves, and 128.0 MiB are recommended",
    ),
    (
        "attestation.quote_service",
        {"attestation.quote_service": True},
        "PASS",
        "the quote generation service is running",
    ),
    (
        "attestation.quote_service",
        {"attestation.quote_service": False},
        "INFO",
        "the quote generation service is not running",
    ),
    ("attestation.pccs", {"attestation.pccs": True}, "PASS", "pccs is running on this host"),
    (
        "attestation.pccs",
        {"attestation.pccs_is_local": False},
        "PASS",
        "the quote provider uses the PCCS of another host",
    ),
    (
        "attestation.pccs",
        {"attestation.pccs": False, "attestation.pccs_is_local": True},
        "INFO",
        "the quote provider uses a PCCS on this host, and pccs is not running",
    ),
    ("attestation.pccs", {}, "UNKNOWN", "attestation.pccs is unknown"),
    (
        "attestation.certificate",
        {"attestation.checks_certificate": True},
        "PASS",
        "the quote provider has use_secure_cert on",
    ),
    (
        "attestation.certificate",
        {"attestation.checks_certificate": False},
        "INFO",
        "the quote provider has use_secure_cert off",
    ),
    (
        "attestation.certificate",
        {"attestation.checks_certificate": True, "attestation.pccs_is_local": True},
        "INFO",
        "the quote provider has use_secure_cert on: it refuses a PCCS on this host with a "
        "self-signed certificate",
    ),
    (
        "attestation.registration",
        {"attestation.pck_platforms": 1, "attestation.pck_certified": 1},
        "PASS",
        "PCCS's cache has a PCK certificate of its only platform",
    ),
    (
        "attestation.registration",
        {"attestation.pck_platforms": 3, "attestation.pck_certified": 3},
        "UNKNOWN",
        "PCCS's cache has certificates of 3 of 3 platforms; which one is this host is unknown",
    ),
    (
        "attestation.registration",
        {"attestation.pck_platforms": 3, "attestation.pck_certified": 2},
        "UNKNOWN",
        "PCCS's cache has certificates of 2 of 3 platforms; which one is this host is unknown",
    ),
    (
        "attestation.registration",
        {
            "attestation.pck_platforms": 1,
            "attestation.pck_certified": 0,
            "attestation.registration": "complete",
            "attestation.registration_log": "complete",
        },
        "INFO",
        "PCCS's cache on this host has no PCK certificate (the EFI variable says complete, the "
        "agent's log says complete)",
    ),
    (
        "attestation.registration",
        {"attestation.registration": "complete"},
        "UNKNOWN",
        "whether this platform has a PCK certificate is unknown (the EFI variable says complete)",
    ),
    (
        "attestation.registration",
        {"attestation.registration": "pending"},
        "INFO",
        "registration is not complete (the EFI variable says pending)",
    ),
    ("attestation.registration", {}, "UNKNOWN", "attestation.registration is unknown"),
    (
        "attestation.efivars",
        {"attestation.efivars_writable": True},
        "PASS",
        "efivarfs is mounted for writing",
    ),
    (
        "attestation.efivars",
        {"attestation.efivars_writable": False},
        "INFO",
        "efivarfs is mounted read-only",
    ),
]

EMR = {"platform.family": 6, "platform.model": 207, "platform.stepping": 2}
VSOCK, UNIX = "vsock:4050", "unix:/run/tdx-qgs/qgs.socket"
UNIX_PATH = UNIX.removeprefix("unix:")
ABSENT_SOCKET = Attempt(
    origin=f"file:{UNIX_PATH}", reason="absent", message=f"{UNIX_PATH} does not exist", remedy=""
)
ABSENT_STAGED = Attempt(
    origin="file:x", reason="absent", message="EFI/TDX does not have both", remedy=""
)
STAGED = {
    "module.esp_files": ("TDX-SEAM.so", "TDX-SEAM.so.sigstruct"),
    "module.staged_mrseam": "0" * 96,
    "module.staged_release": "1.5.28",
    "module.staged_svn": (14, 1),
    "module.staged_date": date(2025, 11, 26),
    "module.staged_pair_matches": True,
    "module.staged_fits_processor": True,
}
LOADS_HERE = "module 1.5.28 (security version 14, 2025-11-26) loads on this processor"

CASES += [
    ("cpu.microcode", {"platform.microcode": ("0x2b000650",) * 2}, "PASS", "microcode 0x2b000650"),
    (
        "cpu.microcode",
        {"platform.microcode": ("0x2b000650", "0x2b000590")},
        "WARN",
        "the packages run different microcode: 0x2b000650, 0x2b000590",
    ),
    (
        "cpu.microcode",
        {"platform.microcode": ("0x2b000650/0x2b000590",)},
        "WARN",
        "the CPUs of the package run different microcode: 0x2b000650/0x2b000590",
    ),
    ("cpu.microcode", {}, "UNKNOWN", "platform.microcode is unknown"),
    (
        "module.staged_fits",
        {"module.esp_files": ABSENT_STAGED},
        "PASS",
        "no module is staged for the next boot: the EFI system partition has no folder EFI/TDX",
    ),
    (
        "module.staged_fits",
        {"module.esp_files": (), "module.staged_mrseam": ABSENT_STAGED},
        "PASS",
        "no module is staged for the next boot: EFI/TDX has no sigstruct of a module",
    ),
    (
        "module.staged_fits",
        {"module.esp_files": DENIED, "module.staged_mrseam": DENIED},
        "UNKNOWN",
        "module.staged_mrseam is unknown: /dev/cpu/0/msr may not be read",
    ),
    (
        "module.staged_fits",
        {**STAGED, "module.staged_pair_matches": False},
        "WARN",
        "TDX-SEAM.so in EFI/TDX is not the module 1.5.28 that its sigstruct signs",
    ),
    (
        "module.staged_fits",
        {**STAGED, "module.staged_pair_matches": ABSENT_STAGED},
        "WARN",
        "EFI/TDX has the sigstruct of module 1.5.28 alone, without TDX-SEAM.so",
    ),
    (
        "module.staged_fits",
        {
            **STAGED,
            "module.staged_fits_processor": False,
            "platform.codename": "Granite Rapids",
        },
        "WARN",
        "the module 1.5.28 in EFI/TDX does not load on Granite Rapids",
    ),
    ("module.staged_fits", STAGED, "PASS", LOADS_HERE),
    (
        "module.staged_fits",
        {**STAGED, "module.version": ModuleVersion(1, 5, 28)},
        "PASS",
        f"{LOADS_HERE}, and is the running release",
    ),
    (
        "module.staged_fits",
        {**STAGED, "module.version": ModuleVersion(1, 5, 24)},
        "PASS",
        f"{LOADS_HERE}; 1.5.24 runs until the next reboot",
    ),
    (
        "module.staged_fits",
        {**STAGED, "module.version": ModuleVersion(1, 5, 34)},
        "WARN",
        f"{LOADS_HERE}, but is not newer than the running 1.5.34",
    ),
    (
        "module.staged_fits",
        {**STAGED, "module.staged_release": None},
        "INFO",
        "unknown module (security version 14, 2025-11-26) loads on this processor, but tdxinfo "
        "does not "
        "know its release (table of 2026-08-12)",
    ),
    (
        "attestation.quote_transport",
        {"attestation.quote_clients": (VSOCK,), "attestation.vsock_listeners": (1024, 4050)},
        "PASS",
        f"VMs find the quote service at {VSOCK}",
    ),
    (
        "attestation.quote_transport",
        {
            "attestation.quote_clients": (VSOCK,),
            "attestation.vsock_listeners": (4050,),
            "attestation.quote_service": False,
        },
        "UNKNOWN",
        f"VMs look for the quote service at {VSOCK}: a program listens there, and the quote "
        "service is not running",
    ),
    (
        "attestation.quote_transport",
        {
            "attestation.quote_clients": (VSOCK,),
            "attestation.vsock_listeners": (1024,),
            "attestation.quote_endpoint": UNIX,
        },
        "WARN",
        f"VMs look for the quote service at {VSOCK}: nothing listens on vsock port 4050, and the "
        f"quote service is configured to listen at {UNIX}",
    ),
    (
        "attestation.quote_transport",
        {"attestation.quote_clients": (VSOCK,), "attestation.quote_endpoint": VSOCK},
        "PASS",
        f"VMs find the quote service at {VSOCK}",
    ),
    (
        "attestation.quote_transport",
        {"attestation.quote_clients": (UNIX,), "attestation.quote_endpoint": VSOCK},
        "WARN",
        f"VMs look for the quote service at {UNIX}: the quote service is configured to listen at "
        f"{VSOCK}",
    ),
    (
        "attestation.quote_transport",
        {"attestation.quote_clients": (UNIX,), "attestation.quote_socket": ABSENT_SOCKET},
        "WARN",
        f"VMs look for the quote service at {UNIX}: the socket does not exist",
    ),
    (
        "attestation.quote_transport",
        {
            "attestation.quote_clients": (UNIX,),
            "attestation.quote_socket": UNIX_PATH,
            "attestation.quote_socket_mode": "0660",
            "attestation.quote_socket_group": "qgs",
            "attestation.quote_socket_for_qemu": False,
        },
        "WARN",
        f"VMs look for the quote service at {UNIX}: the user under whom libvirt runs QEMU "
        "cannot open the socket (mode 0660, group qgs)",
    ),
    (
        "attestation.quote_transport",
        {"attestation.quote_clients": (UNIX,), "attestation.quote_socket": UNIX_PATH},
        "PASS",
        f"VMs find the quote service at {UNIX}",
    ),
    (
        "attestation.quote_transport",
        {"attestation.quote_clients": (UNIX,), "attestation.quote_socket": DENIED},
        "UNKNOWN",
        f"VMs look for the quote service at {UNIX}: whether the socket exists is unknown",
    ),
    (
        "attestation.quote_transport",
        {"attestation.quote_clients": (VSOCK,)},
        "UNKNOWN",
        f"VMs look for the quote service at {VSOCK}: where the quote service listens is unknown",
    ),
    (
        "attestation.quote_transport",
        {
            "attestation.quote_clients": ("unix:another socket",),
            "attestation.quote_endpoint": VSOCK,
        },
        "UNKNOWN",
        "VMs look for the quote service at unix:another socket: whether a quote service listens "
        "there is unknown",
    ),
    ("attestation.quote_transport", {}, "UNKNOWN", "attestation.quote_clients is unknown"),
]


def tcb_info(
    least_module: int = 13, least_microcode: int = 2, kind: str | None = "standard"
) -> TcbInfo:
    """Two levels of Emerald Rapids, with chosen numbers in the layout of Intel's TCB info."""
    names = ("Early Microcode Update", "SGX Late Microcode Update") + ("",) * 5 + ("SEAMLDR ACM",)
    return TcbInfo(
        fmspc="B0C06F000000",
        issued=date(2026, 2, 10),
        sgx_names=names + ("",) * 8,
        tdx_names=("TDX Module", "TDX Module", "TDX Late Microcode Update") + ("",) * 13,
        levels=(
            _level("UpToDate", least_microcode, 11),
            _level("SWHardeningNeeded", least_microcode, 10),
            _level("OutOfDate", 1, 5),
        ),
        module_levels=(
            ModuleLevel(status="UpToDate", day=date(2026, 2, 10), major=1, minor=least_module),
            ModuleLevel(status="OutOfDate", day=date(2024, 3, 13), major=1, minor=4),
        ),
        set=kind,  # type: ignore[arg-type]
        evaluation=21 if kind == "early" else 20,
    )


def _level(status: str, microcode: int, pce: int) -> PlatformLevel:
    sgx = (microcode, microcode, 2, 2, 3, 1, 0, 5) + (0,) * 8
    tdx = (5, 0, microcode) + (0,) * 13
    return PlatformLevel(status=status, day=date(2026, 2, 10), sgx=sgx, pce_svn=pce, tdx=tdx)


CPU_SVN = (2, 2, 2, 2, 3, 1, 0, 5) + (0,) * 8
ON_EMR = {
    **EMR,
    "module.release": "1.5.24",
    "module.tcb_svn": (13, 1),
    "attestation.fmspc": "B0C06F000000",
    "attestation.cpu_svn": CPU_SVN,
    "attestation.pce_svn": 11,
}
BY_INFO = (
    "the standard TCB info of 2026-02-10, evaluation 20 (from the PCCS cache; signature not "
    "checked)"
)
FLOORS = "minimum of TCB recovery 21 (2026-02)"

CASES += [
    (
        "attestation.tcb",
        {**ON_EMR, "attestation.tcb_infos": (tcb_info(),)},
        "PASS",
        f"TCB level UpToDate by {BY_INFO}",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "attestation.tcb_infos": (tcb_info(),), "attestation.pce_svn": 10},
        "INFO",
        f"TCB level SWHardeningNeeded by {BY_INFO}: PCE has 10 and needs 11",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "attestation.tcb_infos": (tcb_info(least_module=14),)},
        "WARN",
        f"TCB level OutOfDate by {BY_INFO}: TDX Module has 13 and needs 14",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "attestation.tcb_infos": (tcb_info(least_microcode=3),)},
        "WARN",
        f"TCB level OutOfDate by {BY_INFO}: Early Microcode Update has 2 and needs 3, SGX Late "
        "Microcode Update has 2 and needs 3",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "attestation.tcb_infos": (tcb_info(),), "module.tcb_svn": (3, 1)},
        "WARN",
        f"no TCB level matches by {BY_INFO}: TDX Module has 3 and needs 13",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "attestation.tcb_infos": (tcb_info(14, kind="early"), tcb_info())},
        "WARN",
        f"TCB level UpToDate by {BY_INFO}, and OutOfDate by the early TCB info of 2026-02-10, "
        "evaluation 21: TDX Module has 13 and needs 14",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "attestation.tcb_infos": (tcb_info(),), "platform.model": 143},
        "UNKNOWN",
        "the TCB info is for other processors (FMSPC B0C06F000000)",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "attestation.tcb_infos": (tcb_info(),), "attestation.cpu_svn": None},
        "UNKNOWN",
        f"the module's TCB level is UpToDate by {BY_INFO}; the platform's part is unknown: only "
        "PCCS's cache has CPUSVN",
    ),
    (
        "attestation.tcb",
        {
            **ON_EMR,
            "attestation.tcb_infos": (tcb_info(),),
            "attestation.cpu_svn": None,
            "platform.microcode": ("0x210002d3", "0x210002e0"),
        },
        "PASS",
        f"the module's TCB level is UpToDate by {BY_INFO}; microcode 0x210002d3 reaches the "
        "minimum of TCB recovery 21 (2026-02)",
    ),
    (
        "attestation.tcb",
        {
            **ON_EMR,
            "attestation.tcb_infos": (tcb_info(),),
            "attestation.cpu_svn": None,
            "seamldr.acm_svn": 4,
        },
        "WARN",
        f"the module's TCB level is UpToDate by {BY_INFO}: SEAMLDR ACM has 4 and needs 5",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "platform.microcode": ("0x210002d3",)},
        "PASS",
        f"module 1.5.24 and microcode 0x210002d3 reach the {FLOORS}; no TCB info is available",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "module.release": "1.5.20", "platform.microcode": ("0x210002b3",)},
        "WARN",
        "module 1.5.20 is older than 1.5.24 and microcode 0x210002b3 is below 0x210002d3 "
        f"({FLOORS}; no TCB info is available)",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "platform.microcode": ("0x2c000390",)},
        "UNKNOWN",
        f"module 1.5.24 reaches the {FLOORS}; no TCB info is available, and no minimum of this "
        "microcode is known",
    ),
    (
        "attestation.tcb",
        {**ON_EMR, "platform.model": 0xDD},
        "UNKNOWN",
        "no TCB info is available, and no minimum is known for this processor",
    ),
    (
        "attestation.tcb",
        {
            **EMR,
            "module.version": ModuleVersion(1, 5, 99),
            "platform.microcode": ("0x210002d3",),
        },
        "PASS",
        f"module 1.5.99 and microcode 0x210002d3 reach the {FLOORS}; no TCB info is available",
    ),
    ("attestation.tcb", EMR, "UNKNOWN", "module.version is unknown"),
    (
        "attestation.tcb",
        {**EMR, "module.version": ModuleVersion(1, 5)},
        "UNKNOWN",
        "module.release is unknown",
    ),
]

CASES += [*BOOT, *DEVICES]
