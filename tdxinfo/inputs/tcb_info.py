"""Intel's TCB info in a file: what `--tcb-info` names, read in a child process."""

from __future__ import annotations

from collections.abc import Iterable

from tdxinfo.decode import tcb
from tdxinfo.errors import BadInput, Malformed, Unavailable
from tdxinfo.machine.bounded import read_file
from tdxinfo.machine.confined import run
from tdxinfo.model.tcb import TcbInfo
from tdxinfo.report import Report, with_given

FACT = "attestation.tcb_infos"
_MAX_BYTES = 4 << 20


def with_tcb_infos(report: Report, paths: Iterable[str]) -> Report:
    """The report with the TCB info of these files instead of its own. Raises BadInput."""
    infos = tuple(map(read_tcb_info, paths))
    return with_given(report, FACT, infos, "given:--tcb-info") if infos else report


def read_tcb_info(path: str) -> TcbInfo:
    """The TCB info in a file of Intel's JSON. Raises BadInput."""
    try:
        text = read_file(path, _MAX_BYTES).decode("utf-8", "replace")
    except Unavailable as error:
        raise BadInput(f"The TCB info cannot be read: {error.message}.") from None
    return run(lambda: _parsed(text, path), path)


def _parsed(text: str, path: str) -> TcbInfo:
    try:
        return tcb.parse(text)
    except Malformed as error:
        raise BadInput(f"{path} cannot be used as TCB info: {error}. {_WANTED}") from None


_WANTED = "Give the JSON of Intel's `tdx/certification/v4/tcb?fmspc=...`."
