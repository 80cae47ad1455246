"""What a name or a number of this field means: `tdxinfo explain`.

A query may be a metadata field or its id in any spelling, a bit or a bitmap with its value, a
SEAMCALL status or leaf, an MSR, a check or a fact of the catalogue. Text may hold several of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches

from tdxinfo import checks, tables
from tdxinfo.checks.engine import CHECKS, ids_by_alias
from tdxinfo.checks.policy_checks import POLICY_CHECKS
from tdxinfo.checks.rules import about_rule, head_of_rule
from tdxinfo.decode import bits, fieldid, metadata, releases, seamcall
from tdxinfo.decode.fieldid import CONTEXTS, FieldId
from tdxinfo.host import fact_names, meaning, sources_of
from tdxinfo.model.base import Frozen
from tdxinfo.model.values import hex64
from tdxinfo.report import Document

_ = checks  # declares them

_HEX = re.compile(r"(?:0x)?([0-9a-f]{1,16})", re.IGNORECASE)
_CODES = re.compile(r"\b0x[0-9a-f]{9,16}\b", re.IGNORECASE)
_BITMAP = re.compile(r"(\w+)=(?:0x)?([0-9a-f]{1,16})", re.IGNORECASE)


class Detail(Frozen):
    """One thing to know about a meaning."""

    name: str
    """What it is."""
    text: str
    """The words."""


class Explanation(Frozen):
    """One meaning of a query."""

    kind: str
    """metadata field, bit, bitmap, SEAMCALL status, SEAMCALL leaf, MSR, check, fact or release."""
    name: str
    """The name in the manual's spelling, or that of tdxinfo."""
    meaning: str
    """What it means."""
    details: tuple[Detail, ...]
    """What else there is to know."""


class ExplainReport(Document):
    """What `explain --json` prints."""

    explanations: dict[str, tuple[Explanation, ...]]
    """The meanings of each query, the most likely first."""


def _explained(
    kind: str, name: str, meaning: str, details: Iterable[tuple[str, str]] = ()
) -> Explanation:
    described = tuple(Detail(name=name, text=text) for name, text in details)
    return Explanation(kind=kind, name=name, meaning=meaning, details=described)


Explainer = Callable[[str], Iterator[Explanation]]


def explanations(query: str) -> list[Explanation]:
    """All meanings of the query, the most likely first; none when it means nothing here."""
    word = query.strip()
    found = [meaning for explain in EXPLAINERS for meaning in explain(word)]
    if not found and " " in word:
        found = [meaning for code in codes_of(word) for meaning in explanations(code)]
    return list(dict.fromkeys(found))


def codes_of(text: str) -> list[str]:
    """The errors and field ids in a text, for example a log line."""
    return [code for code in _CODES.findall(text) if _is_telling(int(code, 16))]


def _is_telling(number: int) -> bool:
    """Whether a number in a text is meant as a code: an address of memory is not."""
    if number == fieldid.NULL or not number >> 56:
        return False
    is_error = bool(number >> 63) and seamcall.status_name(number) is not None
    return _is_field(number) or is_error


def near_misses(query: str) -> list[str]:
    """Names that are spelled much like the query."""
    names = {name.lower(): name for name in all_names()}
    return [
        names[near] for near in get_close_matches(query.strip().lower(), names, n=4, cutoff=0.6)
    ]


def all_names() -> Iterator[str]:
    """Every name that means something here."""
    yield from metadata.declared()
    yield from fact_names()
    yield from (*CHECKS, *POLICY_CHECKS)
    yield from tables.load("msr")
    yield from tables.load("seamcall")["leaf"]
    yield from tables.load("seamcall")["status"]
    for bitmap in tables.load("features"):
        yield from bits.all_names(bitmap)


# --- metadata fields --------------------------------------------------------------------------


def _field_by_name(query: str) -> Iterator[Explanation]:
    wanted = metadata.declared().get(query.upper())
    if wanted:
        yield _field(wanted, 0)


def _field_by_id(query: str) -> Iterator[Explanation]:
    match = _HEX.fullmatch(query)
    if not match or len(match[1]) < 15:
        return
    number = int(match[1], 16)
    known = metadata.element(number)
    if known and not fieldid.has_reserved_bits(number):
        yield _field(*known, given=number)
    elif _looks_like_id(number):
        yield _explained(
            "metadata field id", hex64(number), "No field of this id is known.", _parts(number)
        )


