"""The P-SEAMLDR, which installs and updates the TDX module."""

from datetime import date
from typing import Annotated

from tdxinfo.decode import lines
from tdxinfo.decode.boot import platform as boot_platform
from tdxinfo.host.section import Section
from tdxinfo.model.values import Count, ModuleVersion
from tdxinfo.sources.files import File
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.msr import Msr
from tdxinfo.sources.vendor import SEAMLDR, SeamldrVersion, day

_DEVICE = "/sys/devices/faux/tdx_host"
_UPDATE = "/sys/class/firmware/tdx_module"


def _is_debug(text: str) -> bool:
    return bool(lines.misprinted_number(text) >> 31 & 1)


class Seamldr(Section, frozen=True):
    volatile = ("update_status",)

    version: Annotated[
        ModuleVersion | None,
        File(f"{_DEVICE}/seamldr_version", ModuleVersion.parse),
        File(f"{_DEVICE}/seamldr/version", ModuleVersion.parse),
        SeamldrVersion(),
        KernelLog(boot_platform.seamldr_version),
    ] = None
    """Version of the P-SEAMLDR. Linux 7.2 shows it where the module can be updated at run time."""

    build_number: Annotated[
        Count | None,
        File(f"{SEAMLDR}/build_num", lines.number),
        KernelLog(boot_platform.seamldr_build_number),
    ] = None
    """Build number of the P-SEAMLDR."""

    build_date: Annotated[
        date | None, File(f"{SEAMLDR}/build_date", day), KernelLog(boot_platform.seamldr_build_date)
    ] = None
    """Day the P-SEAMLDR was built."""

    debug: Annotated[bool | None, File(f"{SEAMLDR}/attributes", _is_debug)] = None
    """The P-SEAMLDR is a debug build."""

    remaining_updates: Annotated[
        Count | None,
        File(f"{_DEVICE}/num_remaining_updates", lines.number),
        File(f"{_DEVICE}/seamldr/num_remaining_updates", lines.number),
    ] = None
    """Updates of the TDX module that are possible before the next reboot."""

    update_status: Annotated[str | None, File(f"{_UPDATE}/status")] = None
    """State of the firmware upload of the TDX module; idle when none is running."""

    update_error: Annotated[str | None, File(f"{_UPDATE}/error")] = None
    """Error of the last firmware upload; empty when it did not fail."""

    acm_svn: Annotated[Count | None, Msr("IA32_SGX_SVN_STATUS", "seamldr_acm_svn")] = None
    """Security version number of the SEAM loader ACM."""
