"""What `--tcb-info` names, and that it wins over what the host has."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import tdxinfo
from tdxinfo.errors import BadInput
from tdxinfo.inputs.tcb_info import FACT, read_tcb_info, with_tcb_infos
from tests import pccs
from tests.cli.command import ran
from tests.recorded import folder_of, report_of

HOST = "tcb-out-of-date"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tcb.json"
    path.write_text(json.dumps(pccs.tcb_info()))
    return path


def test_a_given_file_wins_over_the_cache(file: Path) -> None:
    report = report_of(HOST)
    assert report.origin_of(FACT).startswith("file:")
    given = with_tcb_infos(report, [str(file)])
    assert given.origin_of(FACT) == "given:--tcb-info"
    (info,) = given.host.attestation.tcb_infos or ()
    assert (info.set, info.evaluation) == (None, 17)
    assert with_tcb_infos(report, []) is report


def test_the_command_and_the_api_take_it(file: Path) -> None:
    host = str(folder_of(HOST))
    only = ("--from", host, "check", "--only", "attestation.tcb", "--strict")
    assert ran(*only).status == 1
    with_file = ran(*only, "--tcb-info", str(file))
    assert with_file.status == 0, with_file.out
    report = tdxinfo.observe(host)
    outcomes = [
        next(
            c.outcome for c in tdxinfo.check(report, tcb_info=given).checks if c.id.endswith(".tcb")
        )
        for given in ([], [str(file)])
    ]
    assert outcomes == ["WARN", "PASS"]


@pytest.mark.parametrize("text", ["", "{}", "\xff", '{"tcbInfo": 1}', "[" * 50_000])
def test_a_file_without_tcb_info_is_bad_input(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(BadInput, match="cannot be used as TCB info"):
        read_tcb_info(str(path))


def test_no_file_and_what_is_none_are_bad_input(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BadInput, match="cannot be read"):
            read_tcb_info(str(path))
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BadInput, match="cannot be read"):
        read_tcb_info(str(tmp_path / "fifo"))
