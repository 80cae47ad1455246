"""The TDX module and its memory, from one boot's kernel log."""

from __future__ import annotations

import errno
from datetime import date

from tdxinfo.decode import bits
from tdxinfo.decode.boot import (
    REFUSED,
    Boot,
    as_date,
    call_name,
    is_initialization_call,
    named,
)
from tdxinfo.decode.boot.calls import describe, failure_of
from tdxinfo.decode.boot.update import last_update, may_be_lost, update_failure
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Absent, Malformed
from tdxinfo.model.units import PAGE
from tdxinfo.model.values import MASK64, Failure, MemoryRange, ModuleVersion, Tdmr


def internal(boot: Boot) -> int:
    """The internal version, which few kernels print."""
    return boot.number("module_info", "internal_version")


_VERSION_FIELDS = {
    "minor_version": 0x0800000100000003,
    "major_version": 0x0800000100000004,
    "update_version": 0x0800000100000005,
}
"""Ids of the metadata fields from which the kernel reads the parts of the version."""


def module_version(boot: Boot) -> ModuleVersion:
    """The version without a part that the kernel could not read: it prints 0 for that.

    Raises Absent when the kernel could not read major or minor.
    """
    info = boot.last("module_info")
    unread = _unread_fields(boot, info)
    major, minor, update = (
        None
        if _VERSION_FIELDS[name] in unread or name not in info.values
        else int(info.values[name])
        for name in ("major_version", "minor_version", "update_version")
    )
    if major is None or minor is None or not (major or minor or update):
        raise Absent("the kernel could not read the module's version")
    return ModuleVersion(major, minor, update)


def _unread_fields(boot: Boot, before: Event) -> set[int]:
    """The metadata fields whose reading failed before this event; the kernel prints them in RDX."""
    found: set[int] = set()
    call: Event | None = None
    for event in boot.events:
        if event is before:
            break
        if event.name == "seamcall_operands" and call and call_name(call) == "TDH.SYS.RD":
            found.add(int(event.values["rdx"]))
        call = event if event.name == "seamcall_failed" else None
    return found


def build_number(boot: Boot) -> int:
    return boot.number("module_info", "build_num")


def build_date(boot: Boot) -> date:
    return as_date(boot.number("module_info", "build_date"))


def vendor_id(boot: Boot) -> int:
    return boot.number("module_info", "vendor_id")


def debug(boot: Boot) -> bool:
    """Whether it is a debug build: by the module's attributes, or by the kernel's words."""
    found = [e for e in boot.named("module_info") if "attributes" in e.values]
    if found:
        return bits.is_set("SYS_ATTRIBUTES", "DEBUG_MODULE", int(found[-1].values["attributes"]))
    if boot.has("debug_module", "production_module"):
        return boot.last("debug_module", "production_module").name == "debug_module"
    return boot.text("module_info", "kind") == "Debug"


def features0(boot: Boot) -> int:
    if boot.has("features0"):
        return boot.number("features0", "features0")
    return boot.number("module_info", "features0")


def no_rbp_mod(boot: Boot) -> bool:
    """False where the kernel refused the module for it; else Absent: silence proves nothing."""
    if named(boot.attempts[-1], "rbp_bug"):
        return False
    raise Absent("the kernel log does not mention NO_RBP_MOD")


_READS = ("TDH.SYS.RD", "TDH.SYS.RDALL", "TDH.SYS.INFO")
_CAUSES = ("rbp_bug", "reserved_areas_exhausted", "tdmrs_exhausted", "not_enabled")
_HINTS = ("no_seamldr", "module_outdated", "cmrs_bad", "ram_outside_cmrs")
"""Events that explain a failure, and that the kernel can print without one too."""
_FATAL = ("failed", *_CAUSES)
_MODULE_LOST = "module-lost"


def module_state(boot: Boot) -> str:
    """How far the kernel got with the module; the last attempt counts, and updates after it."""
    updated = _update(boot)
    if updated == _MODULE_LOST:
        return "failed"
    attempt = boot.attempts[-1]
    if named(attempt, "initialized"):
        if may_be_lost(boot):
            raise Absent(
                "TDH.SYS.LP.INIT failed on a CPU after the initialization, perhaps in a failed "
                "update"
            )
        return "initialized"
    if updated:
        return "initialized"
    if named(attempt, "not_loaded"):
        return "not-loaded"
    if named(attempt, *_FATAL) or _is_fatal(_failed_call(attempt)):
        return "failed"
    if named(attempt, "kvm_supported"):
        return "initialized"
    if boot.has("no_platform", *REFUSED):
        return "not-attempted"
    raise Absent("the kernel log does not say whether the module was initialized")


def _update(boot: Boot) -> str | None:
    try:
        return last_update(boot)
    except Absent:
        return None


def _is_fatal(call: Event | None) -> bool:
    """Whether the failed call ended the initialization: the kernel goes on only after reads."""
    return call is not None and call_name(call).replace("_", ".") not in _READS


