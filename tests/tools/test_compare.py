"""The programs that compare tables with what vendors published."""

from __future__ import annotations

from pathlib import Path

import pytest

from tdxinfo.decode import releases, sigstruct
from tests.decode.test_sigstruct import MODULE, blob, made
from tests.tools import compare_headers, compare_sigstructs

STATUSES = """
#define TDX_SYS_BUSY                         0x8000020200000000ULL
#define TDX_NON_RECOVERABLE_TD               0x4000000200000000ULL
#define OPERAND_ID_CPUID_CONFIG              69ULL
"""
BITMAPS = """
typedef union config_flags_s {
    struct
    {
        uint64_t
        gpaw                : 1,  /**< first */
        flexible_pending_ve : 1,
        no_rbp_mod          : 1,
        reserved            : 61; /**< Must be 0. */
    };
    uint64_t raw;
} config_flags_t;
typedef union td_param_attributes_s {
    struct
    {
        uint64_t debug           : 1;   // Bit 0
        uint64_t reserved_tud    : 3;   // Bits 3:1
        uint64_t tup             : 2;   // Bits 5:4
    };
    uint64_t raw;
} td_param_attributes_t;
"""
FIELD_IDS = "#define MD_SYS_TDX_FEATURES0_FIELD_ID 0x0A00000300000008ULL\n"
LEAVES = "    TDH_SYS_RD_LEAF                  = 34,\n    TDG_MR_REPORT_LEAF = 4,\n"
FIELDS = "   // TDX_FEATURES0 // 18\n   .field_id = { .raw = 0x0A00000300000008 },\n"
LINUX = """
#define TDX_TD_ATTR_SEPT_VE_DISABLE_BIT\t28
#define TDX_FEATURES0_NO_RBP_MOD\tBIT(18)
"""


def test_headers_that_say_the_same_differ_in_nothing() -> None:
    assert list(compare_headers.statuses(STATUSES)) == []
    assert list(compare_headers.operands(STATUSES)) == []
    assert list(compare_headers.leaves(LEAVES)) == []
    assert list(compare_headers.fields(FIELDS)) == []
    assert list(compare_headers.fields(FIELD_IDS)) == []
    assert list(compare_headers.bitmaps(BITMAPS)) == []
    assert list(compare_headers.attributes(LINUX)) == []
    assert list(compare_headers.features(LINUX)) == []


def test_each_kind_of_difference_is_found() -> None:
    changed = STATUSES.replace("0x80000202", "0x80000209").replace("69", "70")
    assert len(list(compare_headers.statuses(changed + "#define TDX_NEW 0xC000999900000000"))) == 2
    assert len(list(compare_headers.operands(changed))) == 1
    assert len(list(compare_headers.leaves(LEAVES.replace("34", "35")))) == 1
    assert len(list(compare_headers.fields(FIELDS.replace("0008 }", "0009 }")))) == 1
    assert len(list(compare_headers.fields(FIELD_IDS.replace("0008ULL", "0009ULL")))) == 1
    # A member that is one bit wider moves those that follow.
    assert (
        len(list(compare_headers.bitmaps(BITMAPS.replace("gpaw                : 1", "gpaw : 2"))))
        == 3
    )
    assert len(list(compare_headers.bitmaps(BITMAPS.replace("tup ", "new ")))) == 2
    assert len(list(compare_headers.attributes(LINUX.replace("28", "27")))) == 1
    assert len(list(compare_headers.features(LINUX.replace("18", "17")))) == 1


def test_a_folder_of_headers_is_searched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "include").mkdir()
    (tmp_path / "include/tdx_error_codes_defs.h").write_text(STATUSES)
    assert compare_headers.main([tmp_path]) == 0
    assert capsys.readouterr().out == "1 files compared\n"
    (tmp_path / "tdx_api_defs.h").write_text("TDH_NO_SUCH_LEAF = 7")
    assert compare_headers.main([tmp_path]) == 1
    assert "TDH_NO_SUCH is 7" in capsys.readouterr().out


def test_a_release_and_its_sigstruct_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "unknown.blob").write_bytes(blob(made()))
    assert compare_sigstructs.main(tmp_path) == 1
    assert "no release of the table" in capsys.readouterr().out


def test_differences_of_a_release_are_named() -> None:
    release = releases.release_named("1.5.24")
    assert release is not None
    signed = sigstruct.parse_sigstruct(made())
    assert list(compare_sigstructs.differences(release, signed, None)) == []
    other = sigstruct.parse_sigstruct(made(svn=0x10C, cpus=(0x806F8,)))
    assert len(list(compare_sigstructs.differences(release, other, None))) == 2
    assert len(list(compare_sigstructs.differences(release, signed, MODULE))) == 2
