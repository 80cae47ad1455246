"""The page of `tdxinfo dump td`: what a trust domain may be given, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tdxinfo.decode import bits, cpuid
from tdxinfo.report import Report


class Masks(NamedTuple):
    """A pair of masks of the catalogue, and the bitmap whose bits they allow and demand."""

    title: str
    bitmap: str
    stem: str


PAIRS = (
    Masks("Attributes", "TD_ATTRIBUTES", "attributes"),
    Masks("XFAM", "XFAM", "xfam"),
    Masks("Configuration flags", "CONFIG_FLAGS", "config_flags"),
    Masks("Service TD binding", "SERVTD_ATTR", "servtd_attr"),
    Masks("Partition controls", "VM_CTLS", "vm_ctls"),
    Masks("Partition CPU controls", "L2_CTLS", "l2_ctls"),
)


def print_choices(console: Console, report: Report) -> None:
    """Masks by name, then the CPUID bits that may be chosen."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="label", no_wrap=True)
    grid.add_column(overflow="fold")
    for pair in PAIRS:
        for number, (word, names) in enumerate(_allowed(report, pair)):
            grid.add_row(pair.title if number == 0 else "", _line(word, names))
    if grid.row_count:
        console.print(grid)
    if report.host.td.cpuid_config:
        console.print(_cpuid(report))


def _line(word: str, names: list[str]) -> Text:
    return Text(f"{word}: ").append(" ".join(names) or "none", "" if names else "unknown")


def _allowed(report: Report, pair: Masks) -> Iterator[tuple[str, list[str]]]:
    """FIXED0: a 0 must be 0. FIXED1: a 1 must be 1. What lies between may be chosen."""
    fixed0 = report.host.fact(f"td.{pair.stem}_fixed0")
    fixed1 = report.host.fact(f"td.{pair.stem}_fixed1")
    if fixed0 is None or fixed1 is None:
        return
    yield "may be chosen", bits.names_of(pair.bitmap, fixed0 & ~fixed1)
    if fixed1:
        yield "must be 1", bits.names_of(pair.bitmap, fixed1)
    must_be_0 = [
        name for name in bits.all_names(pair.bitmap) if not bits.is_set(pair.bitmap, name, fixed0)
    ]
    if must_be_0:
        yield "must be 0", must_be_0


def _cpuid(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("CPUID leaf", "sub-leaf", "register", "may be chosen"):
        table.add_column(heading, header_style="label", no_wrap=True)
    table.add_column("names", header_style="label", overflow="fold")
    for choice in cpuid.choices(report.host.td.cpuid_config or ()):
        subleaf = "-" if choice.subleaf is None else f"{choice.subleaf:#x}"
        table.add_row(
            f"{choice.leaf:#x}",
            subleaf,
            choice.register.upper(),
            f"{choice.mask:#010x}",
            " ".join(choice.names),
        )
    return table
