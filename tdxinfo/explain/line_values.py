"""What the values in a line of the kernel's log say: versions, KeyIDs, address bits, sizes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import bits, releases
from tdxinfo.decode.boot import BEGINNING, Boot
from tdxinfo.decode.boot.module import build_date, build_number, module_version
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Unavailable
from tdxinfo.explain.printers import printed_by


def decoded(boot: Boot, event: Event) -> Iterator[tuple[str, str]]:
    """Names and texts of what the line's values say."""
    yield from build(boot, event)
    yield from _of_table(event)
    yield from _maker(event)
    yield from _keyids(event)
    yield from keyid_bits(event)
    yield from _range(event)
    yield from _pamt(event)
    yield from _register(event)
    yield from _unread_version(event)
    yield from _vcpus(event)
    yield from _nameless(event)
    yield from _once(event)


def _of_table(event: Event) -> Iterator[tuple[str, str]]:
    """What `tables/loglines.toml` has for the values of the line."""
    texts: dict[str, str] = tables.load("loglines")["value"].get(event.name, {})
    for name, text in texts.items():
        with suppress(KeyError):
            yield name, text.format_map(event.values)


def _maker(event: Event) -> Iterator[tuple[str, str]]:
    """Whether the module or the P-SEAMLDR is for production, and whose it is."""
    values = event.values
    if "attributes" in values:
        number = int(values["attributes"])
        is_debug = bits.is_set("SYS_ATTRIBUTES", "DEBUG_MODULE", number)
        kind = (
            "a debug build, not one for production"
            if is_debug
            else "for production, no debug build"
        )
        yield "attributes", f"{number:#x}: {kind}"
    if "vendor_id" in values:
        maker = ", Intel" if values["vendor_id"] == _INTEL else ""
        yield "vendor id", f"{int(values['vendor_id']):#x}{maker}"
    if "kind" in values:
        yield "kind", f"{values['kind']} module"
    if "internal_version" in values:
        yield "internal version", f"{int(values['internal_version']):02}"


_INTEL = 0x8086


def _once(event: Event) -> Iterator[tuple[str, str]]:
    """That kernels that can update the module do not print its version again."""
    if event.name == "module_info" and printed_by(event).startswith("Linux"):
        yield "after an update", _NOT_AGAIN


def _nameless(event: Event) -> Iterator[tuple[str, str]]:
    """That a processor is one of a virtual machine, where CPUID has no name of it."""
    name = str(event.values.get("model_name", ""))
    if event.name == "cpu" and re.fullmatch(r"(?:Intel )?[0-9a-f]{2}/[0-9a-f]{2}", name):
        yield "name", _WITHOUT_NAME


_WITHOUT_NAME = (
    "numbers only: CPUID has no name of the processor, as in a TD or another virtual machine. The "
    "line comes from a guest, not from the host"
)
_NOT_AGAIN = (
    "the line is printed once, when the module is initialized, and not again after an update at "
    "run time (Linux 7.2 and later): /sys/devices/faux/tdx_host/version shows the version that runs"
)


def build(boot: Boot, event: Event) -> Iterator[tuple[str, str]]:
    """Version and build of the module, in whatever form the line has them, and the release."""
    if event.name != "module_info":
        return
    found: dict[str, Any] = {}
    for name, read in _OF_THE_MODULE.items():
        with suppress(Unavailable):
            found[name] = read(boot)
            yield name, str(found[name])
    if "version" in found:
        of_build = found.get("build number"), found.get("build date")
        yield "release", releases.matching_release(found["version"], *of_build) or ""


_OF_THE_MODULE: dict[str, Callable[[Boot], Any]] = {
    "version": module_version,
    "build number": build_number,
    "build date": build_date,
}


def _keyids(event: Event) -> Iterator[tuple[str, str]]:
    """How many KeyIDs a range holds, and how many are below it: 0 is that of plain TME."""
    first, end = event.values.get("first"), event.values.get("end")
    if event.name == "keyid_range" and isinstance(first, int) and isinstance(end, int):
        count = end - first
        yield "KeyIDs", f"{count}: number {first} is the module's, {count - 1} are for TDs"
        yield "for MKTME", f"{first - 1} KeyIDs, from 1 on" if first > 1 else "no KeyIDs"
        yield "note", "the line does not say that the TDX module is loaded or initialized"


def keyid_bits(event: Event) -> Iterator[tuple[str, str]]:
    """How many address bits hold KeyIDs, and how many KeyIDs they can tell apart."""
    number = event.values.get("bits")
    if event.name == "phys_bits_reduced" and isinstance(number, int):
        keyids = (
            f", for at most {(1 << number) - 1} KeyIDs of MKTME and TDX" if number <= _MOST else ""
        )
        yield "KeyID bits", f"{number} physical address bits{keyids}"


_MOST = 15
"""KeyID bits at most: IA32_TME_ACTIVATE has four bits for their number."""
_OF_MEMORY = {
    "cmr", "tdmr", "pamt_area", "reserved_areas_exhausted", "pamt_on_other_node",
    "ram_outside_cmrs",
}  # fmt: skip
"""Lines with a range of memory: `base` with `end`, `last` or `size`."""


