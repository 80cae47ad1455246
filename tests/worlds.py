"""Machines built for a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tdxinfo.errors import Absent
from tdxinfo.machine.captured import CapturedMachine
from tdxinfo.model.provenance import Origin
from tdxinfo.report import Report, observe


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
        Origin.of(kind, "a test"), read, {"answers": answers or {}, "refused": refused or {}}
    )


def report_from_log(log: str) -> Report:
    """The report of a host of which only a supplied kernel log is known."""
    return observe(world(log=log, kind="kernel-log"))


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
