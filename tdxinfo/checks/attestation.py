"""Can a trust domain prove what it is (attestation)? By default this informs or warns."""

from tdxinfo.checks.engine import check, known
from tdxinfo.checks.units import size
from tdxinfo.decode import bits, services
from tdxinfo.model.verdict import Verdict, failed, informed, passed, skipped, unknown
from tdxinfo.report import Report

_EPC_WANTED = 128 << 20
_LOG = "Read the kernel log around it: `journalctl -k -b -g quote`."


def _not_required(report: Report) -> Verdict | None:
    """A skipped check, if the module makes quotes itself and so does not need it; else None."""
    features0 = report.host.module.features0
    if features0 is None or not bits.is_set("TDX_FEATURES0", "QUOTE", features0):
        return None
    return skipped("not required: this module makes quotes itself")


@check("attestation.sgx_devices")
def enclaves_can_be_made(report: Report) -> Verdict:
    exempt = _not_required(report)
    if exempt:
        return exempt
    there = {
        "/dev/sgx_enclave": known(report.host.attestation.sgx_enclave),
        "/dev/sgx_provision": known(report.host.attestation.sgx_provision),
    }
    missing = [name for name, is_there in there.items() if not is_there]
    return (
        failed(f"missing devices: {', '.join(missing)}")
        if missing
        else passed(f"devices: {', '.join(there)}")
    )


@check("attestation.epc")
def epc_suffices(report: Report) -> Verdict:
    exempt = _not_required(report)
    if exempt:
        return exempt
    epc = known(report.host.attestation.epc_bytes)
    message = f"{size(epc)} of memory for SGX enclaves"
    if epc >= _EPC_WANTED:
        return passed(message)
    return failed(f"{message}, and {size(_EPC_WANTED)} are recommended")


@check("attestation.quote_service")
def quotes_are_made(report: Report) -> Verdict:
    if report.host.attestation.quote_buffer is False:
        return failed("the kernel could not make a buffer for the module's quotes", _LOG)
    exempt = _not_required(report)
    if exempt:
        return exempt
    return (
        passed("the quote generation service is running")
        if known(report.host.attestation.quote_service)
        else failed("the quote generation service is not running")
    )


@check("attestation.quote_transport")
def clients_reach_quote_service(report: Report) -> Verdict:
    """Compares each endpoint that QEMU, libvirt or Kata use with that of the quote service."""
    exempt = _not_required(report)
    if exempt:
        return exempt
    clients = known(report.host.attestation.quote_clients)
    answers = [(client, *_reached(report, client)) for client in clients]
    for client, is_reached, reason in answers:
        if is_reached is False:
            looked = f"VMs look for the quote service at {client}"
            if report.host.attestation.quote_service is False:
                return failed(f"{looked}, and it is not running", _START)
            return failed(f"{looked}: {reason}", _transport_remedy(report, client, reason))
    for client, is_reached, reason in answers:
        if is_reached is None:
            return unknown(f"VMs look for the quote service at {client}: {reason}")
    return passed(f"VMs find the quote service at {', '.join(clients)}")


_START = "Run `systemctl enable --now {quote_unit}`."
_RESTART = (
    "Run `systemctl restart {quote_unit}`, and read its log (`journalctl -b -u {quote_unit}`)."
)
_NO_SOCKET = "the socket does not exist"
_DENIED_SOCKET = "the user under whom libvirt runs QEMU cannot open the socket"


def _reached(report: Report, client: str) -> tuple[bool | None, str]:
    """Whether the quote service listens at the client's endpoint (None: unknown), and why not."""
    attestation = report.host.attestation
    kind, _, place = client.partition(":")
    endpoint = attestation.quote_endpoint
    if kind == "vsock" and attestation.vsock_listeners is not None:
        return _listened(report, int(place), _elsewhere(endpoint, client))
    if kind == "unix" and attestation.quote_socket == place:
        if attestation.quote_socket_for_qemu is False:
            mode, group = attestation.quote_socket_mode, attestation.quote_socket_group
            return False, f"{_DENIED_SOCKET} (mode {mode}, group {group})"
        return True, ""
    if client == services.OTHER_SOCKET:
        return None, "whether a quote service listens there is unknown"
    if endpoint is not None and endpoint != client:
        return False, f"the quote service is configured to listen at {endpoint}"
    if kind == "unix" and place == services.default_socket():
        if report.is_absent("attestation.quote_socket"):
            return False, _NO_SOCKET
        return None, "whether the socket exists is unknown"
    if endpoint is None:
        return None, "where the quote service listens is unknown"
    return True, ""


