"""Microcode revisions, levels of Intel's TCB info, and security advisories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import cpuinfo, releases
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.processors import processor_names

# --- microcode ----------------------------------------------------------------------------------

_MICROCODE = re.compile(
    r"(?:(?:microcode|ucode)(?:\s+(?:revision|version|rev|sig))?[\s:=]*)?(?:0x)?([0-9a-f]{7,8})",
    re.I,
)


def microcode(query: str) -> Iterator[Explanation]:
    """A microcode revision: of which processor, and the least that a TCB recovery required.

    Without the word before it only a revision that the table has is meant.
    """
    match = _MICROCODE.fullmatch(query.strip())
    if match is None:
        return
    revision = int(match[1], 16)
    floors = {fms: int(text, 16) for fms, text in tables.load("tcb")["floors"]["microcode"].items()}
    is_named = query.strip().lower()[:1] in "mu"
    if not is_named and revision not in floors.values():
        return
    # Revisions with another first byte are of other products.
    found = {fms: floor for fms, floor in floors.items() if floor >> 24 == revision >> 24}
    if not is_named:
        found = {fms: floor for fms, floor in found.items() if floor == revision}
    floors_name = (
        f"{tables.load('tcb')['floors']['recovery']}, {tables.load('tcb')['floors']['as_of']}"
    )
    rows = [
        (_processor(fms), f"{_compared(revision, floor)} ({floors_name})")
        for fms, floor in found.items()
    ]
    if rows:
        meaning = "A microcode revision, compared with the minimum that a TCB recovery required."
        yield explanation("microcode revision", f"{revision:#010x}", meaning, rows)


def _processor(fms: str) -> str:
    family, model, _ = (int(part, 16) for part in fms.split("-"))
    name = processor_names([cpuinfo.signature(family, model)])[0].partition(" (")[0]
    return f"{fms}, {name}"


def _compared(revision: int, floor: int) -> str:
    if revision == floor:
        return f"{floor:#010x} is the minimum: this one"
    word = "older" if revision < floor else "newer"
    return f"{floor:#010x} is the minimum: this one is {word}"


# --- Intel's TCB info ----------------------------------------------------------------------------

_LEVEL = re.compile(
    r"tdx[_\s-]?(?:module[_\s-]?)?0?([0-9])[\s,:=]+(?:(?:isv[_\s]?)?svn[\s:=]+)?(0x[0-9a-f]+|\d{1,3})",
    re.IGNORECASE,
)
_IDENTITY = re.compile(r"tdx_(?:module_)?0([0-9])", re.I)
_MAJOR = {1: "1.5", 3: "2.0"}
"""Lines of modules by the major SVN, which is the number of the module's identity too."""


def level(query: str) -> Iterator[Explanation]:
    """A level of the TDX module in Intel's TCB info, `TDX_01 isvsvn 4`; or the identity alone."""
    text = query.strip()
    match, alone = _LEVEL.fullmatch(text), _IDENTITY.fullmatch(text)
    if alone:
        line = _MAJOR.get(int(alone[1]), "")
        known = [row for row in tables.load("tcb")["level"] if row["module"] == f"TDX_0{alone[1]}"]
        rows = [("levels", "; ".join(f"ISV SVN {row['isvsvn']}: {row['status']}" for row in known))]
        if line:
            meaning = f"{line} modules in Intel's TCB info; their major SVN is {alone[1]}."
            yield explanation("TDX module identity", f"TDX_0{alone[1]}", meaning, rows)
    if match is None or int(match[1]) not in _MAJOR:
        return
    major, minor = int(match[1]), int(match[2], 0)
    module = f"TDX_0{major}"
    found = [
        row
        for row in tables.load("tcb")["level"]
        if (row["module"], row["isvsvn"]) == (module, minor)
    ]
    row: dict[str, Any] = found[0] if found else {}
    known_releases = ", ".join(str(r.version) for r in releases.with_tcb_svn(minor, major))
    rows = [
        ("releases", known_releases or "no public release has this SVN"),
        ("TCB status", row.get("status", "")),
        ("advisories", ", ".join(row.get("advisories", ()))),
    ]
    meaning = (
        f"A level of the TDX module in Intel's TCB info: {_MAJOR[major]} modules with the minor "
        f"SVN {minor}. Newer TCB info can rate it differently."
    )
    yield explanation("TCB level", f"{module} ISV SVN {minor}", meaning, rows)


_BYTE = re.compile(r"(?:tee[_ ]?)?tcb[_ ]?svn\s*(?:\[|byte\s*|,\s*byte\s*)(\d{1,2})\]?", re.I)


def svn_byte(query: str) -> Iterator[Explanation]:
    """A byte of TEE_TCB_SVN by its number."""
    match = _BYTE.fullmatch(query.strip())
    meanings = {
        0: "The module's minor SVN: it grows with security updates.",
        1: "The module's major SVN: 1 for 1.5 modules, 3 for 2.0 modules.",
    }
    if match and int(match[1]) < 16:
        text = meanings.get(
            int(match[1]),
            "This byte does not describe the TDX module, but another part of the platform.",
        )
        yield explanation("byte of TEE_TCB_SVN", f"byte {int(match[1])}", text)


# --- advisories ----------------------------------------------------------------------------------

_ADVISORY = re.compile(r"(?:intel[-\s]?)?sa[-\s]?(\d{5})", re.I)


def advisory(query: str) -> Iterator[Explanation]:
    """A security advisory of Intel by its number, or by a CVE."""
    match = _ADVISORY.fullmatch(query.strip())
    wanted = f"INTEL-SA-{match[1]}" if match else query.strip().upper()
    for row in tables.load("tcb")["advisory"]:
        if wanted == row["id"] or wanted in row.get("cves", ()):
            rows = [
                (
                    "fixed in",
                    ", ".join(
                        f"{version} and later of its line" for version in row.get("fixed", ())
                    ),
                ),
                ("CVEs", ", ".join(row.get("cves", ()))),
                ("published", row.get("published", "")),
                ("basis", row["basis"]),
            ]
            about = "concerns the TDX module" if row.get("fixed") else "is named with TDX's TCB"
            meaning = (
                f"A security advisory of Intel that {about}. This list does not say whether a "
                "module is safe to run."
            )
            yield explanation("advisory", row["id"], meaning, rows)


def names() -> Iterator[str]:
    yield from (row["id"] for row in tables.load("tcb")["advisory"])
