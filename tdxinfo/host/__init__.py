"""The catalogue: every fact about a host, and its sources.

The modules here keep their annotations as objects, without `from __future__ import annotations`:
the catalogue is made of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic import Field

from tdxinfo.host.attestation import Attestation
from tdxinfo.host.boot import Boot
from tdxinfo.host.devices import Devices
from tdxinfo.host.firmware import Firmware
from tdxinfo.host.kernel import Kernel
from tdxinfo.host.keys import Keys
from tdxinfo.host.kvm import Kvm
from tdxinfo.host.memory import Memory
from tdxinfo.host.module import Module
from tdxinfo.host.platform import Platform
from tdxinfo.host.seamldr import Seamldr
from tdxinfo.host.section import Compared, From, Section
from tdxinfo.host.stack import Stack
from tdxinfo.host.td import Td
from tdxinfo.model.base import Frozen
from tdxinfo.model.described import field_docs
from tdxinfo.sources import FactSource

AnySource = FactSource | From | Compared


def _empty(section: type[Section]) -> Any:
    """The default of a section: one that knows nothing. It is frozen, so all hosts share it."""
    empty = section.model_construct()
    return Field(default_factory=lambda: empty)


class Host(Frozen, frozen=True):
    """All facts about one host. What is unknown has its default, which is null for nearly all."""

    platform: Platform = _empty(Platform)
    """The processor and the machine, and whether this is a virtual machine."""
    firmware: Firmware = _empty(Firmware)
    """What the firmware set up: memory encryption, the SEAM range, SGX."""
    keys: Keys = _empty(Keys)
    """KeyIDs: how many there are, how they are split, how many are in use."""
    seamldr: Seamldr = _empty(Seamldr)
    """The P-SEAMLDR, which installs and updates the TDX module."""
    module: Module = _empty(Module)
    """The TDX module: its version, its state and its features."""
    memory: Memory = _empty(Memory)
    """Memory: what TDs can use, how the kernel divides it, what TDX costs."""
    td: Td = _empty(Td)
    """What a trust domain can be configured with."""
    kernel: Kernel = _empty(Kernel)
    """The kernel: its configuration, command line and state, as far as they matter for TDX."""
    kvm: Kvm = _empty(Kvm)
    """KVM: whether it is loaded, has TDX turned on, and supports TDs."""
    boot: Boot = _empty(Boot)
    """The next boot: which kernel starts, and whether it starts with TDX."""
    stack: Stack = _empty(Stack)
    """The software above KVM that makes and runs trust domains, read from its files."""
    attestation: Attestation = _empty(Attestation)
    """Attestation, which proves to others what a trust domain is: SGX, quotes, registration."""
    devices: Devices = _empty(Devices)
    """Devices for trust domains: the IOMMU, and GPUs with their drivers."""

    def fact(self, name: str) -> Any:
        """The value of the fact by its full name, for example `keys.tdx_keyids`."""
        section, _, field = name.partition(".")
        return getattr(getattr(self, section), field)


UNKNOWN_HOST = Host.model_construct()
"""A host of which nothing is known."""

SECTIONS: dict[str, type[Section]] = {
    name: cast(type[Section], info.annotation) for name, info in Host.model_fields.items()
}


def fact_names(section: str | None = None) -> list[str]:
    """The full names of all facts, or of one section's."""
    chosen = SECTIONS if section is None else {section: SECTIONS[section]}
    return [f"{name}.{field}" for name, facts in chosen.items() for field in facts.model_fields]


def facts_named(names: Iterable[str]) -> list[str]:
    """The full names of the facts that names of sections and facts mean, each once.

    Raises KeyError with a name that is neither.
    """
    known = set(fact_names())
    found: list[str] = []
    for name in names:
        if name in SECTIONS:
            found += fact_names(name)
        elif name in known:
            found.append(name)
        else:
            raise KeyError(name)
    return list(dict.fromkeys(found))


def volatile_facts() -> list[str]:
    """The facts that differ from hour to hour on a host that nobody changed."""
    return [f"{name}.{field}" for name, facts in SECTIONS.items() for field in facts.volatile]


def declared(name: str) -> tuple[type[Section], str]:
    """The section that declares the fact, and its field there."""
    section, _, field = name.partition(".")
    return SECTIONS[section], field


def sources_of(name: str) -> tuple[AnySource, ...]:
    """The sources of the fact, the most direct first."""
    section, field = declared(name)
    return section.sources[field]


def default_of(name: str) -> Any:
    """What the fact shows when it is unknown."""
    section, field = declared(name)
    return section.model_fields[field].default


def bitmap_of(name: str) -> str | None:
    """The table in `tables/features.toml` that names the bits of the fact; None for others."""
    section, field = declared(name)
    return section.bitmaps.get(field)


def host_with(values: Mapping[str, Any]) -> Host:
    """The host with these facts, whose values are valid, and no others."""
    sections: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, field = name.partition(".")
        sections.setdefault(section, {})[field] = value
    made = {n: getattr(UNKNOWN_HOST, n).model_copy(update=s) for n, s in sections.items()}
    return UNKNOWN_HOST.model_copy(update=made)


def validated(name: str, answer: object) -> Any:
    """The answer as the fact's type. Raises pydantic's ValidationError."""
    section, _, field = name.partition(".")
    if isinstance(answer, list):  # what captures keep of a tuple
        answer = tuple(answer)
    # By the host's validator: one for each section would take twice as long to build.
    return Host.model_validate({section: {field: answer}}).fact(name)


def as_json(name: str, value: object) -> Any:
    """The fact's value in the plain types of JSON."""
    section, _, field = name.partition(".")
    return host_with({name: value}).model_dump(mode="json", exclude_unset=True)[section][field]


def meaning(name: str) -> str:
    """What the fact is, in the catalogue's own words."""
    section, field = declared(name)
    return field_docs(section).get(field, "")


def section_meaning(section: str) -> str:
    """What the section holds."""
    return field_docs(Host)[section]
