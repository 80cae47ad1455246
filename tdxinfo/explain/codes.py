"""Leaves, statuses and field ids in a text, each by what stands before it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from tdxinfo import tables
from tdxinfo.decode import fieldid, metadata, seamcall
from tdxinfo.explain import calls, fields, ghci, terms
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import whole

_CODE = re.compile(r"\b0x[0-9a-f]{9,16}\b|\b[0-9a-f]{16}\b", re.IGNORECASE)
"""With 0x, or all 16 digits, as kernels print with %016llx."""
_LEAF = re.compile(
    r"\b(?:(SEAM|TD)CALL\s*\(?(?:leaf\s*)?|leaf\s+)(0x[0-9a-f]+|\d+)\)?(?=\s|:|,|$)",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"\b(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|SEAMLDR[._][A-Z_.]+|TD[HG](?:\.[A-Z0-9]+)+|E[A-Z]{5,})\b"
)
_KVM_ACCESS = re.compile(r"\bTDH_VP_(?:RD|WR)\[(\w+)\.0x([0-9a-f]+)\]", re.IGNORECASE)
_OUTPUT = re.compile(r"\b(?:r[bcd]x|r[0-9]{1,2}|entry|level_state)[\s,:=]*$", re.I)
"""Before a number that the call returned beside its status."""
_STATUS_WORD = re.compile(
    r"(?:failed|error|returned|status|err|rax|_ret|\bret)[\s:=(]*(?:code)?\s*$", re.I
)


def codes_of(text: str) -> list[str]:
    """The statuses and field ids in a text, for example a log line."""
    return [code for code in _CODE.findall(text) if is_telling(int(code, 16))]


def is_telling(number: int) -> bool:
    """Whether a number in a text is meant as a code: an address of memory is not."""
    if number == fieldid.NULL or not number >> 32:
        return False
    if bool(number >> 63) and seamcall.statuses(number):
        return True
    return bool(number >> 56) and fields.is_id(number) and any(fields.of_id(number))


def in_a_line(text: str) -> Iterator[Explanation]:
    """The calls in a text, what they returned, and the fields that they were made for."""
    if of_quote := ghci.quote_in_a_line(text):
        yield from of_quote
        return
    yield from _kvm_access(text)
    of_leaf = list(_leaf(text))
    yield from of_leaf
    leaves = leaves_in(text)
    for match in _CODE.finditer(text):
        yield from _code(text[: match.start()], int(match.group(), 16), leaves)
    yield from _named(text, leaves)
    for state in _LEVEL_STATE.findall(text):
        yield _sept_state(int(state, 16))


def leaves_in(text: str) -> set[str]:
    """The names of the calls in a text, by number or by name."""
    named = [leaf.name for leaf in map(seamcall.leaf_named, _NAME.findall(text)) if leaf]
    return {*named, *(one.name for one in _leaf(text))}


_LEVEL_STATE = re.compile(r"\blevel_state[\s,:=]*(?:0x)?([0-9a-f]{1,16})\b", re.IGNORECASE)
_LEVELS = ("4 KiB", "2 MiB", "1 GiB", "512 GiB", "256 TiB")


_AROUND_A_STATUS = {
    "seamcall", "tdcall", "call", "leaf", "returned", "returns", "return", "returning", "failed",
    "fails", "fail", "failure", "with", "gave", "gives", "error", "err", "status", "code", "rc",
    "ret", "rax", "what", "does", "mean", "means", "why", "on", "from", "a", "the", "is", "in",
    "at", "and", "of", "by", "got", "getting", "get", "result",
}  # fmt: skip
"""Words beside a call and what it returned."""
_MOST_WORDS = 12


def returned(text: str) -> Iterator[Explanation]:
    """What a call returned, `TDH.PHYMEM.CACHE.WB -> 0x0000082100000000`, or the field that it
    reads, `TDH.MNG.RD OP_STATE`, and then the call.
    """
    words = re.findall(r"[\w.]+", text)[: _MOST_WORDS + 1]
    rest = [word for word in words if word.lower() not in _AROUND_A_STATUS]
    if len(rest) != 2 or len(words) > _MOST_WORDS:
        return
    leaf = seamcall.leaf_named(rest[0]) or seamcall.leaf_named(rest[1])
    other = rest[1] if seamcall.leaf_named(rest[0]) else rest[0]
    if leaf is None or leaf.name == "TDG.VP.VMCALL":
        return
    known = seamcall.status_named(other)
    code = whole(other)
    if known:
        found = list(calls.status_by_name(other, {leaf.name}))
    elif code is not None and (seamcall.is_exact(code) or not fields.is_id(code)):
        found = list(calls.of_status(code, {leaf.name}))
    elif leaf.name.endswith((".RD", ".WR")):
        found = list(fields.by_name(other))
    else:
        found = []
    if found:
        yield from found
        yield from calls.leaf_by_name(leaf.name)


def _sept_state(number: int) -> Explanation:
    """The level and the state of a secure EPT entry, as the module returns them in RDX."""
    level, state = number & 0x7, number >> 8 & 0xFF
    known: dict[str, list[str]] = tables.load("seamcall")["sept_state"]
    name, meaning = known.get(str(state), ["unknown", "tdxinfo does not know this state"])
    size = f" (entries of {_LEVELS[level]})" if level < len(_LEVELS) else ""
    rows = [("level", f"{level}{size}"), ("state", f"{state}, {name}: {meaning}")]
    text = "Level and state of the secure EPT entry at which the call ended (RDX)."
    return explanation("secure EPT entry", f"level_state {number:#x}", text, rows)


def _kvm_access(text: str) -> Iterator[Explanation]:
    for class_name, code in _KVM_ACCESS.findall(text):
        yield from fields.of_kvm_access(class_name, int(code, 16))


def _leaf(text: str) -> Iterator[Explanation]:
    if re.search(r"cpuid|\be[abcd]x\b|IntelTDX", text, re.I):
        return
    words = (("TDG", r"\bTDCALL\b"), ("SEAMLDR", r"\bseamldr\b"))
    said = next((kind for kind, word in words if re.search(word, text, re.I)), "TDH")
    for before, number in _LEAF.findall(text):
        kind = {"td": "TDG", "seam": "SEAMLDR" if said == "SEAMLDR" else "TDH"}
        yield from calls.leaf_by_number(number, kind.get(before.lower(), said))


_RDX = re.compile(r"\brdx[\s=:]*$", re.IGNORECASE)


def _unread(number: int) -> str:
    """What it means that the kernel could not read a field of the module."""
    found = metadata.element(number)
    special: dict[str, str] = tables.load("fields")["unread"]
    text = "the kernel could not read this field"
    return f"{text}: {special[found[0].name]}" if found and found[0].name in special else text


def _code(before: str, number: int, leaves: Collection[str]) -> Iterator[Explanation]:
    """A status where the text before it says so or the table has it; else a field id."""
    is_leaf = re.search(r"SEAMCALL\s*\(?\s*$", before, re.I)
    if is_leaf or not number >> 32:
        return
    is_output = _OUTPUT.search(before)
    if _RDX.search(before) and metadata.element(number):
        is_unread = "TDH.SYS.RD" in leaves and re.search(r"fail|error", before, re.I)
        rows = [("given", _unread(number))] if is_unread else []
        yield from (one.with_first(rows) for one in fields.of_id(number))
    elif re.search(r"\bTD[HG][._](?:SYS|MNG|VP|VM)[._](?:RD|WR)\W*$", before, re.I):
        yield from fields.of_id(number)
    # All ones is also a status, but most often a mask.
    elif _STATUS_WORD.search(before) or (
        seamcall.is_exact(number) and number != fieldid.NULL and not is_output
    ):
        yield from calls.of_status(number, leaves)
    elif is_telling(number) and not (is_output and seamcall.statuses(number)):
        yield from fields.of_id(number)


def _named(text: str, leaves: Collection[str]) -> Iterator[Explanation]:
    """Leaves and statuses that the line names in words, and fields beside a leaf."""
    names = dict.fromkeys(_NAME.findall(text))
    has_leaf = any(seamcall.leaf_named(name) for name in names)
    for name in names:
        yield from calls.leaf_by_name(name) if seamcall.leaf_named(name) else ()
        yield from calls.status_by_name(name, leaves)
        yield from terms.service_code(name)
        yield from fields.by_name(name) if has_leaf and name in metadata.declared() else ()
