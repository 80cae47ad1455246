"""What proves to others that a trust domain is one: SGX, quoting, registration."""

from typing import Annotated

from tdxinfo.decode import userspace
from tdxinfo.decode.boot import module as boot_module
from tdxinfo.host.section import Section
from tdxinfo.model.values import Size
from tdxinfo.sources.files import Binary
from tdxinfo.sources.folders import Device
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.userspace import ConfigValue, Epc, SystemdUnit

_EFIVARS = "/sys/firmware/efi/efivars"
_STATUS = f"{_EFIVARS}/SgxRegistrationStatus-f236c5dc-a491-4bbe-bcdd-88885770df45"
_QCNL = "/etc/sgx_default_qcnl.conf"


def _pccs_is_local(text: str) -> bool | str:
    url = str(userspace.qcnl(text).get("pccs_url", ""))
    return any(f"//{name}" in url for name in ("localhost", "127.", "[::1]")) if url else ""


def _checks_certificate(text: str) -> bool | str:
    return userspace.qcnl(text).get("use_secure_cert", "")


def _efivars_writable(text: str) -> bool | str:
    found = userspace.is_writable_mount(text, _EFIVARS)
    return "" if found is None else found


class Attestation(Section, frozen=True):
    sgx_enclave: Annotated[bool | None, Device("/dev/sgx_enclave")] = None
    """Enclaves can be made; quotes are signed in one."""

    sgx_provision: Annotated[bool | None, Device("/dev/sgx_provision")] = None
    """Enclaves can have the key that quotes are certified with."""

    epc_bytes: Annotated[Size | None, Epc()] = None
    """Memory for SGX enclaves in all NUMA nodes."""

    quote_buffer: Annotated[bool | None, KernelLog(boot_module.quote_buffer)] = None
    """The kernel has a buffer for quotes that the module makes itself; false where it failed."""

    quote_service: Annotated[bool | None, SystemdUnit("qgsd.service")] = None
    """Intel's quote generation service runs."""

    pccs: Annotated[bool | None, SystemdUnit("pccs.service")] = None
    """A certificate cache (PCCS) runs on this host."""

    pccs_is_local: Annotated[bool | None, ConfigValue(_QCNL, "pccs_url", _pccs_is_local)] = None
    """The quote provider asks a certificate cache on this host, not another's."""

    checks_certificate: Annotated[
        bool | None, ConfigValue(_QCNL, "use_secure_cert", _checks_certificate)
    ] = None
    """The quote provider checks the certificate cache's own certificate."""

    registration: Annotated[
        str | None,
        Binary(_STATUS, userspace.registration_of_variable),
        ConfigValue("/var/log/mpa_registration.log", "outcome", userspace.registration_of_log),
    ] = None
    """Whether Intel knows the platform: complete, pending, failed or not sent."""

    efivars_writable: Annotated[
        bool | None, ConfigValue("/proc/self/mounts", "efivarfs", _efivars_writable)
    ] = None
    """EFI variables are mounted for writing, as registration needs."""
