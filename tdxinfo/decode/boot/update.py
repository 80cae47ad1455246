"""Updates of the TDX module at run time (Linux 7.2 and later), as a kernel log shows them.

The kernel prints nothing of an update that succeeds. One that fails leaves the old module running
where it failed before the old one was shut down, else none:

    seamldr: SEAMCALL (0x8000000000000001) failed: ...    SEAMLDR.INSTALL: no module runs
    virt/tdx: SEAMCALL (0x0000000000000034) failed: ...   TDH.SYS.SHUTDOWN: the old one runs
    virt/tdx: SEAMCALL (0x0000000000000023) failed: ...   TDH.SYS.LP.INIT: of an update, or of a
                                                          CPU that came online

Source: do_seamldr_install_module() in arch/x86/virt/vmx/tdx/seamldr.c and what it calls in tdx.c,
Linux 7.3.
"""

from __future__ import annotations

from typing import Literal

from tdxinfo.decode import kernels
from tdxinfo.decode.boot import FAILED_CALLS, Boot, call_name, is_failed_call
from tdxinfo.decode.boot.calls import failure_of
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Absent
from tdxinfo.model.values import Failure

Outcome = Literal["module-lost", "module-kept"]

LOST_BY = ("SEAMLDR.INSTALL", "TDH.SYS.UPDATE")
"""Calls that only an update makes, after the old module was shut down."""
_LOST_AFTER_BOOT = ("TDH.SYS.INIT",)
"""Calls that such a kernel makes once while it boots, and then only in an update."""
_KEPT_BY = ("TDH.SYS.SHUTDOWN",)
_READ = "TDH.SYS.RD"
_HANDOFF_VERSION = 0x8900000100000000
"""MODULE_HV, which an update reads before it shuts the old module down."""
_UNCLEAR = "TDH.SYS.LP.INIT"


def last_update(boot: Boot) -> Outcome:
    """What the last update that failed left. Raises Absent where the log shows none."""
    if _lost(boot):
        return "module-lost"
    if _kept(boot):
        return "module-kept"
    raise Absent("the kernel log shows no failed update, and it never shows successful ones")


def update_failure(boot: Boot) -> Failure:
    """How the last update failed. Raises Absent where the log shows none."""
    found = _lost(boot) or _kept(boot)
    if not found:
        raise Absent("the kernel log shows no failed update, and it never shows successful ones")
    calls = [event for event in found if is_failed_call(event)]
    return failure_of(calls[-1] if calls else None, found[0].text)


def may_be_lost(boot: Boot) -> bool:
    """Whether a CPU was refused by a kernel that also refuses one in an update that fails."""
    release = boot.release
    version = kernels.version(release) if release else None
    if version is not None and version < kernels.FIRST_UPDATE:
        return False
    if not boot.tries_once:
        return False
    return any(is_failed_call(e) and call_name(e) == _UNCLEAR for e in boot.run_time)


def _lost(boot: Boot) -> list[Event]:
    found = [event for event in boot.named("update_failed", *FAILED_CALLS) if _is_lost_by(event)]
    if boot.tries_once:
        for event in boot.run_time:
            is_call = is_failed_call(event) and call_name(event) in _LOST_AFTER_BOOT
            if is_call or event.name == "not_loaded":
                found.append(event)
    return found


def _is_lost_by(event: Event) -> bool:
    return event.name == "update_failed" or call_name(event) in LOST_BY


def _kept(boot: Boot) -> list[Event]:
    found = boot.named("update_refused")
    found += [event for event in boot.failed_calls if call_name(event) in _KEPT_BY]
    if boot.tries_once:
        after = boot.run_time
        for place, event in enumerate(after):
            if is_failed_call(event) and call_name(event) == _READ:
                operands = [
                    e for e in after[place + 1 : place + 2] if e.name == "seamcall_operands"
                ]
                if not operands or operands[0].values["rdx"] == _HANDOFF_VERSION:
                    found.append(event)
    return found
