"""The kernel: its configuration, command line and state, as far as they matter for TDX."""

import re
from typing import Annotated, Literal

from tdxinfo.decode import kernels, lines
from tdxinfo.decode.boot import Lack
from tdxinfo.decode.boot import platform as boot_platform
from tdxinfo.host.section import Compared, From, Inferred, Section
from tdxinfo.model.values import Names, Release
from tdxinfo.sources.files import MODULE_VERSION, ExistsImplies, File, KernelConfig
from tdxinfo.sources.folders import Device
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.processor import FlagImplies


def _can_hibernate(text: str) -> bool:
    """/sys/power/disk says [disabled] when hibernation is unavailable."""
    return text.strip() != "[disabled]"


def _hibernates_by_option(command_line: str) -> bool | None:
    return False if kernels.NO_HIBERNATION & set(command_line.split()) else None


def _not_built(configured: bool) -> bool | None:
    return None if configured else False


def _sleeps_deeply(text: str) -> bool:
    """/sys/power/mem_sleep lists `deep` where ACPI S3 is available."""
    return "deep" in text.strip("\n").replace("[", " ").replace("]", " ").split()


def _lockdown(text: str) -> str:
    """The mode in brackets of "none [integrity] confidentiality"."""
    found = re.search(r"\[([a-z]+)\]", text)
    if not found:
        raise ValueError("no mode is in brackets")
    return found.group(1)


Generation = Literal["vendor-boot", "vendor-kvm", "none", "detects", "kvm", "boot"]


class Kernel(Section, frozen=True):
    volatile = ("log_complete", "log_lacks", "boots_in_log", "crash_kernel_skipped")

    release: Annotated[
        Release | None, File("/proc/sys/kernel/osrelease"), KernelLog(boot_platform.kernel_release)
    ] = None
    """The kernel's release, as `uname -r` prints it."""

    generation: Annotated[
        Generation | None,
        ExistsImplies(MODULE_VERSION, kernels.BOOT),
        ExistsImplies("/sys/firmware/tdx_seam/major_version", kernels.VENDOR_BOOT),
        ExistsImplies("/sys/firmware/tdx/tdx_module/state", kernels.VENDOR_BOOT),
        ExistsImplies("/sys/firmware/tdx/tdx_module/status", kernels.VENDOR_KVM),
        Inferred(kernels.by_parameter, "kvm.tdx_enabled", "kernel.release"),
        KernelLog(boot_platform.generation),
        Inferred(kernels.by_release, "kernel.release"),
    ] = None
    """What starts the TDX module. Vendors' kernels: vendor-boot and vendor-kvm. Upstream kernels:
    none and detects never start it, kvm starts it when kvm_intel is loaded, boot at every boot."""

    command_line: Annotated[
        str | None, File("/proc/cmdline"), KernelLog(boot_platform.command_line)
    ] = None
    """The kernel command line."""

    config_tdx_host: Annotated[
        bool | None,
        KernelConfig("CONFIG_INTEL_TDX_HOST"),
        FlagImplies("tdx_host_platform"),
        KernelLog(boot_platform.has_tdx_code),
    ] = None
    """The kernel was built with CONFIG_INTEL_TDX_HOST."""

    config_kvm_intel: Annotated[bool | None, KernelConfig("CONFIG_KVM_INTEL")] = None
    """The kernel was built with KVM for Intel processors."""

    config_kvm_intel_tdx: Annotated[bool | None, KernelConfig("CONFIG_KVM_INTEL_TDX")] = None
    """The kernel was built with KVM for TDX (Linux 6.16 and later)."""

    config_kexec_core: Annotated[bool | None, KernelConfig("CONFIG_KEXEC_CORE")] = None
    """The kernel was built with kexec, which excludes TDX hosts before Linux 6.18 upstream."""

    config_hibernation: Annotated[bool | None, KernelConfig("CONFIG_HIBERNATION")] = None
    """The kernel was built with hibernation."""

    hibernation: Annotated[
        bool | None,
        KernelLog(boot_platform.hibernation),
        FlagImplies("tdx_host_platform", False),
        File("/sys/power/disk", _can_hibernate),
        From(_not_built, "kernel.config_hibernation"),
        From(_hibernates_by_option, "kernel.command_line"),
    ] = None
    """Hibernation is available, and Linux 6.8 and later then disable TDX. The kernel decides once,
    while it boots: its log counts more than what /sys/power/disk shows now."""

    tdx_detected: Annotated[
        bool | None,
        FlagImplies("tdx_host_platform"),
        KernelLog(boot_platform.platform_detected),
    ] = None
    """The kernel found that the firmware set TDX up. This proves nothing about the module."""

    disagreements: Annotated[
        Names | None,
        Compared(
            "keys.mktme_keyids",
            "keys.tdx_keyids",
            "firmware.tme_enabled",
            "firmware.seamrr_enabled",
            "module.build_number",
            "module.build_date",
            "module.features0",
            "memory.pamt_bytes",
        ),
    ] = None
    """Facts with different values in two sources. The module's version is not among them: after an
    update at run time the log is stale, and nothing is wrong."""

    kexec_refused: Annotated[bool | None, KernelLog(boot_platform.kexec_refused)] = None
    """The kernel log says that the kernel refuses kexec while TDX is enabled."""

    kexec_loaded: Annotated[
        bool | None,
        File("/sys/kernel/kexec/loaded", lines.is_set),
        File("/sys/kernel/kexec_loaded", lines.is_set),
    ] = None
    """A kernel for kexec is loaded."""

    crash_kernel_loaded: Annotated[
        bool | None,
        File("/sys/kernel/kexec/crash_loaded", lines.is_set),
        File("/sys/kernel/kexec_crash_loaded", lines.is_set),
    ] = None
    """A kernel for kdump is loaded."""

    deep_sleep: Annotated[
        bool | None,
        KernelLog(boot_platform.deep_sleep),
        FlagImplies("tdx_host_platform", False),
        File("/sys/power/mem_sleep", _sleeps_deeply),
    ] = None
    """Suspend to RAM (ACPI S3) is available; the kernel turns it off where it finds TDX, though
    /sys/power/mem_sleep still shows it."""

    numa_balancing: Annotated[
        bool | None, File("/proc/sys/kernel/numa_balancing", lines.is_set)
    ] = None
    """NUMA balancing is on: the kernel moves pages between NUMA nodes."""

    msr_device: Annotated[bool | None, Device("/dev/cpu/0/msr")] = None
    """MSRs can be read by root: the module msr is loaded."""

    private_memory_error: Annotated[bool | None, KernelLog(boot_platform.private_memory_error)] = (
        None
    )
    """A machine check came from private memory of TDX."""

    lockdown: Annotated[str | None, File("/sys/kernel/security/lockdown", _lockdown)] = None
    """The kernel's lockdown mode."""

    log_complete: Annotated[bool | None, KernelLog(boot_platform.log_complete)] = None
    """The kernel log that was read has the whole boot, until programs run."""

    log_lacks: Annotated[Lack | None, KernelLog(boot_platform.log_lacks)] = None
    """What the kernel log that was read lacks of the boot: its beginning, lines or its end."""

    boots_in_log: Annotated[int | None, KernelLog(boot_platform.boots_in_log)] = None
    """Boots that the kernel log has lines of; only the last one is used."""

    crash_kernel_skipped: Annotated[bool | None, KernelLog(boot_platform.crash_kernel_skipped)] = (
        None
    )
    """The kernel log ends with the boot of a crash kernel (kdump); the boot before it is used."""
