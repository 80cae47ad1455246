"""The P-SEAMLDR, which installs and updates the TDX module."""

from datetime import date
from typing import Annotated

from tdxinfo.decode import lines
from tdxinfo.host.section import Section
from tdxinfo.model.observed import Observed
from tdxinfo.model.values import Count, ModuleVersion
from tdxinfo.sources.files import File
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.msr import Msr
from tdxinfo.sources.vendor import SEAMLDR, SeamldrVersion, day

_DEVICE = "/sys/devices/faux/tdx_host"
_UPDATE = "/sys/class/firmware/tdx_module"


def _is_debug(text: str) -> bool:
    return bool(lines.misprinted_number(text) >> 31 & 1)


class Seamldr(Section):
    momentary = ("update_status",)

    version: Annotated[
        Observed[ModuleVersion],
        File(f"{_DEVICE}/seamldr_version", ModuleVersion.parse),
        File(f"{_DEVICE}/seamldr/version", ModuleVersion.parse),
        SeamldrVersion(),
        KernelLog("seamldr_version"),
    ]
    """Version of the P-SEAMLDR. Linux 7.2 shows it where the module can be updated at run time."""

    build_number: Annotated[
        Observed[Count],
        File(f"{SEAMLDR}/build_num", lines.number),
        KernelLog("seamldr_build_number"),
    ]
    """Build number of the P-SEAMLDR."""

    build_date: Annotated[
        Observed[date], File(f"{SEAMLDR}/build_date", day), KernelLog("seamldr_build_date")
    ]
    """Day the P-SEAMLDR was built."""

    debug: Annotated[Observed[bool], File(f"{SEAMLDR}/attributes", _is_debug)]
    """The P-SEAMLDR is a debug build."""

    remaining_updates: Annotated[
        Observed[Count],
        File(f"{_DEVICE}/num_remaining_updates", lines.number),
        File(f"{_DEVICE}/seamldr/num_remaining_updates", lines.number),
    ]
    """Updates of the TDX module that are possible before the next reboot."""

    update_status: Annotated[Observed[str], File(f"{_UPDATE}/status")]
    """What the firmware upload of the TDX module does now; idle when nothing."""

    update_error: Annotated[Observed[str], File(f"{_UPDATE}/error")]
    """How the last upload failed; empty when it did not."""

    acm_svn: Annotated[Observed[Count], Msr("IA32_SGX_SVN_STATUS", "seamldr_acm_svn")]
    """Security version number of the SEAM loader ACM."""
