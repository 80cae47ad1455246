"""What the firmware set up: memory encryption, the SEAM range, SGX."""

from typing import Annotated

from tdxinfo.decode.boot import platform as boot_platform
from tdxinfo.host.section import Section
from tdxinfo.model.values import Bits64, Count, Names
from tdxinfo.sources.files import File
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.msr import Msr, PackageDifferences
from tdxinfo.sources.processor import FlagImplies

_DMI = "/sys/class/dmi/id"


class Firmware(Section, frozen=True):
    vendor: Annotated[str | None, File(f"{_DMI}/bios_vendor")] = None
    """Who made the firmware."""

    version: Annotated[
        str | None, File(f"{_DMI}/bios_version"), KernelLog(boot_platform.bios_version)
    ] = None
    """The firmware's version."""

    date: Annotated[str | None, File(f"{_DMI}/bios_date"), KernelLog(boot_platform.bios_date)] = (
        None
    )
    """The firmware's date, in the firmware's own format."""

    tme_enabled: Annotated[
        bool | None,
        Msr("IA32_TME_ACTIVATE", "tme_enable", bool),
        FlagImplies("tme"),
        KernelLog(boot_platform.tme_enabled),
    ] = None
    """Total Memory Encryption is on."""

    tme_locked: Annotated[bool | None, Msr("IA32_TME_ACTIVATE", "lock", bool)] = None
    """Memory encryption can no longer be changed until reset."""

    tme_bypass: Annotated[bool | None, Msr("IA32_TME_ACTIVATE", "bypass_enable", bool)] = None
    """Memory of KeyID 0 is left unencrypted, for speed."""

    keyid_bits: Annotated[
        Count | None, Msr("IA32_TME_ACTIVATE", "keyid_bits"), KernelLog(boot_platform.keyid_bits)
    ] = None
    """Physical address bits that carry KeyIDs."""

    seamrr_supported: Annotated[bool | None, Msr("IA32_MTRRCAP", "seamrr", bool)] = None
    """The processor has SEAM range registers: without them it has no TDX."""

    seamrr_configured: Annotated[bool | None, Msr("IA32_SEAMRR_PHYS_BASE", "configured", bool)] = (
        None
    )
    """The firmware chose the memory range that holds the TDX module."""

    seamrr_enabled: Annotated[
        bool | None,
        Msr("IA32_SEAMRR_PHYS_MASK", "valid", bool),
        KernelLog(boot_platform.seamrr_enabled),
    ] = None
    """The firmware enabled the SEAM range (SEAMRR), which it does when TDX is enabled."""

    seamrr_locked: Annotated[bool | None, Msr("IA32_SEAMRR_PHYS_MASK", "lock", bool)] = None
    """The SEAM range can no longer be changed until reset."""

    sgx_enabled: Annotated[
        bool | None,
        Msr("IA32_FEATURE_CONTROL", "sgx_enable", bool),
        FlagImplies("sgx"),
        KernelLog(boot_platform.sgx_enabled),
    ] = None
    """SGX is on; TDX attestation needs it."""

    vmx_enabled: Annotated[
        bool | None,
        Msr("IA32_FEATURE_CONTROL", "vmx_outside_smx", bool),
        KernelLog(boot_platform.vmx_enabled),
    ] = None
    """VMX is on; the kernel cannot call the TDX module without it."""

    mcheck_status: Annotated[Bits64 | None, Msr("SGX_AND_MCHECK_STATUS", "status")] = None
    """Status of MCHECK, the microcode's check of the platform; 0 is success."""

    package_differences: Annotated[Names | None, PackageDifferences()] = None
    """MSRs of TDX that differ between processor packages, one sentence for each."""

    preproduction: Annotated[bool | None, Msr("PLATFORM_INFO", "preproduction", bool)] = None
    """The processor is a pre-production part."""
