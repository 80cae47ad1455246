"""Names of SEAMCALL leaves and status codes, as users met them."""

from __future__ import annotations

import pytest

from tdxinfo.decode import seamcall

STATUSES = {
    # What users reported.
    0xC000050500000000: "TDX_SYS_NOT_READY",
    0xC000090000000000: "TDX_INCORRECT_CPUID_VALUE",
    0xC000092100000122: "TDX_INCORRECT_MSR_VALUE",
    0xC0000C0000000000: "TDX_METADATA_FIELD_ID_INCORRECT",
    0xC000010000000045: "TDX_OPERAND_INVALID",
    0xC000030000000001: "TDX_PAGE_METADATA_INCORRECT",
    0xC0000B0800000001: "TDX_TLB_TRACKING_NOT_DONE",
    # Linux 7.3, asm/shared/tdx_errno.h; the top nibble of some changed between modules.
    0x4000000100000000: "TDX_NON_RECOVERABLE_VCPU",
    0x4000000200000000: "TDX_NON_RECOVERABLE_TD",
    0x6000000500000000: "TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE",
    0x6000000700000000: "TDX_NON_RECOVERABLE_TD_WRONG_APIC_MODE",
    0x8000000300000000: "TDX_INTERRUPTED_RESUMABLE",
    0x8000020000000092: "TDX_OPERAND_BUSY",
    0x8000020100000000: "TDX_PREVIOUS_TLB_EPOCH_BUSY",
    0x8000020200000000: "TDX_SYS_BUSY",
    0x8000020300000000: "TDX_RND_NO_ENTROPY",
    0x8000070200000000: "TDX_VCPU_NOT_ASSOCIATED",
    0x8000080000000000: "TDX_KEY_GENERATION_FAILED",
    0xC000081100000000: "TDX_KEY_STATE_INCORRECT",
    0x0000081500000000: "TDX_KEY_CONFIGURED",
    0x0000082100000000: "TDX_NO_HKID_READY_TO_WBCACHE",
    0x8000082400000000: "TDX_FLUSHVP_NOT_DONE",
    0xC0000B0000000000: "TDX_EPT_WALK_FAILED",
    0xC0000B0D00000000: "TDX_EPT_ENTRY_STATE_INCORRECT",
    0xC0000C0200000000: "TDX_METADATA_FIELD_NOT_READABLE",
    # The module's own source.
    0xC000050000000000: "TDX_SYS_INIT_NOT_PENDING",
    0xC000050200000000: "TDX_SYS_LP_INIT_NOT_DONE",
    0xC000050600000000: "TDX_SYS_SHUTDOWN",
    0xC000050700000000: "TDX_SYS_KEY_CONFIG_NOT_PENDING",
    0xC000050800000000: "TDX_SYS_STATE_INCORRECT",
    0xC000050900000000: "TDX_SYS_INVALID_HANDOFF",
    0xC000050A00000000: "TDX_SYS_INCOMPATIBLE_SIGSTRUCT",
    0xC000050D00000000: "TDX_INCOMPATIBLE_SEAM_CAPABILITIES",
    0x8000051200000000: "TDX_UPDATE_COMPATIBILITY_SENSITIVE",
    0xC000090200000000: "TDX_INCONSISTENT_CPUID_FIELD",
    0xC000091000000000: "TDX_SMRR_NOT_LOCKED",
    0xC000091200000000: "TDX_SMRR_OVERLAPS_CMR",
    0xC000092000000000: "TDX_INCONSISTENT_MSR",
    0xC0000A0000000000: "TDX_INVALID_TDMR",
    0xC0000A0200000000: "TDX_TDMR_OUTSIDE_CMRS",
    0xC0000A1100000000: "TDX_PAMT_OUTSIDE_CMRS",
    0xC0000A2200000000: "TDX_CMR_LIST_INVALID",
    # Linux's own.
    0x8000FF00FFFF0000: "TDX_SEAMCALL_VMFAILINVALID",
    0x8000FF000000000D: "TDX_SEAMCALL_GP",
    0x8000FF0000000006: "TDX_SEAMCALL_UD",
    0x0000000000000000: "TDX_SUCCESS",
}


@pytest.mark.parametrize(("status", "name"), STATUSES.items(), ids=map(hex, STATUSES))
def test_a_status_has_the_name_of_the_modules_source(status: int, name: str) -> None:
    assert seamcall.status_name(status) == name


def test_a_code_with_two_names_shows_both() -> None:
    name = seamcall.status_name(0xC000090100000000) or ""
    assert set(name.split(" or ")) == {"TDX_BOOT_NT4_SET", "TDX_LIMIT_CPUID_MAXVAL_SET"}


