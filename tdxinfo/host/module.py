"""The TDX module: what it is, how far it got, what it can do."""

from datetime import date
from types import MappingProxyType
from typing import Annotated, Literal

from tdxinfo.decode import bits, kernels, releases
from tdxinfo.host.section import From, Inferred, Section
from tdxinfo.model.observed import Observed
from tdxinfo.model.values import Bits64, Count, Failure, ModuleVersion, decimal_date
from tdxinfo.sources import metadata
from tdxinfo.sources.files import (
    MODULE_VERSION,
    CgroupImplies,
    NotLost,
    RunningState,
    StateFile,
)
from tdxinfo.sources.folders import FirstFolder
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.kmem import Kmem, KmemState, KmemVersion
from tdxinfo.sources.kobjects import SYSINFO
from tdxinfo.sources.kvm import KvmSucceeds
from tdxinfo.sources.vendor import VendorModule, VendorState, VendorVersion

State = Literal["initialized", "failed", "not-loaded", "not-attempted", "unknown"]


def _major(version: ModuleVersion) -> int:
    return version.major


def _minor(version: ModuleVersion) -> int:
    return version.minor


def _update(version: ModuleVersion) -> int | None:
    return version.update


def _kvm_kept_tdx(tdx_enabled: bool, release: str) -> str | None:
    """KVM clears its parameter when it cannot bring the module up (Linux 6.16 and later)."""
    version = kernels.version(release)
    return "initialized" if tdx_enabled and version and version >= kernels.FIRST_KVM_TDX else None


def _without_code(config_tdx_host: bool) -> str | None:
    """A kernel that was not built for TDX hosts never asks for the module."""
    return None if config_tdx_host else "not-attempted"


def _kernel_insists(state: str, release: str) -> bool | None:
    """Linux 6.14 and later initialize no module without NO_RBP_MOD."""
    version = kernels.version(release)
    checked = version is not None and version >= kernels.FIRST_RBP_CHECK
    return True if state == "initialized" and checked else None


def _has_no_rbp_mod(features0: int) -> bool:
    return bits.is_set("TDX_FEATURES0", "NO_RBP_MOD", features0)


def _feature_names(features0: int) -> list[str]:
    return bits.names_of("TDX_FEATURES0", features0)


class Module(Section):
    unknown_values = MappingProxyType({"state": "unknown"})
    bitmaps = MappingProxyType({"features0": "TDX_FEATURES0"})

    state: Annotated[
        Observed[State],
        RunningState(MODULE_VERSION, ModuleVersion.parse),
        KmemState(),
        KvmSucceeds("initialized"),
        VendorState(),
        CgroupImplies("initialized"),
        Inferred(_kvm_kept_tdx, "kvm.tdx_enabled", "kernel.release"),
        KernelLog("module_state"),
        Inferred(_without_code, "kernel.config_tdx_host"),
    ]
    """How far the host got: initialized, failed, not-loaded, not-attempted or unknown."""

    version: Annotated[
        Observed[ModuleVersion],
        *metadata.version(),
        StateFile(MODULE_VERSION, ModuleVersion.parse),
        KmemVersion(),
        VendorVersion(),
        KernelLog("module_version"),
    ]
    """major.minor.update as the kernel spells it, or major.minor where no place told the update."""

    major: Annotated[Observed[Count], From(_major, "module.version")]
    """Major version: the module's line, together with the minor version."""

    minor: Annotated[Observed[Count], From(_minor, "module.version")]
    """Minor version."""

    update: Annotated[Observed[Count], From(_update, "module.version")]
    """Update within the line."""

    internal: Annotated[Observed[Count], *metadata.word("INTERNAL_VERSION"), KernelLog("internal")]
    """Internal version, which only few kernels print."""

    build_number: Annotated[
        Observed[Count],
        *metadata.word("BUILD_NUM"),
        VendorModule("build_num"),
        KernelLog("build_number"),
    ]
    """Build number."""

    build_date: Annotated[
        Observed[date],
        *metadata.word("BUILD_DATE", decimal_date),
        VendorModule("build_date", decimal_date),
        KernelLog("build_date"),
    ]
    """Day the module was built."""

    vendor_id: Annotated[
        Observed[Count],
        *metadata.word("VENDOR_ID"),
        VendorModule("vendor_id"),
        KernelLog("vendor_id"),
    ]
    """PCI id of the module's maker: 0x8086 is Intel."""

    debug: Annotated[
        Observed[bool],
        *metadata.word("SYS_ATTRIBUTES", metadata.is_debug),
        VendorModule("attributes", metadata.is_debug),
        KernelLog("debug"),
    ]
    """The module is a debug build, whose TDs are not protected (bit 31 of its attributes)."""

    release: Annotated[
        Observed[str],
        Inferred(
            releases.matching_release,
            "module.version",
            "module.build_number?",
            "module.build_date?",
        ),
    ]
    """The public release that version and build point to."""

    newest_release: Annotated[Observed[str], Inferred(releases.newest_release, "module.release")]
    """The newest release of the same line that tdxinfo knows of, which need not be the newest."""

    features0: Annotated[
        Observed[Bits64],
        *metadata.word("TDX_FEATURES0"),
        Kmem(SYSINFO, "features.tdx_features0"),
        KernelLog("features0"),
    ]
    """TDX_FEATURES0, the module's feature bitmap."""

    features: Annotated[Observed[tuple[str, ...]], From(_feature_names, "module.features0")]
    """Names of the features that are there."""

    no_rbp_mod: Annotated[
        Observed[bool],
        From(_has_no_rbp_mod, "module.features0"),
        KernelLog("no_rbp_mod"),
        Inferred(_kernel_insists, "module.state", "kernel.release"),
    ]
    """A TD cannot change the host's RBP register. Linux refuses a module without it since 6.14."""

    failed_calls: Annotated[Observed[tuple[str, ...]], KernelLog("failed_calls")]
    """SEAMCALLs that failed after the initialization, each kind once."""

    esp_files: Annotated[
        Observed[tuple[str, ...]],
        FirstFolder(("/boot/efi/EFI/TDX", "/efi/EFI/TDX", "/boot/EFI/TDX")),
    ]
    """Files in EFI/TDX on the EFI system partition, from where firmware can load the module."""

    fits_processor: Annotated[
        Observed[bool],
        Inferred(releases.fits_processor, "module.release", "platform.family", "platform.model"),
    ]
    """The release is made for this processor."""

    newest_for_processor: Annotated[
        Observed[str],
        Inferred(
            releases.newest_for_processor, "module.release", "platform.family", "platform.model"
        ),
    ]
    """The newest release of the same line for this processor that tdxinfo knows of."""

    handoff_version: Annotated[Observed[Count], *metadata.word("MODULE_HV")]
    """Version of the handoff data that the module leaves to a successor."""

    min_update_handoff_version: Annotated[Observed[Count], *metadata.word("MIN_UPDATE_HV")]
    """Oldest handoff data that the module can take over."""

    no_downgrade: Annotated[Observed[bool], *metadata.word("NO_DOWNGRADE", bool)]
    """The module takes no handoff data of a newer one."""

    failure: Annotated[
        Observed[Failure], NotLost(MODULE_VERSION, ModuleVersion.parse), KernelLog("failure")
    ]
    """How the initialization failed; null with a source when it did not."""
