"""Checks: pure functions from `Host` to `Verdict`, one file a group, declared in chain order."""

from tdxinfo.checks import (  # noqa: I001
    cpu,
    firmware,
    keys,
    kernel,
    module,
    staged,
    memory,
    kvm,
    boot,
    userspace,
    attestation,
    tcb,
    devices,
)
# The order above is the order of the chain: from the processor to devices.

__all__ = [
    "attestation",
    "boot",
    "cpu",
    "devices",
    "firmware",
    "kernel",
    "keys",
    "kvm",
    "memory",
    "module",
    "staged",
    "tcb",
    "userspace",
]