@pytest.mark.parametrize("status", [0xC000777700000000, 0x8000FF0000000001, 0x8000FF00FFFF0001])
def test_a_status_that_nobody_defined_has_no_name(status: int) -> None:
    assert seamcall.status_name(status) is None


@pytest.mark.parametrize("status", [0x8000000000000000, 0x8000000000000003, 0xC000000000000000])
def test_an_error_is_never_called_success(status: int) -> None:
    # The P-SEAMLDR's 0x8000000000000000 is EBADPARAM.
    assert seamcall.status_name(status) != "TDX_SUCCESS"


@pytest.mark.parametrize(
    ("leaf", "name"),
    [
        (0x1F, "TDH.SYS.KEY.CONFIG"),
        (0x20, "TDH.SYS.INFO"),
        (33, "TDH.SYS.INIT"),
        (34, "TDH.SYS.RD"),
        (0x23, "TDH.SYS.LP.INIT"),
        (0x24, "TDH.SYS.TDMR.INIT"),
        (0x2D, "TDH.SYS.CONFIG"),
        (0x34, "TDH.SYS.SHUTDOWN"),
        (0x35, "TDH.SYS.UPDATE"),
        (0x45, "TDH.SYS.DISABLE"),
        (0x1002D, "TDH.SYS.CONFIG"),
        (0x8000000000000000, "SEAMLDR.INFO"),
        (0x8000000000000001, "SEAMLDR.INSTALL"),
        (253, None),
        (0x8000000000000022, None),
    ],
)
def test_a_leaf_has_its_name(leaf: int, name: str | None) -> None:
    assert seamcall.leaf_name(leaf) == name


@pytest.mark.parametrize(
    ("name", "belongs"),
    [
        ("TDH.SYS.INIT", True),
        ("TDH_SYS_INIT", True),
        ("TDH.SYS.CONFIG", True),
        ("TDH.SYS.SHUTDOWN", False),
        ("TDH.SYS.DISABLE", False),
        ("TDH.MNG.INIT", False),
        ("", False),
    ],
)
def test_only_the_calls_of_an_initialization_tell_of_it(name: str, belongs: bool) -> None:
    assert seamcall.is_initialization(name) is belongs


@pytest.mark.parametrize(
    ("status", "says", "kind"),
    [
        (0xC000050500000000, "an error, non-recoverable", "State of the module"),
        (0x6000000500000000, "non-recoverable, fatal", "General"),
        (0x9000020200000000, "an error, the host may recover", "Busy resources"),
        (0x0000081500000000, "success or information", "Management of keys"),
        (0x8000FF0000000000, "an error", "Made by Linux"),
        (0x8000770000000000, "an error, recoverable", "unknown"),
    ],
)
def test_the_upper_bits_say_how_bad_it_is_and_of_what_class(
    status: int, says: str, kind: str
) -> None:
    assert seamcall.flags(status) == [("kind", says), ("class", kind)]


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (0xC000092100000122, ("MSR", "0x122")),
        (0xC000010000000045, ("operand", "0x45 (CPUID_CONFIG)")),
        (0x8000020000000001, ("operand", "0x1 (RCX)")),
        (0xC0000100000001FE, ("operand", "0x1fe (unknown)")),
        (0xC000050500000001, ("lower 32 bits", "0x1, as an operand RCX")),
        (0xC000050500000000, None),
        (0x8000020000000000, None),
        (0xC000010000000000, ("operand", "0x0 (RAX)")),
        (0xC000010000000100, ("operand", "0x100 (PASIDMT)")),
        (0xC0000A0000000000, ("TDMR", "number 0, counted from 0")),
        (0xC0000A1100000102, ("PAMT", "of TDMR 2, for pages of 2 MiB")),
        (0xC0000A1200030200, ("PAMT", "of TDMR 0, for pages of 1 GiB, against TDMR 3")),
        (0xC0000A2000000401, ("reserved area", "number 4 of TDMR 1, counted from 0")),
        (0xC000091200000301, ("overlap", "SMRR 1, CMR 3")),
        (0xC000091000000001, ("SMRR", "1")),
        (0xC000090880000008, ("CPUID leaf", "0x80000008")),
        (0xC000062100000007, ("x2APIC id", "0x7")),
        (0xC000082500000040, ("KeyIDs at most", "64")),
        (0xC0000B0F00020001, ("partition", "partition 2, level 1")),
        (0x00000B0A00000001, ("level", "1 (pages of 2 MiB)")),
        (0xC0000C000002FFFF, ("list", "position 65535, list 0x2")),
        (0x0000000000000003, ("count", "3")),
        (0x8000FF000000000D, None),
        (0x8000000000000003, None),
        (0xC000777700000001, None),
    ],
)
def test_the_lower_half_names_an_operand_or_an_msr(
    status: int, detail: tuple[str, str] | None
) -> None:
    assert seamcall.detail(status) == detail


