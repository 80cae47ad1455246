"""The TDX module's global metadata, as the native helper reads it now or a dump holds it.

Each function returns a fact's sources, one for each kind of metadata; the catalogue unpacks them:
`Annotated[Count | None, *metadata.word("BUILD_NUM")]`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tdxinfo.decode import bits
from tdxinfo.decode.cpuid import configs
from tdxinfo.errors import Absent, Malformed, NotRecorded, Unsupported
from tdxinfo.machine import METADATA, Answer, Live, Machine
from tdxinfo.machine.system import System
from tdxinfo.model.values import CpuidConfig, MemoryRange, ModuleVersion
from tdxinfo.sources import first_answer, helper

if TYPE_CHECKING:
    from tdxinfo.decode.metadata import Metadata


class MetadataSource(NamedTuple):
    """A kind of source of metadata: its scheme in origins, its key in a capture, how it is read."""

    scheme: str
    key: str
    live: Live
    content: str

    def metadata(self, machine: Machine) -> Metadata:
        """All that it holds, parsed once. Raises Unavailable."""
        return machine.once(("metadata", self.key), lambda: _parsed(self._lines(machine)))

    def _lines(self, machine: Machine) -> Answer:
        try:
            return machine.ask(self.key, self.live)
        except NotRecorded:
            raise NotRecorded(f"the record holds no {self.content}") from None


def _no_dump(system: System) -> Answer:
    raise Absent("no interface of this kernel shows the module's metadata")


HELPER = MetadataSource("helper", "helper/fields", helper.fields, "values of the native helper")
"""The native helper, which asks the running TDX module."""

DUMP = MetadataSource("metadata", METADATA, _no_dump, "dump of the module's metadata")
"""A dump that somebody made of TDH.SYS.RD, RDALL or INFO."""

METADATA_SOURCES = (HELPER, DUMP)


class MetadataField(NamedTuple):
    """A fact in one source's metadata, by the names of its fields in the module's code."""

    source: MetadataSource
    names: str
    value: Callable[[Metadata], Any]

    @property
    def origin(self) -> str:
        return f"{self.source.scheme}:{self.names}"

    def read(self, machine: Machine) -> Any:
        return self.value(self.source.metadata(machine))


def _sources(names: str, value: Callable[[Metadata], Any]) -> tuple[MetadataField, ...]:
    """The fact's sources, the most direct first."""
    return tuple(MetadataField(source, names, value) for source in METADATA_SOURCES)


def word(name: str, convert: Callable[[int], Any] = int) -> tuple[MetadataField, ...]:
    """One word of a field, by its name in the module's source."""

    def value(metadata: Metadata) -> Any:
        number = metadata.word(name)
        try:
            return convert(number)
        except ValueError as error:
            raise Malformed(f"{name} holds {number:#x}: {error}") from None

    return _sources(name, value)


def version() -> tuple[MetadataField, ...]:
    """The module's version, from three fields."""
    return _sources("MAJOR_VERSION,MINOR_VERSION,UPDATE_VERSION", _version)


def _version(metadata: Metadata) -> ModuleVersion:
    major, minor = metadata.word("MAJOR_VERSION"), metadata.word("MINOR_VERSION")
    try:
        return ModuleVersion(major, minor, metadata.word("UPDATE_VERSION"))
    except (Absent, Unsupported):
        # TDH.SYS.INFO has no update.
        return ModuleVersion(major, minor)


def cmrs() -> tuple[MetadataField, ...]:
    """The CMR list: it ends at the first size of 0, or with the arrays that NUM_CMRS counts."""
    return _sources("CMR_BASE,CMR_SIZE", _cmrs)


def _cmrs(metadata: Metadata) -> tuple[MemoryRange, ...]:
    from tdxinfo.decode.metadata import declared

    # A list that has all entries that NUM_CMRS counts need not end with a size of 0.
    count = metadata.word("NUM_CMRS") if metadata.has("NUM_CMRS") else declared()["CMR_SIZE"].words
    found: list[MemoryRange] = []
    for index in range(declared()["CMR_SIZE"].room):
        parts = [name for name in _CMR if _is_answered(metadata, name, index)]
        if parts != list(_CMR):
            if index >= count:
                break
            if index or parts:
                raise Malformed(_cut_message(index, parts))
        size = metadata.word("CMR_SIZE", index)
        if size == 0:
            break
        base = metadata.word("CMR_BASE", index)
        found.append(MemoryRange.between(base, base + size))
    return tuple(found)


_CMR = ("CMR_BASE", "CMR_SIZE")


def _is_answered(metadata: Metadata, name: str, index: int) -> bool:
    return metadata.has(name, index) or metadata.status(name, index) is not None


def _cut_message(index: int, parts: list[str]) -> str:
    """The message for a CMR list whose end is not in the dump: `parts` are those of the entry."""
    has, lacks = ("base", "size") if parts == ["CMR_BASE"] else ("size", "base")
    missing = f"has a {has} and no {lacks}" if parts else "is missing"
    ends = "and none before it has the size 0 that ends the list"
    return f"the CMR list is cut short: entry {index} {missing}, {ends}"


def cpuid() -> tuple[MetadataField, ...]:
    """The CPUID_CONFIG entries up to NUM_CPUID_CONFIG; what follows is stale."""
    return _sources("CPUID_CONFIG_LEAVES,CPUID_CONFIG_VALUES", _cpuid)


def _cpuid(metadata: Metadata) -> tuple[CpuidConfig, ...]:
    count = metadata.word("NUM_CPUID_CONFIG")
    return configs(
        metadata.array("CPUID_CONFIG_LEAVES", count),
        metadata.array("CPUID_CONFIG_VALUES", 2 * count),
    )


def is_debug(attributes: int) -> bool:
    """Whether these attributes are of a debug module."""
    return bits.is_set("SYS_ATTRIBUTES", "DEBUG_MODULE", attributes)


def all_metadata(machine: Machine) -> tuple[str, Metadata]:
    """All metadata, and the scheme of its source. Raises Unavailable."""
    return first_answer(partial(_scheme_and_all, source, machine) for source in METADATA_SOURCES)


def _scheme_and_all(source: MetadataSource, machine: Machine) -> tuple[str, Metadata]:
    return source.scheme, source.metadata(machine)


def _parsed(answer: Answer) -> Metadata:
    if not isinstance(answer, list):
        raise Malformed("the record's metadata is not a list of lines")
    from tdxinfo.decode.metadata import parse_list

    return parse_list(map(str, answer))
