"""Whole lines: of the kernel's log, or any text that holds codes.

A line is read in three ways, and all that is found is shown:

    virt/tdx: SEAMCALL (0x0000000000000022) failed: 0xc0000c0000000000
        the leaf and the status, each by its position in the line
    virt/tdx: RCX 0x0000000000000000 RDX 0x9100000100000008 R08 0x0000000000000000
        registers: a field id in RDX, and statuses
    virt/tdx: module initialization failed (-5)
        the errno, and what `check` makes of the line
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import failures, klog, seamcall
from tdxinfo.decode.boot import Boot, call_name, is_failed_call
from tdxinfo.decode.boot.module import failure as boot_failure
from tdxinfo.decode.boot.platform import KVM_REFUSED
from tdxinfo.decode.boot.update import Outcome, last_update
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Unavailable
from tdxinfo.explain import (
    bitmaps,
    bits_in_words,
    codes,
    cpuid,
    errno_names,
    errnos,
    line_values,
    processors,
    registers,
    remedies,
    terms,
    versions,
    wordings,
)
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.printers import printed_by_any

_ERRNO = re.compile(
    r"\((-\d{1,3})\)|\b(?:err(?:or|no)?|ret(?:urn(?:s|ed)?)?|rc)[\s:=]+(-\d{1,3})\b(?! E[A-Z])"
    r"|:\s(-\d{1,3})\s*$"
)
_FMSPC = re.compile(r"\bFMSPC[\s:=\"']*([0-9a-f]{12})\b", re.IGNORECASE)
_FULL_VERSION = re.compile(r"(?<![\d.])\d\.\d\.\d{2}\.\d{2}\.\d{3,4}(?![\d.])")
"""All five numbers of a module's version: fewer may be the version of another program."""


def whole_line(query: str) -> Iterator[Explanation]:
    """A line without values as the kernel prints it, `TDX-Module initialized`: it is no term."""
    wanted = query.rstrip(".").lower()
    if any(wanted == row["format"].rstrip(".").lower() for row in _without_values()):
        yield from line(query)


@cache
def _without_values() -> tuple[dict[str, Any], ...]:
    return tuple(row for row in tables.load("klog")["line"] if not row["names"])


def line(query: str) -> Iterator[Explanation]:
    """All that a line of text holds."""
    if not re.search(r"\w[\s=:()\[\]]+\w|^[(\[]", query):
        yield from errnos.in_context(query)
        return
    found = list(_kernel_line(query)) or list(errnos.in_context(query))
    found = found or list(_part_of_a_line(query))
    yield from found
    for version in _FULL_VERSION.findall(query):
        yield from versions.release(version)
    has_remedy = any(row.name == "what to do" for one in found for row in one.details)
    yield from _without_other_calls(query, codes.in_a_line(query), has_remedy)
    yield from terms.codes_in(query)
    for code in _FMSPC.findall(query):
        yield from processors.fmspc(code)
    yield from cpuid.flags_in(query)
    yield from bits_in_words.listed(query)
    # Other drivers report errnos too.
    is_ours = found or errnos.is_of_this_field(query)
    for match in _ERRNO.finditer(query) if is_ours else ():
        number = next(digits for digits in match.groups() if digits)
        has_cause = any(row.name.startswith("cause") for one in found for row in one.details)
        has_cause = has_cause or any(one.kind == "errno" for one in found)
        yield from errno_names.of_errno(abs(int(number)), has_cause=has_cause)


def _without_other_calls(
    text: str, found: Iterable[Explanation], has_remedy: bool
) -> Iterator[Explanation]:
    """The codes of a line; their statuses without what holds for other calls, where the line itself
    says what to do.
    """
    leaves = codes.leaves_in(text)
    for one in found:
        is_status = one.kind == "SEAMCALL status" and has_remedy
        kept = [
            row
            for row in one.details
            if not (is_status and _is_of_other_calls(row.name, row.text, leaves))
        ]
        yield one.model_copy(update={"details": tuple(kept)})


def _is_of_other_calls(name: str, text: str, leaves: Collection[str]) -> bool:
    """Whether a row of a status is its general remedy, or names calls but not those of the line."""
    calls_named = [word for word in text.split(", ") if seamcall.leaf_named(word)]
    is_other = name == "returned by" and calls_named and leaves
    return name == "what to do" or bool(is_other and set(leaves).isdisjoint(calls_named))