def silent(boot: Boot) -> bool:
    """Whether a whole log has KeyIDs, and then no line about the module. Raises Absent."""
    if not boot.has("keyid_range") or boot.has(*REFUSED):
        raise Absent("the kernel log shows no KeyIDs that the kernel accepted")
    if boot.was_tried or boot.has("initialized", "failed", "kvm_supported"):
        return False
    boot.require_whole()
    return True


def failure(boot: Boot) -> Failure | None:
    """How the last attempt failed, or a later update; None when neither did."""
    if _update(boot) == _MODULE_LOST:
        return update_failure(boot)
    attempt = boot.attempts[-1]
    if named(attempt, "initialized"):
        return None
    call = _failed_call(attempt)
    causes = named(attempt, "not_loaded", *_CAUSES, *REFUSED)
    ends = named(attempt, "failed")
    causes += [call] if call else []
    causes += [*named(attempt, *_HINTS), *ends] if ends else []
    if not causes:
        raise Absent("the kernel log shows no failed initialization")
    number = _errno(attempt)
    tdmrs = named(attempt, "reserved_areas_exhausted")
    return failure_of(
        call,
        causes[0].text,
        errno=number,
        errno_name=errno.errorcode.get(number) if number else None,
        tdmr=_range(tdmrs[-1]) if tdmrs else None,
    )


def _errno(attempt: list[Event]) -> int | None:
    """The errno of the last line about the failure that has one: KVM's has none."""
    numbered = [event for event in named(attempt, "failed") if "errno" in event.values]
    return abs(int(numbered[-1].values["errno"])) if numbered else None


def _failed_call(attempt: list[Event]) -> Event | None:
    calls = [event for event in attempt if is_initialization_call(event)]
    return calls[-1] if calls else None


# --- memory -----------------------------------------------------------------------------------


def _range(event: Event) -> MemoryRange:
    base = int(event.values["base"])
    end = int(event.values["end"]) if "end" in event.values else base + int(event.values["size"])
    if end < base:
        raise Malformed(f"the kernel log's range [{base:#x}, {end:#x}) ends before it begins")
    if end > MASK64:
        raise Malformed(f"the kernel log's range [{base:#x}, {end:#x}) ends beyond 64 bits")
    return MemoryRange.between(base, end)


def _last_of(boot: Boot, name: str) -> list[Event]:
    """The events with this name of the last attempt that has any; a repeated line counts once."""
    for attempt in reversed(boot.attempts):
        found = named(attempt, name)
        if found:
            return list({event.text: event for event in found}.values())
    raise Absent("the kernel log has no line about this")


def cmrs(boot: Boot) -> tuple[MemoryRange, ...]:
    """The CMRs in the order of the log, without empty entries."""
    return tuple(found for found in map(_range, _last_of(boot, "cmr")) if found.size)


def tdmrs(boot: Boot) -> tuple[Tdmr, ...]:
    ranges = map(_range, _last_of(boot, "tdmr"))
    return tuple(
        Tdmr(base=r.base, end=r.end, size=r.size, pamt=None, reserved=None) for r in ranges
    )


def max_tdmrs(boot: Boot) -> int:
    return boot.number("tdmrs_near_limit", "max_tdmrs")


def tdmrs_used(boot: Boot) -> int:
    return boot.number("tdmrs_near_limit", "used")


def pamt_on_other_node(boot: Boot) -> bool:
    """Whether the kernel warned of it. No warning counts in a complete log that has the PAMTs."""
    if not boot.has("pamt_on_other_node") and not (boot.complete and boot.has("pamt_kb")):
        raise Absent("the kernel log does not show where the PAMTs are")
    return boot.has("pamt_on_other_node")


def failed_calls(boot: Boot) -> tuple[str, ...]:
    """SEAMCALLs that failed outside an initialization, each kind once."""
    late = {id(event) for event in boot.run_time}
    calls = [
        call for call in boot.failed_calls if id(call) in late or not is_initialization_call(call)
    ]
    if not calls:
        boot.require_whole()
    return tuple(dict.fromkeys(map(describe, calls)))


def dynamic_pamt(boot: Boot) -> bool:
    """True where the kernel allocates PAMT pages as they are needed; else Absent."""
    boot.last("dynamic_pamt")
    return True


def extension_bytes(boot: Boot) -> int:
    """Bytes of the host's memory that the module's extensions use."""
    return boot.number("extension_kb", "kb") * 1024


def quote_buffer(boot: Boot) -> bool:
    """False where the kernel could not allocate a buffer for the module's quotes; else Absent."""
    boot.last("quote_buffer_failed")
    return False


def pamt_bytes(boot: Boot) -> int:
    """Bytes of all PAMTs. Kernels print KB, pages or each area."""
    if boot.has("pamt_kb"):
        return boot.number("pamt_kb", "kb") * 1024
    if boot.has("pamt_pages"):
        return boot.number("pamt_pages", "pages") * PAGE
    return sum(_range(event).size for event in _last_of(boot, "pamt_area"))
