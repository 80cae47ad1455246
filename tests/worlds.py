"""Machines built for a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tdxinfo.errors import Absent
from tdxinfo.host import Host
from tdxinfo.host.observe import observe
from tdxinfo.machine import Origin
from tdxinfo.machine.captured import CapturedMachine


def world(
    files: Mapping[str, str | bytes] | None = None,
    answers: Mapping[str, Any] | None = None,
    refused: Mapping[str, Mapping[str, str]] | None = None,
    log: str | None = None,
    kind: str = "capture",
) -> CapturedMachine:
    """A recorded machine with these files, answers, refusals and kernel log, and nothing else."""
    kept = {"root" + path: _bytes(text) for path, text in (files or {}).items()}
    if log is not None:
        kept["kernel.log"] = log.encode()

    def read(inner: str) -> bytes:
        if inner not in kept:
            raise Absent(f"{inner} is not in the record")
        return kept[inner]

    return CapturedMachine(
        Origin(kind, "a test"), read, {"answers": answers or {}, "refused": refused or {}}
    )


def host_from_log(log: str) -> Host:
    """The host of which only a supplied kernel log is known."""
    return observe(world(log=log, kind="kernel-log"))


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
