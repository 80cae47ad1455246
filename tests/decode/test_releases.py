"""Which release a version and a build point to."""

from __future__ import annotations

from datetime import date

import pytest

from tdxinfo.decode import bits, releases
from tdxinfo.decode.releases import Release, matching_release
from tdxinfo.model.values import ModuleVersion

LINE = ModuleVersion(1, 5)


@pytest.mark.parametrize(
    ("version", "number", "day", "release"),
    [
        (LINE, 784, None, "1.5.08"),
        (LINE, None, date(2024, 7, 25), "1.5.08"),
        (LINE, 784, date(2024, 7, 25), "1.5.08"),
        (LINE, 595, None, "1.5.01"),
        (LINE, 698, None, "1.5.05"),
        (LINE, 744, date(2024, 4, 7), "1.5.06"),
        (LINE, None, date(2024, 9, 12), "1.5.09"),
        (ModuleVersion(1, 5, 8), None, None, "1.5.08"),
        (ModuleVersion(2, 0, 8), None, None, "2.0.08"),
        (ModuleVersion(2, 0), 882, None, "2.0.08"),
        (ModuleVersion(2, 0, 8), 882, date(2025, 3, 25), "2.0.08"),
    ],
)
def test_a_build_points_to_its_release(
    version: ModuleVersion, number: int | None, day: date | None, release: str
) -> None:
    assert matching_release(version, number, day) == release


@pytest.mark.parametrize(
    ("version", "number", "day"),
    [
        (LINE, None, None),
        (ModuleVersion(2, 0), None, None),
        (LINE, 481, date(2023, 3, 23)),
        (LINE, 882, None),
        (ModuleVersion(2, 0), 784, None),
        (ModuleVersion(1, 5, 8), 744, None),
        (ModuleVersion(1, 5, 8), 784, date(2024, 4, 7)),
        (LINE, 784, date(2024, 4, 7)),
        (ModuleVersion(1, 5, 7), None, None),
        (ModuleVersion(3, 5, 8), 784, None),
    ],
)
def test_where_nothing_or_not_everything_agrees_no_release_is_named(
    version: ModuleVersion, number: int | None, day: date | None
) -> None:
    assert matching_release(version, number, day) is None


def test_the_same_update_of_two_lines_is_two_releases() -> None:
    assert matching_release(ModuleVersion(1, 5, 8), None, None) == "1.5.08"
    assert matching_release(ModuleVersion(2, 0, 8), None, None) == "2.0.08"


def named(text: str) -> Release:
    found = releases.release_named(text)
    assert found
    return found


def test_a_release_is_what_is_publicly_known_of_it() -> None:
    assert named(" 1.5.05\n") == Release(
        version=ModuleVersion(1, 5, 5),
        build_number=698,
        build_date=date(2024, 1, 29),
        features0=0x1F0FBF,
        other_features0=0x61F0FBF,
        platforms=("SPR", "EMR", "SRF", "GNR-SP"),
        mrseam="1cc6a17ab799e9a693fac7536be61c12ee1e0fabada82d0c999e08ccee2aa86d"
        "e77b0870f558c570e7ffe55d6d47fa04",
        basis="stated",
    )


def test_what_is_not_publicly_known_is_none_or_empty() -> None:
    assert named("1.0.03") == Release(
        ModuleVersion(1, 0, 3), None, None, None, None, ("SPR",), "", ""
    )
    assert named("2.0.05").platforms == ()


def test_a_release_is_found_by_its_measurement() -> None:
    assert str(named(named("2.0.18").mrseam.upper()).version) == "2.0.18"
    assert releases.release_named("") is None
    assert releases.release_named("None") is None


@pytest.mark.parametrize(
    ("version", "newest"),
    [("1.0.00", "1.0.03"), ("1.5.05", "1.5.34"), ("2.0.02", "2.0.18"), ("3.0.00", None)],
)
def test_the_newest_release_is_that_of_the_same_line(version: str, newest: str | None) -> None:
    assert releases.newest_release(version) == newest


@pytest.mark.parametrize(
    ("version", "model", "fits", "newest"),
    [
        ("1.5.05", 143, True, "1.5.34"),  # Sapphire Rapids
        ("1.5.05", 221, False, None),  # Clearwater Forest
        ("2.0.02", 143, False, None),
        ("2.0.02", 221, True, "2.0.18"),
        ("2.0.05", 221, None, "2.0.18"),  # nobody says what it is made for
        ("2.0.05", 0, None, None),
        ("1.5.05", 0, None, None),
        ("3.0.00", 143, None, None),
    ],
)
def test_a_release_is_made_for_some_processors(
    version: str, model: int, fits: bool | None, newest: str | None
) -> None:
    assert releases.fits_processor(version, 6, model) is fits
    assert releases.newest_for_processor(version, 6, model) == newest


def test_a_newer_release_has_features_that_an_older_one_lacks() -> None:
    # 0x226f1f0fbf and 0x226f3f0fbf: bit 21 is the one that was added.
    added = releases.added_features(named("1.5.13"), named("1.5.16"))
    assert added == bits.names_of("TDX_FEATURES0", 1 << 21)
    assert releases.added_features(named("1.5.16"), named("1.5.13")) == []
    assert releases.added_features(named("1.5.16"), named("1.5.28")) == []
    assert releases.added_features(named("1.5.28"), named("1.5.34")) == []
