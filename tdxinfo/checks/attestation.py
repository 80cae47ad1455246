"""Can a trust domain prove what it is (attestation)? By default this only informs."""

from tdxinfo.checks.engine import check, known
from tdxinfo.checks.units import size
from tdxinfo.decode import bits
from tdxinfo.model.verdict import Verdict, failed, informed, passed, skipped
from tdxinfo.report import Report

_EPC_WANTED = 128 << 20
_LOG = "Read the kernel log around it: `journalctl -k -b -g quote`."


def _not_required(report: Report) -> Verdict | None:
    """Skips what a module that makes quotes itself does not need; None for other modules."""
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
            return informed("use_secure_cert is on: a self-signed cache on this host is refused")
        return passed("use_secure_cert is on")
    return failed("use_secure_cert is off")


@check("attestation.registration")
def platform_is_registered(report: Report) -> Verdict:
    state = known(report.host.attestation.registration)
    return (
        passed(f"registration with Intel: {state}")
        if state == "complete"
        else failed(f"registration with Intel: {state}")
    )


@check("attestation.efivars")
def efivars_are_writable(report: Report) -> Verdict:
    if known(report.host.attestation.efivars_writable):
        return passed("efivarfs is mounted for writing")
    return failed("efivarfs is mounted read-only")
