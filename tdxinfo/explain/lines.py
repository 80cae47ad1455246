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
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import failures, fieldid, klog, releases, seamcall
from tdxinfo.decode.boot import Boot
from tdxinfo.decode.boot.module import build_date, build_number, module_version
from tdxinfo.decode.boot.module import failure as boot_failure
from tdxinfo.decode.boot.platform import KVM_REFUSED
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Absent, Unavailable
from tdxinfo.explain import calls, fields, terms, versions
from tdxinfo.explain.meaning import Explanation, explanation

_CODE = re.compile(r"\b0x[0-9a-f]{9,16}\b", re.IGNORECASE)
_LEAF = re.compile(
    r"\bSEAMCALL\s*\(?(?:leaf\s*)?(0x[0-9a-f]+|\d+)\)?(?=\s|:|$)|\bleaf\s+(0x[0-9a-f]+|\d+)",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b(?:TD[HGX]_[A-Z0-9_]+|SEAMLDR[._][A-Z_.]+|TD[HG](?:\.[A-Z0-9]+)+)\b")
_KVM_ACCESS = re.compile(r"\bTDH_VP_(?:RD|WR)\[(\w+)\.0x([0-9a-f]+)\]", re.IGNORECASE)
_ERRNO = re.compile(
    r"\((-\d{1,3})\)|\b(?:err(?:or|no)?|ret(?:urn(?:s|ed)?)?|rc)[\s:=]+(-\d{1,3})\b|:\s(-\d{1,3})\s*$"
)
_OUTPUT = re.compile(r"\b(?:r[bcd]x|r[0-9]{1,2}|entry|level_state)[\s,:=]*$", re.I)
"""Before a number that the call returned beside its status."""
_STATUS_WORD = re.compile(r"(?:failed|error|returned|status|err|rax)[\s:=(]*(?:code)?\s*$", re.I)


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


def line(query: str) -> Iterator[Explanation]:
    """All that a line of text holds."""
    if not re.search(r"\s", query):
        return
    found = list(_kernel_line(query)) or list(_part_of_a_line(query))
    yield from found
    yield from _kvm_access(query)
    yield from _leaf(query)
    for match in _CODE.finditer(query):
        yield from _code(query[: match.start()], int(match.group(), 16))
    yield from _named(query)
    yield from terms.codes_in(query)
    for match in _ERRNO.finditer(query):
        number = next(found for found in match.groups() if found)
        yield from terms.of_errno(abs(int(number)))


def _kernel_line(text: str) -> Iterator[Explanation]:
    """What the kernel's line says, with the cause and the remedy that `check` would give."""
    boot = _read(text)
    meanings: dict[str, str] = tables.load("loglines")
    for event in boot.events:
        if event.name in meanings:
            reading = _reading(boot, event)
            rows = [*_build(boot, event), ("cause", reading.cause), ("what to do", reading.remedy)]
            yield explanation("kernel log line", event.text, meanings[event.name], rows)
            if event.name == "module_info":
                yield from versions.release(dict(_build(boot, event)).get("release", ""))


def _read(text: str) -> Boot:
    """The line as a log; one without its subsystem's prefix under that which makes it known.

    Of several it is that whose wording says most of the line: `EPT is required for TDX` is KVM's,
    though `virt/tdx: %s is required for TDX` fits too.
    """
    boot = Boot.from_log(text + "\n")
    if boot.events:
        return boot
    found = [Boot.from_log(f"{prefix}: {text}\n") for prefix in _prefixes()]
    return min((one for one in found if one.events), key=_filled_in, default=boot)


def _filled_in(boot: Boot) -> int:
    """Letters of a line that its wording leaves open."""
    return sum(len(str(value)) for event in boot.events for value in event.values.values())


@cache
def _prefixes() -> tuple[str, ...]:
    """The subsystems whose lines `tables/klog.toml` has."""
    found = dict.fromkeys(row["prefix"] for row in tables.load("klog")["line"])
    return tuple(prefix for prefix in found if prefix not in klog.NO_PREFIX)


def _part_of_a_line(text: str) -> Iterator[Explanation]:
    """What the kernel's lines say that have the text in them, as in `reserved areas exhausted`."""
    wanted = _plain(text)
    seen: set[str] = set()
    for row in tables.load("klog")["line"] if len(wanted) >= _TELLING else ():
        whole = f"{row['prefix']}: {row['format']}"
        if wanted in _plain(whole) and row["event"] not in seen:
            seen.add(row["event"])
            name = re.sub(r"(?:0x)?%[0-9l]*[a-z]", "...", whole)
            for meaning in _kernel_line(row["example"]):
                yield meaning.model_copy(update={"name": name.removeprefix(": ")})


_TELLING = 15
"""Letters that a part of a line has at least: fewer are terms, or in lines of many meanings."""


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).strip(" .:")


def _build(boot: Boot, event: Event) -> Iterator[tuple[str, str]]:
    """Version and build of the module, in whatever form the line has them, and the release."""
    if event.name != "module_info":
        return
    found: dict[str, Any] = {}
    for name, read in _OF_THE_MODULE.items():
        with suppress(Unavailable):
            found[name] = read(boot)
            yield name, str(found[name])
    if "version" in found:
        build = found.get("build number"), found.get("build date")
        yield "release", releases.matching_release(found["version"], *build) or ""


_OF_THE_MODULE: dict[str, Callable[[Boot], Any]] = {
    "version": module_version,
    "build number": build_number,
    "build date": build_date,
}


def _reading(boot: Boot, event: Event) -> failures.Diagnosis:
    """Why the kernel or KVM gave up, where the line says that it did."""
    if event.name in KVM_REFUSED:
        return failures.of_refusal(event.text)
    try:
        failure = boot_failure(boot)
    except Absent:
        failure = None
    return failures.of_failure(failure) if failure else failures.Diagnosis("", "")


def _kvm_access(text: str) -> Iterator[Explanation]:
    for class_name, code in _KVM_ACCESS.findall(text):
        yield from fields.of_kvm_access(class_name, int(code, 16))


def _leaf(text: str) -> Iterator[Explanation]:
    kind = "TDG" if re.search(r"\bTDCALL\b", text, re.I) else "TDH"
    for groups in _LEAF.findall(text):
        yield from calls.leaf_by_number(next(filter(None, groups)), kind)


def _code(before: str, number: int) -> Iterator[Explanation]:
    """A status where the text before it says so or the table has it; else a field id."""
    is_leaf = re.search(r"SEAMCALL\s*\(?\s*$", before, re.I)
    if is_leaf or not number >> 32:
        return
    is_output = _OUTPUT.search(before)
    if _STATUS_WORD.search(before) or (seamcall.is_exact(number) and not is_output):
        yield from calls.of_status(number)
    elif is_telling(number) and not (is_output and seamcall.statuses(number)):
        yield from fields.of_id(number)


def _named(text: str) -> Iterator[Explanation]:
    """Leaves and statuses that the line names in words."""
    for name in dict.fromkeys(_NAME.findall(text)):
        yield from calls.leaf_by_name(name)
        yield from calls.status_by_name(name)