def _looks_like_id(number: int) -> bool:
    """A class that exists, and nothing in the reserved bits; else it is more likely a status."""
    parts = FieldId.parse(number)
    classes = tables.load("fields")["class"].values()
    return (
        parts.class_code in classes and not fieldid.has_reserved_bits(number) and bool(number >> 56)
    )


def _field(wanted: metadata.Declared, index: int, given: int | None = None) -> Explanation:
    number = wanted.element_id(index) if given is None else given
    name = f"{wanted.name}[{index}]" if wanted.words > 1 and given is not None else wanted.name
    details = [("id", hex64(wanted.id)), *_parts(number)]
    if wanted.words > 1:
        shape = f"{wanted.fields} fields"
        details.append(("array", shape + (f" of {wanted.elements}" if wanted.elements > 1 else "")))
    if wanted.kernel:
        details.append(("Linux", f"struct tdx_sys_info, {wanted.kernel}"))
    if wanted.since:
        details.append(("since", f"TDX module {wanted.since}"))
    if wanted.basis == "patches":
        details.append(("basis", "named by Linux patches only; no released module has it"))
    facts = [name for name in fact_names() if _is_told_by(name, wanted.name)]
    if facts:
        details.append(("shown as", ", ".join(facts)))
    return _explained("metadata field", name, wanted.doc, tuple(details))


def _is_told_by(fact: str, field: str) -> bool:
    origins = (source.origin for source in sources_of(fact))
    return any(
        origin.startswith("metadata:") and field in origin.partition(":")[2].split(",")
        for origin in origins
    )


def _parts(number: int) -> tuple[tuple[str, str], ...]:
    parts = FieldId.parse(number)
    names = {code: name for name, code in tables.load("fields")["class"].items()}
    context = CONTEXTS.get(parts.context, "unknown")
    class_name = names.get(parts.class_code, "unknown") if context == "SYS" else f"of {context}"
    return (
        ("class", f"{parts.class_code} ({class_name})"),
        ("code", f"{parts.code:#x}"),
        ("element", f"{parts.element_bits} bits"),
    )


# --- bits -------------------------------------------------------------------------------------


def _bit(query: str) -> Iterator[Explanation]:
    for bitmap, table in tables.load("features").items():
        for row in table["fields"]:
            if row["name"].lower() == query.lower():
                details = (("bitmap", bitmap), ("bit", row["bits"]))
                yield _explained("bit", row["name"], row.get("doc", ""), details)


def _bitmap(query: str) -> Iterator[Explanation]:
    """`features0=0xfbf`: the names of the bits that are set."""
    match = _BITMAP.fullmatch(query)
    if not match:
        return
    bitmap = _bitmap_of(match[1].lower())
    if bitmap:
        value = int(match[2], 16)
        names = " ".join(bits.names_of(bitmap, value)) or "none"
        yield _explained("bitmap", f"{bitmap} {hex64(value)}", f"These bits are set: {names}.")


def _bitmap_of(name: str) -> str | None:
    stems = {bitmap.lower(): bitmap for bitmap in tables.load("features")}
    aliases = {"features0": "TDX_FEATURES0", "attributes": "TD_ATTRIBUTES"}
    short = re.sub(r"_fixed[01]$", "", name)
    return stems.get(short) or aliases.get(short)


# --- SEAMCALLs --------------------------------------------------------------------------------


def _status(query: str) -> Iterator[Explanation]:
    """A status by its number or its name."""
    if query.upper() in tables.load("seamcall")["status"]:
        query = tables.load("seamcall")["status"][query.upper()]
    match = _HEX.fullmatch(query)
    if not match or len(match[1]) < 9 or _is_field(int(match[1], 16)):
        return
    status = int(match[1], 16)
    name = seamcall.status_name(status) or seamcall.seamldr_status_name(status)
    if name is None:
        return
    details = [("status", hex64(status)), *seamcall.flags(status)]
    detail = seamcall.detail(status)
    details += [detail] if detail else []
    row = seamcall.known(status)
    if row:
        details.append(("what to do", row["remedy"]))
    meaning = row.get("meaning") or f"A status of the class: {seamcall.class_name(status)}."
    yield _explained("SEAMCALL status", name, meaning, tuple(details))