def _listened(report: Report, port: int, elsewhere: str) -> tuple[bool | None, str]:
    """Whether the quote service listens on a vsock port, by the list of all that are listened on.

    Any user of the host may listen on one.
    """
    attestation = report.host.attestation
    if port not in (attestation.vsock_listeners or ()):
        return False, f"nothing listens on vsock port {port}{elsewhere}"
    if attestation.quote_service is False:
        return None, "a program listens there, and the quote service is not running"
    return True, ""


def _elsewhere(endpoint: str | None, client: str) -> str:
    """Where the quote service is configured to listen instead, as a clause."""
    if endpoint is None or endpoint == client:
        return ""
    return f", and the quote service is configured to listen at {endpoint}"


def _transport_remedy(report: Report, client: str, reason: str) -> str:
    """The remedy: how to give both the same endpoint, or QEMU the right to open the socket.

    Where no configuration names another endpoint, the service has only to listen.
    """
    if reason.startswith(_DENIED_SOCKET):
        return (
            "Run `usermod -aG {quote_user} {qemu_user}`, or give the socket's folder and the "
            "socket a group that {qemu_user} is in; then restart the VMs."
        )
    kind, _, place = client.partition(":")
    if report.host.attestation.quote_endpoint == client or reason == _NO_SOCKET:
        return _RESTART if report.host.attestation.quote_service else _START
    line = f"Set `port = {place}`" if kind == "vsock" else "Remove the line `port`"
    return (
        f"{line} in {services.QGS_CONF} and run `systemctl restart {{quote_unit}}`, or have the "
        "VMs look where the quote service listens."
    )


@check("attestation.pccs")
def cache_is_within_reach(report: Report) -> Verdict:
    exempt = _not_required(report)
    if exempt:
        return exempt
    if report.host.attestation.pccs_is_local is False:
        return passed("the quote provider uses the PCCS of another host")
    if known(report.host.attestation.pccs):
        return passed("pccs is running on this host")
    if report.host.attestation.pccs_is_local:
        return failed("the quote provider uses a PCCS on this host, and pccs is not running")
    return failed("pccs is not running on this host, and no other PCCS is configured")


@check("attestation.certificate")
def certificate_is_checked(report: Report) -> Verdict:
    if known(report.host.attestation.checks_certificate):
        if report.host.attestation.pccs_is_local:
            return informed(
                "the quote provider has use_secure_cert on: it refuses a PCCS on this host with a "
                "self-signed certificate"
            )
        return passed("the quote provider has use_secure_cert on")
    return failed("the quote provider has use_secure_cert off")


@check("attestation.registration")
def platform_is_registered(report: Report) -> Verdict:
    """Only a certificate proves registration; what firmware and agent report is added."""
    certified, platforms = (
        report.host.attestation.pck_certified,
        report.host.attestation.pck_platforms,
    )
    if certified and platforms == 1:
        return passed("PCCS's cache has a PCK certificate of its only platform")
    said = _said_of_registration(report)
    if certified is not None:
        if certified:
            message = f"PCCS's cache has certificates of {certified} of {platforms} platforms"
            return unknown(f"{message}; which one is this host is unknown{said}", _OWN_CACHE)
        return failed(f"PCCS's cache on this host has no PCK certificate{said}")
    if known(report.host.attestation.registration) != "complete":
        return failed(f"registration is not complete{said}")
    return unknown(f"whether this platform has a PCK certificate is unknown{said}", _OTHER_CACHE)


_OWN_CACHE = (
    "Compare the QE id that {pck_tool} prints with `sqlite3 -readonly {pccs_cache} 'SELECT "
    "DISTINCT qe_id FROM pck_cert'`."
)
_OTHER_CACHE = (
    "On the host of the PCCS, as root: `sqlite3 -readonly {pccs_cache} 'SELECT count(*) FROM "
    "pck_cert'`. Or let a TD request a quote: it fails with 0xe011 without a certificate."
)


def _said_of_registration(report: Report) -> str:
    """What the firmware and the agent say, as a clause; empty where neither is known."""
    by_variable = report.host.attestation.registration
    by_log = report.host.attestation.registration_log
    if by_log and report.origin_of("attestation.registration").startswith("file:"):
        by_variable = None
    said = [f"the EFI variable says {by_variable}"] if by_variable else []
    said += [f"the agent's log says {by_log}"] if by_log else []
    return f" ({', '.join(said)})" if said else ""


@check("attestation.efivars")
def efivars_are_writable(report: Report) -> Verdict:
    if known(report.host.attestation.efivars_writable):
        return passed("efivarfs is mounted for writing")
    return failed("efivarfs is mounted read-only")
