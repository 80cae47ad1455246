"""What to do, as numbered steps: what needs a reboot together, so that one reboot is enough."""

from __future__ import annotations

from collections.abc import Iterator

from tdxinfo.checks.engine import Result
from tdxinfo.model.verdict import Outcome

_REBOOT = "Reboot the host: its running VMs stop."
_REBOOT_WITH_SETUP = f"{_REBOOT} Make the changes in the firmware setup on the way."
_FIRMWARE = "firmware setup"


def steps(results: list[Result]) -> list[str]:
    """The remedies of failures and warnings in the order of the checks, each once.

    All that need a reboot stand together, where the first of them comes, with one reboot behind
    them. Those that only stop VMs come last.
    """
    before_reboot = list(_remedies(results, "reboot"))
    found: list[str] = []
    for result in filter(_has_step, results):
        effect = result.check.rule.effect
        if effect == "reboot" and before_reboot:
            found += [*before_reboot, _reboot(before_reboot)]
            before_reboot = []
        elif not effect:
            found += [step for step in _remedies([result], "") if step not in found]
    return [*found, *_remedies(results, "vms")]


def _reboot(before: list[str]) -> str:
    is_firmware = any(_FIRMWARE in step for step in before)
    return _REBOOT_WITH_SETUP if is_firmware else _REBOOT


def _has_step(result: Result) -> bool:
    return result.outcome in (Outcome.FAIL, Outcome.WARN) and bool(result.remedy)


def _remedies(results: list[Result], effect: str) -> Iterator[str]:
    asked_by: dict[str, list[str]] = {}
    for result in filter(_has_step, results):
        if result.check.rule.effect == effect:
            asked_by.setdefault(result.remedy, []).append(result.check.id)
    for remedy, ids in asked_by.items():
        yield f"{remedy} ({', '.join(ids)})"
