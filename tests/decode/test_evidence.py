"""What real hosts printed, and what it means. The lines are facts and stand as they were pasted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tdxinfo.decode.boot import Boot, module, platform
from tdxinfo.errors import Absent
from tdxinfo.model.values import Failure, MemoryRange, ModuleVersion

EMR_CMRS = (
    MemoryRange.between(0x100000, 0x6F800000),
    MemoryRange.between(0x100000000, 0x107A000000),
    MemoryRange.between(0x1080000000, 0x207C000000),
    MemoryRange.between(0x2080000000, 0x307C000000),
    MemoryRange.between(0x3080000000, 0x407C000000),
)

Fact = Callable[[Boot], Any]

LOGS: dict[str, tuple[str, dict[Fact, Any]]] = {
    "Anolis 5.10 on SPR": (
        """\
[    1.481148] seam: Loading TDX P-SEAMLDR intel-seam/np-seamldr.acm.
[    1.482177] seam: Successfully loaded TDX P-SEAMLDR.
[    1.482195] tdx: Build all system memory blocks as TDX memory.
[    5.919528] tdx: Loaded TDX module via P-SEAMLDR.
[    5.919763] tdx: TDX SEAM module: attributes 0x0 vendor_id 0x8086 build_date 20220420 \
build_num 0x156 minor_version 0x0 major_version 0x1.
[    6.379342] tdx: Successfully initialized TDX module
""",
        {
            module.module_state: "initialized",
            module.module_version: ModuleVersion(1, 0),
            module.build_date: date(2022, 4, 20),
            module.build_number: 342,
            module.vendor_id: 0x8086,
            module.debug: False,
            module.failure: None,
        },
    ),
    "MVP 6.2 on EMR": (
        """\
[    0.000000] Linux version 6.2.16-mvp30v3+7-generic(gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0, \
GNU ld (GNU Binutils for Ubuntu) 2.38) #mvp30v3+tdx SMP PREEMPT_DYNAMIC Wed Sep  6 11:29:15 CEST
[    1.126416] tdx: BIOS enabled: private KeyID range [64, 128)
[   14.295018] KVM-debug: PASS: single step TDX module emulated CPUID 0
[   38.271537] tdx: SEAMCALL failed: leaf 254, error 0xc000050500000000.
[   38.271929] tdx: TDDEBUGCONFIG isn't supported.
[   38.296005] tdx: TDX module: atributes 0x0, vendor_id 0x8086, major_version 1, \
minor_version 5, build_date 20230420, build_num 507
[   38.296014] tdx: TDX module: features0: fbf
[   39.228648] tdx: 262659 pages allocated for PAMT.
[   39.228656] tdx: TDX module initialized.
[   39.228667] kvm_intel: tdx: max servtds supported per user TD is 1
[   39.228676] kvm_intel: tdx: live migration supported
[   39.228677] kvm_intel: TDX is supported.
""",
        {
            platform.kernel_release: "6.2.16-mvp30v3+7-generic",
            platform.private_keyid_count: 64,
            platform.first_private_keyid: 64,
            platform.mktme_keyid_count: 63,
            module.module_state: "initialized",
            module.module_version: ModuleVersion(1, 5),
            module.build_date: date(2023, 4, 20),
            module.build_number: 507,
            module.debug: False,
            module.features0: 0xFBF,
            module.pamt_bytes: 262659 * 4096,
            platform.max_service_tds: 1,
            platform.live_migration: True,
            module.failure: None,
            platform.log_complete: True,
            platform.platform_detected: True,
        },
    ),
    "openSUSE Leap 15.5": (
        """\
$ sudo dmesg | grep -i tdx
[...]
[   48.238203] tdx: TDX module initialized.
[   48.243492] kvm_intel: tdx: max servtds supported per user TD is 1
[   48.251313] kvm_intel: tdx: live migration supported
[   48.257755] kvm_intel: TDX is supported.
""",
        {
            module.module_state: "initialized",
            platform.max_service_tds: 1,
            platform.live_migration: True,
            platform.log_complete: False,
        },
    ),
    "TD partitioning": (
        """\
