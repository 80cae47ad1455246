"""Is the TDX module there, good enough, and running?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.decode import bits, failures, kernels
from tdxinfo.host import Host
from tdxinfo.model.values import Failure
from tdxinfo.model.verdict import Verdict, failed, passed, skipped, warned


@check("module.attempted")
def was_attempted(host: Host) -> Verdict:
    state = known(host.module.state)
    if state != "not-attempted":
        return passed("the kernel tried")
    failure = host.module.failure.value
    if failure:
        reading = failures.of_failure(failure)
        return failed(
            failure.message, reading.remedy or "Remove what the kernel names, and reboot."
        )
    reading = failures.of_silence(host.kernel.generation.value or "")
    silence = "the kernel found KeyIDs, and then nobody asked for the module"
    return failed(f"{silence}: {reading.cause}" if reading.cause else silence, reading.remedy)


@check("module.loaded")
def is_loaded(host: Host) -> Verdict:
    if known(host.module.state) == "not-loaded":
        return failed("the TDX module was never loaded")
    return passed("the module answers")


@check("module.line")
def line_fits_kernel(host: Host) -> Verdict:
    failure = host.module.failure.value
    if failure and _lacks_metadata(failure):
        return failed("the module does not answer TDH.SYS.RD: it is older than 1.5")
    version = known(host.module.version)
    kernel = kernels.version(host.kernel.release.value or "")
    is_first = (version.major, version.minor) == (1, 0)
    if is_first and kernel and kernel >= kernels.FIRST_TDX_HOST:
        return failed(f"module {version} cannot be driven by Linux 6.8 and later")
    if not is_first and host.kernel.generation.value == kernels.VENDOR_BOOT:
        return failed(f"this vendor's kernel drives line 1.0 alone, and the module is {version}")
    return passed(f"module {version}")


def _lacks_metadata(failure: Failure) -> bool:
    """A 1.0 module under a newer kernel: the first read of a field says that it is not ready."""
    return (
        failure.leaf_name == "TDH.SYS.RD"
        and failure.status is not None
        and failure.status >> 32 == 0xC0000505
    )


@check("module.no_rbp_mod")
def has_no_rbp_mod(host: Host) -> Verdict:
    if known(host.module.no_rbp_mod):
        inferred = host.module.no_rbp_mod.origin.startswith("inferred")
        return passed("this kernel would refuse the module otherwise" if inferred else "NO_RBP_MOD")
    return failed("the module lacks NO_RBP_MOD: Linux 6.14 and later refuses it")


@check("module.initialized")
def is_initialized(host: Host) -> Verdict:
    state = known(host.module.state)
    if state == "initialized":
        return passed("initialized")
    failure = host.module.failure.value
    if failure is None and state == "failed":
        return failed("the module does not run any more", "Reboot.")
    if failure is None:
        return failed(f"the module is {state}")
    reading = failures.of_failure(failure)
    return failed("; ".join([*_told(failure), reading.cause]).rstrip("; "), reading.remedy)


def _told(failure: Failure) -> list[str]:
    """What the kernel said, part by part."""
    parts = [failure.message]
    if failure.leaf_name:
        status = f"{failure.status:#018x}" if failure.status is not None else "an unknown status"
        parts.append(f"{failure.leaf_name} returned {status} {failure.status_name or ''}".rstrip())
    if failure.errno:
        parts.append(f"errno {failure.errno} {failure.errno_name or ''}".rstrip())
    return parts


@check("module.production")
def is_production(host: Host) -> Verdict:
    if known(host.module.debug):
        return warned("the module is a debug build")
    return passed("production build")


@check("module.topology_enum")
def has_topology_enum(host: Host) -> Verdict:
    if known(host.kernel.generation) not in kernels.UPSTREAM_KVM:
        return skipped("KVM asks for it from Linux 6.16 on")
    if bits.is_set("TDX_FEATURES0", "TOPOLOGY_ENUM", known(host.module.features0)):
        return passed("TOPOLOGY_ENUM")
    return failed("the module lacks TOPOLOGY_ENUM: kvm_intel does not load with tdx=1")
