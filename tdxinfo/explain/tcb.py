"""Microcode revisions, levels of Intel's TCB info, and security advisories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import cpuinfo, releases
from tdxinfo.explain import terms
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import readings
from tdxinfo.explain.processors import processor_names

# --- microcode ----------------------------------------------------------------------------------

_MICROCODE = re.compile(
    r"((?:0[0-9a-f]-[0-9a-f]{2}-[0-9a-f]{2}[\s:]+)?(?:(?:microcode|ucode)(?:\s+(?:revision|version|rev|sig))?|revision|rev|(?<=[\s:]))[\s:=]*)?"
    r"(?:0x)?([0-9a-f]{7,8})",
    re.IGNORECASE,
)


def microcode(query: str) -> Iterator[Explanation]:
    """A microcode revision: of which processor, and the least that a TCB recovery required.

    Without the word before it only a revision that the table has is meant.
    """
    match = _MICROCODE.fullmatch(query.strip())
    if match is None:
        return
    revision = int(match[2], 16)
    floors = {fms: int(text, 16) for fms, text in tables.load("tcb")["floors"]["microcode"].items()}
    # Revisions with another first byte are of other products. Without a word before it, the number
    # has to be like those of one product, or in the table.
    found = {fms: floor for fms, floor in floors.items() if floor >> 24 == revision >> 24}
    is_like = any(floor >> 16 == revision >> 16 > _FEW for floor in found.values())
    if not match[1] and not is_like:
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


_IN_WORDS = re.compile(r"\b(?:microcode|ucode)\b.*?\b0x([0-9a-f]{7,8})\b", re.IGNORECASE)
_SIGNATURE = re.compile(r"\b0[0-9a-f]-[0-9a-f]{2}-[0-9a-f]{2}\b", re.IGNORECASE)
_MOST_WORDS = 14


def microcode_in_words(query: str) -> Iterator[Explanation]:
    """A microcode revision in a question, for the processor that it names."""
    match = _IN_WORDS.search(query) if len(query.split()) <= _MOST_WORDS else None
    signature = _SIGNATURE.search(query)
    for meaning in microcode(f"microcode {match[1]}") if match else ():
        wanted = [row for row in meaning.details if not signature or signature[0] in row.name]
        yield meaning.model_copy(update={"details": tuple(wanted)}) if wanted else meaning


_FEW = 0x1000
"""Upper halves of revisions that many other numbers have too."""


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
    r"(?:tdx\s?module\s)?tdx[_\s-]?(?:module[_\s-]?)?0?([0-9])[\s,:=]+(?:(?:isv[_\s]?)?svn(?:[\s:=]|is\b)+)?"
    r"(0x[0-9a-f]+|\d{1,3})"
    r"(?:(?:[\s,;]|but\b|and\b|<)*(?:needs?|needed|required|requires|wants|expected|minimum|min)?[\s:=]*(?:is\s)?(0x[0-9a-f]+|\d{1,3}))?",
    re.IGNORECASE,
)
_IDENTITY = re.compile(r"tdx_(?:module_)?0([0-9])", re.I)


def _lines() -> dict[int, str]:
    """Lines of modules by the major SVN, which is the number of the module's identity too."""
    return {row["major"]: row["line"] for row in tables.load("tcb")["identity"]}


def level(query: str) -> Iterator[Explanation]:
    """A level of the TDX module in Intel's TCB info, `TDX_01 isvsvn 4`; or the identity alone."""
    text = query.strip()
    match, alone = _LEVEL.fullmatch(text), _IDENTITY.fullmatch(text)
    if alone:
        line = _lines().get(int(alone[1]), "")
        known = [row for row in tables.load("tcb")["level"] if row["module"] == f"TDX_0{alone[1]}"]
        rows = [("levels", "; ".join(f"ISV SVN {row['isvsvn']}: {row['status']}" for row in known))]
        if line:
            meaning = f"{line} modules in Intel's TCB info; their major SVN is {alone[1]}."
            yield explanation("TDX module identity", f"TDX_0{alone[1]}", meaning, rows)
    if match is None or int(match[1]) not in _lines():
        return
    found = [int(text, 0) for text in (match[2], match[3]) if text]
    yield from (_level(int(match[1]), minor) for minor in found)


