"""What to do, as numbered steps in the order in which an administrator does them.

First comes what takes effect with the next boot: what is done in the running system, then what is
changed in the firmware setup, so that one visit there and one reboot are enough. After the reboot
comes the rest; what stops VMs is last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from tdxinfo.checks.engine import Result
from tdxinfo.model.verdict import Outcome

REBOOT = "Reboot the host. Its running VMs stop."
"""The step that stands once, below all steps that need it."""
_ON_THE_WAY = " Make the changes in the firmware setup during this reboot."
_FIRMWARE = "firmware setup"
_BEFORE, _SETUP, _REBOOT, _AFTER, _VMS = range(5)


class _Step(NamedTuple):
    place: int
    remedy: str
    asked_by: list[str]
    """Ids of the checks with this remedy."""


def steps(results: list[Result]) -> list[str]:
    """The remedies of failures and warnings, each once, with the ids of the checks that ask."""
    found = list(filter(_has_step, results))
    needs_reboot = any(result.effect == "reboot" for result in found)
    merged: dict[str, _Step] = {}
    for result in found:
        remedy = _without_reboot(result.remedy) if needs_reboot else result.remedy
        place = _place(result, needs_reboot)
        step = merged.setdefault(remedy, _Step(place, remedy, []))
        step.asked_by.append(result.check.id)
        merged[remedy] = step._replace(place=min(step.place, place))
    if needs_reboot:
        merged.setdefault(REBOOT, _Step(_REBOOT, REBOOT, []))
    return _written(sorted(merged.values(), key=lambda step: step.place))


def _has_step(result: Result) -> bool:
    return result.outcome in (Outcome.FAIL, Outcome.WARN) and bool(result.remedy)


def _place(result: Result, needs_reboot: bool) -> int:
    if result.remedy == REBOOT:
        return _REBOOT
    if result.effect in ("reboot", "next boot") and needs_reboot:
        return _SETUP if _FIRMWARE in result.remedy else _BEFORE
    return _VMS if result.effect == "vms" else _AFTER


def _without_reboot(remedy: str) -> str:
    """The remedy without the reboot at its end, which has a step of its own."""
    return re.sub(r",? and reboot(?=[.:])| Reboot\.$", "", remedy)


def _written(found: Iterable[_Step]) -> list[str]:
    has_setup = any(step.place == _SETUP for step in found)
    return [
        step.remedy
        + (_ON_THE_WAY if has_setup and step.place == _REBOOT else "")
        + (f" ({', '.join(step.asked_by)})" if step.asked_by else "")
        for step in found
    ]