[ 9.318048] tdx: TDX module initialized.
[ 9.318052] kvm_intel: tdx: td partitioning supported
[ 9.318058] kvm_intel: tdx: max servtds supported per user TD is 1
[ 9.318071] kvm_intel: tdx: live migration supported
[ 9.318073] kvm_intel: TDX is supported.
""",
        {
            module.module_state: "initialized",
            platform.td_partitioning: True,
            platform.live_migration: True,
        },
    ),
    "Ubuntu 23.10 with five CMRs": (
        """\
...
[    5.300843] tdx: BIOS enabled: private KeyID range [16, 32)
[   15.960876] tdx: TDX module: attributes 0x0, vendor_id 0x8086, major_version 1, \
minor_version 5, build_date 20230323, build_num 481
[   15.960879] tdx: CMR: [0x100000, 0x77800000)
[   15.960881] tdx: CMR: [0x100000000, 0x407a000000)
[   15.960882] tdx: CMR: [0x4080000000, 0x807c000000)
[   15.960883] tdx: CMR: [0x8080000000, 0xc07c000000)
[   15.960884] tdx: CMR: [0xc080000000, 0x1007c000000)
[   18.149996] tdx: 4202516 KBs allocated for PAMT.
[   18.150000] tdx: module initialized.
""",
        {
            platform.private_keyid_count: 16,
            platform.first_private_keyid: 16,
            platform.mktme_keyid_count: 15,
            module.module_state: "initialized",
            module.module_version: ModuleVersion(1, 5),
            module.build_date: date(2023, 3, 23),
            module.build_number: 481,
            module.cmrs: (
                MemoryRange.between(0x100000, 0x77800000),
                MemoryRange.between(0x100000000, 0x407A000000),
                MemoryRange.between(0x4080000000, 0x807C000000),
                MemoryRange.between(0x8080000000, 0xC07C000000),
                MemoryRange.between(0xC080000000, 0x1007C000000),
            ),
            module.pamt_bytes: 4202516 * 1024,
        },
    ),
    "6.6 with Kexec disabled": (
        """\
[0.303913] virt/tdx: BIOS enabled: private KeyID range [64, 128)
[0.303916] virt/tdx: Disable Kexec. Turn off TDX in the BIOS to use KEXEC.
[0.303918] virt/tdx: Disable ACPI S3. Turn off TDX in the BIOS to use\x20
ACPI S3.
[4.846924] usb usb1: Manufacturer: Linux 6.6.0-tdx.1.0.v1 xhci-hcd
[4.847748] usb usb2: Manufacturer: Linux 6.6.0-tdx.1.0.v1 xhci-hcd
[6.577811] BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.6.0-tdx.1.0.v1
[17.723174] virt/tdx: 1575964 KB? allocated for PAMT
[17.723185] virt/tdx: module initialized
""",
        {
            platform.private_keyid_count: 64,
            module.pamt_bytes: 1575964 * 1024,
            module.module_state: "initialized",
            platform.log_complete: False,
        },
    ),
    "module 1.5.06": (
        """\
[ 10.162072] virt/tdx: BIOS enabled: private KeyID range [64, 128)
[ 10.162074] virt/tdx: Disable ACPI S3. Turn off TDX in the BIOS to use ACPI S3.
[ 21.678799] virt/tdx: TDX module 1.5.06.00, build number 744, build date 0134d817
[ 26.540654] virt/tdx: 8405028 KB allocated for PAMT
[ 26.540658] virt/tdx: module initialized
""",
        {
            module.module_version: ModuleVersion(1, 5, 6),
            module.internal: 0,
            module.build_number: 744,
            module.build_date: date(2024, 4, 7),
            module.pamt_bytes: 8405028 * 1024,
            module.module_state: "initialized",
        },
    ),
    "Ubuntu 24.04": (
        """\
...
[    5.205693] virt/tdx: BIOS enabled: private KeyID range [64, 128)
[   29.884504] virt/tdx: 1050644 KB allocated for PAMT
[   29.884513] virt/tdx: module initialized
...
""",
        {
            platform.private_keyid_count: 64,
            module.pamt_bytes: 1050644 * 1024,
            module.module_state: "initialized",
        },
    ),
    "the version line of 7.1": (
        """\
  virt/tdx: TDX module version: 1.5.24
  virt/tdx: 1034220 KB allocated for PAMT
  virt/tdx: module initialized