def _kernel_line(text: str) -> Iterator[Explanation]:
    """What the kernel's line says, with the cause and the remedy that `check` would give."""
    boot, *others = _readings(text)
    alike = [event for other in others for event in other.events]
    meanings: dict[str, str] = tables.load("loglines")["meaning"]
    for event in boot.events:
        if event.name in meanings:
            rows = [
                ("printed by", printed_by_any(event, alike)),
                *line_values.decoded(boot, event),
            ]
            rows += [*_after_an_update(boot), *_of_a_dead_td(event)]
            rows += _with_reboot(boot, _cause_rows(boot, event))
            meaning = _special(event).get("meaning", meanings[event.name])
            yield explanation("kernel log line", event.text, meaning, rows)
            if event.name == "cpu":
                numbers = f"family {event.values['family']} model {event.values['model']}"
                yield from processors.processor(numbers)
            if event.name == "module_info":
                yield from _attributes(event)
                yield from _module_of(dict(line_values.build(boot, event)))
            yield from _values(event.values)


def _attributes(event: Event) -> Iterator[Explanation]:
    """The attributes of the module that a line shows, where one is set."""
    if event.values.get("attributes"):
        yield from bitmaps.with_value(f"SYS_ATTRIBUTES={event.values['attributes']:#x}")


def _module_of(found: dict[str, str]) -> Iterator[Explanation]:
    """The release of the module that a line shows, or its build, or its line."""
    if found.get("release"):
        yield from versions.release(found["release"])
    elif "version" in found:
        line = ".".join(found["version"].split(".")[:2])
        yield from versions.seen_build(line, int(found.get("build number", -1)))


def _cause_rows(boot: Boot, event: Event) -> list[tuple[str, str]]:
    """The cause and the remedy of a line; only what to do, where no row of `failures.toml` fits."""
    special = _special(event)
    if special:
        return [("cause", special.get("cause", "")), ("what to do", special["remedy"])]
    causes = _causes(boot, event)
    number = event.values.get("errno")
    if not any(one.diagnosis.cause for one in causes) and isinstance(number, int):
        causes = errno_names.causes_of(abs(number))
    if any(one.diagnosis.cause for one in causes):
        return failures.rows_of(causes, "cause", "what to do")
    return _remedy_rows(event)


def _special(event: Event) -> dict[str, str]:
    """What a line says where it has a certain value, or is of a certain call."""
    leaves = codes.leaves_in(event.text)
    for row in tables.load("loglines")["special"]:
        values = row.get("values", {}).items()
        is_right = all(str(event.values.get(name)) == value for name, value in values)
        if row["event"] == event.name and is_right and row.get("leaf", "") in ("", *leaves):
            return dict(row)
    return {}


def _remedy_rows(event: Event) -> list[tuple[str, str]]:
    """What to do after a line; where it has a status, what the status needs."""
    remedy = tables.load("loglines")["remedy"].get(event.name, "")
    status = event.values.get("status")
    known = seamcall.statuses(status) if isinstance(status, int) else ()
    of_status = seamcall.meaning_of(known[0].name) if known else None
    call = call_name(event) if is_failed_call(event) else ""
    text = remedies.after(of_status, [call] if call else []) if of_status else ""
    if any(_of_a_dead_td(event)) and of_status:
        named = [call for call in of_status.calls if seamcall.leaf_named(call)]
        is_other = bool(named) and codes.leaves_in(event.text).isdisjoint(named)
        text = _START_AGAIN if is_other or text.startswith("Try again") else text
    return [("what to do", text if remedy.startswith(_LOOK_UP) and text else remedy)]


def _remedy_without_value(event: Event, text: str) -> list[tuple[str, str]]:
    """What to do after a line that was typed without its status: not what its example needs."""
    remedy = tables.load("loglines")["remedy"].get(event.name, "")
    if "status" not in event.values or not remedy.startswith(_LOOK_UP):
        return _remedy_rows(event)
    has_status = any(one.kind == "SEAMCALL status" for one in codes.in_a_line(text))
    return [] if has_status else [("what to do", _REST)]


