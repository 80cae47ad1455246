"""Is the TDX module there, good enough, and running?"""

from tdxinfo.checks.engine import check, is_absent, known
from tdxinfo.decode import bits, failures, kernels
from tdxinfo.host import Host
from tdxinfo.model.units import counted
from tdxinfo.model.values import Failure
from tdxinfo.model.verdict import Verdict, failed, informed, passed, skipped, warned

_FIRST_UPDATE = (7, 2)
_FIRST_VENDOR_1_5 = (6, 2)


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
    if not is_first and _drives_first_alone(host, kernel):
        return failed(f"this vendor's kernel drives line 1.0 alone, and the module is {version}")
    return passed(f"module {version}")


def _lacks_metadata(failure: Failure) -> bool:
    """A 1.0 module under a newer kernel: the first read of a field says that it is not ready."""
    return (
        failure.leaf_name == "TDH.SYS.RD"
        and failure.status is not None
        and failure.status >> 32 == 0xC0000505
    )


def _drives_first_alone(host: Host, kernel: tuple[int, int] | None) -> bool:
    """Vendors' kernels before Intel's 6.2 know no metadata fields, and nothing newer than 1.0."""
    is_vendors = host.kernel.generation.value in (kernels.VENDOR_BOOT, kernels.VENDOR_KVM)
    return is_vendors and kernel is not None and kernel < _FIRST_VENDOR_1_5


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


@check("module.release")
def is_newest(host: Host) -> Verdict:
    release = known(host.module.release)
    own = host.module.newest_for_processor.value
    newest = own or known(host.module.newest_release)
    which = "of its line for this processor" if own else "of its line"
    if release == newest:
        return passed(f"{release} is the newest {which} that tdxinfo knows of")
    return warned(f"it is {release}, and {which} {newest} is known")


@check("module.fits_processor")
def is_made_for_processor(host: Host) -> Verdict:
    release, codename = known(host.module.release), host.platform.codename.value
    if known(host.module.fits_processor):
        return passed(f"{release} lists {codename}")
    return failed(f"{release} is not made for {codename}")


@check("module.vcpus")
def gives_enough_vcpus(host: Host) -> Verdict:
    if known(host.kernel.generation) not in kernels.UPSTREAM_KVM:
        return skipped("KVM compares them from Linux 6.16 on")
    limit, cpus = known(host.td.max_vcpus), known(host.platform.cpus_present)
    told = f"a TD has up to {limit} virtual CPUs, the host {counted(cpus, 'CPU')}"
    return passed(told) if limit >= cpus else failed(told)


_REPLACE = "Put the new module into EFI/TDX on the EFI system partition, and reboot."


@check("module.update_ready")
def can_be_updated(host: Host) -> Verdict:
    left = host.seamldr.remaining_updates.value
    if left is not None:
        told = f"{counted(left, 'update')} left before a reboot" if left else "no update is left"
        return passed(told) if left else failed(told)
    if "seamret_invd_vmcs" in (host.platform.errata.value or ()):
        return failed("the processor's erratum seamret_invd_vmcs excludes it", _REPLACE)
    features0 = host.module.features0.value
    if features0 is not None and not bits.is_set("TDX_FEATURES0", "TD_PRESERVING", features0):
        return failed("the module lacks TD_PRESERVING", _REPLACE)
    running = kernels.version(host.kernel.release.value or "")
    if running and running < _FIRST_UPDATE:
        return failed("Linux updates the module at run time from 7.2 on", _REPLACE)
    known(host.seamldr.remaining_updates)
    return failed("no update is left")


@check("module.last_update")
def last_update_went_well(host: Host) -> Verdict:
    error = known(host.seamldr.update_error)
    return failed(f"it ended with {error}") if error else passed("no upload failed")


@check("module.calls")
def no_call_failed(host: Host) -> Verdict:
    calls = known(host.module.failed_calls)
    return failed("; ".join(calls[:3])) if calls else passed("the log tells of none")


_MODULE_FILE, _SIGNATURE = "TDX-SEAM.so", "TDX-SEAM.so.sigstruct"


@check("module.esp")
def esp_is_in_order(host: Host) -> Verdict:
    if is_absent(host.module.esp_files):
        return passed("there is no folder EFI/TDX")
    there = {name.lower() for name in known(host.module.esp_files)}
    found = [name for name in (_MODULE_FILE, _SIGNATURE) if name.lower() in there]
    if len(found) == 1:
        return failed(f"{found[0]} lies there alone")
    if found:
        return informed("a module with its signature lies there, for the next boot")
    return passed("no module lies there")
