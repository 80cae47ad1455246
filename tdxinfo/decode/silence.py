"""What follows where the kernel found TDX and then printed nothing about the module.

From Linux 7.1 on the kernel tries at every boot, but prints nothing where VMXON, TDH.SYS.INIT or
TDH.SYS.LP.INIT failed before the module answered. From 6.16 to 7.0 kvm_intel tries when it is
loaded with tdx=1, and is as silent.

Source: tdx_enable() and seamcall_prerr() of Linux 7.3, arch/x86/virt/vmx/tdx.
"""

from __future__ import annotations

import errno

from tdxinfo.decode import kernels
from tdxinfo.model.values import Failure

_NO_MODULE = errno.ENODEV


def state_of_silence(is_silent: bool, generation: str, is_requested: bool | None) -> str | None:
    """The module's state where a whole log has KeyIDs and no line about the module."""
    if not is_silent:
        return None
    return "failed" if was_tried(generation, is_requested) else "not-attempted"


def was_tried(generation: str, is_requested: bool | None) -> bool:
    """Whether a kernel of this generation tried, though it printed nothing."""
    if generation == kernels.BOOT:
        return True
    return bool(is_requested) and generation in (kernels.KVM, kernels.VENDOR_KVM)


def state_of_sysinit(
    is_done: bool, result: int, is_detected: bool | None, failure: Failure | None
) -> str | None:
    """The state of a module that the kernel has not initialized, by how its first call ended.

    `result` is 0 or a negative errno. Undone where TDX was found means that VMXON failed, unless
    the kernel printed what else kept it from calling: too few KeyIDs, or hibernation.
    """
    if is_done and result:
        return "not-loaded" if -result == _NO_MODULE else "failed"
    return "failed" if not is_done and is_detected and failure is None else None
