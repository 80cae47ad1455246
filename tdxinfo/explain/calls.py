"""Leaves of SEAMCALL and TDCALL, status codes and operands, by name or number."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from tdxinfo import tables
from tdxinfo.decode import failures, seamcall
from tdxinfo.decode.bits import msr_named
from tdxinfo.decode.seamcall import Leaf, Status
from tdxinfo.explain import remedies
from tdxinfo.explain.fields import is_id
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import Reading, read_as, readings, whole
from tdxinfo.model.values import hex64

_BASES = {
    "patches": "named by Linux and its patches; no module interface that tdxinfo knows has it",
    "fork": "only a research fork has it; no Intel module does",
    "debug": "no module interface that tdxinfo knows has it; only debug modules do",
    "name": "the meaning is inferred from the name",
}


_MAKERS = {"linux": "Linux, without the module", "seamldr": "the P-SEAMLDR",
           "np-seamldr": "the NP-SEAMLDR, which loads the P-SEAMLDR"}  # fmt: skip


# --- leaves -----------------------------------------------------------------------------------


def leaf_by_name(query: str) -> Iterator[Explanation]:
    found = [seamcall.leaf_named(query)]
    if found == [None] and re.search(r"\w[._\s-]\w", query):
        # Without TDH. or TDG., which can be both: `mem.page.add`, `sys rd`.
        found = [seamcall.leaf_named(f"{table}.{query}") for table in ("TDH", "TDG")]
    yield from (_leaf(leaf, leaf.code) for leaf in found if leaf)


_LEAF_WITH_NUMBER = re.compile(
    r"(\w[\w. ]{3,40}?)[\s(=:]{1,4}(?:leaf|number|no\.?|nr)?[\s:=#]{0,2}(\w{1,18})\)?",
    re.IGNORECASE,
)


def leaf_with_number(query: str) -> Iterator[Explanation]:
    """A leaf by its name and its own number, `TDG_VP_INFO leaf 1`, `tdh sys rd 0x22`."""
    match = _LEAF_WITH_NUMBER.fullmatch(query.strip())
    leaf = seamcall.leaf_named(match[1]) if match else None
    if match is None or leaf is None:
        return
    for number in (one.value for one in readings(match[2])):
        if leaf in seamcall.leaves_numbered(number, leaf.table):
            yield _leaf(leaf, number)
            return


def leaf_by_number(query: str, *kinds: str) -> Iterator[Explanation]:
    """A leaf by its number in any form, the decimal one first where it names a leaf."""
    for reading in readings(query):
        found = seamcall.leaves_numbered(reading.value, *kinds)
        if found and _is_status_first(reading.value):
            return
        # A version above 0 tells which of the leaves is meant.
        version = str(seamcall.interface_version(reading.value))
        for leaf in [leaf for leaf in found if version in leaf.versions] or found:
            yield _leaf(leaf, reading.value).with_details([_read_as(reading, leaf)])
        if found:
            return


_CALLS = {"seamcall": "TDH", "tdh": "TDH", "host": "TDH", "tdcall": "TDG", "tdg": "TDG",
          "guest": "TDG", "seamldr": "SEAMLDR"}  # fmt: skip
"""Words that say who is called, or by whom, and the table of the leaves."""
_AROUND_A_LEAF = {
    "leaf", "leaves", "number", "nr", "no", "id", "fn", "func", "function", "op", "opcode", "code",
    "rax", "eax", "register", "reg", "as", "is", "what", "which", "the", "a", "in", "with", "of",
    "on", "to", "call", "name", "side", "tdx", "does", "do", "has", "for", "by", "p", "it", "means",
    "mean", "meaning", "called",
}  # fmt: skip
"""Words beside the number of a leaf, none of which speaks of what a call returned."""
_A_NUMBER = re.compile(r"(?:0x)?[0-9a-f]{1,16}h?", re.IGNORECASE)


def leaf_in_words(query: str) -> Iterator[Explanation]:
    """A leaf by its number in words: `seamcall fn 0x22`, `8000000000000001h as seamcall rax`,
    `guest leaf 4`. What RAX holds may be a status too.
    """
    words = re.findall(r"\w+", query.lower())[:_MOST_WORDS]
    rest = [word for word in words if word not in _AROUND_A_LEAF]
    kinds = [_CALLS[word] for word in rest if word in _CALLS]
    numbers = [word for word in rest if word not in _CALLS]
    is_host = "host" in rest or "guest" in rest
    if len(kinds) != 1 or len(numbers) != 1 or not _A_NUMBER.fullmatch(numbers[0]):
        return
    if "leaf" in words or not is_host:
        yield from leaf_by_number(numbers[0], *kinds)
        code = whole(numbers[0]) or 0
        is_either = "rax" in words or (code >> 63 and "leaf" not in words)
        yield from of_status(code) if is_either and seamcall.is_exact(code) else ()


_MOST_WORDS = 12


def _is_status_first(number: int) -> bool:
    """Whether a status has the number, and no call to the P-SEAMLDR of the first interface."""
    is_seamldr = bool(number >> 63)
    return is_seamldr and seamcall.interface_version(number) > 0 and seamcall.is_exact(number)


def _read_as(reading: Reading, leaf: Leaf) -> tuple[str, str]:
    name, text = read_as(reading)
    if reading.base == "decimal" and text:
        other = seamcall.leaves_numbered(int(reading.digits, 16), leaf.table)
        text += f", which is {other[0].name}" if other else ""
    return name, text


def _leaf(leaf: Leaf, given: int) -> Explanation:
    version = seamcall.interface_version(given)
    rows = [
        ("leaf", f"{leaf.code:#x}" if leaf.table == "SEAMLDR" else f"{leaf.number:#x}"),
        ("decimal", "" if leaf.table == "SEAMLDR" else str(leaf.number)),
        ("interface version", _version(leaf, version)),
        ("part of", "the module's initialization" if seamcall.is_initialization(leaf.name) else ""),
        ("made by", _callers(leaf)),
        ("only with", _feature(leaf)),
        ("statuses", ", ".join(_statuses_of(leaf))),
        ("basis", _BASES.get(leaf.basis, "")),
    ]
    return explanation(seamcall.KINDS[leaf.table], leaf.name, leaf.doc, rows)


def _version(leaf: Leaf, version: int) -> str:
    """The version and what it adds, where it is not 0; without one the versions that there are."""
    if version:
        return f"{version}: {leaf.versions.get(str(version), 'tdxinfo does not know what it adds')}"
    return "; ".join(
        f"0, or {number} ({leaf.number | int(number) << 16:#x}): {text}"
        for number, text in leaf.versions.items()
    )


def _feature(leaf: Leaf) -> str:
    """The feature of the module that the call belongs to."""
    rows = tables.load("features")["TDX_FEATURES0"]["fields"]
    number = next((row["bits"] for row in rows if row["name"] == leaf.feature), "")
    return f"{leaf.feature} (TDX_FEATURES0 bit {number})" if number else ""


_OF_NP_SEAMLDR = "SEAMLDR.SHUTDOWN"
"""The only call to the P-SEAMLDR that the kernel does not make."""


def _callers(leaf: Leaf) -> str:
    if leaf.name == _OF_NP_SEAMLDR:
        return "the NP-SEAMLDR, with SEAMCALL, to the P-SEAMLDR"
    return {
        "TDH": "the host's kernel, with SEAMCALL",
        "TDG": "the guest's kernel in a TD, with TDCALL",
        "SEAMLDR": "the host's kernel, with SEAMCALL, to the P-SEAMLDR",
    }[leaf.table]


def _statuses_of(leaf: Leaf) -> list[str]:
    names = seamcall.all_statuses()
    return [name for name in names if leaf.name in seamcall.meaning_of(name).calls]


# --- statuses ---------------------------------------------------------------------------------


def status_by_name(query: str, leaves: Collection[str] = ()) -> Iterator[Explanation]:
    """A status by its name, also without TDX_, or with TDX_ERR_ as newer Linux patches have it;
    `leaves` are the calls that returned it, where a text names them.
    """
    found = _named(query)
    if found:
        yield _status([found], found.code, is_name=True, leaves=leaves)


def _named(name: str) -> Status | None:
    stem = re.sub(r"[\s-]", "_", name.strip().upper()).removeprefix("TDX_ERR_")
    found = seamcall.status_named(name) or seamcall.status_named(f"TDX_{stem}")
    return found or (seamcall.status_named(f"SEAMLDR_{stem}") if stem.startswith("E") else None)


def status_in_words(query: str) -> Iterator[Explanation]:
    """A status by a name of one word in a text: `VMFailInvalid after kexec`."""
    words = re.findall(r"\w{8,40}", query)
    for word in words if len(words) <= _MOST_WORDS else ():
        found = seamcall.status_named(word) if "_" not in word else None
        if found:
            yield _status([found], found.code, is_name=True)


_WITH_OPERAND = re.compile(
    r"(\w{8,50})[\s|,:(+&-]{1,4}((?:tdx_)?operand[\s_]?(?:id)?[\s_:=#-]*)?(\w{1,30})\)?",
    re.IGNORECASE,
)


def status_with_operand(query: str) -> Iterator[Explanation]:
    """A status by its name with its operand: `TDX_OPERAND_BUSY operand 128`,
    `TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX`.
    """
    match = _WITH_OPERAND.fullmatch(query.strip())
    status = _named(match[1]) if match else None
    if match is None or status is None or seamcall.meaning_of(status.name).low != "operand":
        return
    for one in operand(f"operand {match[3]}") if match[2] else operand(f"OPERAND_ID_{match[3]}"):
        code = status.code | int(one.details[0].text, 16)
        yield _status([status], code)


def status_by_number(query: str) -> Iterator[Explanation]:
    """A status by its code in hex; one that is not in the table by its flags and class."""
    code = next((one.value for one in readings(query) if _is_short(one)), whole(query))
    if code is not None and (seamcall.is_exact(code) or not is_id(code)):
        yield from of_status(code)
    yield from _of_upper_half(query)


def status_of_loader(query: str) -> Iterator[Explanation]:
    """A status of the P-SEAMLDR whose number is that of a leaf of it too."""
    code = whole(query)
    kinds = [status.kind for status in seamcall.statuses(code)] if code is not None else []
    if code is not None and "seamldr" in kinds and seamcall.leaves_numbered(code):
        yield from of_status(code)


def _is_short(reading: Reading) -> bool:
    """Whether a number of few digits is a status: 0, or a known one in decimal without errors."""
    is_of_class = reading.base == "decimal" and reading.value >> 40 != 0
    return reading.value == 0 or (is_of_class and seamcall.is_exact(reading.value))


def _of_upper_half(query: str) -> Iterator[Explanation]:
    """A status that is written without its lower 32 bits, as 0xc0000505, if the table has it."""
    halves = [r.value for r in readings(query) if len(r.digits) == _HALF and r.base == "hex"]
    code = halves[0] << 32 if halves else 0
    found = [status for status in seamcall.statuses(code) if status.is_of_module and code]
    if any(status.matches(code) for status in found):
        yield _status(found, code, is_name=True)


_HALF = 8
"""Hex digits of half a status."""
_HALF_IN_WORDS = re.compile(
    r"\b(?:err(?:or)?|status|seamcall|tdcall|half|upper|rax)\b[^0]{0,60}\b(0x[89a-f][0-9a-f]{7})\b",
    re.IGNORECASE,
)


def half_in_words(query: str) -> Iterator[Explanation]:
    """A status without its lower 32 bits in a text that speaks of one."""
    for number in _HALF_IN_WORDS.findall(query):
        yield from _of_upper_half(number)


def of_status(code: int, leaves: Collection[str] = ()) -> Iterator[Explanation]:
    """A status by its code; `leaves` are the calls that returned it, where a text names them."""
    found = seamcall.statuses(code)
    if found:
        yield _status(list(found), code, leaves=leaves)
    elif _looks_like_status(code):
        meaning = "This code is unknown; its flags and class are known."
        yield explanation("SEAMCALL status", hex64(code), meaning, _flags(code))
    elif code >> 20 == _OF_THE_LOADER and not code & 0xFF00:
        known = [one for one in seamcall.all_statuses().values() if one.kind == "seamldr"]
        names = ", ".join(f"{one.code:#x} {one.name}" for one in known)
        meaning = "As a status of the P-SEAMLDR it is none that tdxinfo knows."
        yield explanation("SEAMCALL status", hex64(code), meaning, [("known", names)])


_OF_THE_LOADER = 1 << 43
"""Bits 63:20 of the P-SEAMLDR's statuses."""


