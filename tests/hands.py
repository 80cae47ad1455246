"""Hosts built by hand, fact by fact."""

from __future__ import annotations

from typing import Any

from tdxinfo.decode import kernels
from tdxinfo.host import Host
from tdxinfo.host.observe import assemble
from tdxinfo.machine import Origin
from tdxinfo.model.observed import Attempt, Observed


def host_with(facts: dict[str, Any], origins: dict[str, str] | None = None) -> Host:
    """A host of which just these facts are known; an Attempt makes a fact unknown for a reason.

    The kernel's generation follows from its release, where it is not given.
    """
    generation = kernels.by_release(facts.get("kernel.release", ""))
    if generation:
        facts = {"kernel.generation": generation, **facts}
    observed = {}
    for name, value in facts.items():
        if isinstance(value, Attempt):
            observed[name] = Observed(None, "", (value,), name)
        else:
            observed[name] = Observed(value, (origins or {}).get(name, "test:by hand"), (), name)
    return assemble(observed, Origin("live"))
