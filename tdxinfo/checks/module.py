"""Is the TDX module there, good enough, and running?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.decode import bits, kernels
from tdxinfo.host import Host
from tdxinfo.model.values import Failure
from tdxinfo.model.verdict import Severity, Verdict, failed, passed, skipped, warned

_RUNS = "module.initialized"
_UPDATE = "Update the TDX module, with the firmware or in EFI/TDX on the EFI system partition."
_LOAD = (
    "Enable the SEAM loader in the firmware setup, or put TDX-SEAM.so and its sigstruct in EFI/TDX "
    "on the EFI system partition, then reboot."
)
_DETECTED = ("kernel.tdx_detected", "firmware.seamrr_enabled", "firmware.mcheck")


@check("module.attempted", needs=_DETECTED, proof=_RUNS)
def was_attempted(host: Host) -> Verdict:
    """Somebody tried to initialize the module."""
    state = known(host.module.state)
    if state != "not-attempted":
        return passed("the kernel tried")
    failure = host.module.failure.value
    if failure:
        return failed(failure.message, "Remove what the kernel names, and reboot.")
    return failed(
        "the kernel found KeyIDs, and then nobody asked for the module", _how_to_ask(host)
    )


def _how_to_ask(host: Host) -> str:
    version = kernels.version(host.kernel.release.value or "")
    if version is None or version >= kernels.FIRST_AT_BOOT:
        return "Look at the whole kernel log: `journalctl -k -b`."
    if kernels.FIRST_TDX_HOST <= version < kernels.FIRST_KVM_TDX and kernels.is_upstream(
        host.kernel.release.value or ""
    ):
        return "Boot Linux 6.16 or later: before that, nothing in the kernel starts the TDX module."
    return "Run `modprobe -r kvm_intel && modprobe kvm_intel tdx=1`."


@check("module.loaded", remedy=_LOAD, needs=["module.attempted"], proof=_RUNS)
def is_loaded(host: Host) -> Verdict:
    """The firmware loaded the TDX module."""
    if known(host.module.state) == "not-loaded":
        return failed("the TDX module was never loaded")
    return passed("the module answers")


@check("module.line", remedy=_UPDATE, needs=["module.loaded"], proof=_RUNS)
def line_fits_kernel(host: Host) -> Verdict:
    """The module is of a line that the kernel can drive."""
    failure = host.module.failure.value
    if failure and _lacks_metadata(failure):
        return failed("the module does not answer TDH.SYS.RD: it is older than 1.5")
    version = known(host.module.version)
    kernel = kernels.version(host.kernel.release.value or "")
    if version.major == 1 and version.minor == 0 and kernel and kernel >= kernels.FIRST_TDX_HOST:
        return failed(f"module {version} cannot be driven by Linux 6.8 and later")
    return passed(f"module {version}")


def _lacks_metadata(failure: Failure) -> bool:
    """A 1.0 module under a newer kernel: the first read of a field says that it is not ready."""
    return (
        failure.leaf_name == "TDH.SYS.RD"
        and failure.status is not None
        and failure.status >> 32 == 0xC0000505
    )


@check("module.no_rbp_mod", remedy=_UPDATE, needs=["module.loaded"])
def has_no_rbp_mod(host: Host) -> Verdict:
    """The module has NO_RBP_MOD, so that a TD cannot change the host's RBP."""
    if known(host.module.no_rbp_mod):
        inferred = host.module.no_rbp_mod.origin.startswith("inferred")
        return passed("this kernel would refuse the module otherwise" if inferred else "NO_RBP_MOD")
    return failed("the module lacks NO_RBP_MOD: Linux 6.14 and later refuses it")


@check(
    "module.initialized",
    needs=["module.line", "memory.tdmrs_fit"],
    remedy="Read the kernel log around the failure: `journalctl -k -b -g tdx`.",
)
def is_initialized(host: Host) -> Verdict:
    """The TDX module runs."""
    state = known(host.module.state)
    if state == "initialized":
        return passed("initialized")
    failure = host.module.failure.value
    if failure is None and state == "failed":
        return failed("the module does not run any more", "Reboot.")
    if failure is None:
        return failed(f"the module is {state}")
    return failed(_told(failure), _way_out(failure))


def _told(failure: Failure) -> str:
    parts = [failure.message]
    if failure.leaf_name:
        status = f"{failure.status:#018x}" if failure.status is not None else "an unknown status"
        parts.append(f"{failure.leaf_name} returned {status} {failure.status_name or ''}".rstrip())
    if failure.errno:
        parts.append(f"errno {failure.errno} {failure.errno_name or ''}".rstrip())
    return "; ".join(parts)


_BY_STATUS = {
    0xC0000900: "Update the firmware: it sets CPUID in a way that the module does not accept.",
    0xC0000921: "Update the firmware: it sets an MSR in a way that the module does not accept.",
    0xC0000C00: _UPDATE,
    0xC0000505: _UPDATE,
}
_BY_ERRNO = {
    12: "Initialize the module earlier after boot: the PAMT needs large contiguous memory.",
    13: "Load kvm_intel: the processor is not in VMX operation.",
    19: _LOAD,
    95: "Enable TDX in the firmware setup: the processor refuses SEAMCALL.",
}


def _way_out(failure: Failure) -> str:
    if failure.status is not None and failure.status >> 32 in _BY_STATUS:
        return _BY_STATUS[failure.status >> 32]
    return _BY_ERRNO.get(failure.errno or 0, "")


@check(
    "module.production",
    severity=Severity.WARN,
    remedy="Install a production module: TDs under a debug module are not protected.",
    needs=["module.loaded"],
)
def is_production(host: Host) -> Verdict:
    """The module is a production build."""
    if known(host.module.debug):
        return warned("the module is a debug build")
    return passed("production build")


@check(
    "module.topology_enum", remedy=_UPDATE, needs=["module.initialized"], proof="kvm.tdx_enabled"
)
def has_topology_enum(host: Host) -> Verdict:
    """The module has TOPOLOGY_ENUM, which KVM requires since Linux 6.16."""
    version = kernels.version(known(host.kernel.release))
    if version and version < kernels.FIRST_KVM_TDX:
        return skipped("KVM asks for it from Linux 6.16 on")
    if bits.is_set("TDX_FEATURES0", "TOPOLOGY_ENUM", known(host.module.features0)):
        return passed("TOPOLOGY_ENUM")
    return failed("the module lacks TOPOLOGY_ENUM: kvm_intel does not load with tdx=1")
