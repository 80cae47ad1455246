"""Which release a version and a build point to."""

from __future__ import annotations

from datetime import date

import pytest

from tdxinfo.decode.releases import matching_release
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