_REST = "The rest of the line has the status, which says why: run `tdxinfo explain` with it."
_START_AGAIN = "Start the TD again; update the kernel if it happens again."
"""What a TD needs that KVM takes for broken, where the status is not what this call may return."""
_LOOK_UP = "Run `tdxinfo explain STATUS`"
"""The remedy of lines that hold a status."""


def _after_an_update(boot: Boot) -> Iterator[tuple[str, str]]:
    """Whether a module runs after a line that only an update prints."""
    with suppress(Unavailable):
        yield "after it", _OUTCOMES[last_update(boot)]


def _of_a_dead_td(event: Event) -> Iterator[tuple[str, str]]:
    """Whether KVM takes the TD for broken after the line: other vendors' kernels may not."""
    dead: list[str] = tables.load("loglines")["kvm"]["dead"]
    is_access = event.name in ("vp_read_failed", "vp_write_failed")
    is_call = event.text.startswith("kvm_intel: SEAMCALL") and event.values.get("leaf_name") in dead
    if is_access or is_call:
        yield "after it", _DEAD


_DEAD = (
    "KVM takes this for a bug of its own and the TD for broken: it does not run that TD any more; "
    "the host and other TDs go on"
)


def _with_reboot(boot: Boot, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The rows; what to do begins with a reboot where an update lost the module."""
    with suppress(Unavailable):
        if last_update(boot) == "module-lost":
            return [(n, remedies.after_a_loss(t) if n == "what to do" else t) for n, t in rows]
    return rows


_OUTCOMES: dict[Outcome, str] = {
    "module-lost": "this call belongs to an update at run time: the TDX module is lost, and there "
    "is none until a reboot",
    "module-kept": "this call belongs to an update at run time: the old TDX module still runs",
}


def _read(text: str) -> Boot:
    """The line as a log; one without its subsystem's prefix under that which makes it known.

    Of several it is that whose wording says most of the line: `EPT is required for TDX` is KVM's,
    though `virt/tdx: %s is required for TDX` fits too.
    """
    return _readings(text)[0]


def _readings(text: str) -> list[Boot]:
    """The line as it is, or under each prefix whose wording says most of it, upstream's first."""
    text = re.sub(r"(\[\w{1,20}),(?=\w{1,20}\))", r"\1, ", text)
    # Bit 63 of a leaf says that the P-SEAMLDR was called, whose lines have another prefix.
    text = re.sub(r"^SEAMCALL \(0x[89a-f][0-9a-f]{15}\)", r"seamldr: \g<0>", text)
    boot = Boot.from_log(text + "\n")
    found = [] if boot.events else [Boot.from_log(f"{one}: {text}\n") for one in _prefixes()]
    known = [one for one in found if one.events]
    least = min(map(_filled_in, known), default=0)
    return [one for one in known if _filled_in(one) == least] or [boot]


def _filled_in(boot: Boot) -> int:
    """Letters of a line that its wording leaves open."""
    return sum(len(str(value)) for event in boot.events for value in event.values.values())


@cache
def _prefixes() -> tuple[str, ...]:
    """The subsystems whose lines `tables/klog.toml` has; `tdx`, of vendors' kernels, last."""
    rows = sorted(tables.load("klog")["line"], key=lambda row: row["prefix"] == "tdx")
    found = dict.fromkeys(row["prefix"] for row in rows)
    return tuple(prefix for prefix in found if prefix not in klog.NO_PREFIX)


def _part_of_a_line(text: str) -> Iterator[Explanation]:
    """What the kernel's lines say that have the text in them, as in `reserved areas exhausted`.

    A part may begin or end in what varies, as in `TDMR [0x0, 0x80000000): reserved areas`: all
    numbers are alike. A line as people remember it, `VMXON faulted 0x1`, is found by its words.
    """
    by_event = {row["event"]: row for row in reversed(wordings.rows_like(text))}
    if len(by_event) > _MOST_LINES:
        yield _beginning(text, list(by_event.values()))
        return
    for row in by_event.values():
        # Only what the wording alone says: the values of the row's example are not the line's.
        whole = f"{row['prefix']}: {row['format']}"
        name = _unfilled(whole)
        boot, filled = _read(row["example"]), _read(line_values.filled(whole, text))
        for event in boot.events:
            if event.name in (meanings := tables.load("loglines")["meaning"]):
                # What a status or an errno says is not said by the wording.
                is_whole = _DECISIVE.isdisjoint(row["names"])
                causes = (
                    _cause_rows(boot, event) if is_whole else _remedy_without_value(event, text)
                )
                own = [rows for one in filled.events for rows in line_values.decoded(filled, one)]
                partly = line_values.values_of_a_part(event, text) if not own else None
                own += line_values.decoded(*partly) if partly else ()
                yield explanation(
                    "kernel log line",
                    name.removeprefix(": "),
                    meanings[event.name],
                    [*own, *causes],
                )
                cut = [partly] if partly else [(filled, one) for one in filled.events]
                yield from (one for part in cut for one in _of_a_part(*part))
        yield from _values_in(re.sub(r"\(0x[0-9a-f]+\)", "", text), row)
    yield from _range(text)


def _of_a_part(boot: Boot, event: Event) -> Iterator[Explanation]:
    """What the attributes and the version say that a line about the module still has."""
    if event.name == "module_info":
        yield from _attributes(event)
        yield from _module_of(dict(line_values.build(boot, event)))


def _beginning(text: str, rows: list[dict[str, Any]]) -> Explanation:
    """A part that several lines have, `initialization failed`, with what each says."""
    meanings: dict[str, str] = tables.load("loglines")["meaning"]
    known = [(_unfilled(row["format"]), meanings.get(row["event"], "")) for row in rows]
    meaning = "A part of several lines of the kernel's log: the rest of the line says which."
    return explanation("kernel log line", text.rstrip(" .:"), meaning, known)


def _unfilled(wording: str) -> str:
    return re.sub(r"(?:0x)?%[0-9l]*[a-z](?:\.%[a-z])*", "...", wording)


_MOST_LINES = 2
"""Lines with one part that are explained each."""
_DECISIVE = {"status", "status_name", "errno"}
"""Values of lines that decide about the cause."""
_OF_VALUES: dict[str, str] = {
    "feature_control": "IA32_FEATURE_CONTROL",
    "features0": "TDX_FEATURES0",
}
"""Registers and bitmaps whose values lines have, by the names in `tables/klog.toml`."""


def _values_in(text: str, row: dict[str, Any]) -> Iterator[Explanation]:
    """What the last number of a part of a line means, where it is a register or a bitmap."""
    numbers = re.findall(r"0x[0-9a-f]+\b", text, re.IGNORECASE)
    if numbers and numbers[-1].lower() not in row["format"]:
        yield from _values({name: int(numbers[-1], 16) for name in row["names"][-1:]})


def _values(values: klog.Values) -> Iterator[Explanation]:
    for name, value in values.items():
        if name in _OF_VALUES and isinstance(value, int):
            query = f"{_OF_VALUES[name]}={value:#x}"
            yield from registers.with_value(query)
            yield from bitmaps.with_value(query)


_RANGE = re.compile(r"\[(0x[0-9a-f]+|\d+), ?(0x[0-9a-f]+|\d+)\)", re.IGNORECASE)


_KEYIDS = re.compile(r"\bprivate key ?ids?\b|\bkey ?id range\b", re.IGNORECASE)


def _range(text: str) -> Iterator[Explanation]:
    """A range as the kernel prints it, of KeyIDs or of memory."""
    for low, high in _RANGE.findall(text):
        first, end = int(low, 0), int(high, 0)
        size = f"{end - first} = {end - first:#x}"
        meaning = f"A range: from {low} up to, not including, {high}."
        if end > first:
            count = end - first
            of_tdx = f"{count}: number {first} is the module's, {count - 1} are for TDs"
            keyids = of_tdx if _KEYIDS.search(text) else ""
            rows = [("KeyIDs", keyids), ("holds", size)]
            yield explanation("range", f"[{low}, {high})", meaning, rows)


def _causes(boot: Boot, event: Event) -> list[failures.OfKernels]:
    """Why the kernel or KVM gave up, or refused an update, where the line says that it did."""
    if event.name in (*KVM_REFUSED, "update_refused"):
        return [failures.OfKernels("", failures.of_refusal(event.text))]
    try:
        failure = boot_failure(boot)
    except Unavailable:
        failure = None
    return failures.of_any_kernel(failure) if failure else []
