"""/proc/cpuinfo into what TDX asks of a processor."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tdxinfo import tables
from tdxinfo.errors import Malformed


@dataclass(frozen=True, slots=True)
class Cpus:
    """The online processors, which all are of one kind."""

    vendor: str
    family: int
    model: int
    stepping: int
    model_name: str
    flags: frozenset[str]
    bugs: frozenset[str]
    physical_bits: int
    """Width of a physical address, already less the bits that carry KeyIDs."""
    count: int
    packages: dict[int, int]
    """The first online CPU of each package."""


def parse(text: str) -> Cpus:
    """Raises Malformed when the text has no processor."""
    blocks = [_block(block) for block in re.split(r"\n\s*\n", text) if block.strip()]
    if not blocks or "vendor_id" not in blocks[0]:
        raise Malformed("/proc/cpuinfo describes no x86 processor")
    first = blocks[0]
    packages: dict[int, int] = {}
    for block in blocks:
        packages.setdefault(_number(block, "physical id"), _number(block, "processor"))
    width = re.match(r"(\d+) bits physical", first.get("address sizes", ""))
    return Cpus(
        vendor=first["vendor_id"],
        family=_number(first, "cpu family"),
        model=_number(first, "model"),
        stepping=_number(first, "stepping"),
        model_name=first.get("model name", ""),
        flags=frozenset(first.get("flags", "").split()),
        bugs=frozenset(first.get("bugs", "").split()),
        physical_bits=int(width.group(1)) if width else 0,
        count=len(blocks),
        packages=packages,
    )


def _block(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _number(block: dict[str, str], key: str) -> int:
    """0 where a kernel leaves the line out, as it does for `physical id` without SMP."""
    digits = block.get(key, "0")
    return int(digits) if re.fullmatch(r"\d{1,9}", digits) else 0


def codename(family: int, model: int) -> str | None:
    """Sapphire Rapids for family 6, model 143; None for what is not in the table."""
    row = cpu_row(family, model)
    return str(row["codename"]) if row else None


def cpu_row(family: int, model: int) -> dict[str, str] | None:
    """The table's row of an Intel processor."""
    rows = tables.load("cpus")["model"]
    return next((row for row in rows if family == 6 and row["model"] == model), None)
