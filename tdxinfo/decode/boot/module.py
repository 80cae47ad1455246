"""The TDX module and its memory, as one boot's kernel log tells them."""

from __future__ import annotations

import errno
from datetime import date
from typing import Any

from tdxinfo.decode import kernels, seamcall
from tdxinfo.decode.boot import REFUSED, Boot, as_date, call_name, is_initialization_call, named
from tdxinfo.decode.boot.platform import kernel_release
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Absent, Malformed
from tdxinfo.model.values import Failure, MemoryRange, ModuleVersion, Tdmr

PAGE = 4096
_DEBUG_MODULE = 1 << 31


def internal(boot: Boot) -> int:
    return boot.number("module_info", "internal_version")


def module_version(boot: Boot) -> ModuleVersion:
    """The kernel prints 0.0.00 when it could not read the version (7.1 and later)."""
    told = boot.last("module_info").values
    version = (told["major_version"], told["minor_version"], told.get("update_version"))
    if not any(version):
        raise Absent("the kernel could not read the module's version")
    return ModuleVersion(*map(_whole, version))  # type: ignore[arg-type]


def _whole(number: int | str | None) -> int | None:
    return None if number is None else int(number)


def build_number(boot: Boot) -> int:
    return boot.number("module_info", "build_num")


def build_date(boot: Boot) -> date:
    return as_date(boot.number("module_info", "build_date"))


def vendor_id(boot: Boot) -> int:
    return boot.number("module_info", "vendor_id")


def debug(boot: Boot) -> bool:
    """Bit 31 of the module's attributes, or the kernel's own word for it."""
    told = [e for e in boot.events if "attributes" in e.values and e.name == "module_info"]
    if told:
        return bool(int(told[-1].values["attributes"]) & _DEBUG_MODULE)
    if boot.has("debug_module", "production_module"):
        return boot.last("debug_module", "production_module").name == "debug_module"
    return boot.text("module_info", "kind") == "Debug"


def features0(boot: Boot) -> int:
    if boot.has("features0"):
        return boot.number("features0", "features0")
    return boot.number("module_info", "features0")


def no_rbp_mod(boot: Boot) -> bool:
    """False where the kernel refused the module for it. Silence proves nothing."""
    if named(boot.attempts[-1], "rbp_bug"):
        return False
    raise Absent("the kernel log does not tell of NO_RBP_MOD")


_READS = ("TDH.SYS.RD", "TDH.SYS.RDALL", "TDH.SYS.INFO")
_CAUSES = ("rbp_bug", "reserved_areas_exhausted", "tdmrs_exhausted", "not_enabled")
_FATAL = ("failed", *_CAUSES)


def module_state(boot: Boot) -> str:
    """How far the kernel got with the module; the last attempt counts."""
    attempt = boot.attempts[-1]
    if named(attempt, "initialized"):
        return "initialized"
    if named(attempt, "not_loaded"):
        return "not-loaded"
    if named(attempt, *_FATAL) or _ended_by(_failed_call(attempt)):
        return "failed"
    if named(attempt, "kvm_supported"):
        return "initialized"
    if boot.has("no_platform", *REFUSED) or _stayed_silent(boot):
        return "not-attempted"
    raise Absent("the kernel log does not tell whether the module was initialized")


def _ended_by(call: Event | None) -> bool:
    """Reads of metadata may fail and be done without; no other call of an initialization may."""
    return call is not None and call_name(call).replace("_", ".") not in _READS


def _stayed_silent(boot: Boot) -> bool:
    """A whole log with KeyIDs and nothing behind them: nobody asked for the module.

    From 7.1 on the kernel asks at every boot and always says how it went, so there silence means
    that lines are missing.
    """
    if not boot.complete or not boot.has("keyid_range") or boot.was_tried():
        return False
    version = kernels.version(kernel_release(boot))
    return version is not None and version < kernels.FIRST_AT_BOOT


