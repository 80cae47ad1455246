"""Builds machines and reports for a test: from files, answers and a kernel log, or from facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tdxinfo.decode import kernels
from tdxinfo.host import default_of, validated
from tdxinfo.host.observe import Observed
from tdxinfo.machine.captured import CapturedMachine, from_memory
from tdxinfo.model.provenance import Attempt, Origin
from tdxinfo.report import Report, observe, report_of


def captured_machine(
    files: Mapping[str, str | bytes] | None = None,
    answers: Mapping[str, Any] | None = None,
    refused: Mapping[str, Mapping[str, str]] | None = None,
    log: str | None = None,
    kind: str = "capture",
) -> CapturedMachine:
    """A recorded machine with these files, answers, refusals and kernel log, and nothing else."""
    stored = {"root" + path: _bytes(text) for path, text in (files or {}).items()}
    if log is not None:
        stored["kernel.log"] = log.encode()
    return CapturedMachine(
        Origin.of(kind, "a test"),
        from_memory(stored),
        {"answers": answers or {}, "refused": refused or {}},
    )


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def report_from_log(log: str) -> Report:
    """The report of a host of which only a supplied kernel log is known."""
    return observe(captured_machine(log=log, kind="kernel-log"))


def report_with(facts: dict[str, Any], origins: dict[str, str] | None = None) -> Report:
    """The report of a host of which only these facts are known.

    A fact given as an Attempt is unknown, for that reason. Unless kernel.generation is given, it
    is derived from kernel.release.
    """
    generation = kernels.by_release(facts.get("kernel.release", ""))
    if generation:
        facts = {"kernel.generation": generation, **facts}
    observed = {}
    for name, value in facts.items():
        if isinstance(value, Attempt):
            observed[name] = Observed(default_of(name), "", (value,))
        else:
            origin = (origins or {}).get(name, "test:by hand")
            observed[name] = Observed(validated(name, value), origin, ())
    return report_of(observed, Origin.of("live"))
