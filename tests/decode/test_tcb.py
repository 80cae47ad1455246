"""TCB info: documents in Intel's layout, and the levels that security versions reach."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tdxinfo.decode import tcb
from tdxinfo.decode.tcb import Rating, Shortfall
from tdxinfo.errors import Malformed
from tests import pccs

SVN = pccs.CPU_SVN


def parsed(**numbers: Any) -> Any:
    return tcb.parse(json.dumps(pccs.tcb_info(**numbers)))


def test_a_document_is_read_as_intel_writes_it() -> None:
    info = parsed()
    assert (info.fmspc, info.issued, info.evaluation) == ("B0C06F000000", date(2026, 2, 10), 17)
    assert info.sgx_names[7] == "SEAMLDR ACM"
    (level,) = info.levels
    assert (level.sgx, level.pce_svn, level.tdx[:3]) == (SVN, 11, (5, 0, 2))
    (of_module,) = info.module_levels
    assert (of_module.major, of_module.minor, of_module.status) == (1, 4, "UpToDate")
    assert tcb.from_record(tcb.to_record(info)) == info


def test_the_signed_part_may_be_text_or_stand_alone() -> None:
    document = pccs.tcb_info()
    inner = json.dumps(document["tcbInfo"])
    assert tcb.parse(inner) == tcb.parse(json.dumps({"tcbInfo": inner})) == parsed()


def _without(*path: Any) -> str:
    document = pccs.tcb_info()
    place: Any = document["tcbInfo"]
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return json.dumps(document)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"tcbInfo": {"id": "SGX"}}',
        "[" * 100_000,
        _without("tcbLevels"),
        _without("tcbLevels", 0),
        _without("tcbLevels", 0, "tcb", "pcesvn"),
        _without("tcbLevels", 0, "tcb", "sgxtcbcomponents", 15),
        _without("fmspc"),
        _without("issueDate"),
        json.dumps(pccs.tcb_info()).replace("TDX_01", "TDX_0x"),
        json.dumps(pccs.tcb_info()).replace("TDX_01", "T\xffX_00"),
        json.dumps(pccs.tcb_info(microcode=-1)),
        json.dumps(pccs.tcb_info(status="<b>")),
        json.dumps(pccs.tcb_info(evaluation=1 << 40)),
    ],
)
def test_what_is_no_tcb_info_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        tcb.parse(text)


@pytest.mark.parametrize(
    ("minor", "major", "status", "short"),
    [(4, 1, "UpToDate", None), (13, 1, "UpToDate", None), (3, 1, "", 4), (4, 3, "", None)],
)
def test_the_level_of_a_module(minor: int, major: int, status: str, short: int | None) -> None:
    expected = (Shortfall("TDX Module", "the TDX module", minor, short),) if short else ()
    assert tcb.of_module(parsed(), minor, major) == Rating(status, expected)


def test_the_level_of_a_platform_takes_every_component() -> None:
    info = parsed()
    assert tcb.of_platform(info, SVN, 11) == Rating("UpToDate", ())
    assert tcb.of_platform(info, SVN, 10) == Rating("", (Shortfall("PCE", "PCESVN", 10, 11),))
    for place, need in enumerate(SVN):
        if need:
            lower = (*SVN[:place], need - 1, *SVN[place + 1 :])
            found = tcb.of_platform(info, lower, 11)
            assert found is not None
            assert (found.status, found.short[0].has, found.short[0].needs) == ("", need - 1, need)


def test_the_highest_level_counts_whatever_the_order_of_the_document() -> None:
    document = pccs.tcb_info(microcode=2)
    info = document["tcbInfo"]
    info["tcbLevels"] += pccs.tcb_info(status="OutOfDate", microcode=3)["tcbInfo"]["tcbLevels"]
    older = {"tcb": {"isvsvn": 2}, "tcbDate": "2023-08-09T00:00:00Z", "tcbStatus": "OutOfDate"}
    info["tdxModuleIdentities"][0]["tcbLevels"].insert(0, older)
    read = tcb.parse(json.dumps(document))
    newer = (3, 3, *SVN[2:])
    assert tcb.of_platform(read, newer, 11) == Rating("OutOfDate", ())
    found = tcb.of_platform(read, SVN, 11)
    assert found is not None
    assert (found.status, len(found.short)) == ("UpToDate", 2)
    assert tcb.of_module(read, 4, 1) == Rating("UpToDate", ())


def test_a_byte_of_tee_tcb_svn_that_is_not_known_leaves_the_level_open() -> None:
    document = pccs.tcb_info()
    document["tcbInfo"]["tcbLevels"][0]["tcb"]["tdxtcbcomponents"][5]["svn"] = 1
    assert tcb.of_platform(tcb.parse(json.dumps(document)), SVN, 11) is None


def test_the_acm_is_compared_by_its_register() -> None:
    info = parsed()
    assert tcb.acm_shortfall(info, 5) is None
    assert tcb.acm_shortfall(info, 4) == Shortfall("SEAMLDR ACM", "component 8 of CPUSVN", 4, 5)


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        (("UpToDate", "UpToDate"), "UpToDate"),
        (("UpToDate", "OutOfDate"), "OutOfDate"),
        (("SWHardeningNeeded", "UpToDate"), "SWHardeningNeeded"),
        (("OutOfDate", "SWHardeningNeeded"), "OutOfDate"),
        (("OutOfDate", "ConfigurationNeeded"), "OutOfDateConfigurationNeeded"),
        (("OutOfDate", "ConfigurationAndSWHardeningNeeded"), "OutOfDateConfigurationNeeded"),
        (("Revoked", "ConfigurationNeeded"), "Revoked"),
        (("", "ConfigurationNeeded"), ""),
        (("Revoked", "OutOfDate"), "Revoked"),
        (("", "Revoked"), ""),
        (("UpToDate", "ANewWord"), "ANewWord"),
    ],
)
def test_the_worst_part_decides(statuses: tuple[str, ...], whole: str) -> None:
    assert tcb.worst(statuses) == whole
    assert tcb.worst(reversed(statuses)) == whole


def test_a_tcbm_is_cpusvn_and_pcesvn() -> None:
    assert tcb.cpu_svn_of("02020202030100050000000000000000" + "0b00") == (SVN, 11)
    for damaged in ("", "02", "zz" * 18, {"a": 1}):
        with pytest.raises(Malformed):
            tcb.cpu_svn_of(damaged)


@pytest.mark.parametrize(
    ("fmspc", "family", "model"),
    [
        ("00806F050000", 6, 0x8F),
        ("50806F000000", 6, 0x8F),
        ("B0C06F000000", 6, 0xCF),
        ("00A06D080000", 6, 0xAD),
    ],
)
def test_an_fmspc_names_the_processor(fmspc: str, family: int, model: int) -> None:
    """Published FMSPCs of Sapphire, Emerald and Granite Rapids."""
    document = pccs.tcb_info()
    document["tcbInfo"]["fmspc"] = fmspc
    info = tcb.parse(json.dumps(document))
    assert tcb.is_for(info, family, model)
    assert not tcb.is_for(info, family, model ^ 1)


@pytest.mark.parametrize(
    ("model", "stepping", "processor", "microcode", "module"),
    [
        (0x8F, 8, "SPR", 0x2B000650, "1.5.24"),
        (0x8F, 7, "SPR", 0x2B000650, "1.5.24"),
        (0xCF, 2, "EMR", 0x210002D3, "1.5.24"),
        (0xAD, 1, "GNR-SP", 0x01000405, "2.0.14"),
        (0xAE, 1, "GNR-D", 0x01000303, "2.0.14"),
        (0xAF, 3, "SRF", 0x03000382, "1.5.25"),
        (0xCF, 1, "EMR", None, "1.5.24"),
        (0xCF, None, "EMR", None, "1.5.24"),
        (0xDD, 0, "CWF", None, None),
    ],
)
def test_floors_are_those_of_the_recovery(
    model: int, stepping: int | None, processor: str, microcode: int | None, module: str | None
) -> None:
    """As an operator's script named them for TCB recovery 21."""
    floor = tcb.floor(6, model, stepping, processor)
    assert (floor.microcode, floor.module, floor.as_of) == (microcode, module, "2026-02")


def test_microcode_of_another_product_does_not_compare() -> None:
    assert tcb.microcode_reaches(0x2B000650, 0x2B000650) is True
    assert tcb.microcode_reaches(0x2B000590, 0x2B000650) is False
    assert tcb.microcode_reaches(0x2C000390, 0x2B000650) is None