def _looks_like_status(code: int) -> bool:
    """An error with a class or details, and nothing in the bits that a status leaves at 0."""
    return bool(code >> 63) and code >> 48 & 0x0FFF == 0 and bool(code >> 32 & 0xFFFF)


def _flags(code: int) -> list[tuple[str, str]]:
    low = code & 0xFFFFFFFF
    return [("status", hex64(code)), *seamcall.flags(code), ("lower 32 bits", f"{low:#x}")]


def _status(
    found: list[Status], code: int, is_name: bool = False, leaves: Collection[str] = ()
) -> Explanation:
    status, meaning = found[0], seamcall.meaning_of(found[0].name)
    detail = None if is_name else seamcall.detail(code)
    rows = [("status", hex64(code))]
    rows += seamcall.flags(code) if status.is_of_module else [("made by", _MAKERS[status.kind])]
    rows += [detail] if detail else []
    rows += _about_msr(detail) + _about_operand(detail, code)
    is_other = remedies.is_of_another(meaning, leaves)
    rows += [
        ("returned by", ", ".join(meaning.calls)),
        ("what to do", "" if is_other else remedies.after(meaning, leaves)),
    ]
    rows += _at_initialization(code, leaves)
    rows += [
        ("other codes", ", ".join(map(hex64, _other_codes(status, code)))),
        ("other names", ", ".join(meaning.aliases)),
        ("last in", f"TDX module {meaning.until}" if meaning.until else ""),
        ("basis", _BASES.get(meaning.basis, "")),
    ]
    name = " or ".join(s.name for s in found)
    return explanation("SEAMCALL status", name, meaning.meaning, rows)


