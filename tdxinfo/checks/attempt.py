"""Is the TDX module loaded, recent enough, and initialized?

Here is the beginning: has the kernel tried to initialize it, and is one loaded? The rest is in
`module`.
"""

from tdxinfo.checks import refusals
from tdxinfo.checks.engine import check, known
from tdxinfo.decode import failures, kernels, parameters
from tdxinfo.model.verdict import Verdict, failed, passed, unknown
from tdxinfo.report import Report


@check("module.attempted")
def was_attempted(report: Report) -> Verdict:
    state = known(report.host.module.state)
    failure = report.host.module.failure
    if state == "failed" and failure is None and _is_guess_by_request(report):
        return unknown(
            "kvm_intel.tdx=1 is set, but the kernel log has no line about the module: whether "
            "kvm_intel has tried to initialize it is unknown"
        )
    if state != "not-attempted":
        return passed("the kernel has tried to initialize the module")
    generation = report.host.kernel.generation
    if failure:
        diagnosis = failures.of_failure(failure, generation)
        remedy = diagnosis.remedy or "Remove what the kernel names, and reboot."
        return failed(failure.message, remedy, "reboot")
    refused = refusals.of_kvm(report) if generation in kernels.BY_KVM else None
    return refused or _not_tried(report)


def _is_guess_by_request(report: Report) -> bool:
    """Whether only the request for TDX lets expect that KVM tried to initialize the module."""
    module = report.host.module
    is_by_kvm = report.host.kernel.generation in kernels.BY_KVM
    return is_by_kvm and bool(module.log_silent) and module.sysinit_done is None


def _not_tried(report: Report) -> Verdict:
    """The verdict where the kernel printed neither an attempt nor a refusal."""
    generation, enabled = report.host.kernel.generation, report.host.kvm.tdx_enabled
    is_by_kvm = generation in kernels.BY_KVM
    diagnosis = failures.of_silence("not-attempted", generation, is_enabled=enabled)
    if is_by_kvm and parameters.is_blocked(report.host.kernel.command_line, "kvm_intel"):
        diagnosis = failures.of_block(generation)
    is_certain = not (is_by_kvm and report.host.module.log_silent)
    what = (
        "has not tried to initialize the module"
        if is_certain
        else "its log has no line about the module"
    )
    message = f"the kernel found KeyIDs, but {what}"
    message += f": {diagnosis.cause}" if diagnosis.cause else ""
    off = refusals.parameters_off(report) if is_by_kvm else []
    message += f"; parameters that are off, which TDX requires: {', '.join(off)}" if off else ""
    return failed(message, diagnosis.remedy, diagnosis.effect)


@check("module.loaded")
def is_loaded(report: Report) -> Verdict:
    module = report.host.module
    state = known(report.host.module.state)
    if state == "not-loaded":
        return failed("the TDX module is not loaded")
    took_first_call = module.sysinit_done and not module.sysinit_result
    answered = module.failure is not None and failures.shows_answer(module.failure)
    if state == "initialized" or module.version or took_first_call or answered:
        return passed("the module is loaded")
    return unknown("no source shows that a module is loaded")
