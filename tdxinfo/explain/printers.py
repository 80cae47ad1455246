"""Which kernels print a line of the log."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tdxinfo import tables
from tdxinfo.decode import klog
from tdxinfo.decode.klog import Event


def printed_by(event: Event) -> str:
    """The kernels that print the line in this wording."""
    for row, wording in zip(tables.load("klog")["line"], klog.wordings(), strict=True):
        if row["event"] == event.name and klog.CompiledWording(wording).pattern.match(event.text):
            return _in_words(row["kernels"])
    return ""


def printed_by_any(event: Event, alike: Iterable[Event]) -> str:
    """The kernels that print the line, and those that print it with another prefix, `tdx:`."""
    others = [
        f"{kernels}, as `{one.text.partition(':')[0]}:`"
        for one in alike
        if (kernels := printed_by(one))
    ]
    return "; ".join(filter(None, [printed_by(event), *others]))


def _in_words(kernels: str) -> str:
    """`6.6-rc2 vendor, 6.8+`: a vendor's kernel, and upstream ones; without what is in brackets."""
    plain = re.sub(r"(\d)\+", r"\1 and later", kernels.partition(" (")[0])
    if _UPSTREAM.match(plain):
        return f"Linux {plain}"
    if not _VENDOR.search(plain):
        return ""
    vendor, comma, upstream = plain.rpartition(", ")
    if not (comma and _SINCE.fullmatch(upstream)):
        vendor, upstream = plain, ""
    text = f"a vendor's kernel: {vendor.removesuffix(' vendor')}"
    return f"Linux {upstream}, and {text}" if upstream else text


_UPSTREAM = re.compile(r"\d{1,3}\.\d{1,3}(?!-rc|[\d.]{0,8} vendor)")
_SINCE = re.compile(r"\d+\.\d+ (?:and later|to \d+\.\d+)")
_VENDOR = re.compile(r"Intel MVP|Ubuntu|vendor|Anolis|td-partitioning")
"""How `kernels` of `tables/klog.toml` begins; the rest are notes on series of patches."""