""",
        {
            module.module_version: ModuleVersion(1, 5, 24),
            module.pamt_bytes: 1034220 * 1024,
            module.module_state: "initialized",
        },
    ),
    "the first metadata series": (
        """\
  virt/tdx: Production module.
  virt/tdx: TDX_FEATURES0: 0xfbf
  virt/tdx: Module version: 1.5.00.00.0481, build_date: 20230323
""",
        {
            module.debug: False,
            module.features0: 0xFBF,
            module.module_version: ModuleVersion(1, 5, 0),
            module.internal: 0,
            module.build_number: 481,
            module.build_date: date(2023, 3, 23),
        },
    ),
    "CMRs of an EMR": (
        """\
  virt/tdx: CMR: [0x100000, 0x6f800000)
  virt/tdx: CMR: [0x100000000, 0x107a000000)
  virt/tdx: CMR: [0x1080000000, 0x207c000000)
  virt/tdx: CMR: [0x2080000000, 0x307c000000)
  virt/tdx: CMR: [0x3080000000, 0x407c000000)
""",
        {module.cmrs: EMR_CMRS},
    ),
    "reserved areas exhausted": (
        """\
  virt/tdx: initialization failed: TDMR [0x0, 0x80000000): reserved areas exhausted.
  virt/tdx: module initialization failed (-28)
""",
        {
            module.module_state: "failed",
            module.failure: Failure(
                errno=28,
                errno_name="ENOSPC",
                leaf=None,
                leaf_name=None,
                status=None,
                status_name=None,
                tdmr=MemoryRange.between(0, 0x80000000),
                message="virt/tdx: initialization failed: TDMR [0x0, 0x80000000): "
                "reserved areas exhausted",
            ),
        },
    ),
    "no NO_RBP_MOD": (
        """\
[  146.566641] virt/tdx: NO_RBP_MOD feature is not supported
[  146.572797] virt/tdx: module verson: 1.5.0.0
[  146.577731] virt/tdx: module initialization failed (-22)
""",
        {
            module.module_state: "failed",
            module.module_version: ModuleVersion(1, 5, 0),
            module.internal: 0,
            module.no_rbp_mod: False,
            module.failure: Failure(
                errno=22,
                errno_name="EINVAL",
                leaf=None,
                leaf_name=None,
                status=None,
                status_name=None,
                tdmr=None,
                message="virt/tdx: NO_RBP_MOD feature is not supported",
            ),
        },
    ),
    "an old module, quoted without prefix": (
        "SEAMCALL (0x0000000000000022) failed: 0xc0000c0000000000\n",
        {
            module.failure: Failure(
                errno=None,
                errno_name=None,
                leaf=0x22,
                leaf_name="TDH.SYS.RD",
                status=0xC0000C0000000000,
                status_name="TDX_METADATA_FIELD_ID_INCORRECT",
                tdmr=None,
                message="SEAMCALL (0x0000000000000022) failed: 0xc0000c0000000000",
            ),
        },
    ),
    "a 1.0 module under a 1.5 kernel": (
        """\
[   10.1] virt/tdx: BIOS enabled: private KeyID range [1, 128)
[   10.2] virt/tdx: SEAMCALL (0x0000000000000022) failed: 0xc000050500000000
[   10.2] virt/tdx: RCX 0x0000000000000000 RDX 0x9100000100000008 R08 0x0000000000000000
[   10.2] virt/tdx: module initialization failed (-5)
""",
        {
            platform.private_keyid_count: 127,
            platform.first_private_keyid: 1,
            platform.mktme_keyid_count: 0,
            module.module_state: "failed",
            module.failure: Failure(
                errno=5,
                errno_name="EIO",
                leaf=0x22,
                leaf_name="TDH.SYS.RD",
                status=0xC000050500000000,
                status_name="TDX_SYS_NOT_READY",
                tdmr=None,
                message="virt/tdx: SEAMCALL (0x0000000000000022) failed: 0xc000050500000000",
            ),
        },
    ),
    "firmware too old for the module": (
        """\