def _level(major: int, minor: int) -> Explanation:
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
        *against_floor(minor, major),
        ("advisories", ", ".join(row.get("advisories", ()))),
    ]
    meaning = (
        f"A level of the TDX module in Intel's TCB info: {_lines()[major]} modules with the minor "
        f"SVN {minor}. Newer TCB info can rate it differently."
    )
    return explanation("TCB level", f"{module} ISV SVN {minor}", meaning, rows)


def against_floor(minor: int, major: int) -> list[tuple[str, str]]:
    """What Intel rated a module's SVN, and how it compares with the minimum of a TCB recovery."""
    table = tables.load("tcb")
    module = next((row["module"] for row in table["identity"] if row["major"] == major), "")
    rated = [row for row in table["level"] if row["module"] == module and row["isvsvn"] <= minor]
    status = max(rated, key=lambda row: int(row["isvsvn"]))["status"] if rated else ""
    floors = [releases.release_named(text) for text in table["floors"]["module"].values()]
    least = [one for one in floors if one and one.tcb_svn and one.tcb_svn[1] == major]
    rows = [("TCB status", status)]
    if least:
        needed = min(least, key=lambda one: one.tcb_svn or (0, 0))
        is_older = (minor, major) < (needed.tcb_svn or (0, 0))
        word = "this one is older: update the TDX module" if is_older else "this one meets it"
        about = f"{table['floors']['recovery']}, {table['floors']['as_of']}"
        rows.append((about, f"{needed.version} is the minimum: {word}"))
    return rows


_BYTE = re.compile(
    r"(?:tee[_ ]?)?tcb[_ ]?svn\s*(?:\[|bytes?\s*|,\s*byte\s*)(\d{1,2})\]?"
    r"(?:\s*(?:={1,2}|:|\bis\b)\s*(\w{1,4})|\s*(?:and|to|-)\s*\d{1,2})?",
    re.IGNORECASE,
)
_BYTE_OF = re.compile(
    r"(?:byte\s+(\d{1,2})|(first|second|third)\s+byte)\s+(?:of|in)\s+(?:tee[_ ]?)?tcb[_ ]?svn", re.I
)
_ORDINALS = {"first": 0, "second": 1, "third": 2}


def svn_byte(query: str) -> Iterator[Explanation]:
    """A byte of TEE_TCB_SVN by its number."""
    of = _BYTE_OF.fullmatch(query.strip())
    if of:
        query = f"tcb_svn[{of[1] or _ORDINALS[of[2].lower()]}]"
    match = _BYTE.fullmatch(query.strip())
    number = int(match[1]) if match else -1
    values = readings(match[2]) if match and match[2] else []
    for row in tables.load("tcb")["svn_byte"]:
        first, last = row["bytes"]
        if first <= number <= last:
            rows = [("given", _meaning(number, values[0].value) if values else "")]
            rows.append(("see", "TEE_TCB_SVN"))
            yield explanation("byte of TEE_TCB_SVN", f"byte {number}", row["text"], rows)


def _meaning(byte: int, value: int) -> str:
    """The value of a byte of TEE_TCB_SVN, and which modules it means where it is one of theirs."""
    if byte == _MAJOR:
        line = _lines().get(value, "")
        return f"{value}: {line} modules" if line else f"{value}: no line that tdxinfo knows has it"
    known = [str(r.version) for r in releases.releases() if r.tcb_svn and r.tcb_svn[0] == value]
    return f"{value}: {', '.join(known)}" if byte == _MINOR and known else str(value)


_MINOR, _MAJOR = 0, 1
"""Bytes of TEE_TCB_SVN that are the module's."""

_COMPONENT = re.compile(
    r"(?:(sgx|tdx)\s?tcb\s?components?|(sgx|tdx) (?:tcb )?comp(?:onent)? ?(?:svn)?)"
    r"\s*\[?\s*(\d{1,2})?\s*\]?(?:\.?\s*svn)?(?:\s*[=:]\s*(\d{1,3}))?",
    re.IGNORECASE,
)


