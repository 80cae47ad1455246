"""How many names of each kind tdxinfo knows."""

from __future__ import annotations

from tdxinfo import tables
from tdxinfo.decode import metadata, releases, seamcall


def counts() -> dict[str, int]:
    """How many names of each kind tdxinfo knows."""
    leaves, statuses = seamcall.leaves().values(), seamcall.all_statuses().values()
    return {
        "SEAMCALL leaves": sum(leaf.table == "TDH" for leaf in leaves),
        "TDCALL leaves": sum(leaf.table == "TDG" for leaf in leaves),
        "P-SEAMLDR leaves": sum(leaf.table == "SEAMLDR" for leaf in leaves),
        "module statuses": sum(status.is_of_module for status in statuses),
        "statuses made by Linux": sum(status.kind == "linux" for status in statuses),
        "P-SEAMLDR statuses": sum(status.kind == "seamldr" for status in statuses),
        "operands": len(tables.load("seamcall")["operand"]),
        "metadata fields of the module": len(metadata.declared()),
        "metadata fields of a TD": sum(map(len, tables.load("td_fields")["field"].values())),
        "bits": sum(len(bitmap["fields"]) for bitmap in tables.load("features").values()),
        "MSRs": len(tables.load("msr")),
        "module releases": len(releases.releases()),
        "processors": len(tables.load("cpus")["model"]),
        "terms": len(tables.load("terms")["term"]),
        "messages of other programs": len(tables.load("symptoms")["symptom"]),
        "attestation errors": len(tables.load("symptoms")["code"]),
        "errnos of a call or a file": len(tables.load("errnos")["row"]),
        "calls of a TD and their statuses": sum(map(len, tables.load("ghci").values())),
        "settings": sum(len(group["row"]) for group in tables.load("settings").values()),
        "files and folders": len(tables.load("paths")["path"]),
        "CPUID leaves": len(tables.load("cpuid_notes")["leaf"]),
        "security advisories": sum("id" in row for row in tables.load("advisories")["advisory"]),
    }
