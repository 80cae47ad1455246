"""Checks: pure functions from `Host` to `Verdict`, one file a group, declared in chain order."""

from tdxinfo.checks import cpu, firmware, keys, kernel, module, memory, kvm  # noqa: F401, I001
# The order above is the order of the chain: from the processor to KVM.
