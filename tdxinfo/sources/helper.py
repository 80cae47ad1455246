"""The native helper: what the kernel module tdx_sysrd shows of the TDX module in debugfs."""

from __future__ import annotations

import errno
import os

from tdxinfo.errors import Absent, Denied, Unavailable, Unsupported
from tdxinfo.machine import Answer
from tdxinfo.machine.bounded import read_file, within

NAME = "tdx_sysrd"
LOADED = f"/sys/module/{NAME}"
DEBUGFS = "/sys/kernel/debug"
FIELDS = f"{DEBUGFS}/{NAME}/fields"
INFO = f"{DEBUGFS}/{NAME}/info"

PATIENCE = 30.0
"""Seconds for one walk. A processor needs a thousandth of one, an emulated TDX module many."""

_LIMIT = 1 << 20
"""Bytes. The helper ends after 4096 lines of 51."""

_REMEDIES = {
    errno.EAGAIN: "Try again.",
    errno.EBUSY: "Try again.",
    errno.ENXIO: "Run `tdxinfo check`: it tells where the initialization ended.",
}
"""By the error with which the helper ends a read; `info` has the reason in words."""


def fields() -> Answer:
    """The lines "ID VALUE STATUS", read now. Raises Unavailable, with what is missing."""
    return list(_explaining(FIELDS).splitlines())


def info() -> dict[str, str]:
    """What the helper says of itself, by key: version, source, reads, fields, reason, status.

    Raises Unavailable.
    """
    return _by_key(_explaining(INFO))


def _by_key(text: str) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition(": ") for line in text.splitlines())}


def _explaining(path: str) -> str:
    try:
        return _read(path)
    except Unavailable as error:
        raise _explained(error) from None


def _read(path: str) -> str:
    return within(PATIENCE, path, lambda: read_file(path, _LIMIT)).decode("utf-8", "replace")


def _explained(error: Unavailable) -> Unavailable:
    """The reason why a file did not answer."""
    if not os.path.isdir(LOADED):
        remedy = "Run `tdxinfo helper build` and `tdxinfo helper load`."
        return Absent(f"the native helper {NAME} is not loaded", remedy)
    if isinstance(error, Absent) and not os.path.ismount(DEBUGFS):
        remedy = f"Run `mount -t debugfs debugfs {DEBUGFS}`."
        return Absent(f"{NAME} is loaded, but debugfs is not mounted on {DEBUGFS}", remedy)
    if isinstance(error, Absent | Denied) or not error.errno:
        return error
    return _told_by_helper(error)


def _told_by_helper(error: Unavailable) -> Unavailable:
    try:
        why = _by_key(_read(INFO))["reason"]
    except (Unavailable, KeyError):
        why = os.strerror(error.errno)
    message = f"{NAME} cannot read the TDX module: {why}"
    return Unsupported(message, _REMEDIES.get(error.errno, ""), error.errno)
