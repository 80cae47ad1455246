"""Checks: pure functions from `Report` to `Verdict`, a file for each group, in running order."""

from tdxinfo.checks import (  # noqa: I001
    cpu,
    firmware,
    keys,
    kernel,
    attempt,
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
# Checks run in the order above: from the processor to devices.

__all__ = [
    "attempt",
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
