"""Registers and bitmaps, taken apart by hand."""

from __future__ import annotations

import pytest

from tdxinfo import tables
from tdxinfo.decode import bits

VALUES = [
    ("IA32_MKTME_KEYID_PARTITIONING", "num_mktme_keyids", (64 << 32) | 63, 63),
    ("IA32_MKTME_KEYID_PARTITIONING", "num_tdx_keyids", (64 << 32) | 63, 64),
    ("IA32_MKTME_KEYID_PARTITIONING", "num_tdx_keyids", 63, 0),
    ("IA32_TME_CAPABILITY", "max_keyid_bits", 7 << 32, 7),
    ("IA32_TME_CAPABILITY", "max_keyids", 127 << 36, 127),
    ("IA32_TME_CAPABILITY", "max_keyids", 1 << 51, 0),
    ("IA32_TME_ACTIVATE", "lock", 1, 1),
    ("IA32_TME_ACTIVATE", "tme_enable", 1 << 1, 1),
    ("IA32_TME_ACTIVATE", "tme_enable", ~(1 << 1) & ((1 << 64) - 1), 0),
    ("IA32_TME_ACTIVATE", "bypass_enable", 1 << 31, 1),
    ("IA32_TME_ACTIVATE", "keyid_bits", 7 << 32, 7),
    ("IA32_TME_ACTIVATE", "tdx_keyid_bits", 6 << 36, 6),
    ("IA32_SEAMRR_PHYS_BASE", "configured", 0x3FFE000008, 1),
    ("IA32_SEAMRR_PHYS_BASE", "configured", 0x3FFE000000, 0),
    ("IA32_SEAMRR_PHYS_MASK", "lock", 1 << 10, 1),
    ("IA32_SEAMRR_PHYS_MASK", "valid", 1 << 11, 1),
    ("IA32_SEAMRR_PHYS_MASK", "valid", 1 << 10, 0),
    ("IA32_MTRRCAP", "seamrr", 1 << 15, 1),
    ("IA32_VMX_BASIC", "seamret_keeps_vmcs", 1 << 60, 1),
    ("IA32_FEATURE_CONTROL", "lock", 1, 1),
    ("IA32_FEATURE_CONTROL", "vmx_outside_smx", 1 << 2, 1),
    ("IA32_FEATURE_CONTROL", "sgx_enable", 1 << 18, 1),
    ("SGX_AND_MCHECK_STATUS", "status", 0x1861, 0x1861),
    ("SGX_AND_MCHECK_STATUS", "status", (1 << 64) - 1, (1 << 64) - 1),
    ("PLATFORM_INFO", "preproduction", 1 << 27, 1),
    ("IA32_SGX_SVN_STATUS", "seamldr_acm_svn", 0x0D << 56 | 0xFFFF, 0x0D),
]


@pytest.mark.parametrize(("register", "field", "value", "held"), VALUES)
def test_a_registers_field_is_its_bits(register: str, field: str, value: int, held: int) -> None:
    assert bits.msr_field(register, field, value) == held


@pytest.mark.parametrize(
    ("register", "address"),
    [
        ("IA32_MKTME_KEYID_PARTITIONING", 0x87),
        ("IA32_TME_CAPABILITY", 0x981),
        ("IA32_TME_ACTIVATE", 0x982),
        ("IA32_SEAMRR_PHYS_BASE", 0x1400),
        ("IA32_SEAMRR_PHYS_MASK", 0x1401),
        ("IA32_MTRRCAP", 0xFE),
        ("IA32_VMX_BASIC", 0x480),
        ("IA32_FEATURE_CONTROL", 0x3A),
        ("SGX_AND_MCHECK_STATUS", 0xA0),
        ("PLATFORM_INFO", 0xCE),
        ("IA32_SGX_SVN_STATUS", 0x500),
    ],
)
def test_a_register_has_its_address(register: str, address: int) -> None:
    assert bits.address_of(register) == address


@pytest.mark.parametrize("register", sorted(tables.load("msr")))
def test_the_fields_of_a_register_do_not_overlap(register: str) -> None:
    taken = 0
    for field in tables.load("msr")[register]["fields"]:
        lowest, width = bits.bit_range(field["bits"])
        mask = ((1 << width) - 1) << lowest
        assert width >= 1
        assert mask < 1 << 64
        assert not taken & mask
        taken |= mask


@pytest.mark.parametrize(("spelling", "pair"), [("5", (5, 1)), ("63:32", (32, 32)), ("0", (0, 1))])
def test_a_range_of_bits_is_lowest_and_width(spelling: str, pair: tuple[int, int]) -> None:
    assert bits.bit_range(spelling) == pair


@pytest.mark.parametrize(
    ("bit", "name"),
    [
        (0, "TD_MIGRATION"),
        (1, "TD_PRESERVING"),
        (7, "TD_PARTITIONING"),
        (16, "PENDING_EPT_VIOLATION_V2"),
        (18, "NO_RBP_MOD"),
        (20, "TOPOLOGY_ENUM"),
        (23, "CLFLUSH_BEFORE_ALLOC"),
        (36, "DYNAMIC_PAMT"),
        (63, "BIT_63"),
        (15, "BIT_15"),
    ],
)
def test_a_feature_bit_has_its_name(bit: int, name: str) -> None:
    assert bits.names_of("TDX_FEATURES0", 1 << bit) == [name]


def test_names_stand_in_the_order_of_the_bits() -> None:
    value = 1 << 20 | 1 << 18 | 1 << 1 | 1 << 13
    assert bits.names_of("TDX_FEATURES0", value) == [
        "TD_PRESERVING",
        "BIT_13",
        "NO_RBP_MOD",
        "TOPOLOGY_ENUM",
    ]
    assert bits.names_of("TDX_FEATURES0", 0) == []


@pytest.mark.parametrize(
    ("features0", "has"), [(0xFBF, False), (0xF0FBF, True), (1 << 18, True), (~(1 << 18), False)]
)
def test_no_rbp_mod_is_bit_18(features0: int, has: bool) -> None:
    assert bits.is_set("TDX_FEATURES0", "NO_RBP_MOD", features0) is has
