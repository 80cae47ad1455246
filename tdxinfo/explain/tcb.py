"""Microcode revisions, levels of Intel's TCB info, and security advisories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import cpuinfo, releases
from tdxinfo.decode.releases import Release
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
    floors = _microcode_floors()
    # Revisions with another first byte are of other products. Without a word before it, the number
    # has to be like those of one product, or in the table.
    found = {fms: floor for fms, floor in floors.items() if floor >> 24 == revision >> 24}
    is_like = any(floor >> 16 == revision >> 16 > _FEW for floor in found.values())
    if not match[1] and not is_like:
        found = {fms: floor for fms, floor in found.items() if floor == revision}
    yield from _of_revision(revision, found)


def _of_revision(revision: int, found: dict[str, int]) -> Iterator[Explanation]:
    """A microcode revision beside the minimum of each processor that it can be of."""
    floors = tables.load("tcb")["floors"]
    named = f"{floors['recovery']}, {floors['as_of']}"
    rows = [
        (processor_of(fms), f"{_compared(revision, least)} ({named})")
        for fms, least in found.items()
    ]
    if rows:
        rows += _of_old_microcode() if any(least > revision for least in found.values()) else []
        meaning = "A microcode revision, compared with the minimum that a TCB recovery required."
        yield explanation("microcode revision", f"{revision:#010x}", meaning, rows)


def _of_old_microcode() -> list[tuple[str, str]]:
    """What follows for attestation from microcode below the minimum, and what to do."""
    text = "verifiers that go by Intel's TCB info rate the platform OutOfDate; TDs still run"
    return [("where older", text), ("what to do then", _UPDATE_MICROCODE)]


_UPDATE_MICROCODE = (
    "Update the firmware, whose microcode counts for the TCB, and reboot. Microcode that Linux "
    "loads is not enough for it."
)


_IN_WORDS = re.compile(r"\b(?:microcode|ucode)\b.*?\b0x([0-9a-f]{7,8})\b", re.IGNORECASE)
_SIGNATURE = re.compile(r"\b0[0-9a-f]-[0-9a-f]{2}-[0-9a-f]{2}\b", re.IGNORECASE)
_MOST_WORDS = 14


def microcode_in_words(query: str) -> Iterator[Explanation]:
    """A microcode revision in a question, for the processor that it names."""
    match = _IN_WORDS.search(query) if len(query.split()) <= _MOST_WORDS else None
    signature = _SIGNATURE.search(query)
    least = _microcode_floors().get(signature[0].lower()) if signature else None
    if match is None:
        return
    revision = int(match[1], 16)
    if signature is None or least is None:
        yield from microcode(f"microcode {match[1]}")
    elif least >> 24 == revision >> 24:
        yield from _of_revision(revision, {signature[0].lower(): least})
    else:
        rows = [(processor_of(signature[0].lower()), f"{least:#010x} is the only known minimum")]
        yield explanation("microcode revision", f"{revision:#010x}", _OF_OTHER_PARTS, rows)


_OF_OTHER_PARTS = (
    "A microcode revision. tdxinfo cannot compare it: its first byte is another than that of the "
    "minimum that it knows for this processor, so that it is for other parts."
)


def _microcode_floors() -> dict[str, int]:
    """The minimum revision that a TCB recovery required, by family, model and stepping."""
    rows: dict[str, str] = tables.load("tcb")["floors"]["microcode"]
    return {fms: int(text, 16) for fms, text in rows.items()}


_FEW = 0x1000
"""Upper halves of revisions that many other numbers have too."""


def processor_of(fms: str) -> str:
    family, model, _ = (int(part, 16) for part in fms.split("-"))
    name = processor_names([cpuinfo.signature(family, model)])[0].partition(" (")[0]
    return f"{fms}, {name}"


def _compared(revision: int, floor: int) -> str:
    if revision == floor:
        return f"{floor:#010x} is the minimum: this one meets it"
    word = "older" if revision < floor else "newer"
    return f"{floor:#010x} is the minimum: this one is {word}"


# --- Intel's TCB info ----------------------------------------------------------------------------

_LEVEL = re.compile(
    r"(?:tdx\s?module\s)?tdx[_\s-]?(?:module[_\s-]?)?0?([0-9])[\s,:=]+(?:(?:isv[_\s]?)?svn(?:[\s:=]|is\b)+)?"
    r"(0x[0-9a-f]+|\d{1,3})"
    r"(?:(?:[\s,;]|but\b|and\b|<)*(?:needs?|needed|required|requires|wants|expected|minimum|min)?[\s:=]*(?:is\s)?(0x[0-9a-f]+|\d{1,3}))?",
    re.IGNORECASE,
)
_LEVEL_AFTER = re.compile(
    r"(?:isv[_\s]?)?svn[\s:=]*(0x[0-9a-f]+|\d{1,3})[\s,]+(?:for|of|in)?\s*tdx[_\s-]?(?:module[_\s-]?)?0?([0-9])\b"
    r"[\s,:]*(\w*)",
    re.IGNORECASE,
)
_IDENTITY = re.compile(r"tdx_(?:module_)?0([0-9])", re.I)


def _lines() -> dict[int, str]:
    """Lines of modules by the major SVN, which is the number of the module's identity too."""
    return {row["major"]: row["line"] for row in tables.load("tcb")["identity"]}


