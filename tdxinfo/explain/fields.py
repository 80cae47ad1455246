"""Metadata fields: of the module (SYS), of a TD and of a virtual CPU, by name or id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from tdxinfo import tables
from tdxinfo.decode import fieldid, metadata, seamcall
from tdxinfo.decode.fieldid import CONTEXTS, FieldId
from tdxinfo.explain.bitmaps import bitmap_named
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import whole
from tdxinfo.host import fact_names, sources_of
from tdxinfo.model.values import hex64

_MACRO = re.compile(
    r"(?=MD_|TDX_MD_|SYS_|TDCS_|TDVPS_|TDR_)(?:MD_FIELD_ID_|TDX_MD_)?(?:MD_)?(?:(?:SYS|TDCS|TDVPS|TDR)_)?"
    r"(\w+?)(?:_FIELD_(?:ID|CODE))?"
)
"""A field's name in a macro of kernels and of the module's source."""
_ELEMENT = re.compile(r"(\w+)\[(\d{1,4})\](?:\[(\d{1,2})\])?")
_MEMBER = re.compile(
    r"(?:struct\s)?(?:(?:tdx_)?sys_?info(?:\.|->)|tdx_sys_info_)?(\w+\.\w+)(?:\[.*\])?"
)
"""A member of Linux's structures, `tdx_sysinfo.td_conf.xfam_fixed0` or
`tdx_sys_info_tdmr.max_tdmrs`."""
_VMCS_CLASS = 0
_CPUID_CLASS = 20
_TD = 1


def by_name(query: str) -> Iterator[Explanation]:
    """A field by its name, with an index or a prefix as kernels write it."""
    match = _ELEMENT.fullmatch(query) or _array_element(query)
    name = match[1] if match else query
    for text in _spellings(name.upper()):
        field = metadata.declared().get(text)
        index = _index_of(match, field) if match and field else 0
        if field and index < field.room:
            yield _of_module(field, index, field.element_id(index) if match else None)
            return
    yield from _by_member(query)
    yield from _not_numbered(name.upper())
    if match and bitmap_named(name):
        return  # XFAM[0] is a bit
    for text in _spellings(name.upper()):
        for td_field in _td_fields_by_name().get(text, ()):
            if match is None or int(match[2]) < td_field.words:
                yield _of_td(td_field, td_field.id)


def _not_numbered(name: str) -> Iterator[Explanation]:
    """A field with a number that no module has: TDX_FEATURES1 beside TDX_FEATURES0."""
    stem = re.fullmatch(r"([A-Z_]+_[A-Z]+)\d", name)
    known = [one for one in metadata.declared() if stem and re.fullmatch(rf"{stem[1]}\d", one)]
    if known and name not in known:
        meaning = f"No TDX module that tdxinfo knows has this field: there is {', '.join(known)}."
        count = f"NUM_{known[0][:-1]}"
        see = count if count in metadata.declared() else ""
        yield explanation("metadata field", name, meaning, [("see", see)])


def _array_element(query: str) -> re.Match[str] | None:
    """The number behind the name of an array, `CMR_BASE3`, which is no part of the name."""
    match = re.fullmatch(r"([A-Za-z_]\w*?)(\d{1,2})()", query)
    field = metadata.declared().get(match[1].upper()) if match else None
    return match if field and field.words > 1 else None


def _by_member(query: str) -> Iterator[Explanation]:
    match = _MEMBER.fullmatch(query.lower())
    last = match[1].rpartition(".")[2] if match else ""
    for field in metadata.declared().values() if match else ():
        member = field.kernel.partition("[")[0]
        if match and (member == match[1] or (last == field.name.lower() and "_" in last)):
            yield _of_module(field, 0)


def _spellings(name: str) -> list[str]:
    macro = _MACRO.fullmatch(name)
    # Intel's interface has VPCU in some names, where VCPU is meant.
    plain = [name, name.replace("VCPU_", "VPCU_")]
    plain += [re.sub(r"^(?:MD_FIELD_ID_|TDX_MD_)", "", name)]
    plain += [re.sub(r"^(?:TDX_CAPS(?:->|\.))?ATTRS_", "ATTRIBUTES_", name)]
    # Linux patches call the first element of an array CMR_BASE0.
    return [*plain, macro[1], macro[1].removesuffix("0")] if macro else plain


def is_own_id(name: str, number: int) -> bool:
    """Whether the number beside a field's name is the field's id, also as Linux writes it for a
    TD: without the context, and without the size of its elements.
    """
    given = FieldId.parse(number)
    if not number >> 56 or fieldid.has_reserved_bits(number):
        return False
    ids = {row.text for one in by_name(name) for row in one.details if row.name == "id"}
    own = [FieldId.parse(int(one, 16)) for one in ids]
    return any(
        (given.class_code, given.code, given.non_arch) == (one.class_code, one.code, one.non_arch)
        and given.context in (one.context, 0)
        for one in own
    )


def is_own_form(text: str) -> bool:
    """Whether a number is written as a field id is, and is one."""
    return len(text) > _HALF_AN_ID and any(by_id(text))


_HALF_AN_ID = 10


def value_meaning(name: str, value: int) -> str:
    """What a single value of a field means; empty where the tables do not say it."""
    for table in ("fields", "td_fields"):
        known: dict[str, str] = tables.load(table)["values"].get(name, {})
        if str(value) in known:
            return known[str(value)]
    return ""


def state_named(query: str) -> Iterator[Explanation]:
    """A field by the name of one of its states, `OP_STATE_PAUSED_EXPORT` or `TD_TEARDOWN`."""
    wanted = query.strip().upper()
    for name, known in tables.load("td_fields")["values"].items():
        for value, text in known.items():
            state = text.partition(":")[0]
            if wanted in (state, f"{name}_{state}") and "_" in wanted:
                rows = [("value", value), ("this value", text)]
                yield from (one.with_first(rows) for one in by_name(name))


def by_id(query: str) -> Iterator[Explanation]:
    """A field by its id in hex."""
    number = whole(query)
    if number is not None:
        yield from of_id(number)


def of_id(number: int) -> Iterator[Explanation]:
    """What a field id names: an element, the head of a sequence, or the class alone."""
    if number == fieldid.NULL or fieldid.is_null(number):
        meaning = (
            "As input it asks for the first field; in an answer it means that there is no next one."
        )
        yield explanation("metadata field id", hex64(number), meaning, [("name", "null id")])
        return
    if not is_id(number):
        return
    parts = FieldId.parse(number)
    first = int(parts._replace(last_element=0, last_field=0, write_mask_valid=0))
    field = metadata.element(first)
    td_field = None if field else _td_field(first)
    if field:
        found = _of_module(*field, given=number)
    elif CONTEXTS[parts.context] == "TD" and parts.class_code == _CPUID_CLASS:
        found = _of_cpuid(number)
    elif td_field:
        found = _of_td(td_field, number)
    elif parts.context == 0 and (td_field := _without_context(parts)):
        # A TD leaves the context out of the id, as Linux does for TDG.VM.RD.
        found = _of_td(td_field, td_field.id)
    else:
        text = "No field of this id is known."
        found = explanation("metadata field id", hex64(number), text, _parts(number))
    is_head = bool(parts.last_element or parts.last_field)
    sequence = f"{parts.fields} fields of {parts.elements}" if is_head else ""
    names = ", ".join(_names_from(first, parts.fields)) if is_head and field else ""
    yield found.with_details([("head of a sequence", sequence), ("fields in it", names)])


def _names_from(first: int, count: int) -> list[str]:
    """The fields of the module that follow one another from the given id on."""
    step = FieldId.parse(first).stride
    found = [metadata.element(first + index * step) for index in range(count)]
    return [f"{one[0].name}[{one[1]}]" if one[0].words > 1 else one[0].name for one in found if one]


def _without_context(parts: FieldId) -> _TdField | None:
    """The field of a TD whose id has the number but for the context, with elements of this size."""
    found = _td_field(int(parts._replace(context=_TD)))
    return found if found and FieldId.parse(found.id).size_code == parts.size_code else None


def is_id(number: int) -> bool:
    """Whether a number is meant as a field id: a status in the table is none.

    Bits 62, 55, 49:47 and 31:24 of an id are 0, and in class 0 of the module bit 63. Only a known
    field can be the head of a sequence, whose bits 46:34 say how many fields follow.
    """
    parts = FieldId.parse(number)
    if fieldid.has_reserved_bits(number) or parts.context not in CONTEXTS or not number >> 32:
        return False
    if seamcall.is_exact(number):
        return False
    if parts.context == 0 and parts.class_code == 0 and parts.non_arch:
        return False
    known = metadata.element(number) is not None or _td_field(number) is not None
    if parts.last_element or parts.last_field:
        return known and _can_head(parts)
    return known or parts.class_code in _classes(CONTEXTS[parts.context]).values()


def _can_head(parts: FieldId) -> bool:
    """Whether the known field can head this sequence. Of a TD's fields each can.

    A field of the module must have the id's element size, and the sequence must not be longer than
    the rest of its class.
    """
    found = metadata.element(int(parts))
    if found is None:
        return True
    field = found[0]
    follow = [
        other.fields
        for other in metadata.declared().values()
        if other.parts.class_code == parts.class_code and other.parts.code >= field.parts.code
    ]
    is_same_size = parts.size_code == field.parts.size_code
    return is_same_size and parts.fields <= sum(follow)


def _classes(context: str) -> dict[str, int]:
    if context == "SYS":
        names: dict[str, int] = tables.load("fields")["class"]
    else:
        names = tables.load("td_fields")["class"][context]
    return names


def _of_module(field: metadata.Declared, index: int, given: int | None = None) -> Explanation:
    number = field.element_id(index) if given is None else given
    is_one = field.words > 1 and given is not None
    name = f"{field.name}[{index}]" if is_one else field.name
    rows = [("id", hex64(field.element_id(index))), *_parts(number)]
    if is_one and field.elements > 1:
        rows.append(("entry", f"{index // field.elements}, element {index % field.elements}"))
    if field.words > 1:
        shape = f"{field.fields} fields"
        rows.append(("array", shape + (f" of {field.elements}" if field.elements > 1 else "")))
    if field.kernel:
        rows.append(("Linux", f"struct tdx_sys_info, {field.kernel}"))
    rows.append(("since", " and ".join(f"TDX module {version}" for version in field.since)))
    if field.basis == "patches":
        rows.append(
            (
                "basis",
                "named by Linux and its patches; no module interface that tdxinfo knows has it",
            )
        )
    facts = [fact for fact in fact_names() if _shows(fact, field.name)]
    rows.append(("shown as", ", ".join(facts)))
    return explanation("metadata field", name, field.doc, rows)


def _index_of(match: re.Match[str], field: metadata.Declared) -> int:
    """The element that `NAME[35]` or `NAME[17][1]` means: of all, or of an entry."""
    first = int(match[2])
    return first * field.elements + int(match[3]) if match[3] else first


def _shows(fact: str, field: str) -> bool:
    origins = (source.origin for source in sources_of(fact))
    return any(
        origin.startswith("metadata:") and field in origin.partition(":")[2].split(",")
        for origin in origins
    )


def _parts(number: int) -> tuple[tuple[str, str], ...]:
    parts = FieldId.parse(number)
    context = CONTEXTS.get(parts.context, "unknown")
    names = {code: name for name, code in _classes(context).items()} if context in _SCOPES else {}
    return (
        ("scope", _SCOPES.get(context, "unknown")),
        ("class", f"{parts.class_code} ({names.get(parts.class_code, 'unknown')})"),
        ("code", f"{parts.code:#x}"),
        ("element", f"{parts.element_bits} bits"),
    )


_SCOPES = {"SYS": "the module", "TD": "a TD", "VCPU": "a virtual CPU"}


# --- fields of a TD and of a virtual CPU ------------------------------------------------------


class _TdField(NamedTuple):
    """A row of `tables/td_fields.toml`."""

    name: str
    id: int
    words: int
    doc: str
    read: str


@cache
def _td_fields() -> tuple[_TdField, ...]:
    by_scope: dict[str, list[dict[str, Any]]] = tables.load("td_fields")["field"]
    rows = [row for scope in by_scope.values() for row in scope]
    return tuple(
        _TdField(
            row["name"],
            int(row["id"], 16),
            row.get("fields", 1) * row.get("elements", 1),
            row.get("doc", ""),
            row.get("read", ""),
        )
        for row in rows
    )


@cache
def _td_fields_by_name() -> dict[str, list[_TdField]]:
    """The fields by their names in capitals: several scopes can have one of a name."""
    found: dict[str, list[_TdField]] = {}
    for td_field in _td_fields():
        found.setdefault(td_field.name.upper(), []).append(td_field)
    return found


@cache
def _td_fields_by_key() -> dict[int, _TdField]:
    found: dict[int, _TdField] = {}
    for td_field in _td_fields():
        for index in range(td_field.words):
            found.setdefault(fieldid.key(_element(td_field, index)), td_field)
    return found


def _element(td_field: _TdField, index: int) -> int:
    return td_field.id + index * FieldId.parse(td_field.id).stride


def _td_field(number: int) -> _TdField | None:
    return _td_fields_by_key().get(fieldid.key(number))


_READ = {
    "": "which the host reads with {call}",
    "debug": "which the host can read ({call}) only where the TD has the attribute DEBUG",
    "none": "which the host cannot read: {call} returns TDX_METADATA_FIELD_NOT_READABLE",
}
"""How the host reads a field, by `read` of its row."""


def _of_td(td_field: _TdField, number: int) -> Explanation:
    parts = FieldId.parse(number)
    index = (parts.code - FieldId.parse(td_field.id).code) // FieldId.parse(td_field.id).stride
    name = (
        f"{td_field.name}[{index}]"
        if td_field.words > 1 and number != td_field.id
        else td_field.name
    )
    scope = CONTEXTS[parts.context]
    read = "TDH.MNG.RD" if scope == "TD" else "TDH.VP.RD"
    about = f"{td_field.doc} " if td_field.doc else ""
    meaning = f"{about}A field of {_SCOPES[scope]}, {_READ[td_field.read].format(call=read)}."
    if scope == "VCPU" and parts.class_code == _VMCS_CLASS:
        meaning += " The code is the field's encoding in the VMCS."
    rows = [("id", hex64(td_field.id)), *_parts(number)]
    return explanation(f"metadata field of {_SCOPES[scope]}", name, meaning, rows)


def _of_cpuid(number: int) -> Explanation:
    """A CPUID value of a TD: the code holds the leaf, the sub-leaf and which two registers."""
    code = FieldId.parse(number).code
    leaf = code >> 9 & 0x7F | (code >> 16 & 1) << 31
    subleaf = "" if code >> 8 & 1 else f", sub-leaf {code >> 1 & 0x7F:#x}"
    registers = "ECX and EDX" if code & 1 else "EAX and EBX"
    meaning = (
        f"What CPUID returns in a TD for leaf {leaf:#x}{subleaf}, in {registers}; the host reads "
        "it with TDH.MNG.RD. The code holds leaf, sub-leaf and registers."
    )
    rows = [("id", hex64(number)), *_parts(number)]
    return explanation("metadata field of a TD", "CPUID_VALUES", meaning, rows)


def of_kvm_access(class_name: str, code: int) -> Iterator[Explanation]:
    """The field of a KVM line such as `TDH_VP_RD[VMCS.0x4002]`."""
    class_code = tables.load("td_fields")["linux"].get(class_name.upper())
    if class_code is None:
        return
    number = int(FieldId(code=code, context=2, class_code=class_code))
    td_field = _td_field(number)
    if td_field:
        yield _of_td(td_field, td_field.id)
    else:
        text = "No field of this code is known."
        yield explanation("metadata field id", hex64(number), text, _parts(number))


def names() -> Iterator[str]:
    yield from metadata.declared()
    yield from (td_field.name for td_field in _td_fields() if " " not in td_field.name)
