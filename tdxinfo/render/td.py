"""The page of `tdxinfo dump td`: what a trust domain may be given, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from tdxinfo.decode import bits, cpuid
from tdxinfo.render import layout
from tdxinfo.render.layout import Column
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
    rows = [
        (pair.title if number == 0 else "", _line(word, names))
        for pair in PAIRS
        for number, (word, names) in enumerate(_allowed(report, pair))
    ]
    if rows:
        layout.line(console, Text("Choices for a TD", "title"))
        layout.grid(console, rows)
    if report.host.td.cpuid_config:
        layout.line(console, Text("CPUID bits that may be chosen", "title"))
        _print_cpuid(console, report)


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


_CPUID = (
    Column("leaf"),
    Column("sub-leaf"),
    Column("register"),
    Column("mask"),
    Column("names", fold=True),
)


def _print_cpuid(console: Console, report: Report) -> None:
    rows = [
        (
            f"{choice.leaf:#x}",
            "-" if choice.subleaf is None else f"{choice.subleaf:#x}",
            choice.register.upper(),
            f"{choice.mask:#010x}",
            " ".join(choice.names),
        )
        for choice in cpuid.choices(report.host.td.cpuid_config or ())
    ]
    layout.table(console, _CPUID, rows)
