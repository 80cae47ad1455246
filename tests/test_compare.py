"""What counts as a difference between two hosts, and what does not."""

from __future__ import annotations

from typing import Any, get_args, get_origin

import pytest

from tdxinfo.compare import Comparison, Difference, Kind, compare
from tdxinfo.host import SECTIONS, declared, fact_names, volatile_facts
from tdxinfo.model.provenance import Attempt
from tdxinfo.model.values import CpuidConfig, Failure, MemoryRange, ModuleVersion, Tdmr
from tests.builders import report_with

GIB = 1 << 30
DENIED = Attempt(
    origin="msr:0x87",
    reason="denied",
    message="/dev/cpu/0/msr may not be read by this user",
    remedy="",
)
FAILED = Failure(
    errno=5,
    errno_name="EIO",
    leaf=None,
    leaf_name=None,
    status=None,
    status_name=None,
    tdmr=None,
    message="module initialization failed (-5)",
)


def between(
    a: dict[str, Any], b: dict[str, Any], origins: dict[str, str] | None = None
) -> Comparison:
    return compare(report_with(a, origins), report_with(b, origins), fact_names())


def only(found: Comparison) -> Difference:
    (difference,) = found.differences
    return difference


def entries(a: object, b: object, fact: str) -> list[tuple[str, str]]:
    return [(e.change, e.name) for e in only(between({fact: a}, {fact: b})).entries]


def test_the_same_facts_are_no_difference_and_are_counted() -> None:
    facts = {"keys.tdx_keyids": 64, "module.state": "initialized", "kvm.ept": None}
    assert between(facts, facts) == Comparison((), 3)


def test_a_value_that_both_tell_differently_is_a_change() -> None:
    found = only(between({"keys.tdx_keyids": 64}, {"keys.tdx_keyids": 32}))
    assert (found.kind, found.a.value, found.b.value) == (Kind.CHANGED, 64, 32)


def test_what_one_side_could_not_look_at_is_kept_apart_from_changes() -> None:
    found = only(between({"keys.tdx_keyids": 64}, {"keys.tdx_keyids": DENIED}))
    assert found.kind is Kind.ONLY_A
    assert only(between({"keys.tdx_keyids": DENIED}, {"keys.tdx_keyids": 64})).kind is Kind.ONLY_B
    assert between({"keys.tdx_keyids": DENIED}, {"keys.tdx_keyids": DENIED}).differences == ()


def test_that_there_is_none_is_knowledge_and_so_a_change_from_one_that_is() -> None:
    assert only(between({"module.failure": None}, {"module.failure": FAILED})).kind is Kind.CHANGED
    assert between({"module.failure": None}, {"module.failure": None}).differences == ()


@pytest.mark.parametrize(
    ("fact", "vague", "exact", "other"),
    [
        ("module.version", ModuleVersion(1, 5), ModuleVersion(1, 5, 6), ModuleVersion(2, 0)),
        (
            "module.failure",
            FAILED.model_copy(update={"errno": None}),
            FAILED,
            FAILED.model_copy(update={"errno": 22}),
        ),
        (
            "memory.tdmrs",
            (Tdmr.between(0, GIB, pamt=None, reserved=None),),
            (Tdmr.between(0, GIB, pamt=(), reserved=(MemoryRange.between(0, 4096),)),),
            (Tdmr.between(0, 2 * GIB, pamt=None, reserved=None),),
        ),
    ],
)
def test_a_part_that_one_side_did_not_tell_is_no_difference(
    fact: str, vague: object, exact: object, other: object
) -> None:
    assert between({fact: vague}, {fact: exact}).differences == ()
    assert only(between({fact: exact}, {fact: other})).kind is Kind.CHANGED


def test_features_are_shown_by_name() -> None:
    # TDX_FEATURES0 bits 0 and 18 are TD_MIGRATION and NO_RBP_MOD; bit 63 has no name.
    value = entries(1 << 0 | 1 << 1, 1 << 1 | 1 << 18 | 1 << 63, "module.features0")
    assert value == [("gone", "TD_MIGRATION"), ("added", "NO_RBP_MOD"), ("added", "BIT_63")]


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        ("td.attributes_fixed1", "SEPT_VE_DISABLE"),
        ("kvm.supported_attributes", "SEPT_VE_DISABLE"),
    ],
)
def test_attribute_bits_are_shown_by_name(fact: str, name: str) -> None:
    assert entries(0, 1 << 28, fact) == [("added", name)]


