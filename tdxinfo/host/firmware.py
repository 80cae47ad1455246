"""What the firmware set up: memory encryption, the SEAM range, SGX."""

from typing import Annotated

from tdxinfo.host.section import Section
from tdxinfo.model.observed import Observed
from tdxinfo.model.values import Bits64, Count
from tdxinfo.sources.files import File
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.msr import Msr
from tdxinfo.sources.processor import FlagImplies

_DMI = "/sys/class/dmi/id"


class Firmware(Section):
    vendor: Annotated[Observed[str], File(f"{_DMI}/bios_vendor")]
    """Who made the firmware."""

    version: Annotated[Observed[str], File(f"{_DMI}/bios_version"), KernelLog("bios_version")]
    """The firmware's version."""

    date: Annotated[Observed[str], File(f"{_DMI}/bios_date"), KernelLog("bios_date")]
    """The firmware's date, as it spells it."""

    tme_enabled: Annotated[
        Observed[bool],
        Msr("IA32_TME_ACTIVATE", "tme_enable", bool),
        FlagImplies("tme"),
        KernelLog("tme_enabled"),
    ]
    """Total Memory Encryption is on."""

    tme_locked: Annotated[Observed[bool], Msr("IA32_TME_ACTIVATE", "lock", bool)]
    """Memory encryption can no longer be changed until reset."""

    tme_bypass: Annotated[Observed[bool], Msr("IA32_TME_ACTIVATE", "bypass_enable", bool)]
    """Memory of KeyID 0 is left unencrypted, for speed."""

    keyid_bits: Annotated[
        Observed[Count], Msr("IA32_TME_ACTIVATE", "keyid_bits"), KernelLog("keyid_bits")
    ]
    """Physical address bits that carry KeyIDs."""

    seamrr_supported: Annotated[Observed[bool], Msr("IA32_MTRRCAP", "seamrr", bool)]
    """The processor has SEAM range registers: without them it has no TDX."""

    seamrr_configured: Annotated[Observed[bool], Msr("IA32_SEAMRR_PHYS_BASE", "configured", bool)]
    """The firmware chose the memory that the TDX module lives in."""

    seamrr_enabled: Annotated[
        Observed[bool],
        Msr("IA32_SEAMRR_PHYS_MASK", "valid", bool),
        KernelLog("seamrr_enabled"),
    ]
    """The SEAM range is in force: the firmware enabled TDX."""

    seamrr_locked: Annotated[Observed[bool], Msr("IA32_SEAMRR_PHYS_MASK", "lock", bool)]
    """The SEAM range can no longer be changed until reset."""

    sgx_enabled: Annotated[
        Observed[bool], Msr("IA32_FEATURE_CONTROL", "sgx_enable", bool), FlagImplies("sgx")
    ]
    """SGX is on; TDX attestation needs it."""

    mcheck_status: Annotated[Observed[Bits64], Msr("SGX_AND_MCHECK_STATUS", "status")]
    """What MCHECK, the microcode's check of the platform, ended with; 0 when all is well."""

    preproduction: Annotated[Observed[bool], Msr("PLATFORM_INFO", "preproduction", bool)]
    """The processor is a pre-production part."""
