"""Numbers, versions, dates and memory ranges of a boot, in the spellings of all kernels."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

import pytest

from tdxinfo.decode.boot import Boot, module, platform
from tdxinfo.errors import Absent, Malformed
from tdxinfo.model.values import MemoryRange, ModuleVersion

T = TypeVar("T")


def fact(read: Callable[[Boot], T], log: str) -> T:
    return read(Boot.from_log(log))


SEAM = (
    "tdx: TDX SEAM module: attributes {} vendor_id 0x8086 build_date {} build_num 0x156 "
    "minor_version 0x0 major_version 0x1.\n"
)


@pytest.mark.parametrize(
    ("log", "day"),
    [
        (SEAM.format("0x0", "20220420"), date(2022, 4, 20)),
        (SEAM.format("0x0", "0x1348a04"), date(2022, 4, 20)),
        (
            "virt/tdx: TDX module 2.0.08.00, build number 882, build date 0134fed5\n",
            date(2025, 3, 25),
        ),
        (
            "virt/tdx: TDX module 1.5.06.00, build number 744, build date 0134d817\n",
            date(2024, 4, 7),
        ),
        ("virt/tdx: module version: 1.5.00.00.0481 (build_date 20230323).\n", date(2023, 3, 23)),
    ],
)
def test_a_build_date_is_the_same_day_in_decimal_and_in_hex(log: str, day: date) -> None:
    assert fact(module.build_date, log) == day


@pytest.mark.parametrize("number", ["20231301", "20230230", "0", "99999999", "123456789012"])
def test_a_build_date_that_is_no_day_is_malformed(number: str) -> None:
    with pytest.raises(Malformed):
        fact(module.build_date, SEAM.format("0x0", number))


@pytest.mark.parametrize(
    ("log", "version"),
    [
        ("virt/tdx: Module version: 1.5.24\n", ModuleVersion(1, 5, 24)),
        ("virt/tdx: Module version: 1.5.06\n", ModuleVersion(1, 5, 6)),
        ("virt/tdx: Module version: 2.0.08\n", ModuleVersion(2, 0, 8)),
        ("virt/tdx: Module version: 1.5.00\n", ModuleVersion(1, 5, 0)),
        (SEAM.format("0x0", "20220420"), ModuleVersion(1, 0)),
        (
            "virt/tdx: Module version: 1.5.06\nvirt/tdx: Module version: 1.5.24\n",
            ModuleVersion(1, 5, 24),
        ),
    ],
)
def test_a_version_is_what_the_kernel_printed_last(log: str, version: ModuleVersion) -> None:
    assert fact(module.module_version, log) == version


def test_version_zero_means_that_the_kernel_could_not_read_it() -> None:
    with pytest.raises(Absent):
        fact(module.module_version, "virt/tdx: Module version: 0.0.00\n")


@pytest.mark.parametrize(
    ("log", "is_debug"),
    [
        (SEAM.format("0x0", "20220420"), False),
        (SEAM.format("0x80000000", "20220420"), True),
        (SEAM.format("0x7fffffff", "20220420"), False),
        ("virt/tdx: Debug module.\n", True),
        ("virt/tdx: Production module.\n", False),
        (
            "virt/tdx: Initializing TDX module: 1.5.00.00.0481 (build_date 20230323, "
            "Debug module), TDX_FEATURES0 0xfbf\n",
            True,
        ),
        (
            "virt/tdx: Initializing TDX module: 1.5.00.00.0481 (build_date 20230323, "
            "Production module), TDX_FEATURES0 0xfbf\n",
            False,
        ),
    ],
)
def test_a_debug_module_is_not_a_production_one(log: str, is_debug: bool) -> None:
    assert fact(module.debug, log) is is_debug


@pytest.mark.parametrize(
    "log",
    [
        "tdx: TDX module: features0: fbf\n",
        "virt/tdx: TDX_FEATURES0: 0xfbf\n",
        "virt/tdx: Initializing TDX module: 1.5.00.00.0481 (build_date 20230323), "
        "TDX_FEATURES0 0xfbf\n",
    ],
)
def test_features_are_read_from_every_spelling(log: str) -> None:
    assert fact(module.features0, log) == 0xFBF


@pytest.mark.parametrize(
    ("log", "size"),
    [
        ("virt/tdx: 8396820 KB allocated for PAMT\n", 8396820 * 1024),
        ("virt/tdx: 1050644 KBs allocated for PAMT\n", 1050644 * 1024),
        ("tdx: 4202516 KBs allocated for PAMT.\n", 4202516 * 1024),
        ("tdx: 262659 pages allocated for PAMT.\n", 262659 * 4096),
        (
            "tdx: TDX PAMT[ 0]: base 0x0000000070000000 size 0x0000000000802000\n"
            "tdx: TDX PAMT[ 1]: base 0x0000000080000000 size 0x0000000000001000\n",
            0x803000,
        ),
    ],
)
def test_pamt_is_bytes_whether_printed_in_kb_pages_or_areas(log: str, size: int) -> None:
    assert fact(module.pamt_bytes, log) == size


TWO = (MemoryRange.between(0x100000, 0x77800000), MemoryRange.between(1 << 32, 0x407A000000))


@pytest.mark.parametrize(
    "lines",
    [
        ("virt/tdx: CMR: [0x100000, 0x77800000)", "virt/tdx: CMR: [0x100000000, 0x407a000000)"),
        (
            "virt/tdx: CMR[0]: [0x100000, 0x77800000)",
            "virt/tdx: CMR[1]: [0x100000000, 0x407a000000)",
        ),
        ("tdx: CMR: [0x100000, 0x77800000)", "tdx: CMR: [0x100000000, 0x407a000000)"),
        ("tdx: BIOS-CMR : [0x100000, 0x77800000)", "tdx: BIOS-CMR : [0x100000000, 0x407a000000)"),
        (
            "tdx: TDX CMR[ 0]: base 0x0000000000100000 size 0x0000000077700000",
            "tdx: TDX CMR[ 1]: base 0x0000000100000000 size 0x0000003f7a000000",
        ),
    ],
)
def test_cmrs_are_read_from_every_spelling(lines: tuple[str, str]) -> None:
    assert fact(module.cmrs, "\n".join(lines)) == TWO


def test_a_kernels_second_list_of_the_same_cmrs_counts_once() -> None:
    bios = "tdx: BIOS-CMR : [0x100000, 0x77800000)\n"
    kernel = "tdx: Kernel-checked-CMR : [0x100000, 0x77800000)\n"
    assert fact(module.cmrs, bios + kernel + bios) == TWO[:1]


def test_cmrs_of_a_second_attempt_count_once() -> None:
    cmrs = "virt/tdx: CMR: [0x100000, 0x77800000)\nvirt/tdx: CMR: [0x100000000, 0x407a000000)\n"
    log = (
        f"{cmrs}virt/tdx: module initialization failed (-12)\n{cmrs}virt/tdx: module initialized\n"
    )
    assert fact(module.cmrs, log) == TWO


def test_cmrs_of_a_failed_attempt_stay_known_when_the_next_prints_none() -> None:
    log = (
        "virt/tdx: CMR: [0x100000, 0x77800000)\nvirt/tdx: module initialization failed (-12)\n"
        "virt/tdx: 1 KB allocated for PAMT\nvirt/tdx: module initialized\n"
    )
    assert fact(module.cmrs, log) == TWO[:1]


def test_trailing_empty_cmrs_are_left_out() -> None:
    log = (
        "virt/tdx: CMR[0]: [0x100000, 0x77800000)\n"
        "virt/tdx: CMR[1]: [0x0, 0x0)\nvirt/tdx: CMR[2]: [0x0, 0x0)\n"
    )
    assert fact(module.cmrs, log) == TWO[:1]


def test_a_list_of_nothing_but_empty_cmrs_is_an_empty_list() -> None:
    assert fact(module.cmrs, "virt/tdx: CMR[0]: [0x0, 0x0)\n") == ()


def test_a_cmr_that_ends_before_it_begins_is_malformed() -> None:
    with pytest.raises(Malformed):
        fact(module.cmrs, "virt/tdx: CMR: [0x77800000, 0x100000)\n")


def test_tdmrs_are_read_with_their_rest_unknown() -> None:
    (tdmr,) = fact(
        module.tdmrs, "tdx: TDX TDMR[ 0]: base 0x0000000080000000 size 0x0000000040000000\n"
    )
    assert (tdmr.base, tdmr.end, tdmr.size) == (0x80000000, 0xC0000000, 0x40000000)
    assert (tdmr.pamt, tdmr.reserved) == (None, None)


def test_the_last_such_line_tells_the_limit_of_tdmrs() -> None:
    log = "virt/tdx: consumed TDMRs reaching limit: {} used out of 64\n"
    assert fact(module.max_tdmrs, log.format(61) + log.format(62)) == 64


def test_the_p_seamldr_is_read() -> None:
    log = (
        "seam: TDX P-SEAMLDR: version 0x0 attributes 0x0 vendor_id 0x8086 build_date 20211214 "
        "build_num 0x98 minor 0x0 major 0x1.\n"
    )
    assert fact(platform.seamldr_version, log) == ModuleVersion(1, 0)
    assert fact(platform.seamldr_build_number, log) == 0x98
    assert fact(platform.seamldr_build_date, log) == date(2021, 12, 14)


def test_the_p_seamldr_is_not_taken_for_the_module() -> None:
    log = (
        "seam: TDX P-SEAMLDR: version 0x0 attributes 0x0 vendor_id 0x8086 build_date 20211214 "
        "build_num 0x98 minor 0x0 major 0x1.\n"
    )
    with pytest.raises(Absent):
        fact(module.module_version, log)


def test_seamrr_is_shown_by_early_kernels() -> None:
    assert fact(platform.seamrr_enabled, "tdx: SEAMRR enabled.\n") is True
    assert fact(platform.seamrr_enabled, "tdx: SEAMRR is not enabled by BIOS\n") is False
    assert fact(platform.seamrr_enabled, "tdx: SEAMRR base is not configured by BIOS\n") is False


def test_kvm_says_why_it_does_not_offer_tdx() -> None:
    log = (
        "[    9.1] kvm_intel: Disable TDX: MAX_VCPU_PER_TD (64) smaller than number of logical "
        "CPUs (256).\n"
    )
    assert fact(platform.kvm_refusal, log).startswith(
        "kvm_intel: Disable TDX: MAX_VCPU_PER_TD (64)"
    )
    assert fact(platform.max_vcpus, log) == 64


def test_migration_is_shown_either_way() -> None:
    assert fact(platform.live_migration, "kvm_intel: tdx: live migration supported\n") is True
    assert fact(platform.live_migration, "kvm_intel: tdx: live migration not supported\n") is False


@pytest.mark.parametrize(
    ("line", "release"),
    [
        ("Linux version 6.8.0-1028-intel (buildd@x) #35", "6.8.0-1028-intel"),
        ("Linux version 6.2.16-mvp30v3+7-generic(gcc (Ubuntu) 11.4.0)", "6.2.16-mvp30v3+7-generic"),
        ("Linux version 7.1.5-arch1-2", "7.1.5-arch1-2"),
    ],
)
def test_the_kernels_release_ends_at_the_first_space_or_bracket(line: str, release: str) -> None:
    assert fact(platform.kernel_release, line) == release


def test_a_refusal_for_hibernation_tells_that_the_host_can_hibernate() -> None:
    log = "virt/tdx: initialization failed: Hibernation support is enabled\n"
    assert fact(platform.hibernation, log) is True
    with pytest.raises(Absent):
        fact(platform.hibernation, "virt/tdx: module initialized\n")


def test_a_hypervisor_makes_a_vm_and_its_absence_proves_nothing() -> None:
    assert fact(platform.virtualization, "[    0.0] Hypervisor detected: KVM\n") == "vm"
    guest = "[    0.0] tdx: Guest detected\n[    0.0] Hypervisor detected: KVM\n"
    assert fact(platform.virtualization, guest) == "td-guest"
    with pytest.raises(Absent):
        fact(platform.virtualization, "[    0.0] Linux version 6.8.0\n")


def test_calls_that_failed_at_run_time_are_shown_once_each() -> None:
    line = "virt/tdx: SEAMCALL ({}) failed: {}\n"
    calls = [
        ("0x0000000000000034", "0x8000020200000000"),
        ("0x000000000000001c", "0xc000030000000001"),
        ("0x000000000000001c", "0xc000030000000001"),
        ("0x00000000000000fd", "0xc000777700000000"),
        ("0x0000000000000021", "0xc000050500000000"),
    ]
    assert fact(module.failed_calls, "".join(line.format(*call) for call in calls)) == (
        "TDH.SYS.SHUTDOWN: 0x8000020200000000 TDX_SYS_BUSY",
        "TDH.PHYMEM.PAGE.RECLAIM: 0xc000030000000001 TDX_PAGE_METADATA_INCORRECT",
        "leaf 0xfd: 0xc000777700000000",
    )


def test_early_kernels_tell_how_many_tds_there_may_be() -> None:
    assert fact(platform.guest_keyid_count, "tdx: support upto 31 TD keyids\n") == 31


@pytest.mark.parametrize(
    "line",
    [
        "virt/tdx: BIOS enabled: private KeyID range [16, 64)",
        "tdx: TDX enabled by BIOS.",
        "virt/tdx: initialization failed: too few private KeyIDs available.",
        "virt/tdx: initialization failed: Hibernation support is enabled",
        "kvm_intel: EPT is required for TDX",
        "kvm_intel: MSR c0000103 isn't included by kvm_find_user_return_msr",
    ],
)
def test_any_line_about_tdx_on_the_host_shows_that_the_kernel_has_it(line: str) -> None:
    assert fact(platform.has_tdx_code, line + "\n") is True


@pytest.mark.parametrize(
    ("line", "is_enabled"),
    [
        ("kvm_intel: TDX is supported.", True),
        ("kvm_intel: tdx: no TDX private KeyIDs available", False),
    ],
)
def test_a_module_that_speaks_of_tdx_is_loaded(line: str, is_enabled: bool) -> None:
    assert fact(platform.kvm_loaded, line + "\n") is True
    assert fact(platform.kvm_tdx_enabled, line + "\n") is is_enabled


def test_a_module_that_counts_servtds_is_loaded() -> None:
    assert (
        fact(platform.kvm_loaded, "kvm_intel: tdx: max servtds supported per user TD is 1\n")
        is True
    )


def test_kvm_tells_of_a_package_without_a_cpu() -> None:
    line = "kvm_intel: All packages need to have online CPU to create TD. Online CPU and retry.\n"
    assert fact(platform.package_offline, line) is True
    with pytest.raises(Absent):
        fact(platform.package_offline, "kvm_intel: TDX is supported.\n")


@pytest.mark.parametrize(
    ("log", "generation"),
    [
        ("Linux version 6.17.13 (a@b) (gcc 12)\n", "kvm"),
        ("Linux version 7.3.4 (a@b) (gcc 12)\n", "boot"),
        (
            "Linux version 7.3.4 (a@b) (gcc 12)\ntdx: BIOS enabled: private KeyID range [1, 2)\n",
            "vendor-kvm",
        ),
        ("Linux version 6.17.13 (a@b) (gcc 12)\ntdx: Guest detected\n", "kvm"),
    ],
)
def test_the_release_tells_the_generation_where_no_line_does(log: str, generation: str) -> None:
    assert fact(platform.generation, log) == generation


def test_a_log_may_tell_no_generation() -> None:
    with pytest.raises(Absent):
        fact(platform.generation, "tdx: Guest detected\n")