def _is_field(number: int) -> bool:
    return metadata.element(number) is not None and not fieldid.has_reserved_bits(number)


def _leaf(query: str) -> Iterator[Explanation]:
    rows = tables.load("seamcall")["leaf"]
    wanted = query.upper().replace("_", ".")
    match = _HEX.fullmatch(query)
    if match and len(match[1]) <= 4 and not query.isdecimal():
        wanted = seamcall.leaf_name(int(match[1], 16)) or wanted
    if wanted in rows:
        initialization = seamcall.is_initialization(wanted)
        meaning = (
            "Part of the module's initialization." if initialization else "A call to the module."
        )
        yield _explained("SEAMCALL leaf", wanted, meaning, (("leaf", f"{rows[wanted]:#x}"),))


# --- releases ---------------------------------------------------------------------------------


def _release(query: str) -> Iterator[Explanation]:
    """A release by its version, or by its MRSEAM."""
    release = releases.release_named(query)
    if release is None:
        return
    details: list[tuple[str, str]] = []
    if release.build_number or release.build_date:
        build = ", ".join(str(part) for part in (release.build_number, release.build_date) if part)
        details.append(("build", f"{build} ({release.basis})"))
    if release.platforms:
        details.append(("for", ", ".join(release.platforms)))
    if release.features0 is not None:
        other = release.other_features0
        doubt = f"; another source says {hex64(other)}" if other is not None else ""
        details.append(("features", hex64(release.features0) + doubt))
    newest = releases.newest_of_line(release)
    if newest != release:
        details.append(("newest known", str(newest.version)))
        added = " ".join(releases.added_features(release, newest))
        details += [("it adds", added)] if added else []
    details += [("MRSEAM", release.mrseam)] if release.mrseam else []
    meaning = "A release of the TDX module. Whether it is safe to run, this table does not say."
    yield _explained("module release", str(release.version), meaning, tuple(details))


# --- registers, checks, facts -----------------------------------------------------------------


def _msr(query: str) -> Iterator[Explanation]:
    match = _HEX.fullmatch(query)
    for name, row in tables.load("msr").items():
        by_number = match and int(match[1], 16) == row["address"]
        if name.lower() == query.lower() or by_number:
            fields = tuple((f"{f['bits']} {f['name']}", f["doc"]) for f in row["fields"])
            details = (
                ("address", f"{row['address']:#x}"),
                *fields,
                ("reference", row["reference"]),
            )
            yield _explained("MSR", name, "A model-specific register that tells of TDX.", details)


def _check(query: str) -> Iterator[Explanation]:
    """A check by its id, or by one that it had before."""
    check_id = ids_by_alias().get(query, query)
    if check_id not in CHECKS and check_id not in POLICY_CHECKS:
        return
    rule, about = head_of_rule(check_id), about_rule(check_id)
    details = [("now called", check_id)] if check_id != query else []
    details += [("group", rule.group), ("severity", rule.severity.value)]
    details += [("waits for", ", ".join(rule.needs))] if rule.needs else []
    details += [("implied by", rule.proof)] if rule.proof else []
    details += [("why", about.why), ("otherwise", about.impact)]
    details += [("looked for", place) for place in about.detection]
    details += [("what to do", rule.remedy)] if rule.remedy else []
    details += [(f"menu, {maker or 'often'}", path) for maker, path in rule.menus.items()]
    details += [("what to do", f"{remedy.where}: {remedy.text}") for remedy in about.remedies]
    details += [("reference", reference) for reference in about.references]
    details.append(("since", f"tdxinfo {about.since}"))
    yield _explained("check", check_id, f"{rule.title}.", tuple(details))


def _fact(query: str) -> Iterator[Explanation]:
    if query in fact_names():
        details = tuple(("place", source.origin) for source in sources_of(query))
        yield _explained("fact", query, meaning(query), details)


EXPLAINERS: tuple[Explainer, ...] = (
    _check,
    _fact,
    _field_by_name,
    _bitmap,
    _bit,
    _leaf,
    _msr,
    _release,
    _field_by_id,
    _status,
)
