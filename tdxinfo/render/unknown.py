"""What is unknown of a host, and what root, the native helper or a newer kernel would add."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from tdxinfo.decode.kernels import version as kernel_version
from tdxinfo.errors import AS_ROOT, Denied
from tdxinfo.render.headline import applies
from tdxinfo.report import Report

_HEADLINES = {
    "module.version": "version",
    "module.build_number": "build",
    "module.features0": "features",
    "memory.cmrs": "CMRs",
    "memory.pamt_bytes": "PAMT",
    "keys.tdx_keyids": "KeyIDs",
    "seamldr.version": "P-SEAMLDR",
    "firmware.tme_enabled": "memory encryption",
    "firmware.seamrr_enabled": "SEAM range",
    "kernel.log_complete": "kernel log",
    "kvm.tdx_enabled": "KVM",
}
"""The facts a person looks for, and what they are called."""

_BY_HELPER = ("module.build_number", "module.features0", "memory.cmrs")
_BY_KERNEL = {"module.version": (7, 1), "seamldr.version": (7, 2)}
_FIRST_WITH_HELPER = (6, 16)


def unknown_lines(report: Report) -> Iterator[Text]:
    """Lines with what root, the helper and a newer kernel would add; then what stays unknown."""
    if not applies(report):
        return
    left = [name for name in _HEADLINES if not report.is_known(name)]
    for start, found in (
        (_root_line(report), [name for name in left if _root_would_show(report, name)]),
        ("The native helper (`tdxinfo helper status`) reads", _of_helper(report, left)),
    ):
        if found:
            yield Text(f"{start}: {_listed(found)}.", "doubtful")
            left = [name for name in left if name not in found]
    for name in [name for name in left if _newer_kernel_shows(report, name)]:
        first = ".".join(map(str, _BY_KERNEL[name]))
        yield Text(f"Linux {first} and later show the {_HEADLINES[name]}.", "unknown")
        left.remove(name)
    if left:
        yield Text(f"Unknown: {_listed(left)} (`tdxinfo dump -v` shows why).", "unknown")


def _listed(names: list[str]) -> str:
    return ", ".join(_HEADLINES[name] for name in names)


def _root_line(report: Report) -> str:
    return "Run as root to see" if report.subject.kind == "live" else "Recorded without root"


def _root_would_show(report: Report, name: str) -> bool:
    return any(
        attempt.reason == Denied.reason and attempt.remedy == AS_ROOT
        for attempt in report.attempts(name)
    )


def _of_helper(report: Report, names: list[str]) -> list[str]:
    """The facts that the helper would read on this machine: where the module runs."""
    running = kernel_version(report.host.kernel.release or "")
    can = running is not None and running >= _FIRST_WITH_HELPER
    is_here = report.subject.kind == "live" and report.host.module.state == "initialized"
    return [name for name in names if name in _BY_HELPER] if can and is_here else []


def _newer_kernel_shows(report: Report, name: str) -> bool:
    running = kernel_version(report.host.kernel.release or "")
    is_old = running is not None and name in _BY_KERNEL and running < _BY_KERNEL[name]
    return is_old and report.host.module.state == "initialized"