def test_memory_is_shown_range_by_range() -> None:
    first, second = MemoryRange.between(0, GIB), MemoryRange.between(2 * GIB, 3 * GIB)
    longer = MemoryRange.between(2 * GIB, 4 * GIB)
    assert entries((first, second), (first, longer), "memory.cmrs") == [
        ("gone", "0x000080000000-0x0000c0000000"),
        ("added", "0x000080000000-0x000100000000"),
    ]


def test_where_the_pamt_lies_is_no_difference_and_its_size_is() -> None:
    def tdmr(base: int, size: int) -> tuple[Tdmr, ...]:
        return (
            Tdmr.between(0, GIB, pamt=(MemoryRange.between(base, base + size),), reserved=None),
        )

    assert between({"memory.tdmrs": tdmr(4096, 8192)}, {"memory.tdmrs": tdmr(0, 8192)}) == (
        Comparison((), 1)
    )
    assert entries(tdmr(0, 4096), tdmr(0, 8192), "memory.tdmrs") == [
        ("changed", "0x000000000000-0x000040000000")
    ]


def test_cpuid_configuration_is_shown_leaf_by_leaf_in_any_order() -> None:
    one = CpuidConfig(leaf=7, subleaf=0, eax=0, ebx=1, ecx=0, edx=0)
    other = CpuidConfig(leaf=0x80000008, subleaf=None, eax=0, ebx=0, ecx=0, edx=0x200)
    changed = one.model_copy(update={"ebx": 3})
    assert entries((one, other), (other, changed), "td.cpuid_config") == [
        ("changed", "leaf 0x7 sub-leaf 0x0")
    ]
    assert entries((one, other), (one,), "td.cpuid_config") == [("gone", "leaf 0x80000008")]
    turned = between({"td.cpuid_config": (one, other)}, {"td.cpuid_config": (other, one)})
    assert turned.differences == ()


def test_a_difference_names_those_that_it_was_derived_from() -> None:
    origins = {"module.features": "derived:module.features0"}
    a = {"module.features0": 1, "module.features": ("TD_MIGRATION",)}
    b = {"module.features0": 0, "module.features": ()}
    causes = {d.fact: d.follows_from for d in between(a, b, origins).differences}
    assert causes == {"module.features0": (), "module.features": ("module.features0",)}
    read = {d.fact: d.follows_from for d in between(a, b).differences}
    assert read["module.features"] == ()


def entry_type(annotation: Any) -> Any:
    """What a list holds, however deep its annotation stands; None for what is not a list."""
    parts = get_args(annotation)
    if get_origin(annotation) is tuple:
        return parts[0]
    return next(filter(None, map(entry_type, parts)), None)


def test_the_entries_of_every_list_can_be_kept_apart() -> None:
    listed = {}
    for name in fact_names():
        section, field = declared(name)
        kind = entry_type(section.model_fields[field].annotation)
        if kind is not None:
            listed[name] = kind
    assert listed["memory.cmrs"] is MemoryRange
    numbers = {name for name, kind in listed.items() if not (kind is str or hasattr(kind, "key"))}
    assert numbers == {
        # one value of several numbers
        "module.tcb_svn",
        "module.staged_svn",
        "attestation.cpu_svn",
        # shown as a whole where it differs
        "module.staged_processors",
        "attestation.vsock_listeners",
        "platform.microcode",  # texts of a form, one for each package
    }


def test_what_the_catalogue_says_of_its_fields_names_fields_and_bitmaps() -> None:
    assert set(volatile_facts()) <= set(fact_names())
    for section in SECTIONS.values():
        assert set(section.bitmaps) <= set(section.model_fields)


def test_numbers_of_one_value_have_an_order_and_no_entries() -> None:
    (difference,) = compare(
        report_with({"module.tcb_svn": (5, 1)}),
        report_with({"module.tcb_svn": (1, 5)}),
        ["module.tcb_svn"],
    ).differences
    assert difference.entries == ()
