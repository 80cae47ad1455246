"""Is the loaded TDX module recent enough, and initialized?"""

from tdxinfo.checks import evidence
from tdxinfo.checks.engine import check, known
from tdxinfo.checks.units import counted
from tdxinfo.decode import bits, failures, kernels, releases
from tdxinfo.decode.releases import Release
from tdxinfo.model.values import Failure, ModuleVersion
from tdxinfo.model.verdict import Verdict, failed, informed, passed, skipped, unknown, warned
from tdxinfo.report import Report
from tdxinfo.sources.files import LOAD_DRIVER

_FIRST_LINE = "1.0"


@check("module.line")
def line_fits_kernel(report: Report) -> Verdict:
    failure = report.host.module.failure
    if failure and _lacks_metadata(failure):
        return failed("the module does not answer TDH.SYS.RD: it is older than 1.5")
    version = known(report.host.module.version)
    proof = evidence.proof_of(report, "kernel-supports-module")
    if proof:
        return passed(f"module {version}: {proof}")
    release = report.host.kernel.release or ""
    kernel = evidence.upstream_version(report)
    line = f"{version.major}.{version.minor}"
    if line == _FIRST_LINE and kernel and kernel >= kernels.FIRST_TDX_HOST:
        return failed(f"Linux 6.8 and later do not support module {version}")
    only = kernels.only_line(release)
    if only and line != only:
        return failed(f"this kernel supports only {only} modules, and the module is {version}")
    return passed(f"module {version}: no conflict with this kernel is known")


def _lacks_metadata(failure: Failure) -> bool:
    """A 1.0 module under a newer kernel: the first read of a field says that it is not ready."""
    return (
        failure.leaf_name == "TDH.SYS.RD"
        and failure.status is not None
        and failure.status >> 32 == 0xC0000505
    )


@check("module.no_rbp_mod")
def has_no_rbp_mod(report: Report) -> Verdict:
    if not known(report.host.module.no_rbp_mod):
        if report.host.module.state == "initialized":
            return failed(
                "the module lacks NO_RBP_MOD: this kernel runs it, but a TD can change a register "
                "that the host uses, and Linux 6.14 and later refuse it"
            )
        return failed("the module lacks NO_RBP_MOD: Linux 6.14 and later refuse it")
    origin = report.origin_of("module.no_rbp_mod")
    if origin == "inferred:module.release_features":
        return passed(f"release {report.host.module.release} has NO_RBP_MOD")
    if origin.startswith("inferred"):
        return passed("implied: this kernel refuses modules without NO_RBP_MOD")
    return passed("the module has NO_RBP_MOD")


@check("module.initialized")
def is_initialized(report: Report) -> Verdict:
    state = known(report.host.module.state)
    if state == "initialized":
        return passed("the module is initialized")
    if report.host.module.last_update == _LOST:
        return failed(f"{_failed_update(report)}: no module runs until the host reboots", _REBOOT)
    failure = report.host.module.failure
    if failure:
        diagnosis = failures.of_failure(failure, report.host.kernel.generation)
        return failed(
            "; ".join([*failures.described(failure), diagnosis.cause]).rstrip("; "),
            diagnosis.remedy,
        )
    if report.host.module.driver_loaded or report.host.seamldr.remaining_updates is not None:
        # The driver loads only while a module runs; its files outlive the module.
        return failed("the module was lost: it no longer runs", _REBOOT)
    diagnosis = _unlogged_cause(report, state)
    if diagnosis.cause:
        return failed(diagnosis.cause, diagnosis.remedy)
    if state == "failed":
        return failed("the module is not initialized, and no source shows why", _READ_LOG)
    return failed(f"the state of the module is {state}")


_LOST = "module-lost"
_REBOOT = "Reboot the host. Its running VMs stop."
_READ_LOG = "Read the whole kernel log of this boot (`journalctl -k -b -g 'tdx|SEAMCALL'`)."


def _failed_update(report: Report) -> str:
    failure = report.host.module.update_failure
    message = f" ({'; '.join(failures.described(failure))})" if failure else ""
    return f"the last update of the module at run time failed{message}"


def _unlogged_cause(report: Report, state: str) -> failures.Diagnosis:
    """Why the module has this state, where no line of the log shows it."""
    module, kernel = report.host.module, report.host.kernel
    if module.sysinit_result:
        first_call = -module.sysinit_result
        return failures.of_silence(state, kernel.generation, first_call=first_call)
    if module.sysinit_done is False and kernel.tdx_detected:
        return failures.of_silence(state, kernel.generation, first_call=failures.NOT_MADE)
    if not module.log_silent:
        return failures.Diagnosis("", "")
    if module.sysinit_done:
        return failures.of_silence(state, kernel.generation, first_call=failures.SUCCEEDED)
    diagnosis = failures.of_silence(state, kernel.generation, report.host.kvm.tdx_requested)
    named = _off_on_host(report)
    cause = f"the kernel log has no line about the module: {diagnosis.cause}"
    return diagnosis._replace(cause=f"{cause}; {named}" if named else cause)