def component(query: str) -> Iterator[Explanation]:
    """A component of Intel's TCB info by its place in the list, `tdxtcbcomponents[2]`, or by its
    type, `TDX Late Microcode Update`; or the list alone.
    """
    remedies: dict[str, str] = tables.load("tcb")["component"]
    for kind, remedy in remedies.items():
        if kind and " " in kind and query.strip(' "').lower() == kind.lower():
            places = [
                f"{of}[{place}]"
                for of in ("tdxtcbcomponents", "sgxtcbcomponents")
                for place, found in tables.load("tcb")[of].items()
                if found == kind
            ]
            rows = [("place", ", ".join(places)), ("to raise it", _plain(remedy))]
            yield explanation(
                "component of TCB info", kind, tables.load("tcb")["about"]["component"], rows
            )
    match = _COMPONENT.fullmatch(query.strip())
    if match is None:
        return
    of = f"{(match[1] or match[2]).lower()}tcbcomponents"
    known: dict[str, str] = tables.load("tcb")[of]
    if match[3] is None:
        listed = [(f"[{place}]", kind or "BIOS") for place, kind in known.items()]
        yield explanation("list of TCB info", of, tables.load("tcb")["about"][of], listed)
        return
    # In a certificate's extension components count from 1.
    is_of_list = "components" in re.sub(r"\s", "", query.lower())
    place = str(int(match[3]) - (0 if is_of_list else 1))
    if int(place) < _COMPONENTS:
        kind = known.get(place, "no type")
        rows = [("type", kind or "BIOS"), ("given", match[4] or "")]
        rows.append(("to raise it", _plain(remedies[kind]) if kind in remedies else ""))
        yield explanation(
            "component of TCB info",
            f"{of}[{place}]",
            tables.load("tcb")["about"]["component"],
            rows,
        )


_COMPONENTS = 16
"""Components in each list."""


def _plain(remedy: str) -> str:
    return remedy.replace("{microcode_package}", "with Intel's microcode")


_STATUS = re.compile(
    r"(?:tcb[\s_]?status|status|tcb)?[\s:=]*\"?([a-z][a-z_ -]{5,60})\"?", re.IGNORECASE
)


def status(query: str) -> Iterator[Explanation]:
    """A status that a verifier gives a platform, `OutOfDate`, `TCB_OUT_OF_DATE`."""
    match = _STATUS.fullmatch(query.strip())
    wanted = re.sub(r"[\s_-]", "", match[1]).lower() if match else ""
    rows = [({row["name"].lower()}, row) for row in tables.load("tcb")["status"]]
    rows += [
        ({name.lower() for name in row["names"]}, row) for row in tables.load("tcb")["relaunch"]
    ]
    for names, row in rows:
        if wanted in names:
            name = row.get("name") or row["names"][0]
            details = [("what to do", row["remedy"]), ("see", "TCB status, attestation.tcb")]
            yield explanation("TCB status", name, row["text"], details)


_MOST_LETTERS = 400
"""Of a text in which a status is looked for."""


def status_in_words(query: str) -> Iterator[Explanation]:
    """The status in a text, and the advisories there: `OutOfDate what to do`."""
    text = query[:_MOST_LETTERS]
    words = re.findall(r"[A-Za-z]+", text)
    known = {word: list(status(word)) for word in words if re.search(r"[a-z][A-Z]", word)}
    found = [meaning for meanings in known.values() for meaning in meanings]
    yield from found
    for number in _NAMED_ADVISORY.findall(text) if found else ():
        yield from advisory(f"SA-{number}")


_NAMED_ADVISORY = re.compile(r"\bINTEL-SA-(\d{5})\b", re.IGNORECASE)
_RECOVERY = re.compile(
    r"(?:tcb[-\s]?r(?:ecovery)?|tcb\s?evaluation\s?data(?:\s?(?:set|number))?)[\s#:=]+(\d{1,3})",
    re.I,
)


def recovery(query: str) -> Iterator[Explanation]:
    """A TCB recovery by its number: the term, and what it asks for where the table has it."""
    match = _RECOVERY.fullmatch(query.strip())
    floors = tables.load("tcb")["floors"]
    is_known = match and floors["recovery"].endswith(f" {match[1]}")
    rows = [("given", match[1] if match else "")]
    if is_known and "eval" not in query.lower():
        rows += [
            (f"module on {name}", f"{least} or later") for name, least in floors["module"].items()
        ]
        rows += [(f"microcode on {fms}", least) for fms, least in floors["microcode"].items()]
        rows.append(("as of", floors["as_of"]))
    for meaning in terms.term("TCB recovery") if match else ():
        yield meaning.with_details(rows)


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