def failure(boot: Boot) -> Failure | None:
    """How the last attempt failed; None when it did not."""
    attempt = boot.attempts[-1]
    if named(attempt, "initialized"):
        return None
    call = _failed_call(attempt)
    causes = named(attempt, "not_loaded", *_CAUSES, *REFUSED)
    causes += [call] if call else []
    causes += named(attempt, "failed")
    if not causes:
        raise Absent("the kernel log tells of no failed initialization")
    number = _errno(attempt)
    tdmrs = named(attempt, "reserved_areas_exhausted")
    return Failure(
        errno=number,
        errno_name=errno.errorcode.get(number) if number else None,
        tdmr=_range(tdmrs[-1]) if tdmrs else None,
        message=causes[0].text,
        **_call_parts(call),
    )


def _errno(attempt: list[Event]) -> int | None:
    """Of several closing lines only the core kernel's names a number."""
    told = [event for event in named(attempt, "failed") if "errno" in event.values]
    return abs(int(told[-1].values["errno"])) if told else None


def _failed_call(attempt: list[Event]) -> Event | None:
    calls = [event for event in attempt if is_initialization_call(event)]
    return calls[-1] if calls else None


def _call_parts(call: Event | None) -> dict[str, Any]:
    if call is None:
        return dict.fromkeys(("leaf", "leaf_name", "status", "status_name"))
    status = int(call.values["status"])
    return {
        "leaf": call.values.get("leaf"),
        "leaf_name": call_name(call),
        "status": status,
        "status_name": seamcall.status_name(status),
    }


# --- memory -----------------------------------------------------------------------------------


def _range(event: Event) -> MemoryRange:
    base = int(event.values["base"])
    end = int(event.values["end"]) if "end" in event.values else base + int(event.values["size"])
    if end < base:
        raise Malformed(f"the kernel log's range [{base:#x}, {end:#x}) ends before it begins")
    return MemoryRange.between(base, end)


def _told(boot: Boot, name: str) -> list[Event]:
    """The events of the last attempt that has such; a repeated line counts once."""
    for attempt in reversed(boot.attempts):
        found = named(attempt, name)
        if found:
            return list({event.text: event for event in found}.values())
    raise Absent(f"the kernel log has no line about this ({name})")


def cmrs(boot: Boot) -> tuple[MemoryRange, ...]:
    """In the order of the log; trailing empty entries are no CMRs."""
    return tuple(found for found in map(_range, _told(boot, "cmr")) if found.size)


def tdmrs(boot: Boot) -> tuple[Tdmr, ...]:
    ranges = map(_range, _told(boot, "tdmr"))
    return tuple(
        Tdmr(base=r.base, end=r.end, size=r.size, pamt=None, reserved=None) for r in ranges
    )


def max_tdmrs(boot: Boot) -> int:
    return boot.number("tdmrs_near_limit", "max_tdmrs")


def tdmrs_used(boot: Boot) -> int:
    return boot.number("tdmrs_near_limit", "used")


def pamt_on_other_node(boot: Boot) -> bool:
    """Silence of a whole log is an answer, where the kernel told of its PAMTs."""
    if not boot.has("pamt_on_other_node") and not (boot.complete and boot.has("pamt_kb")):
        raise Absent("the kernel log does not tell where PAMTs lie")
    return boot.has("pamt_on_other_node")


def failed_calls(boot: Boot) -> tuple[str, ...]:
    """SEAMCALLs that failed outside an initialization, each kind once."""
    calls = [e for e in boot.events if e.name == "seamcall_failed"]
    calls = [call for call in calls if not is_initialization_call(call)]
    if not calls and not boot.complete:
        raise Absent("the beginning of the kernel log is missing, so that silence proves nothing")
    return tuple(dict.fromkeys(map(_call, calls)))


def _call(call: Event) -> str:
    status = int(call.values["status"])
    leaf = call_name(call) or f"leaf {int(call.values['leaf']):#x}"
    return f"{leaf}: {status:#018x} {seamcall.status_name(status) or ''}".rstrip()


def pamt_bytes(boot: Boot) -> int:
    """What all PAMTs take. Kernels print KB, pages or each area."""
    if boot.has("pamt_kb"):
        return boot.number("pamt_kb", "kb") * 1024
    if boot.has("pamt_pages"):
        return boot.number("pamt_pages", "pages") * PAGE
    return sum(_range(event).size for event in _told(boot, "pamt_area"))