[   10.2] tdx: SEAMCALL failed: CPU 94: leaf 33, error 0xc000092100000122.
[   10.3] tdx: module initialization failed (-5)
""",
        {
            module.module_state: "failed",
            module.failure: Failure(
                errno=5,
                errno_name="EIO",
                leaf=0x21,
                leaf_name="TDH.SYS.INIT",
                status=0xC000092100000122,
                status_name="TDX_INCORRECT_MSR_VALUE",
                tdmr=None,
                message="tdx: SEAMCALL failed: CPU 94: leaf 33, error 0xc000092100000122",
            ),
        },
    ),
    "a guest on GCE": (
        """\
$ uname -a
Linux spike 6.17.0-1022-gcp #25-Ubuntu SMP Sat Jul 25 01:12:40 UTC 2026 x86_64 GNU/Linux
$ sudo dmesg | grep -i "tdx\\|tsm" | head -20
[    0.000000] tdx: Guest detected
[    0.000000] tdx: Attributes: SEPT_VE_DISABLE
[    0.000000] tdx: TD_CTLS: PENDING_VE_DISABLE ENUM_TOPOLOGY VIRT_CPUID2 REDUCE_VE
[    1.481848] process: using TDX aware idle routine
[    1.481848] Memory Encryption Features active: Intel TDX
[    1.481848] smpboot: CPU0: Intel TDX (family: 0x6, model: 0x8f, stepping: 0x8)
[    3.795408] systemd[1]: Detected confidential virtualization tdx.
""",
        {
            platform.virtualization: "td-guest",
            platform.family: 6,
            platform.model: 0x8F,
            platform.stepping: 8,
            platform.model_name: "Intel TDX",
        },
    ),
    "a guest on Granite Rapids": (
        """\
    [    0.000000] tdx: Guest detected
    [    7.934806] Memory Encryption Features active: Intel TDX
    [    7.934806] smpboot: CPU0: Intel TDX (family: 0x6, model: 0xad, stepping: 0x1)
""",
        {platform.virtualization: "td-guest", platform.model: 0xAD, platform.stepping: 1},
    ),
    "a guest whose firmware is called tdx1.0": (
        """\
[    0.000000] tdx: Guest detected
[    0.000000] DMI: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 2023.05-2+tdx1.0~ubuntu23.10.1 \
10/17/2023
[    0.395218] process: using TDX aware idle routine
[    0.395218] Memory Encryption Features active: Intel TDX
""",
        {
            platform.virtualization: "td-guest",
            platform.system: "QEMU Standard PC (Q35 + ICH9, 2009)",
            platform.bios_version: "2023.05-2+tdx1.0~ubuntu23.10.1",
            platform.bios_date: "10/17/2023",
        },
    ),
    "TME is on": (
        """\
[    0.000000] x86/tme: enabled by BIOS
[    0.000000] x86/mktme: enabled by BIOS
[    0.000000] x86/mktme: 63 KeyIDs available
""",
        {platform.tme_enabled: True},
    ),
    "TME is on, with empty times": (
        """\
[] x86/tme: enabled by BIOS
[] x86/tme: Unknown policy is active: 0x2
[] x86/mktme: No known encryption algorithm is supported: 0x4
[] x86/mktme: enabled by BIOS
[] x86/mktme: 127 KeyIDs available
""",
        {platform.tme_enabled: True},
    ),
    "TME is off": ("[    0.000000] x86/tme: not enabled by BIOS\n", {platform.tme_enabled: False}),
    "a PC": (
        "Jul 10 20:50:19 host kernel: virt/tdx: TDX not supported by the host platform\n",
        {
            module.module_state: "not-attempted",
            platform.platform_detected: False,
            platform.has_tdx_code: True,
        },
    ),
    "an AMD machine": (
        "[ 0.282216] virt/tdx: TDX not supported by the host platform\n",
        {
            module.module_state: "not-attempted",
            platform.platform_detected: False,
            platform.has_tdx_code: True,
        },
    ),
    "a VM": (
        """\