def _other_codes(status: Status, code: int) -> list[int]:
    """The codes of a status but the one that was asked for, whose lower half may hold more."""
    shift = 32 if status.is_of_module else 0
    own = (status.code, *status.other_codes)
    return [other for other in own if other >> shift != code >> shift]


def _about_msr(detail: tuple[str, str] | None) -> list[tuple[str, str]]:
    if detail is None or detail[0] != "MSR":
        return []
    found = msr_named(int(detail[1], 16))
    return [("MSR name", found)] if found else []


def _about_operand(detail: tuple[str, str] | None, code: int) -> list[tuple[str, str]]:
    if detail is None or detail[0] != "operand":
        return []
    name = seamcall.operand_name(code & 0xFFFFFFFF)
    about: dict[str, str] = tables.load("seamcall")["operand_doc"]
    return [("this operand", about.get(name, ""))]


def _at_initialization(code: int, leaves: Collection[str]) -> Iterable[tuple[str, str]]:
    """What `check` says of the code where the module's initialization ended with it.

    A cause at one call says nothing of another that returned the same.
    """
    rows = failures.of_status(code)
    at_run_time = leaves and not any(map(seamcall.is_initialization, leaves))
    rows = [row for row in rows if row.leaf or not at_run_time]
    for row in (one for one in rows if not (one.leaf and leaves) or one.leaf in leaves):
        call = f"at {row.leaf}" if row.leaf else "at initialization"
        yield call, f"{row.diagnosis.cause}"
        yield "what to do then", row.diagnosis.remedy


