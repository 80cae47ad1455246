"""The result of one check, and the verdict of all checks."""

from enum import StrEnum
from typing import Literal, NamedTuple


class Outcome(StrEnum):
    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    SKIP = "SKIP"
    INFO = "INFO"


class Severity(StrEnum):
    """What it means for the host when a check does not pass."""

    APPLICABILITY = "applicability"
    """TDX does not apply to this machine."""
    FAIL = "fail"
    """The host cannot run TDs."""
    WARN = "warn"
    """The host can run TDs, but something is wrong."""
    INFO = "info"
    """Information only."""

    @property
    def decides(self) -> bool:
        """Whether the verdict on the host depends on such a check."""
        return self in (Severity.APPLICABILITY, Severity.FAIL)


class HostVerdict(StrEnum):
    """The answer of all checks about the host, or of selected checks about what they check."""

    READY = "ready"
    NOT_READY = "not-ready"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not-applicable"
    PASSED = "passed"
    """The selected checks passed. Says nothing about the rest of the host."""
    FAILED = "failed"
    """A selected check failed."""


Effect = Literal["", "next boot", "reboot", "vms"]
"""What a remedy requires: nothing that affects VMs, the next boot whenever that is, a reboot of the
host, or that all VMs stop."""


class Verdict(NamedTuple):
    """One check's answer in one sentence, and what to do about it."""

    outcome: Outcome
    message: str
    remedy: str = ""
    effect: Effect | None = None
    """What this remedy requires; None for what the check's own remedy requires."""


def passed(message: str) -> Verdict:
    return Verdict(Outcome.PASS, message)


def warned(message: str, remedy: str = "", effect: Effect | None = None) -> Verdict:
    return Verdict(Outcome.WARN, message, remedy, effect)


def failed(message: str, remedy: str = "", effect: Effect | None = None) -> Verdict:
    """`remedy`, where given, replaces the check's own, and `effect` what that requires."""
    return Verdict(Outcome.FAIL, message, remedy, effect)


def informed(message: str) -> Verdict:
    return Verdict(Outcome.INFO, message)


def skipped(message: str) -> Verdict:
    return Verdict(Outcome.SKIP, message)


def unknown(message: str, remedy: str = "") -> Verdict:
    return Verdict(Outcome.UNKNOWN, message, remedy)
