"""Is this a machine that can have TDX at all?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.decode import cpuinfo
from tdxinfo.host import Host
from tdxinfo.host.platform import INSTRUCTIONS
from tdxinfo.model.verdict import Severity, Verdict, failed, passed, warned

INTEL = "GenuineIntel"
_RUNS = "module.initialized"


@check(
    "cpu.vendor",
    severity=Severity.APPLICABILITY,
    remedy="Look for SEV-SNP on AMD processors; TDX is Intel's.",
    proof=_RUNS,
)
def is_intel(host: Host) -> Verdict:
    """The processor is Intel's."""
    vendor = known(host.platform.vendor)
    return passed(vendor) if vendor == INTEL else failed(f"the processor is of {vendor}")


@check(
    "cpu.bare_metal",
    severity=Severity.APPLICABILITY,
    remedy="Run tdxinfo on the host: a virtual machine cannot see the host's TDX.",
    needs=["cpu.vendor"],
    proof=_RUNS,
)
def is_bare_metal(host: Host) -> Verdict:
    """This is a host, not a guest."""
    kinds = {"vm": "this is a virtual machine", "td-guest": "this is a trust domain, a guest"}
    kind = known(host.platform.virtualization)
    return failed(kinds[kind]) if kind in kinds else passed("bare metal")


@check(
    "cpu.model",
    remedy="Use a processor with TDX: Emerald Rapids or later, or selected Sapphire Rapids.",
    needs=["cpu.bare_metal"],
    proof=_RUNS,
)
def has_tdx_model(host: Host) -> Verdict:
    """The processor's model has TDX."""
    row = cpuinfo.cpu_row(known(host.platform.family), known(host.platform.model))
    if host.keys.tdx_keyids.value:
        return passed("the firmware set KeyIDs aside for TDX")
    if row is None:
        return warned(f"model {host.platform.model.value} is not in tdxinfo's table")
    if row["tdx"] == "no":
        return failed(f"{row['codename']} has no TDX")
    some = ", of which selected parts have TDX" if row["tdx"] == "some" else ""
    return passed(f"{row['codename']}{some}")


@check(
    "cpu.instructions",
    remedy="Enable virtualization in the firmware setup; take `clearcpuid=` off the command line.",
    needs=["cpu.bare_metal"],
    proof=_RUNS,
)
def has_instructions(host: Host) -> Verdict:
    """The instructions that TDX needs are there."""
    present = known(host.platform.instructions)
    missing = [name for name in INSTRUCTIONS if name not in present]
    return failed(f"missing: {', '.join(missing)}") if missing else passed(", ".join(present))


@check(
    "cpu.seamrr",
    remedy="Use a processor with TDX: of Sapphire Rapids only selected parts have it.",
    needs=["cpu.model"],
    proof=_RUNS,
)
def has_seam_registers(host: Host) -> Verdict:
    """The processor has SEAM range registers."""
    if known(host.firmware.seamrr_supported):
        return passed("IA32_MTRRCAP says so")
    return failed("IA32_MTRRCAP has no SEAMRR bit: this part has no TDX")


@check(
    "cpu.production",
    severity=Severity.WARN,
    remedy="Use a production part: attestation fails on others.",
    needs=["cpu.bare_metal"],
)
def is_production(host: Host) -> Verdict:
    """The processor is a production part."""
    if known(host.firmware.preproduction):
        return warned("this is a pre-production part")
    return passed("production part")
