"""The errors tdxinfo raises on purpose.

TdxinfoError
├── BadInput            what the user gave cannot be used; the command ends with status 2
└── Unavailable         a source did not answer; only this fact becomes unknown
    ├── Absent          it does not exist
    │   └── NotRecorded it was never asked when the capture was made
    ├── Denied          it exists, but this process may not read it
    ├── Excluded        the user or the administrator excluded it from being read
    ├── Unsupported     it exists, but this machine or kernel does not do it
    │   └── Lost        it did once; what other sources still show of it is stale
    ├── TimedOut        it did not answer in time
    └── Malformed       it answered, but not in its own format
        └── Inconsistent    it answered differently where it must not
"""

from __future__ import annotations

import errno as errnos
import os
import re


class TdxinfoError(Exception):
    """Base of the errors that are raised on purpose. `str()` is one sentence for people."""


class BadInput(TdxinfoError):
    """What the user gave cannot be used."""


class Unavailable(TdxinfoError):
    """A source did not answer."""

    reason = "unavailable"

    def __init__(self, message: str, remedy: str = "", errno: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.errno = errno
        """The errno of the system call that failed; 0 where none did."""


class Absent(Unavailable):
    """The source does not exist on this machine."""

    reason = "absent"


class NotRecorded(Absent):
    """The source was not captured, so it is unknown whether it exists."""

    reason = "not-recorded"


class Denied(Unavailable):
    """The source exists, but this process may not read it."""

    reason = "denied"


class Excluded(Unavailable):
    """The user or the administrator excluded this kind of source from being read."""

    reason = "excluded"


class Unsupported(Unavailable):
    """The source exists, but this machine or kernel does not support what was asked."""

    reason = "unsupported"


class Lost(Unsupported):
    """The state this source described was lost; older sources must not be used instead."""

    reason = "lost"


class TimedOut(Unavailable):
    """The source did not answer in time."""

    reason = "timed-out"


class Malformed(Unavailable):
    """The source answered with something that is not in its format."""

    reason = "malformed"


class Inconsistent(Malformed):
    """The source gives different answers where they must be the same."""

    reason = "inconsistent"


REASONS: dict[str, type[Unavailable]] = {
    kind.reason: kind
    for kind in (
        Absent,
        NotRecorded,
        Denied,
        Excluded,
        Unsupported,
        Lost,
        TimedOut,
        Malformed,
        Inconsistent,
    )
}

AS_ROOT = "Run as root."
_NOT_EVEN_ROOT = (
    "In a container, run tdxinfo outside of it. Else `cat /sys/kernel/security/lockdown` shows "
    "whether the kernel is locked down."
)

_ERRNO_BY_NAME = {name: number for number, name in errnos.errorcode.items()}


def record_of(error: Unavailable) -> dict[str, str]:
    """The error as a table of text, as a capture stores it; the inverse of `from_record`."""
    record = {"reason": error.reason, "message": error.message}
    if error.remedy:
        record["remedy"] = error.remedy
    if error.errno:
        record["errno"] = errnos.errorcode.get(error.errno, str(error.errno))
    return record


REMEDIES = frozenset(
    (
        AS_ROOT,
        "Boot without lockdown=confidentiality.",
        _NOT_EVEN_ROOT,
        "Mount devtmpfs on /dev.",
        "Mount proc on /proc.",
        "Mount sysfs on /sys.",
        "Name the kernel's vmlinux with --vmlinux.",
        "Reboot.",
        "Run `modprobe kvm_intel`.",
        "Run `modprobe msr`.",
        "Run `modprobe tdx_host` (CONFIG_TDX_HOST_SERVICES).",
        "Run `mount -t debugfs debugfs /sys/kernel/debug`.",
        "Run `sysctl kernel.kptr_restrict=1`, then run tdxinfo again.",
        "The module is not initialized: `tdxinfo check` shows why.",
        "Run `tdxinfo helper build` and `tdxinfo helper load`.",
        "Run `ss --vsock -l` as root, which loads vsock_diag.",
        "Run as root, outside of a container.",
        "Try again.",
    )
)
"""The remedies that sources give. A record may come from a stranger: a remedy in it is shown only
when it is one of these."""

_PLAIN = r"(?!.*(?:://|www\.|mailto:|\bsudo\b))[\w .,:;/()\[\]'\"#%=+^*<>{}\u00d7-]{0,300}"
"""A message as tdxinfo writes them, without links and commands: it is shown as it is."""

_REMEDY_WITH_PATH = r"Run `pahole -J [\w/.+-]{1,200}` to add it\."
_QUOTE_PREFIX = "the record says: "
_MAX_SHOWN, _MAX_QUOTED = 800, 300
"""Characters of a record's message that are shown: of one as tdxinfo writes them, of another."""


def _quoted(message: str) -> str:
    """The record's message; one that tdxinfo cannot have written is quoted and marked as such."""
    if re.fullmatch(_PLAIN, message) or message.startswith(_QUOTE_PREFIX):
        return message[:_MAX_SHOWN]
    return f"{_QUOTE_PREFIX}{message[:_MAX_QUOTED]!r}"


def from_record(what: str, record: object) -> Unavailable:
    """The error that a capture stores for `what`; Malformed when the stored value is not one."""
    if not isinstance(record, dict):
        return Malformed(f"the record's refusal of {what} is not a table")
    found = {key: value for key, value in record.items() if isinstance(value, str)}
    kind = REASONS.get(found.get("reason", ""), Unsupported)
    name = found.get("errno", "")
    number = int(name) if name.isdecimal() and len(name) < 5 else _ERRNO_BY_NAME.get(name, 0)
    message = found.get("message", f"{what} did not answer")
    remedy = found.get("remedy", "")
    is_known = remedy in REMEDIES or re.fullmatch(_REMEDY_WITH_PATH, remedy)
    return kind(_quoted(message), remedy if is_known else "", errno=number)


_KIND_BY_ERRNO: dict[int, type[Unavailable]] = {
    errnos.ENOENT: Absent,
    errnos.ENOTDIR: Absent,
    errnos.EACCES: Denied,
    errnos.EPERM: Denied,
    errnos.ETIMEDOUT: TimedOut,
}


def from_oserror(error: OSError, what: str) -> Unavailable:
    """The Unavailable for a system call's error, with a sentence about `what`."""
    number = error.errno or 0
    kind = _KIND_BY_ERRNO.get(number, Unsupported)
    if kind is Absent:
        return Absent(f"{what} does not exist", errno=number)
    if kind is Denied and os.geteuid() != 0:
        return Denied(f"{what} may not be read by this user", AS_ROOT, errno=number)
    if kind is Denied:
        message = f"{what} may not be read, not even by root here: {os.strerror(number)}"
        return Denied(message, _NOT_EVEN_ROOT, errno=number)
    return kind(f"{what} cannot be read: {os.strerror(number)}", errno=number)
