"""Words before a number or a name that say of which kind it is: `MSR 0x982`, `SEAMCALL leaf 34`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from tdxinfo.explain import (
    calls,
    errno_names,
    fields,
    printed_codes,
    processors,
    registers,
    tcb,
    terms,
    versions,
)
from tdxinfo.explain.meaning import Explainer, Explanation


def _host_leaf(query: str) -> Iterator[Explanation]:
    yield from calls.leaf_by_name(query)
    yield from _leaf(query, "TDH")


def _guest_leaf(query: str) -> Iterator[Explanation]:
    yield from calls.leaf_by_name(query)
    yield from calls.leaf_by_number(query, "TDG")


def _status(query: str) -> Iterator[Explanation]:
    yield from calls.status_by_name(query)
    yield from calls.status_by_number(query)


def _leaf(query: str, *tables: str) -> Iterator[Explanation]:
    """A leaf; of the P-SEAMLDR also the status with the same number, which a text may mean."""
    yield from calls.leaf_by_number(query, *tables)
    yield from calls.status_of_loader(query)


def _loader_leaf(query: str) -> Iterator[Explanation]:
    yield from _leaf(query, "SEAMLDR")


def _loader_status(query: str) -> Iterator[Explanation]:
    yield from _status(query)
    yield from calls.leaf_by_number(query, "SEAMLDR")


def _status_or_leaf(query: str) -> Iterator[Explanation]:
    """What RAX holds: a status after a call, the leaf before it."""
    yield from _status(query)
    yield from calls.leaf_by_number(query)


def _field(query: str) -> Iterator[Explanation]:
    yield from fields.by_name(query)
    yield from fields.by_id(query)


def _service_code(query: str) -> Iterator[Explanation]:
    yield from terms.service_code(query)
    if not query.lower().startswith("0x"):
        yield from terms.service_code(f"0x{query}")


def _register(query: str) -> Iterator[Explanation]:
    yield from registers.by_name(query)
    yield from registers.by_number(query)


_CONTEXTS: dict[str, Explainer] = {
    "seamcall": _host_leaf,
    "seamcall leaf": _host_leaf,
    "tdh": _host_leaf,
    "tdcall": _guest_leaf,
    "tdcall leaf": _guest_leaf,
    "tdg": _guest_leaf,
    "tdh leaf": _host_leaf,
    "tdg leaf": _guest_leaf,
    "leaf": _leaf,
    "msr": _register,
    "rdmsr": _register,
    "wrmsr": _register,
    "status": _status,
    "seamcall returned": _status,
    "seamcall returns": _status,
    "seamcall ret": _status,
    "seamcall error": _status,
    "tdcall status": _status,
    "tdcall returned": _status,
    "tdcall returns": _status,
    "tdcall ret": _status,
    "tdcall error": _status,
    "seamcall status": _status,
    "error code": _status,
    "rax": _status_or_leaf,
    "seamldr leaf": _loader_leaf,
    "seamldr": _loader_leaf,
    "seamldr status": _loader_status,
    "seamldr error": _loader_status,
    "seamldr ret": _loader_status,
    "seamldr returned": _loader_status,
    "seamldr returns": _loader_status,
    "seamldr failed": _loader_status,
    "seamldr result": _loader_status,
    "ret": _status,
    "err": _status,
    "error": _status,
    "status code": _status,
    "hw_error": _status,
    "hw_errors": _status,
    "rdx": _field,
    "field": _field,
    "field id": _field,
    "field_id": _field,
    "global field": _field,
    "md field": _field,
    "metadata field": _field,
    "errno": errno_names.error_number,
    "cpuid signature": processors.processor,
    "cpu signature": processors.processor,
    "signature": processors.processor,
    "tdx_attest_error": partial(printed_codes.of_program, "tdx_att"),
    "tdx_attest": partial(printed_codes.of_program, "tdx_att"),
    "tdx_att_get_quote": partial(printed_codes.of_program, "tdx_att"),
    "mpa": partial(printed_codes.of_program, "mpa"),
    "mpa error": partial(printed_codes.of_program, "mpa"),
    "qv_result": _service_code,
    "quote_verification_result": _service_code,
    "verification result": _service_code,
    "result": _service_code,
    "qv result": _service_code,
    "tcb status": tcb.status,
    "tcbstatus": tcb.status,
    "build": versions.build_asked,
    "build number": versions.build_asked,
    "build_number": versions.build,
    "build num": versions.build,
    "build_num": versions.build,
    "build date": versions.day_asked,
    "build_date": versions.day_asked,
}
"""Words before a number or name, and which kind they ask for."""
_CONTEXT = re.compile(r"([a-z_]+(?:\s[a-z]+(?=[\s:=(]))?)[\s:=]*\(?([\w.-]+)\)?", re.IGNORECASE)
_NUMBER_WORD = re.compile(
    r"(?<=[\s:(])(?:(?:number|function|nr|no\.?|rax|eax)[\s:=#]+|\#\s*)(?=\w)", re.IGNORECASE
)
"""A word that says only that a number follows, as in `SEAMCALL leaf number 34`."""
_AROUND = re.compile(r"\[(.*)\]|\((.*)\)")


_IN_A_FILE = re.compile(r"/\S+/(build_num(?:ber)?|build_date)(?:[:=]|\s*->)?\s+(\w+)")


def number_in_a_file(query: str) -> Iterator[Explanation]:
    """What the number means that a file shows, `/sys/firmware/tdx/tdx_module/build_num 0x2ba`."""
    match = _IN_A_FILE.fullmatch(query)
    if match:
        yield from in_context(f"{match[1]} {match[2]}")


def in_context(query: str) -> list[Explanation]:
    """What the number or the name behind such a word means."""
    query = re.sub(r"^p[-_ ]?seamldr\b", "seamldr", query, flags=re.IGNORECASE)
    around = _AROUND.fullmatch(query)
    text = _NUMBER_WORD.sub("", (around[1] or around[2] or "") if around else query)
    match = _CONTEXT.fullmatch(re.sub(r"\[([\w.]+)\]$", r" \1", text))
    explain = _CONTEXTS.get(match[1].lower()) if match else None
    found = explain(match[2]) if explain and match else calls.leaf_in_words(query)
    return list(dict.fromkeys(found))