def _off_on_host(report: Report) -> str:
    """The clause that VMX or SGX is off, which the first SEAMCALLs need; else empty."""
    firmware = report.host.firmware
    off = [
        name
        for name, is_on in (("VMX", firmware.vmx_enabled), ("SGX", firmware.sgx_enabled))
        if is_on is False
    ]
    return f"{' and '.join(off)} {'is' if len(off) == 1 else 'are'} off on this host" if off else ""


@check("module.production")
def is_production(report: Report) -> Verdict:
    if known(report.host.module.debug):
        return warned("the module is a debug build")
    return passed("the module is a production build")


@check("module.topology_enum")
def has_topology_enum(report: Report) -> Verdict:
    if known(report.host.kernel.generation) not in kernels.UPSTREAM_KVM:
        return skipped("KVM requires TOPOLOGY_ENUM only from Linux 6.16 on")
    if bits.is_set("TDX_FEATURES0", "TOPOLOGY_ENUM", known(report.host.module.features0)):
        return passed("the module has TOPOLOGY_ENUM")
    return failed("the module lacks TOPOLOGY_ENUM: kvm_intel does not load with tdx=1")


@check("module.release")
def is_newest(report: Report) -> Verdict:
    month = releases.as_of()[:7]
    table = f"(table of {month})"
    version, build = report.host.module.version, report.host.module.build_number
    newest_known = releases.newer_than_known(version, build) if version else None
    if newest_known:
        until = f"({newest_known.version}, {month})"
        return informed(f"module {version} is newer than this tdxinfo knows {until}")
    differences = _differences(report, version) if version else ""
    if differences:
        return warned(differences, _DIFFERS)
    processor = report.host.platform.family, report.host.platform.model
    newer = releases.newer_for_processor(version, *processor) if version else None
    if newer and report.host.module.release is None:
        message = f"module {version} is not a release that this tdxinfo knows, and older than "
        message += f"{newer.version}, the newest known release for this processor {table}"
        return warned(message, _reboot_remedy(report, newer))
    release = known(report.host.module.release)
    for_processor = report.host.module.newest_for_processor
    if for_processor is None and report.host.platform.codename is not None:
        return passed(f"module {release}: no newer release is known for this processor {table}")
    newest = for_processor or known(report.host.module.newest_release)
    which = "known release " + ("for this processor" if for_processor else "of its line")
    if release == newest:
        return passed(f"module {release} is the newest {which} {table}")
    message = f"module {release} is out of date: {newest} is the newest {which} {table}"
    return _out_of_date(message, report, release, newest)


_UPLOAD = "/sys/class/firmware/tdx_module"


def _out_of_date(message: str, report: Report, release: str, newest: str) -> Verdict:
    """The warning with the remedy: an update at run time if that is possible, else by a reboot."""
    target, running = releases.release_named(newest), releases.release_named(release)
    if target is None or running is None:
        return warned(message, f"Update the TDX module to {newest}.")
    obstacle = _obstacle(report, running, target)
    left = report.host.seamldr.remaining_updates
    if obstacle:
        why = f"An update at run time is not possible: {obstacle}."
        return warned(message, f"{_reboot_remedy(report, target)} {why}")
    if left is None:
        return warned(message, f"{_reboot_remedy(report, target)} {_MAYBE}")
    return warned(message, _run_time_remedy(running, newest, left), effect="")


def _run_time_remedy(running: Release, newest: str, left: int) -> str:
    count = f"{counted(left, 'update')} {'is' if left == 1 else 'are'} left before a reboot"
    building = _BUILDING if releases.corrupts_builds(running) else ""
    return (
        f"Update the TDX module to {newest} at run time; TDs keep running, and {count}: "
        f"`echo 1 > {_UPLOAD}/loading`, `cat tdx_module_{newest}.blob > {_UPLOAD}/data`, "
        f"`echo 0 > {_UPLOAD}/loading`. Then {_UPLOAD}/status is idle, {_UPLOAD}/error is empty, "
        f"and `tdxinfo dump module.version` shows {newest}.{building}"
    )


_MAYBE = "Whether an update at run time is possible is unknown: `tdxinfo check` as root shows it."
_BUILDING = (
    " Start no TD meanwhile: an update from this release can corrupt the measurement of a TD that "
    "is being built."
)


def _reboot_remedy(report: Report, target: Release) -> str:
    name = f"tdx_module_{target.version}"
    loader = _loader_too_old(report, target)
    first = f" First update the firmware: {loader}." if loader else ""
    return (
        f"Update the TDX module to {target.version}: copy {name}.bin and {name}.sigstruct to "
        "EFI/TDX on the EFI system partition, as TDX-SEAM.so and TDX-SEAM.so.sigstruct, and "
        "reboot, or update the firmware. Then `tdxinfo dump module.version` shows "
        f"{target.version}.{first}"
    )


