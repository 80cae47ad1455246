"""The module's state where the kernel log has KeyIDs but no line about the module.

From Linux 7.1 on the kernel initializes the module at every boot. It prints nothing when VMXON,
TDH.SYS.INIT or TDH.SYS.LP.INIT failed before the module answered. From 6.16 to 7.0 kvm_intel does
this when it is loaded with tdx=1, and prints nothing in the same cases. Before that it looks for
what TDX requires of KVM, prints what is missing, and then makes no SEAMCALL.

Source: tdx_enable() and seamcall_prerr() of Linux 7.3, arch/x86/virt/vmx/tdx, and tdx_bringup() of
Linux 6.17, arch/x86/kvm/vmx/tdx.c.
"""

from __future__ import annotations

import errno

from tdxinfo.decode import failures, kernels
from tdxinfo.model.values import Failure

_NO_MODULE = errno.ENODEV


def state_of_silence(
    is_silent: bool, generation: str, is_requested: bool | None, refusal: str | None = None
) -> str | None:
    """The module's state, if `is_silent`: the log of a whole boot has no line about the module.

    `refusal` is KVM's line about what it lacks for TDX.
    """
    if not is_silent:
        return None
    return "failed" if was_tried(generation, is_requested, refusal) else "not-attempted"


def was_tried(generation: str, is_requested: bool | None, refusal: str | None = None) -> bool:
    """Whether a kernel of this generation tried, though it printed nothing."""
    if generation == kernels.BOOT:
        return True
    if refusal is not None and failures.is_before_module(refusal):
        return False
    return bool(is_requested) and generation in kernels.BY_KVM


def state_of_sysinit(
    is_done: bool, result: int, is_detected: bool | None, failure: Failure | None
) -> str | None:
    """The state of a module that the kernel has not initialized, by how its first call ended.

    `result` is 0 or a negative errno. If the call was not made though TDX was detected, VMXON
    failed, unless the kernel printed another cause: too few KeyIDs, or hibernation.
    """
    if is_done and result:
        return "not-loaded" if -result == _NO_MODULE else "failed"
    return "failed" if not is_done and is_detected and failure is None else None