def test_what_a_code_means_does_not_depend_on_its_details() -> None:
    (status,) = seamcall.statuses(0x8000020200000001)
    assert status.name == "TDX_SYS_BUSY"
    assert seamcall.statuses(0xC000777700000000) == ()


@pytest.mark.parametrize(
    ("leaves", "remedy"),
    [
        (["TDH.MNG.CREATE"], "Start the TD again."),
        (["TDH_MNG_CREATE"], "Start the TD again."),
        (["TDH.EXPORT.STATE.IMMUTABLE"], "Try again: "),
        ([], "At TDH.SYS.INIT: Reboot: "),
    ],
)
def test_what_to_do_depends_on_the_call(leaves: list[str], remedy: str) -> None:
    found = seamcall.meaning_of("TDX_RND_NO_ENTROPY").remedy_at(leaves)
    assert found.startswith(remedy)
    assert ("At other calls: Try again" in found) == (not leaves)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (0x8000000000000000, "SEAMLDR_EBADPARAM"),
        (0x8000000000000003, "SEAMLDR_EBADCALL"),
        (0x8000000000000004, "SEAMLDR_EBADHANDOFF"),
        (0x8000000000000005, "SEAMLDR_ECLEANUPREQ"),
        (0x8000000000010002, "SEAMLDR_ENOMEM"),
        (0x8000000000020000, "SEAMLDR_EBADSIG"),
        (0x8000000000000001, None),
        (0x8000000000010005, None),
    ],
)
def test_a_code_of_the_p_seamldr_counts_as_a_whole(status: int, name: str | None) -> None:
    assert seamcall.status_name(status) == name


@pytest.mark.parametrize(
    ("status", "name"),
    [
        # api_error_fatal() and the recoverability hint set bits 61 and 60 of a code.
        (0xE000010000000001, "TDX_OPERAND_INVALID"),
        (0x9000020000000001, "TDX_OPERAND_BUSY"),
        # Another sign, or a bit of a metadata field id, makes it another number.
        (0x0000020200000000, None),
        (0x8100020200000000, None),
    ],
)
def test_flags_that_the_module_adds_leave_a_code_its_name(status: int, name: str | None) -> None:
    assert seamcall.status_name(status) == name
    assert not seamcall.is_exact(status)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("TDX_SYS_BUSY", "TDX_SYS_BUSY"),
        (" tdx_sys_busy ", "TDX_SYS_BUSY"),
        ("TDX_UPDATE_COMPAT_SENSITIVE", "TDX_UPDATE_COMPATIBILITY_SENSITIVE"),
        ("SEAMLDR_RND_NO_ENTROPY", "SEAMLDR_ENOENTROPY"),
        ("TDX_SYS", None),
    ],
)
def test_a_status_is_found_by_its_names(given: str, name: str | None) -> None:
    found = seamcall.status_named(given)
    assert (found.name if found else None) == name


@pytest.mark.parametrize("text", ["TDH.SYS.RD", "tdh_sys_rd", "TDH_SYS_RD_LEAF"])
def test_a_leaf_is_found_by_its_names(text: str) -> None:
    found = seamcall.leaf_named(text)
    assert found is not None
    assert (found.number, found.table) == (34, "TDH")


def test_a_number_names_a_leaf_of_the_host_and_one_of_the_guest() -> None:
    names = [leaf.name for leaf in seamcall.leaves_numbered(4)]
    assert names == ["TDH.VP.ADDCX", "TDG.MR.REPORT"]
    assert [leaf.name for leaf in seamcall.leaves_numbered(4, "TDG")] == ["TDG.MR.REPORT"]
    assert seamcall.leaves_numbered(0x1000004) == []


def test_a_released_leaf_comes_before_one_that_patches_name() -> None:
    assert seamcall.leaf_name(128) == "TDH.IOMMU.SETREG"
    assert seamcall.leaf_name(60) == "TDH.EXT.INIT"


def test_details_alone_make_no_error() -> None:
    assert seamcall.status_name(1) == "TDX_SUCCESS"


def test_a_status_without_a_class_is_no_status_of_the_module() -> None:
    assert seamcall.status_name(0x0000000100000000) == seamcall.status_name(0x4000000100000000)
