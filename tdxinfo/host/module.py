"""The TDX module: its version, its state and its features."""

from datetime import date
from types import MappingProxyType
from typing import Annotated, Literal

from tdxinfo.decode import bits, kernels, lines, releases, sigstruct, silence
from tdxinfo.decode.boot import module as boot_module
from tdxinfo.decode.boot import update as boot_update
from tdxinfo.host.section import From, Inferred, Section
from tdxinfo.model.values import (
    Bits32,
    Bits64,
    Count,
    Failure,
    ModuleVersion,
    Mrseam,
    Names,
    decimal_date,
)
from tdxinfo.sources import metadata
from tdxinfo.sources.files import (
    MODULE_VERSION,
    CgroupImplies,
    Exists,
    LostGuard,
    RunningState,
    StateFile,
    WhileRunning,
)
from tdxinfo.sources.folders import Listing
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.kmem import Kmem, KmemState, KmemVersion
from tdxinfo.sources.kobjects import STATE, SYSINFO
from tdxinfo.sources.kvm import KvmSucceeds
from tdxinfo.sources.staged import STAGED_FOLDERS, Staged
from tdxinfo.sources.vendor import VendorModule, VendorState, VendorVersion

State = Literal["initialized", "failed", "not-loaded", "not-attempted", "unknown"]


def _major(version: ModuleVersion) -> int:
    return version.major


def _minor(version: ModuleVersion) -> int:
    return version.minor


def _update(version: ModuleVersion) -> int | None:
    return version.update


def _kvm_kept_tdx(tdx_enabled: bool, release: str) -> str | None:
    """The state "initialized", if KVM's parameter tdx proves it; else None.

    KVM clears the parameter when it cannot initialize the module (Linux 6.16 and later), but not
    when the module is lost later, as it can be from Linux 7.2 on. The driver's file shows that.
    """
    version = kernels.version(release)
    if not tdx_enabled or version is None:
        return None
    can_tell = kernels.FIRST_KVM_TDX <= version < kernels.FIRST_UPDATE
    return "initialized" if can_tell else None


def _lost_by_update(outcome: str) -> str | None:
    return "failed" if outcome == "module-lost" else None


def _without_tdx_host(config_tdx_host: bool) -> str | None:
    """The state "not-attempted" for a kernel that was built without TDX host support."""
    return None if config_tdx_host else "not-attempted"


def _kernel_requires_no_rbp_mod(state: str, release: str) -> bool | None:
    """True if the module is initialized by a kernel that refuses modules without NO_RBP_MOD.

    Linux does so from 6.14 on, vendors' kernels from 6.16 on.
    """
    version = kernels.version(release)
    first = kernels.FIRST_RBP_CHECK if kernels.is_upstream(release) else kernels.FIRST_KVM_TDX
    checked = version is not None and version >= first
    return True if state == "initialized" and checked else None


def _has_no_rbp_mod(features0: int) -> bool:
    return bits.is_set("TDX_FEATURES0", "NO_RBP_MOD", features0)


def _release_has_no_rbp_mod(release_features: tuple[str, ...]) -> bool:
    return "NO_RBP_MOD" in release_features


def _feature_names(features0: int) -> list[str]:
    return bits.names_of("TDX_FEATURES0", features0)


