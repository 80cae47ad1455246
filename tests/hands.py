"""Hosts built by hand, fact by fact."""

from __future__ import annotations

from typing import Any

from tdxinfo.decode import kernels
from tdxinfo.host import default_of, validated
from tdxinfo.host.observe import Observed
from tdxinfo.model.provenance import Attempt, Origin
from tdxinfo.report import Report, report_of


def report_with(facts: dict[str, Any], origins: dict[str, str] | None = None) -> Report:
    """The report of a host of which just these facts are known.

    An Attempt makes a fact unknown for a reason. The kernel's generation follows from its release,
    where it is not given.
    """
    generation = kernels.by_release(facts.get("kernel.release", ""))
    if generation:
        facts = {"kernel.generation": generation, **facts}
    observed = {}
    for name, value in facts.items():
        if isinstance(value, Attempt):
            observed[name] = Observed(default_of(name), "", (value,))
        else:
            observed[name] = Observed(
                validated(name, value), (origins or {}).get(name, "test:by hand"), ()
            )
    return report_of(observed, Origin.of("live"))