def level(query: str) -> Iterator[Explanation]:
    """A level of the TDX module in Intel's TCB info, `TDX_01 isvsvn 4`; or the identity alone."""
    text = _LEVEL_AFTER.sub(r"TDX_0\2 \1", query.strip())
    match, alone = _LEVEL.fullmatch(text), _IDENTITY.fullmatch(text)
    if alone:
        line = _lines().get(int(alone[1]), "")
        known = [row for row in tables.load("tcb")["level"] if row["module"] == f"TDX_0{alone[1]}"]
        rows = [("levels", "; ".join(f"ISV SVN {row['isvsvn']}: {row['status']}" for row in known))]
        if not line:
            known_ones = ", ".join(
                f"{row['module']} ({row['line']})" for row in tables.load("tcb")["identity"]
            )
            meaning = "tdxinfo knows no modules with this identity in Intel's TCB info."
            rows = [("known", known_ones)]
            yield explanation("TDX module identity", f"TDX_0{alone[1]}", meaning, rows)
        else:
            meaning = f"{line} modules in Intel's TCB info; their major SVN is {alone[1]}."
            yield explanation("TDX module identity", f"TDX_0{alone[1]}", meaning, rows)
    if match is None or int(match[1]) not in _lines():
        return
    found = [int(text, 0) for text in (match[2], match[3]) if text]
    yield from (_level(int(match[1]), minor) for minor in found)


_LEVEL_IN_WORDS = re.compile(
    r"\btdx[_-]0([0-9])[\s,:=]+(?:(?:isv[_\s]?)?svn)[\s:=]+(0x[0-9a-f]+|\d{1,3})\b", re.IGNORECASE
)


def level_in_words(query: str) -> Iterator[Explanation]:
    """A level in a text about other things too, `TDX_01 isvsvn 4 OutOfDate INTEL-SA-01099`."""
    for major, minor in _LEVEL_IN_WORDS.findall(query):
        yield from level(f"TDX_0{major} SVN {minor}")


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
        ("releases", known_releases or _no_release(minor, major)),
        *against_floor(minor, major),
        ("advisories", ", ".join(row.get("advisories", ()))),
    ]
    meaning = (
        f"A level of the TDX module in Intel's TCB info: {_lines()[major]} modules with the minor "
        f"SVN {minor}. Newer TCB info can rate it differently."
    )
    return explanation("TCB level", f"{module} ISV SVN {minor}", meaning, rows)


def _no_release(minor: int, major: int) -> str:
    """That no release has an SVN, and which is the first of its line where the SVN is below it."""
    text = "no public release has this SVN"
    of_line = [one for one in releases.releases() if one.tcb_svn and one.tcb_svn[1] == major]
    first = of_line[0].tcb_svn if of_line else None
    if first and minor < first[0]:
        text += f": it is below every one, the first, {of_line[0].version}, has {first[0]}"
    return text


def against_floor(minor: int, major: int) -> list[tuple[str, str]]:
    """What Intel rated a module's SVN, and how it compares with the minimum of a TCB recovery."""
    table = tables.load("tcb")
    module = next((row["module"] for row in table["identity"] if row["major"] == major), "")
    return [("TCB status", _rating(module, minor, major)), *_recovery(minor, major, None)]


def of_release(release: Release) -> list[tuple[str, str]]:
    """How a release compares with the minimum of a TCB recovery on its processors."""
    return _recovery(*release.tcb_svn, release) if release.tcb_svn else []


def _recovery(minor: int, major: int, of: Release | None) -> list[tuple[str, str]]:
    """The oldest releases that meet a TCB recovery, and whether the security version does."""
    floors = tables.load("tcb")["floors"]
    found: dict[str, list[str]] = {}
    is_older = False
    for name, least in floors["module"].items():
        svn = getattr(releases.release_named(least), "tcb_svn", None)
        if svn and svn[1] == major and (of is None or of.loads_on(name)):
            found.setdefault(least, []).append(name)
            is_older |= minor < svn[0]
    word = "this one is older: update the TDX module" if is_older else "this one meets it"
    named = " or ".join(f"{least} ({', '.join(names)})" for least, names in found.items())
    about = f"{floors['recovery']}, {floors['as_of']}"
    return [(about, f"{named} is the minimum: {word}")] if named else []


def _rating(module: str, minor: int, major: int) -> str:
    """What Intel's TCB info says of an SVN: its own level, or the next lower one.

    A level that was read before there was a release with the SVN says nothing of it.
    """
    levels = [row for row in tables.load("tcb")["level"] if row["module"] == module]
    rated: dict[str, Any] = max(
        (row for row in levels if row["isvsvn"] <= minor), key=lambda row: row["isvsvn"], default={}
    )
    built = [str(one.build_date)[:7] for one in releases.with_tcb_svn(minor, major)]
    is_own = rated.get("isvsvn") == minor
    is_read_later = any(date <= rated.get("as_of", "9999") for date in built)
    status: str = rated.get("status", "")
    asked = [row for row in levels if row["isvsvn"] > minor and "evaluation" in row]
    below = [f"below what TCB evaluation data {row['evaluation']} asks for" for row in asked]
    return "; ".join(filter(None, [status if is_own or is_read_later else "", *below]))


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