def _obstacle(report: Report, running: Release, target: Release) -> str:
    """The clause that names what prevents an update at run time; empty if nothing known does."""
    left = report.host.seamldr.remaining_updates
    kernel = evidence.upstream_version(report)
    if report.host.module.state not in ("initialized", "unknown"):
        return "it replaces a running module, and none runs"
    if left == 0:
        return "no update is left before a reboot"
    excluded = _excludes_updates(report)
    if excluded:
        return excluded
    if not releases.takes_over(running, target):
        return f"{target.version} takes over TDs from {target.update_from} or later"
    loader = _loader_too_old(report, target)
    if loader:
        return loader
    if left is None and kernel is not None and kernel < kernels.FIRST_UPDATE:
        return "Linux updates the module at run time from 7.2 on"
    if left is None and report.host.module.driver_loaded is False:
        return "the driver tdx_host is not loaded (`modprobe tdx_host`)"
    return ""


def _excludes_updates(report: Report) -> str:
    """The clause that processor or module excludes updates at run time; empty if neither does."""
    if "seamret_invd_vmcs" in (report.host.platform.errata or ()):
        return "the processor's erratum seamret_invd_vmcs excludes updates"
    features0 = report.host.module.features0
    if features0 is not None and not bits.is_set("TDX_FEATURES0", "TD_PRESERVING", features0):
        return "the module lacks TD_PRESERVING"
    return ""


def _loader_too_old(report: Report, target: Release) -> str:
    """The clause that the running P-SEAMLDR is too old for the release; empty if it is not.

    A release names the oldest P-SEAMLDR that loads it, for each line of P-SEAMLDRs.
    """
    version = report.host.seamldr.version
    if version is None:
        return ""
    required = [oldest for oldest in target.min_seamldr if releases.is_older(version, oldest)]
    return (
        f"{target.version} requires P-SEAMLDR {required[0]}, and {version} runs" if required else ""
    )


_DIFFERS = "Install a module that Intel released: with the firmware or in EFI/TDX."


def _differences(report: Report, version: ModuleVersion) -> str:
    """How the module differs from the release of the same version; empty if it does not."""
    release = releases.release_named(str(version))
    if release is None:
        return ""
    number, features0 = report.host.module.build_number, report.host.module.features0
    if number is not None and releases.build_differs(release, number):
        return (
            f"the module reports version {version} and build {number}, and the release {version} "
            f"is build {release.build_number}"
        )
    names = releases.features_differ(release, features0) if features0 is not None else []
    message = f"the module reports version {version}, and its features differ from the release's: "
    return message + ", ".join(names) if names else ""


@check("module.vcpus")
def gives_enough_vcpus(report: Report) -> Verdict:
    if known(report.host.kernel.generation) not in kernels.UPSTREAM_KVM:
        return skipped("KVM compares the limit of virtual CPUs only from Linux 6.16 on")
    limit, cpus = known(report.host.td.max_vcpus), known(report.host.platform.cpus_present)
    message = (
        f"a TD can have {counted(limit, 'virtual CPU')}, and the host has {counted(cpus, 'CPU')}"
    )
    return passed(message) if limit >= cpus else failed(message)


_REPLACE = "Put the new module into EFI/TDX on the EFI system partition, and reboot."


@check("module.update_ready")
def can_be_updated(report: Report) -> Verdict:
    left = report.host.seamldr.remaining_updates
    if left is not None:
        if left:
            return passed(f"{counted(left, 'update')} left before a reboot")
        return failed("no update is left, or this P-SEAMLDR does not support updates")
    excluded = _excludes_updates(report)
    if excluded:
        return failed(excluded, _REPLACE)
    running = evidence.upstream_version(report)
    if running and running < kernels.FIRST_UPDATE:
        return failed("Linux updates the module at run time from 7.2 on", _REPLACE)
    if report.host.module.driver_loaded is False and running:
        return unknown("the driver tdx_host, which updates the module, is not loaded", LOAD_DRIVER)
    known(report.host.seamldr.remaining_updates)
    return failed("no update is left")


@check("module.last_update")
def last_update_went_well(report: Report) -> Verdict:
    outcome = report.host.module.last_update
    if outcome:
        end = "no module runs until the host reboots" if outcome == _LOST else "the old one runs"
        remedy = _REBOOT if outcome == _LOST else ""
        return failed(f"{_failed_update(report)}: {end}", remedy)
    error = known(report.host.seamldr.update_error)
    if error:
        return failed(f"the last update of the module at run time ended with {error}")
    return passed("no update of the module at run time failed")


@check("module.calls")
def no_call_failed(report: Report) -> Verdict:
    calls = known(report.host.module.failed_calls)
    if not calls:
        return passed("no failed SEAMCALL in the kernel log")
    what = "a SEAMCALL failed" if len(calls) == 1 else "SEAMCALLs failed"
    more = f"; and {len(calls) - 3} more" if len(calls) > 3 else ""
    return failed(f"{what}: {'; '.join(calls[:3])}{more}")
