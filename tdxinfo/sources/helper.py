"""The native helper: what the kernel module tdx_sysrd shows of the TDX module in debugfs."""

from __future__ import annotations

import errno
import os

from tdxinfo.errors import Absent, Denied, Unavailable, Unsupported
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.bounded import within
from tdxinfo.machine.system import System

NAME = "tdx_sysrd"
LOADED = f"/sys/module/{NAME}"
DEBUGFS = "/sys/kernel/debug"
FIELDS = f"{DEBUGFS}/{NAME}/fields"
INFO = f"{DEBUGFS}/{NAME}/info"

TIMEOUT = 30.0
"""Seconds for one walk. A processor needs a thousandth of one, an emulated TDX module many."""

_SHORT = 3.0
"""Seconds for a look whether the helper is loaded."""

_LIMIT = 1 << 20
"""Bytes. The helper ends after 4096 lines of 51."""

_REMEDIES = {
    errno.EAGAIN: "Try again.",
    errno.EBUSY: "Try again.",
    errno.ENXIO: "The module is not initialized: `tdxinfo check` shows why.",
}
"""By the error with which the helper ends a read; `info` has the reason in words."""


def fields(system: System) -> Answer:
    """The lines "ID VALUE STATUS", read now. Raises Unavailable, with what is missing."""
    return list(_text_or_reason(system, FIELDS).splitlines())


def info(machine: Machine) -> dict[str, str]:
    """What the helper says of itself, by key: version, source, reads, fields, reason, status.

    Raises Unavailable.
    """
    return _by_key(str(machine.ask("helper/info", lambda system: _text_or_reason(system, INFO))))


def _by_key(text: str) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition(": ") for line in text.splitlines())}


def _text_or_reason(system: System, path: str) -> str:
    """The text of one of the helper's files. Raises Unavailable that says what is missing."""
    if not within(_SHORT, LOADED, lambda: system.exists(LOADED)):
        remedy = "Run `tdxinfo helper build` and `tdxinfo helper load`."
        raise Absent(f"the native helper {NAME} is not loaded", remedy)
    try:
        return _text(system, path)
    except Unavailable as error:
        raise _explained(system, error) from None


def _text(system: System, path: str) -> str:
    read = within(TIMEOUT, path, lambda: system.read(path, _LIMIT))
    return read.decode("utf-8", "replace")


def _explained(system: System, error: Unavailable) -> Unavailable:
    """The reason why a file did not answer."""
    if isinstance(error, Absent) and not system.is_mount(DEBUGFS):
        remedy = f"Run `mount -t debugfs debugfs {DEBUGFS}`."
        return Absent(f"{NAME} is loaded, but debugfs is not mounted on {DEBUGFS}", remedy)
    if isinstance(error, Absent | Denied) or not error.errno:
        return error
    return _reason_from_helper(system, error)


def _reason_from_helper(system: System, error: Unavailable) -> Unavailable:
    try:
        why = _by_key(_text(system, INFO))["reason"]
    except (Unavailable, KeyError):
        why = os.strerror(error.errno)
    message = f"{NAME} cannot read the TDX module: {why}"
    return Unsupported(message, _REMEDIES.get(error.errno, ""), error.errno)