def _range(event: Event) -> Iterator[tuple[str, str]]:
    """From where to where a range of memory is, and how large."""
    values = event.values
    base = values.get("base")
    if event.name not in _OF_MEMORY or not isinstance(base, int):
        return
    ends = [(values.get("end"), 0), (values.get("last"), 1), (values.get("size"), base)]
    end = next((one + more for one, more in ends if isinstance(one, int)), 0)
    if end > base:
        yield (
            "memory",
            f"{end - base:#x} bytes ({_size(end - base)}), from {base:#x} to {end - 1:#x}",
        )


def inclusive(text: str) -> str:
    """The size of the first range `0x1000-0x1fff` in a text, and where it is; else nothing."""
    match = re.search(r"\b(0x[0-9a-f]{1,16})-(0x[0-9a-f]{1,16})\b", text, re.IGNORECASE)
    first, last = (int(match[1], 16), int(match[2], 16)) if match else (1, 0)
    size = last - first + 1
    return f"{_size(size)} ({size:#x} bytes), from {first:#x} to {last:#x}" if size > 0 else ""


def _pamt(event: Event) -> Iterator[tuple[str, str]]:
    """How much memory the PAMTs take, and for how much memory that is usual."""
    number = event.values.get("kb", event.values.get("pages"))
    if event.name == "extension_kb" and isinstance(number, int):
        yield "size", _size(number << 10)
    if event.name in ("pamt_kb", "pamt_pages") and isinstance(number, int):
        size = number << (10 if "kb" in event.values else 12)
        yield (
            "size",
            f"{_size(size)}, as usual for about {_size(size * _MEMORY_PER_PAMT)} of memory",
        )


_MEMORY_PER_PAMT = 256
"""Bytes of memory for a byte of the PAMT."""


def _size(size: int) -> str:
    """A number of bytes in the largest unit of which there is one: 7.5 GiB."""
    units = ("bytes", "KiB", "MiB", "GiB", "TiB")
    power = min((max(size, 1).bit_length() - 1) // 10, len(units) - 1)
    return f"{size / (1 << 10 * power):.4g} {units[power]}"


def _unread_version(event: Event) -> Iterator[tuple[str, str]]:
    """That a version is not the whole one, as Linux 7.1 and later print it where it is unread."""
    version = str(event.values.get("version", "")) or event.text.rpartition(" ")[2]
    if event.name == "module_info" and re.fullmatch(r"0\.0\.00", version):
        yield "note", "the kernel could not read the module's version"
    elif event.name == "module_info" and re.fullmatch(r"\d\.\d\.00", version):
        yield "note", _UNREAD


_UNREAD = (
    "the third number is unknown, not 0, where a line before has `SEAMCALL (0x...22) failed` with "
    "RDX 0x0800000100000005: the module has no UPDATE_VERSION to read"
)


def _vcpus(event: Event) -> Iterator[tuple[str, str]]:
    most, cpus = event.values.get("max_vcpus"), event.values.get("cpus")
    if isinstance(most, int) and isinstance(cpus, int):
        yield "virtual CPUs", f"at most {most} for a TD, and the host has {cpus} CPUs"


def _register(event: Event) -> Iterator[tuple[str, str]]:
    """The name of the register that a line of KVM has by its address."""
    address = event.values.get("msr")
    rows = tables.load("msr").items() if isinstance(address, int) else ()
    yield from (("MSR", name) for name, row in rows if row["address"] == address)


_VALUE = re.compile(
    r"\b(at{1,2}ributes|vendor_id|major_version|minor_version|build_date|build_num)\b[\s:=]+"
    r"(0x[0-9a-f]+|\d+)",
    re.IGNORECASE,
)
_VERSION = re.compile(r"(?<![\d.])(\d)\.(\d)(?:\.(\d{2})(?:\.\d{2})?)?(?![\d.])")


def values_of_a_part(event: Event, text: str) -> tuple[Boot, Event] | None:
    """The values of a line about the module's version that was cut off, as a log and its event."""
    if event.name not in ("module_info", "seamldr_info"):
        return None
    found_in = _VALUE.findall(text)
    # One kernel spelled it `atributes`.
    values: dict[str, Any] = {
        re.sub("^at+r", "attr", name.lower()): int(number, 0) for name, number in found_in
    }
    version = _VERSION.search(text)
    names = ("major_version", "minor_version", "update_version")
    if version and event.name == "module_info":
        values |= {
            name: int(part) for name, part in zip(names, version.groups(), strict=True) if part
        }
    found = Event(event.name, values, text)
    return (Boot((found,), BEGINNING), found) if values else None


def filled(wording: str, text: str) -> str:
    """The line of a wording with the numbers of a text, where it has as many; else nothing."""
    numbers = iter(re.findall(r"\b(?:0x[0-9a-f]+|\d+)\b", text, re.IGNORECASE))
    specs = len(re.findall(r"(?:0x)?%[0-9l]*[dux]", wording))
    if "%s" in wording or len(re.findall(r"\b(?:0x[0-9a-f]+|\d+)\b", text, re.I)) != specs:
        return ""
    return re.sub(r"(?:0x)?%[0-9l]*[dux]", lambda _: next(numbers), wording)
