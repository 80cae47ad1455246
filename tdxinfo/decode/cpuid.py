"""Configurable CPUID bits by leaf, register and name."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tdxinfo import tables
from tdxinfo.model.values import CpuidConfig

REGISTERS = ("eax", "ebx", "ecx", "edx")


def configs(leaves: Sequence[int], values: Sequence[int]) -> tuple[CpuidConfig, ...]:
    """CPUID_CONFIG_LEAVES, and CPUID_CONFIG_VALUES with two words for each of them."""
    return tuple(
        CpuidConfig.of_words(leaf, *values[2 * i : 2 * i + 2]) for i, leaf in enumerate(leaves)
    )


class Choice(NamedTuple):
    """The bits of one register that a TD's owner may choose."""

    leaf: int
    subleaf: int | None
    register: str
    mask: int
    names: tuple[str, ...]
    """Names of the bits that have one."""


def choices(configs: tuple[CpuidConfig, ...]) -> Iterator[Choice]:
    """Each register with bits to choose, in the order of the entries."""
    for config in configs:
        for register in REGISTERS:
            mask: int = getattr(config, register)
            if mask:
                names = tuple(_names(config.leaf, config.subleaf, register, mask))
                yield Choice(config.leaf, config.subleaf, register, mask, names)


def _names(leaf: int, subleaf: int | None, register: str, mask: int) -> Iterator[str]:
    rows = tables.load("cpuid").get(f"{leaf:x}.{subleaf or 0:x}", {})
    for row in rows.get(register, ()):
        bit, _, name = row.partition(" ")
        if mask >> int(bit) & 1:
            yield name
