"""Text that somebody pasted: a kernel log, lscpu, a session of rdmsr, Ubuntu's system-report.

One text may hold several of them; each is read for what it contains. Text in which no line is known
is refused: an empty host would say nothing, and look like an answer.
"""

from __future__ import annotations

from typing import Any

from tdxinfo.decode import loghosts, sessions
from tdxinfo.errors import BadInput, Malformed
from tdxinfo.inputs.accepted import ACCEPTED
from tdxinfo.machine.captured import CapturedMachine, from_memory
from tdxinfo.model.provenance import Origin
from tdxinfo.sources.klog import boot_of
from tdxinfo.sources.packages import KEY as PACKAGES
from tdxinfo.sources.processor import LSCPU


def pasted_machine(text: str, shown: str) -> CapturedMachine:
    """The machine of which the text is all that is known. Raises BadInput."""
    try:
        loghosts.require_one(loghosts.of_lines(text.split("\n")))
    except Malformed as error:
        raise BadInput(f"{shown} cannot be read: {error}.") from None
    report = sessions.system_report(text) if sessions.is_system_report(text) else None
    answers = _answers(text, report)
    log = report.log if report and report.log else text
    kind = "system-report" if report else "kernel-log"
    machine = _machine(kind, shown, log, answers, report)
    boot = boot_of(machine)
    if boot.lacks == "host" and not report:
        raise BadInput(
            f"{shown} is the log of a crash kernel (kdump), which does not show what the host has. "
            "Give the log of the boot before it."
        )
    if boot.known or report:
        return machine
    if not answers:
        single = "`tdxinfo explain -` explains single messages"
        raise BadInput(f"{shown} has no line that this tdxinfo knows: {single}. {ACCEPTED}.")
    return _machine(LSCPU if LSCPU in answers else "rdmsr", shown, None, answers, None)


def _answers(text: str, report: sessions.SystemReport | None) -> dict[str, Any]:
    """What the text answers of the questions that are put to a machine."""
    found: dict[str, Any] = {}
    if sessions.is_lscpu(text):
        found[LSCPU] = text
    elif report and report.model_name:
        found[LSCPU] = f"Model name: {report.model_name}\n"
    registers = [*(report.registers if report else ()), *sessions.registers(text)]
    found |= sessions.answers(iter(registers))
    if report and report.packages:
        found[PACKAGES] = {name: version or "" for name, version in report.packages.items()}
    return found


def _machine(
    kind: str,
    shown: str,
    log: str | None,
    answers: dict[str, Any],
    report: sessions.SystemReport | None,
) -> CapturedMachine:
    files = {} if log is None else {"kernel.log": log.encode("utf-8", "replace")}
    if report and report.release:
        files["root/proc/sys/kernel/osrelease"] = report.release.encode("utf-8", "replace")
    return CapturedMachine(Origin.of(kind, shown), from_memory(files), {"answers": answers})
