"""How an initialization that failed is read: `tables/failures.toml`."""

import errno
from collections.abc import Mapping
from typing import Any, NamedTuple

from tdxinfo import tables
from tdxinfo.decode import seamcall
from tdxinfo.model.values import Failure, hex64
from tdxinfo.model.verdict import Effect


class Diagnosis(NamedTuple):
    """What was behind a failure, as a clause, and what to do."""

    cause: str
    remedy: str
    effect: Effect | None = None
    """What the remedy requires; None for what a check's own remedy requires."""


class OfKernels(NamedTuple):
    """A cause, and the kernels with which it is the one, in words; empty for all."""

    when: str
    diagnosis: Diagnosis


class OfStatus(NamedTuple):
    """A row for a status, and the SEAMCALL that it is for; empty for any."""

    leaf: str
    diagnosis: Diagnosis


_NOTHING = Diagnosis("", "")
_OTHERS = {"state", "kvm", "update"}
"""Keys of rows that are about something else than an initialization with an error."""
NOT_MADE = "not-made"
SUCCEEDED = "succeeded"
"""What became of the first call, where it did not end with an errno."""


def of_failure(failure: Failure, generation: str | None = None) -> Diagnosis:
    """The first row that fits; else what the status alone means; else nothing."""
    for row in tables.load("failures")["failure"]:
        if not _OTHERS & row.keys() and _fits(row, failure, generation):
            return Diagnosis(row["cause"], row["remedy"])
    known = seamcall.statuses(failure.status) if failure.status is not None else ()
    if not known or failure.status_name not in {None, known[0].name}:
        return _NOTHING
    meaning = seamcall.meaning_of(known[0].name)
    calls = [failure.leaf_name] if failure.leaf_name else []
    return Diagnosis(_as_clause(meaning.meaning), meaning.remedy_at(calls))


def named(name: str) -> Diagnosis:
    """The row with this name."""
    rows = tables.load("failures")["failure"]
    return next(Diagnosis(row["cause"], row["remedy"]) for row in rows if row["name"] == name)


def described(failure: Failure) -> list[str]:
    """The kernel's message, the SEAMCALL with its status, and the errno, as far as known."""
    parts = [failure.message]
    if failure.leaf_name or failure.status_name:
        call = failure.leaf_name or "SEAMCALL"
        status = "an unknown status" if failure.status is None else f"{failure.status:#018x}"
        parts.append(f"{call} returned {status} {failure.status_name or ''}".rstrip())
    if failure.errno:
        parts.append(f"errno {failure.errno} {failure.errno_name or ''}".rstrip())
    return parts


def of_status(status: int) -> list[OfStatus]:
    """The rows for a status, whatever the call; those of its upper half where none has it all."""
    code = hex64(status)
    found = [
        row
        for row in tables.load("failures")["failure"]
        if "status" in row and code.startswith(row["status"])
    ]
    whole = [row for row in found if row["status"] == code]
    return [
        OfStatus(row.get("leaf", ""), Diagnosis(row["cause"], row["remedy"]))
        for row in whole or found
    ]


def of_errno(number: int) -> list[OfKernels]:
    """Why an initialization gives up with this errno, where the errno alone decides."""
    rows = tables.load("failures")["failure"]
    return _of_kernels([row for row in rows if row.get("errno") == number])


def of_any_kernel(failure: Failure) -> list[OfKernels]:
    """All causes that the failure has, where the kernel is not known."""
    rows = tables.load("failures")["failure"]
    found = [
        row
        for row in rows
        if not _OTHERS & row.keys() and _fits(row, failure, row.get("kernels", [None])[0])
    ]
    return _of_kernels(found) or [OfKernels("", of_failure(failure))]


def _of_kernels(rows: list[Mapping[str, Any]]) -> list[OfKernels]:
    """The first row; where it is for some kernels only, the rows for the others too."""
    found: list[OfKernels] = []
    for row in rows:
        found.append(OfKernels(row.get("when", ""), Diagnosis(row["cause"], row["remedy"])))
        if "when" not in row:
            break
    return found