[    0.048412] virt/tdx: TDX not supported by the host platform
Arch Linux 7.1.5-arch1-2 (ttyS0)
""",
        {module.module_state: "not-attempted", platform.platform_detected: False},
    ),
}
FACTS = [
    (name, fact, wanted) for name, (_, facts) in LOGS.items() for fact, wanted in facts.items()
]


@pytest.mark.parametrize(("name", "fact", "wanted"), FACTS)
def test_a_real_log_tells_what_it_says(name: str, fact: Fact, wanted: Any) -> None:
    assert fact(Boot.from_log(LOGS[name][0])) == wanted


SILENT: dict[str, list[Fact]] = {
    "Anolis 5.10 on SPR": [
        platform.private_keyid_count,
        module.cmrs,
        module.pamt_bytes,
        module.features0,
    ],
    "MVP 6.2 on EMR": [module.cmrs, module.tdmrs, module.no_rbp_mod, platform.virtualization],
    "openSUSE Leap 15.5": [
        module.module_version,
        platform.kernel_release,
        platform.private_keyid_count,
    ],
    "6.6 with Kexec disabled": [
        platform.kernel_release,
        platform.command_line,
        module.module_version,
        module.cmrs,
    ],
    "Ubuntu 24.04": [
        module.module_version,
        module.build_number,
        module.cmrs,
        module.debug,
        module.no_rbp_mod,
    ],
    "the version line of 7.1": [
        module.build_number,
        module.build_date,
        module.internal,
        module.debug,
    ],
    "the first metadata series": [module.module_state, module.failure],
    "CMRs of an EMR": [module.module_state, module.failure, module.module_version],
    "reserved areas exhausted": [module.cmrs, module.no_rbp_mod],
    "an old module, quoted without prefix": [module.module_state],
    "a guest on GCE": [
        module.module_version,
        module.module_state,
        platform.kernel_release,
        module.failure,
    ],
    "a guest whose firmware is called tdx1.0": [module.module_version, module.build_number],
    "TME is on": [module.module_state, platform.platform_detected, platform.private_keyid_count],
    "TME is off": [module.module_state, platform.platform_detected],
    "a VM": [platform.kernel_release, platform.virtualization, module.failure],
}
UNTOLD = [(name, fact) for name, facts in SILENT.items() for fact in facts]


@pytest.mark.parametrize(("name", "fact"), UNTOLD)
def test_a_real_log_tells_no_more(name: str, fact: Fact) -> None:
    with pytest.raises(Absent):
        fact(Boot.from_log(LOGS[name][0]))


def test_an_amd_hosts_log_tells_only_the_vendor() -> None:
    boot = Boot.from_log(
        """\
Feb 27 19:32:31 h-snp kernel: SEV-SNP: RMP table physical range [0x35500000 - 0x75afffff]
Feb 27 19:32:32 h-snp kernel: ccp 0000:09:00.5: sev enabled
Feb 27 19:33:13 h-snp kernel: ccp 0000:09:00.5: SEV API:1.55 build:32
Feb 27 19:33:13 h-snp kernel: kvm_amd: SEV enabled (ASIDs 100 - 1006)
"""
    )
    assert {event.name for event in boot.events} == {"sev_snp", "kvm_amd"}
    assert platform.vendor(boot) == "AuthenticAMD"


@pytest.mark.parametrize(
    ("line", "vendor"),
    [
        ("kvm_amd: SEV-SNP disabled (ASIDs 0 - 0)", "AuthenticAMD"),
        ("kvm_amd: SEV enabled (ASIDs 1 - 15)", "AuthenticAMD or HygonGenuine"),
        ("kvm_amd: SEV-ES unusable (ASIDs 100 - 99)", "AuthenticAMD or HygonGenuine"),
        ("kvm_amd: Nested Paging enabled", "AuthenticAMD or HygonGenuine"),
    ],
)
def test_kvm_of_another_vendor_names_it(line: str, vendor: str) -> None:
    assert platform.vendor(Boot.from_log(f"[    5.101010] {line}\n")) == vendor


@pytest.mark.parametrize(
    "line",
    [
        "kvm_amd: CPU 0 isn't AMD or Hygon",
        "kvm_amd: SVM not supported by CPU 0",
        "ccp 0000:09:00.5: sev enabled",
    ],
)
def test_a_module_that_was_refused_names_no_vendor(line: str) -> None:
    with pytest.raises(Absent):
        platform.vendor(Boot.from_log(f"[    5.101010] {line}\n"))