class Module(Section, frozen=True):
    bitmaps = MappingProxyType({"features0": "TDX_FEATURES0"})

    state: Annotated[
        State,
        RunningState(MODULE_VERSION, ModuleVersion.parse),
        From(_lost_by_update, "module.last_update"),
        WhileRunning(KmemState(), shows_loss=True),
        WhileRunning(KvmSucceeds("initialized")),
        VendorState(),
        WhileRunning(CgroupImplies("initialized")),
        Inferred(_kvm_kept_tdx, "kvm.tdx_enabled", "kernel.release"),
        WhileRunning(KernelLog(boot_module.module_state), shows_loss=True),
        Inferred(
            silence.state_of_sysinit,
            "module.sysinit_done",
            "module.sysinit_result",
            "kernel.tdx_detected?",
            "module.failure?",
        ),
        Inferred(
            silence.state_of_silence,
            "module.log_silent",
            "kernel.generation",
            "kvm.tdx_requested?",
            "kvm.refusal?",
        ),
        Inferred(_without_tdx_host, "kernel.config_tdx_host"),
    ] = "unknown"
    """State of the TDX module: initialized, failed, not-loaded, not-attempted or unknown."""

    driver_loaded: Annotated[bool | None, Exists(MODULE_VERSION)] = None
    """The driver tdx_host (Linux 7.2 and later) is loaded; its files show the running module."""

    log_silent: Annotated[bool | None, KernelLog(boot_module.silent)] = None
    """The kernel log is complete and shows the KeyIDs, but nothing about the module."""

    sysinit_done: Annotated[bool | None, Kmem(STATE, "sysinit_done", bool)] = None
    """The kernel called TDH.SYS.INIT, its first SEAMCALL, and keeps the result (Linux 7.2+)."""

    sysinit_result: Annotated[int | None, Kmem(STATE, "sysinit_ret")] = None
    """Result of the kernel's TDH.SYS.INIT: 0, or a negative errno such as -95 where SEAM is off."""

    last_update: Annotated[boot_update.Outcome | None, KernelLog(boot_update.last_update)] = None
    """Result of the last update at run time that failed: module-lost (no module runs until a
    reboot) or module-kept (the old module runs). The kernel prints nothing when an update
    succeeds."""

    update_failure: Annotated[Failure | None, KernelLog(boot_update.update_failure)] = None
    """Cause of the last update at run time that failed."""

    version: Annotated[
        ModuleVersion | None,
        *metadata.version(),
        StateFile(MODULE_VERSION, ModuleVersion.parse),
        KmemVersion(),
        VendorVersion(),
        KernelLog(boot_module.module_version),
    ] = None
    """The module's version: major.minor.update as the kernel writes it, or major.minor where no
    source has the update."""

    major: Annotated[Count | None, From(_major, "module.version")] = None
    """Major version. With the minor version it names the module's line."""

    minor: Annotated[Count | None, From(_minor, "module.version")] = None
    """Minor version."""

    update: Annotated[Count | None, From(_update, "module.version")] = None
    """Update within the line."""

    internal: Annotated[
        Count | None, *metadata.word("INTERNAL_VERSION"), KernelLog(boot_module.internal)
    ] = None
    """Internal version, which only few kernels print."""

    build_number: Annotated[
        Count | None,
        *metadata.word("BUILD_NUM"),
        VendorModule("build_num"),
        KernelLog(boot_module.build_number),
        Inferred(releases.release_build_number, "module.version"),
    ] = None
    """Build number."""

    build_date: Annotated[
        date | None,
        *metadata.word("BUILD_DATE", decimal_date),
        VendorModule("build_date", decimal_date),
        KernelLog(boot_module.build_date),
        Inferred(releases.release_build_date, "module.version"),
    ] = None
    """Day the module was built."""

    vendor_id: Annotated[
        Count | None,
        *metadata.word("VENDOR_ID"),
        VendorModule("vendor_id"),
        KernelLog(boot_module.vendor_id),
    ] = None
    """PCI id of the module's maker: 0x8086 is Intel."""

    debug: Annotated[
        bool | None,
        *metadata.word("SYS_ATTRIBUTES", metadata.is_debug),
        VendorModule("attributes", metadata.is_debug),
        KernelLog(boot_module.debug),
    ] = None
    """The module is a debug build, whose TDs are not protected (bit 31 of its attributes)."""

    release: Annotated[
        str | None,
        Inferred(
            releases.matching_release,
            "module.version",
            "module.build_number?",
            "module.build_date?",
        ),
    ] = None
    """The public release that version and build point to."""

    tcb_svn: Annotated[
        tuple[Count, ...] | None, Inferred(releases.release_tcb_svn, "module.release")
    ] = None
    """The module's security version: bytes 0 (minor) and 1 (major) of TEE_TCB_SVN."""

    release_features: Annotated[
        tuple[str, ...] | None, Inferred(releases.release_features, "module.release")
    ] = None
    """Features of the release, without those that the processor or the platform decides."""

    newest_release: Annotated[str | None, Inferred(releases.newest_release, "module.release")] = (
        None
    )
    """The newest release of the same line that this tdxinfo knows; Intel may have a newer one."""

    features0: Annotated[
        Bits64 | None,
        *metadata.word("TDX_FEATURES0"),
        Kmem(SYSINFO, "features.tdx_features0"),
        KernelLog(boot_module.features0),
    ] = None
    """TDX_FEATURES0, the module's feature bitmap."""

    features: Annotated[Names | None, From(_feature_names, "module.features0")] = None
    """Names of the features that the module has."""

    no_rbp_mod: Annotated[
        bool | None,
        From(_has_no_rbp_mod, "module.features0"),
        KernelLog(boot_module.no_rbp_mod),
        Inferred(_kernel_requires_no_rbp_mod, "module.state", "kernel.release"),
        Inferred(_release_has_no_rbp_mod, "module.release_features"),
    ] = None
    """A TD cannot change the host's RBP register. Linux 6.14 and later refuse a module without
    it.
    """

    failed_calls: Annotated[Names | None, KernelLog(boot_module.failed_calls)] = None
    """SEAMCALLs that failed after the initialization, each kind once."""

    esp_files: Annotated[
        Names | None,
        Listing(STAGED_FOLDERS),
    ] = None
    """Files in EFI/TDX on the EFI system partition, from which firmware can load the module."""

    staged_mrseam: Annotated[Mrseam | None, Staged("mrseam")] = None
    """The MRSEAM of the module that the sigstruct in EFI/TDX signs."""

    staged_release: Annotated[
        str | None, Inferred(releases.release_of_mrseam, "module.staged_mrseam")
    ] = None
    """The public release in EFI/TDX, by its MRSEAM. It runs after a reboot, not now."""

    staged_svn: Annotated[tuple[Count, ...] | None, Staged("svn")] = None
    """The security version in the sigstruct in EFI/TDX: minor and major."""

    staged_date: Annotated[date | None, Staged("date", lines.iso_date)] = None
    """The date in the sigstruct in EFI/TDX."""

    staged_processors: Annotated[tuple[Bits32, ...] | None, Staged("processors")] = None
    """The processors that the sigstruct in EFI/TDX lists: CPUID(1).EAX without the stepping."""

    staged_pair_matches: Annotated[bool | None, Staged("pair_matches")] = None
    """The module in EFI/TDX is the file that the sigstruct beside it signs."""

    staged_fits_processor: Annotated[
        bool | None,
        From(sigstruct.loads_on, "module.staged_processors", "platform.family", "platform.model"),
    ] = None
    """This processor is among those of the sigstruct in EFI/TDX."""

    fits_processor: Annotated[
        bool | None,
        Inferred(releases.fits_processor, "module.release", "platform.family", "platform.model"),
    ] = None
    """The release loads on this processor."""

    newest_for_processor: Annotated[
        str | None,
        Inferred(
            releases.newest_for_processor, "module.release", "platform.family", "platform.model"
        ),
    ] = None
    """The newest known release that loads on this processor, of this line or a later one."""

    handoff_version: Annotated[Count | None, *metadata.word("MODULE_HV")] = None
    """Version of the handoff data that the module leaves to a successor."""

    min_update_handoff_version: Annotated[Count | None, *metadata.word("MIN_UPDATE_HV")] = None
    """Oldest handoff data that the module can take over."""

    no_downgrade: Annotated[bool | None, *metadata.word("NO_DOWNGRADE", bool)] = None
    """The module does not take over handoff data of a newer module."""

    failure: Annotated[
        Failure | None,
        LostGuard(MODULE_VERSION, ModuleVersion.parse),
        KernelLog(boot_module.failure),
    ] = None
    """How the initialization or a later update failed; null, with a source, when neither failed."""
