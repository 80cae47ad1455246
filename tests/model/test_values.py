"""Domain values: what they accept, and how they are written."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo.model.values import (
    MemoryRange,
    ModuleVersion,
    decimal_date,
    hex32,
    hex64,
)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.5.08\n", ModuleVersion(1, 5, 8)),
        ("1.5.8", ModuleVersion(1, 5, 8)),
        ("2.0.08", ModuleVersion(2, 0, 8)),
        ("1.5", ModuleVersion(1, 5)),
        ("1.5.00", ModuleVersion(1, 5, 0)),
        ("1.5.100", ModuleVersion(1, 5, 100)),
    ],
)
def test_a_version_is_parsed_as_the_kernel_spells_it(text: str, version: ModuleVersion) -> None:
    assert ModuleVersion.parse(text) == version


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.",
        "1.5.",
        "1.5.06.00",
        "v1.5",
        "1.5.0x6",
        "1,5",
        "1.5.06 beta",
        " 1.5.06",
        "1.5.06 ",
        "1.5.06\n\n",
        "1.-5",
        "1.5.1111111",
        "\u0661.\u0665",
    ],
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a module version"):
        ModuleVersion.parse(text)


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (ModuleVersion(1, 5, 6), "1.5.06"),
        (ModuleVersion(1, 5, 0), "1.5.00"),
        (ModuleVersion(1, 5, 100), "1.5.100"),
        (ModuleVersion(1, 5), "1.5"),
    ],
)
def test_a_version_is_written_with_two_digits_of_update(version: ModuleVersion, text: str) -> None:
    assert str(version) == text


def test_an_unknown_update_is_not_update_zero() -> None:
    assert ModuleVersion(1, 5) != ModuleVersion(1, 5, 0)


def test_versions_have_no_order() -> None:
    with pytest.raises(TypeError):
        assert ModuleVersion(1, 5, 8) < ModuleVersion(2, 0, 8)  # type: ignore[operator]


part = st.integers(0, 65535)


@given(part, part, st.none() | part)
def test_a_version_survives_its_spelling(major: int, minor: int, update: int | None) -> None:
    version = ModuleVersion(major, minor, update)
    assert ModuleVersion.parse(str(version)) == version


def test_a_range_ends_before_its_end() -> None:
    assert MemoryRange.between(0x100000, 0x77800000) == MemoryRange(
        base=0x100000, end=0x77800000, size=0x77700000
    )


@pytest.mark.parametrize("size", [0, 0x1001])
def test_a_range_that_contradicts_itself_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="another size"):
        MemoryRange(base=0x1000, end=0x2000, size=size)


def test_words_are_written_in_all_their_digits() -> None:
    assert hex64(0x22) == "0x0000000000000022"
    assert hex64((1 << 64) - 1) == "0xffffffffffffffff"
    assert hex32(0x22) == "0x00000022"


def test_a_decimal_date_is_a_day() -> None:
    assert decimal_date(20250325) == date(2025, 3, 25)
    assert decimal_date(0x0134FED5) == date(2025, 3, 25)


@pytest.mark.parametrize("number", [0, 20230230, 20231301, 99999999999, 20230100])
def test_a_number_that_is_no_day_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=r"must be in|out of range"):
        decimal_date(number)
