"""SEAMCALLs that failed, as values."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from tdxinfo.decode import seamcall
from tdxinfo.decode.boot import call_name
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Malformed
from tdxinfo.model.base import first_message
from tdxinfo.model.values import Failure, hex64


def failure_of(call: Event | None, message: str, **more: Any) -> Failure:
    """The failure that the call ended with, in the kernel's own words.

    Raises Malformed for numbers that no kernel prints.
    """
    given = {"errno": None, "errno_name": None, "tdmr": None, **call_parts(call), **more}
    try:
        return Failure(message=message, **given)
    except ValidationError as error:
        raise Malformed(
            f"a number in {message[:80]!r} is too large: {first_message(error)}"
        ) from None


def call_parts(call: Event | None) -> dict[str, Any]:
    if call is None:
        return dict.fromkeys(("leaf", "leaf_name", "status", "status_name"))
    status = int(call.values["status"])
    name = call_name(call)
    return {
        "leaf": call.values.get("leaf"),
        "leaf_name": name,
        "status": status,
        "status_name": seamcall.status_name(status),
    }


def describe(call: Event) -> str:
    """The call and its status in a few words."""
    status = int(call.values["status"])
    name = call_name(call) or f"leaf {int(call.values['leaf']):#x}"
    return f"{name}: {hex64(status)} {seamcall.status_name(status) or ''}".rstrip()
