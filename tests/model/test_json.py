"""Facts held against their types, and as JSON shows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError, create_model

from tdxinfo.host.section import Section
from tdxinfo.model.values import (
    Address,
    Bits32,
    Bits64,
    Count,
    CpuidConfig,
    Failure,
    MemoryRange,
    ModuleVersion,
    Size,
    Tdmr,
)

RANGE = MemoryRange.between(0x100000, 0x77800000)
RANGE_JSON = {"base": 0x100000, "end": 0x77800000, "size": 0x77700000}
TDMR = Tdmr(base=0, end=1 << 30, size=1 << 30, pamt=None, reserved=(RANGE,))
TDMR_JSON = {"base": 0, "end": 1 << 30, "size": 1 << 30, "pamt": None, "reserved": [RANGE_JSON]}
CPUID = CpuidConfig(leaf=7, subleaf=None, eax=0, ebx=0xD02F, ecx=0xFFFFFFFF, edx=1)
CPUID_JSON = {
    "leaf": 7,
    "subleaf": None,
    "eax": "0x00000000",
    "ebx": "0x0000d02f",
    "ecx": "0xffffffff",
    "edx": "0x00000001",
}
FAILURE = Failure(
    errno=5,
    errno_name="EIO",
    leaf=0x22,
    leaf_name="TDH.SYS.RD",
    status=0xC000050500000000,
    status_name="TDX_SYS_NOT_READY",
    tdmr=None,
    message="module initialization failed (-5)",
)
FAILURE_JSON = {
    "errno": 5,
    "errno_name": "EIO",
    "leaf": "0x0000000000000022",
    "leaf_name": "TDH.SYS.RD",
    "status": "0xc000050500000000",
    "status_name": "TDX_SYS_NOT_READY",
    "tdmr": None,
    "message": "module initialization failed (-5)",
}
State = Literal["initialized", "failed"]

SPELLINGS: list[tuple[Any, Any, Any]] = [
    (str, "x", "x"),
    (bool, False, False),
    (int, 5, 5),
    (date, date(2025, 3, 25), "2025-03-25"),
    (Count, (1 << 32) - 1, (1 << 32) - 1),
    (Size, (1 << 64) - 1, (1 << 64) - 1),
    (Address, 0, 0),
    (Bits64, 0xC000050500000000, "0xc000050500000000"),
    (Bits64, 0, "0x0000000000000000"),
    (Bits32, 0x22, "0x00000022"),
    (State, "failed", "failed"),
    (ModuleVersion, ModuleVersion(1, 5, 6), "1.5.06"),
    (ModuleVersion, ModuleVersion(1, 5), "1.5"),
    (tuple[str, ...], ("a", "b"), ["a", "b"]),
    (tuple[MemoryRange, ...], (), []),
    (tuple[MemoryRange, ...], (RANGE,), [RANGE_JSON]),
    (tuple[Tdmr, ...], (TDMR,), [TDMR_JSON]),
    (tuple[CpuidConfig, ...], (CPUID,), [CPUID_JSON]),
    (Failure, FAILURE, FAILURE_JSON),
    (Failure, FAILURE.model_copy(update={"tdmr": RANGE}), {**FAILURE_JSON, "tdmr": RANGE_JSON}),
]


def section_of(annotation: Any) -> type[Section]:
    """A section with one fact of this type."""
    return create_model("S", __base__=Section, fact=(annotation | None, None))


def validated(annotation: Any, value: Any) -> Any:
    """What a source of such a fact says."""
    return vars(section_of(annotation).model_validate({"fact": value}))["fact"]


def read(annotation: Any, written: Any) -> Any:
    """What a report says of such a fact."""
    text = json.dumps({"fact": written})
    return vars(section_of(annotation).model_validate_json(text))["fact"]


def as_json(annotation: Any, value: Any) -> Any:
    return section_of(annotation).model_validate({"fact": value}).model_dump(mode="json")["fact"]


@pytest.mark.parametrize(("annotation", "value", "text"), SPELLINGS)
def test_a_fact_is_written_in_plain_types(annotation: Any, value: Any, text: Any) -> None:
    assert as_json(annotation, value) == text


@pytest.mark.parametrize(("annotation", "value", "text"), SPELLINGS)
def test_a_fact_is_its_own_type(annotation: Any, value: Any, text: Any) -> None:
    assert validated(annotation, value) == value


@pytest.mark.parametrize(("annotation", "value", "text"), SPELLINGS)
def test_a_fact_comes_back_from_its_spelling(annotation: Any, value: Any, text: Any) -> None:
    again = read(annotation, text)
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(("annotation", "value", "text"), SPELLINGS)
def test_a_spelling_is_what_the_schema_promises(annotation: Any, value: Any, text: Any) -> None:
    schema = section_of(annotation).model_json_schema()
    assert not list(Draft202012Validator(schema).iter_errors({"fact": text}))


@pytest.mark.parametrize("annotation", [entry[0] for entry in SPELLINGS])
def test_every_fact_may_be_none(annotation: Any) -> None:
    assert validated(annotation, None) is None
    assert read(annotation, None) is None
    assert as_json(annotation, None) is None


WRONG: list[tuple[Any, Any]] = [
    (Count, -1),
    (Count, 1 << 32),
    (Count, "many"),
    (Count, "5"),
    (Count, True),
    (Count, 1.5),
    (Size, -1),
    (Size, 1 << 64),
    (Address, 1 << 64),
    (Bits64, -1),
    (Bits64, 1 << 64),
    (Bits64, "0x10000000000000000"),
    (Bits64, "0xnothing"),
    (Bits64, "words"),
    (Bits64, "0x22"),
    (Bits64, "0xC000050500000000"),
    (Bits64, []),
    (Bits32, 1 << 32),
    (State, "loaded"),
    (bool, "perhaps"),
    (bool, 1),
    (str, 5),
    (date, "2025-02-30"),
    (ModuleVersion, "1.5.06.00"),
    (ModuleVersion, 5),
    (tuple[str, ...], "text"),
    (tuple[str, ...], [5]),
    (tuple[MemoryRange, ...], [{"base": 0, "end": 5, "size": 4}]),
    (tuple[MemoryRange, ...], [{"base": 0, "end": 5}]),
    (tuple[MemoryRange, ...], [{"base": -5, "end": 0, "size": 5}]),
    (tuple[CpuidConfig, ...], [{**CPUID_JSON, "eax": 1 << 32}]),
    (Failure, {"message": "x"}),
]


@pytest.mark.parametrize(("annotation", "value"), WRONG)
def test_what_is_out_of_range_is_refused(annotation: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        validated(annotation, value)
    with pytest.raises(ValidationError):
        read(annotation, value)


@pytest.mark.parametrize(("annotation", "number"), [(Bits64, 0xFBF), (Bits32, 0x22)])
def test_a_bitmap_is_hex_text_in_json(annotation: Any, number: int) -> None:
    with pytest.raises(ValidationError):
        read(annotation, number)


MADE_WRONG: list[Callable[[], object]] = [
    lambda: MemoryRange.between(5, 0),
    lambda: MemoryRange.between(1 << 63, 1 << 65),
    lambda: CpuidConfig(**{**dict(CPUID), "eax": 1 << 32}),
    lambda: CpuidConfig(**{**dict(CPUID), "leaf": "seven"}),
    lambda: Failure(**{**dict(FAILURE), "errno": 1 << 40}),
    lambda: Failure(**{**dict(FAILURE), "status": 1 << 64}),
    lambda: Failure(**{**dict(FAILURE), "message": "x" * 4097}),
]


@pytest.mark.parametrize("made", MADE_WRONG)
def test_a_value_out_of_range_cannot_be_made(made: Callable[[], object]) -> None:
    with pytest.raises(ValidationError):
        made()