# --- operands ---------------------------------------------------------------------------------


def operand(query: str) -> Iterator[Explanation]:
    """An operand as the module's source or Linux writes it, `OPERAND_ID_TDR`, or `operand 0x45`."""
    match = _OPERAND.fullmatch(query.strip())
    if match is None:
        return
    wanted = match[1] or match[2]
    table = tables.load("seamcall")
    wanted = table["linux_operand"].get(wanted.upper(), wanted)
    numbers = {reading.value for reading in readings(wanted)} if match[2] else set()
    for name, number in table["operand"].items():
        if number in numbers or wanted.upper() == name.upper():
            meaning = "An operand's id, in the lower 32 bits of a status that names one."
            yield explanation("operand", name, meaning, [("id", f"{number:#x}")])


def operand_named(query: str) -> Iterator[Explanation]:
    """An operand by its name alone."""
    yield from operand(f"OPERAND_ID_{query.strip()}")


_OPERAND = re.compile(r"(?:TDX_)?OPERAND_ID_(\w+)|operand\s+(?:id\s+)?(\w+)", re.IGNORECASE)


# --- names ------------------------------------------------------------------------------------


def names() -> Iterator[str]:
    yield from seamcall.leaves()
    for name in seamcall.all_statuses():
        yield name
        yield from seamcall.meaning_of(name).aliases
