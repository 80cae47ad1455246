"""Attestation, which proves to others what a trust domain is: SGX, quotes, registration."""

from typing import Annotated

from tdxinfo.decode import services, tcb, userspace
from tdxinfo.decode.boot import module as boot_module
from tdxinfo.errors import Malformed
from tdxinfo.host.section import Section
from tdxinfo.model.tcb import Fmspc, Svns, TcbInfo, TcbInfos
from tdxinfo.model.values import Count, Names, Size
from tdxinfo.sources.files import Binary
from tdxinfo.sources.folders import Device
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.pccs import Pccs
from tdxinfo.sources.services import EndpointArgument, QuoteClients, QuoteSocket, ServiceRuns
from tdxinfo.sources.userspace import ConfigValue, Epc
from tdxinfo.sources.vsock import VsockListeners

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


def _cpu_svn(tcbm: object) -> tuple[int, ...]:
    return tcb.cpu_svn_of(tcbm)[0]


def _pce_svn(tcbm: object) -> int:
    return tcb.cpu_svn_of(tcbm)[1]


def _tcb_infos(records: object) -> tuple[TcbInfo, ...]:
    if not isinstance(records, list):
        raise Malformed("its TCB infos are not a list")
    return tuple(map(tcb.from_record, records))


class Attestation(Section, frozen=True):
    sgx_enclave: Annotated[bool | None, Device("/dev/sgx_enclave")] = None
    """SGX enclaves can be created; quotes are signed in one."""

    sgx_provision: Annotated[bool | None, Device("/dev/sgx_provision")] = None
    """SGX enclaves can use the key with which quotes are certified."""

    epc_bytes: Annotated[Size | None, Epc()] = None
    """Memory for SGX enclaves in all NUMA nodes."""

    quote_buffer: Annotated[bool | None, KernelLog(boot_module.quote_buffer)] = None
    """The kernel has a buffer for quotes that the module makes itself; false where it failed."""

    quote_service: Annotated[bool | None, ServiceRuns("quote")] = None
    """The quote generation service (QGS) runs, as a unit, behind a socket or in a container."""

    quote_endpoint: Annotated[
        str | None,
        EndpointArgument(),
        ConfigValue(services.QGS_CONF, "port", services.of_configuration),
    ] = None
    """Where the quote service is configured to listen: a vsock port or a unix socket."""

    quote_socket: Annotated[str | None, QuoteSocket("path")] = None
    """The unix socket of the quote service, if it exists."""

    quote_socket_mode: Annotated[str | None, QuoteSocket("mode")] = None
    """Octal mode of the quote service's socket: anybody who may write may request quotes."""

    quote_socket_group: Annotated[str | None, QuoteSocket("group")] = None
    """Group of the quote service's socket, or its number if the name may be a person's."""

    quote_socket_for_qemu: Annotated[bool | None, QuoteSocket("qemu_may_open")] = None
    """The user under whom libvirt runs QEMU may open the quote service's socket."""

    vsock_listeners: Annotated[tuple[Count, ...] | None, VsockListeners()] = None
    """Ports of vsock on which programs of this host listen."""

    quote_clients: Annotated[Names | None, QuoteClients()] = None
    """Addresses at which QEMU, libvirt or Kata on this host look for the quote service."""

    pccs: Annotated[bool | None, ServiceRuns("pccs")] = None
    """A certificate cache (PCCS) runs on this host."""

    pck_platforms: Annotated[Count | None, Pccs("platforms")] = None
    """Platforms in the certificate cache of this host, which may serve others too."""

    pck_certified: Annotated[Count | None, Pccs("certified")] = None
    """Platforms in the certificate cache with a PCK certificate: only registered ones have one."""

    fmspc: Annotated[Fmspc | None, Pccs("fmspc")] = None
    """FMSPC: Intel's code for this kind of platform, if the certificate cache has only one."""

    cpu_svn: Annotated[Svns | None, Pccs("tcbm", _cpu_svn)] = None
    """CPUSVN: security versions of 16 components, as of the last retrieval of a certificate."""

    pce_svn: Annotated[Count | None, Pccs("tcbm", _pce_svn)] = None
    """PCESVN: security version of the PCE, as of the last retrieval of a certificate."""

    tcb_infos: Annotated[TcbInfos | None, Pccs("tcb_infos", _tcb_infos)] = None
    """Intel's TCB info for the platforms of the certificate cache, or of --tcb-info. Whether Intel
    signed it was not checked."""

    pccs_is_local: Annotated[bool | None, ConfigValue(_QCNL, "pccs_url", _pccs_is_local)] = None
    """The quote provider asks a certificate cache on this host, not one on another host."""

    checks_certificate: Annotated[
        bool | None, ConfigValue(_QCNL, "use_secure_cert", _checks_certificate)
    ] = None
    """The quote provider checks the certificate cache's own certificate."""

    registration: Annotated[
        str | None,
        Binary(_STATUS, userspace.registration_of_variable),
        ConfigValue("/var/log/mpa_registration.log", "outcome", userspace.registration_of_log),
    ] = None
    """State of the registration by the firmware, else by the registration agent: complete,
    pending, failed or not sent. Both report complete on hosts without a certificate too."""

    registration_log: Annotated[
        str | None,
        ConfigValue("/var/log/mpa_registration.log", "outcome", userspace.registration_of_log),
    ] = None
    """Result of the registration agent's last run, from its log: complete, failed or not sent."""

    efivars_writable: Annotated[
        bool | None,
        # The mounts of a service that systemd confines are read-only; init's are the host's.
        ConfigValue("/proc/1/mounts", "efivarfs", _efivars_writable),
        ConfigValue("/proc/self/mounts", "efivarfs", _efivars_writable),
    ] = None
    """EFI variables are mounted writable, which registration needs."""
