"""Hosts built by hand, fact by fact."""

from __future__ import annotations

from typing import Any

from tdxinfo.host import Host
from tdxinfo.host.observe import assemble
from tdxinfo.machine import Origin
from tdxinfo.model.observed import Attempt, Observed


def host_with(facts: dict[str, Any], origins: dict[str, str] | None = None) -> Host:
    """A host of which just these facts are known; an Attempt makes a fact unknown for a reason."""
    observed = {}
    for name, value in facts.items():
        if isinstance(value, Attempt):
            observed[name] = Observed(None, "", (value,), name)
        else:
            observed[name] = Observed(value, (origins or {}).get(name, "test:by hand"), (), name)
    return assemble(observed, Origin("live"))