def rows_of(causes: list[OfKernels], cause: str, remedy: str) -> list[tuple[str, str]]:
    """Names and texts for a page: with the kernels in the name where there are several causes."""
    rows = [
        (f"{name}, {one.when}" if one.when else name, text)
        for one in causes
        for name, text in ((cause, one.diagnosis.cause), (remedy, one.diagnosis.remedy))
    ]
    which = "`uname -r` shows the release of the kernel" if len(causes) > 1 else ""
    return [*rows, ("which of them", which)]


def of_silence(
    state: str,
    generation: str | None,
    is_requested: bool | None = None,
    first_call: int | str | None = None,
    is_enabled: bool | None = None,
) -> Diagnosis:
    """Why the module is in this state, where the kernel printed nothing of it.

    `first_call` is what the kernel keeps of it: the errno, NOT_MADE or SUCCEEDED. `is_enabled` is
    the value of kvm_intel's parameter tdx.
    """
    for row in tables.load("failures")["failure"]:
        if row.get("state") != state or row.get("first_call") != first_call:
            continue
        is_right = "kernels" not in row or generation in row["kernels"]
        if row.get("blocked") or (row.get("tdx_off") and is_enabled is not False):
            continue
        if is_right and (not row.get("requested") or is_requested):
            return Diagnosis(row["cause"], row["remedy"], row.get("effect"))
    return _NOTHING


def of_block(generation: str | None) -> Diagnosis:
    """Why nobody tried, where the kernel command line keeps kvm_intel from loading."""
    for row in tables.load("failures")["failure"]:
        if row.get("blocked") and generation in row["kernels"]:
            return Diagnosis(row["cause"], row["remedy"], row.get("effect"))
    return _NOTHING


def of_refusal(line: str) -> Diagnosis:
    """Why KVM does without TDX, or the kernel without an update, by the line that says so."""
    row = _of_line(line)
    return Diagnosis(row["cause"], row["remedy"], row.get("effect")) if row else _NOTHING


def is_before_module(line: str) -> bool:
    """Whether KVM prints this line before it makes a SEAMCALL, and makes none then."""
    return bool(_of_line(line).get("before_module"))


def _of_line(line: str) -> Mapping[str, Any]:
    """The first row whose text is in the line; empty if there is none."""
    for row in tables.load("failures")["failure"]:
        text = row.get("kvm") or row.get("update")
        if text and text in line:
            found: Mapping[str, Any] = row
            return found
    return {}


def _fits(row: Mapping[str, Any], failure: Failure, generation: str | None) -> bool:
    leaf = (failure.leaf_name or "").replace("_", ".")
    status = hex64(failure.status) if failure.status is not None else ""
    return (
        row.get("leaf", leaf) == leaf
        and status.startswith(row.get("status", ""))
        and row.get("log", "") in failure.message
        and row.get("errno", failure.errno) == failure.errno
        and ("kernels" not in row or generation in row["kernels"])
    )


_MADE_BY_KERNEL = 0x8000FF00
"""The upper half of a status of the kernel's own (TDX_SW_ERROR), since no module answered."""
_AFTER_ANSWERS = (errno.ENOMEM, errno.EINVAL, errno.ENOSPC)
"""With these the kernel gives up after it read the module's metadata, without a failed call."""


def shows_answer(failure: Failure) -> bool:
    """Whether a module answered before the initialization failed, so that one is loaded."""
    if failure.status is not None:
        is_of_loader = (failure.leaf_name or "").startswith("SEAMLDR")
        return failure.status >> 32 != _MADE_BY_KERNEL and not is_of_loader
    return failure.errno in _AFTER_ANSWERS or failure.tdmr is not None


def _as_clause(sentence: str) -> str:
    first = sentence.partition(" ")[0]
    is_name = first[1:] != first[1:].lower()
    return (sentence if is_name else sentence[:1].lower() + sentence[1:]).rstrip(".")
