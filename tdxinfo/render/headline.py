"""The first line of `tdxinfo dump`: whether TDX runs here, and if not, why."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from tdxinfo.decode import cpuinfo, kernels
from tdxinfo.render.safe import printable
from tdxinfo.report import Report

Line = tuple[str, str]
"""A sentence, and the style of its first words."""

_INTEL = "GenuineIntel"


def headline(report: Report) -> Text:
    """The first known reason why TDX does not run, from processor to module; or that it runs."""
    if report.host.module.state == "initialized":
        return Text("").append_text(_styled(_initialized(report)))
    for answer in (_not_applicable, _failed, _off_in_firmware, _silent, _kernel, _not_started):
        line = answer(report)
        if line is not None:
            return _styled(line)
    return _styled(("The state of the TDX module is unknown.", "doubtful"))


def applies(report: Report) -> bool:
    """Whether this can be a machine with TDX."""
    return report.host.module.state == "initialized" or _not_applicable(report) is None


def _styled(line: Line) -> Text:
    sentence, style = line
    return Text(printable(sentence), f"title {style}" if style == "" else style)


def _named(report: Report) -> str:
    version = report.host.module.version
    return "The TDX module" if version is None else f"TDX module {version}"


def _initialized(report: Report) -> Line:
    return f"{_named(report)} is initialized.", "good"


def _not_applicable(report: Report) -> Line | None:
    platform = report.host.platform
    if platform.virtualization == "td-guest":
        return "This is a trust domain, a guest: run tdxinfo on its host.", "doubtful"
    if platform.virtualization == "vm":
        return "This is a virtual machine: run tdxinfo on its host.", "doubtful"
    if platform.vendor is not None and platform.vendor != _INTEL:
        maker = cpuinfo.maker(platform.vendor)
        return f"No TDX: {maker} processors do not have it.", "doubtful"
    family, model = platform.family, platform.model
    if family is not None and model is not None and cpuinfo.never_has_tdx(family, model):
        name = platform.codename or "these"
        return f"No TDX: {name} processors do not have it.", "doubtful"
    if report.host.firmware.seamrr_supported is False:
        return "No TDX: this processor has no SEAM range registers.", "doubtful"
    return None


def _failed(report: Report) -> Line | None:
    if report.host.module.state != "failed":
        return None
    failure = report.host.module.failure
    if failure is None and report.host.module.log_silent:
        return None
    if failure is None:
        return f"{_named(report)} was lost: it does not run until the host reboots.", "bad"
    return f"{_named(report)} failed to initialize: {failure.message}.", "bad"


def _silent(report: Report) -> Line | None:
    """The sentence if the initialization failed and the kernel logged no reason."""
    if report.host.module.state != "failed":
        return None
    return f"{_named(report)} failed to initialize; the kernel log has no reason.", "bad"


def _off_in_firmware(report: Report) -> Line | None:
    firmware, keys = report.host.firmware, report.host.keys
    reasons: Iterator[str] = (
        reason
        for is_off, reason in (
            (firmware.tme_enabled is False, "memory encryption (TME) is disabled"),
            (firmware.seamrr_enabled is False, "the SEAM range (SEAMRR) is not enabled"),
            (keys.tdx_keyids == 0, "no KeyID belongs to TDX"),
        )
        if is_off
    )
    reason = next(reasons, None)
    return None if reason is None else (f"TDX is off in the firmware: {reason}.", "bad")


def _kernel(report: Report) -> Line | None:
    kernel = report.host.kernel
    if kernel.config_tdx_host is False:
        return "TDX is off: this kernel was built without TDX host support.", "bad"
    if kernel.tdx_detected is False and kernel.config_tdx_host is None:
        return "TDX is off: the log of the whole boot has no line about it.", "bad"
    if kernel.tdx_detected is False:
        return "TDX is off: the kernel found no TDX on this platform.", "bad"
    return None


def _not_started(report: Report) -> Line | None:
    if report.host.module.state == "not-loaded":
        return "The TDX module is not loaded: the firmware must load it.", "bad"
    if report.host.module.state != "not-attempted":
        return None
    refusal = report.host.kvm.refusal
    is_by_kvm = report.host.kernel.generation in kernels.BY_KVM
    if is_by_kvm and refusal is not None:
        return f"The TDX module is not initialized: {refusal.rstrip('.')}.", "bad"
    if is_by_kvm and report.host.module.log_silent:
        return "The TDX module is not initialized: the kernel log has no line about it.", "bad"
    return "The TDX module is not initialized: the kernel has not tried.", "bad"
