"""The catalogue: every fact about a host, and the places that tell it.

`Host` holds one section for each part of the matter. The modules here keep their annotations as
objects, without `from __future__ import annotations`: the catalogue is made of them.
"""

from typing import Any

from tdxinfo.host.attestation import Attestation
from tdxinfo.host.firmware import Firmware
from tdxinfo.host.kernel import Kernel
from tdxinfo.host.keys import Keys
from tdxinfo.host.kvm import Kvm
from tdxinfo.host.memory import Memory
from tdxinfo.host.module import Module
from tdxinfo.host.platform import Platform
from tdxinfo.host.seamldr import Seamldr
from tdxinfo.host.section import Section
from tdxinfo.host.stack import Stack
from tdxinfo.host.td import Td
from tdxinfo.machine import Origin
from tdxinfo.model.observed import Observed


class Host:
    """All facts about one host, known or not."""

    platform: Platform
    firmware: Firmware
    keys: Keys
    seamldr: Seamldr
    module: Module
    memory: Memory
    td: Td
    kernel: Kernel
    kvm: Kvm
    stack: Stack
    attestation: Attestation
    origin: Origin

    def __init__(self, origin: Origin, **sections: Section) -> None:
        vars(self).update(sections, origin=origin)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} is what was observed and does not change")

    def section(self, name: str) -> Section:
        found: Section = getattr(self, name)
        return found

    def fact(self, name: str) -> Observed[Any]:
        """The fact by its full name, for example `keys.tdx_keyids`."""
        section, _, field = name.partition(".")
        found: Observed[Any] = getattr(self.section(section), field)
        return found


SECTIONS: dict[str, type[Section]] = {
    name: part for name, part in Host.__annotations__.items() if issubclass(part, Section)
}


def fact_names(section: str | None = None) -> list[str]:
    """The full names of all facts, or of one section's."""
    chosen = SECTIONS if section is None else {section: SECTIONS[section]}
    return [f"{name}.{field}" for name, facts in chosen.items() for field in facts.fields]
