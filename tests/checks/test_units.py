"""Numbers in words."""

from __future__ import annotations

import pytest

from tdxinfo.checks import units
from tests.builders import report_with


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (0x77700000, "1.9 GiB"),
        (1 << 40, "1.0 TiB"),
        (1 << 63, "8.0 EiB"),
    ],
)
def test_a_size_has_the_largest_unit_that_leaves_one(count: int, words: str) -> None:
    assert units.size(count) == words


def test_one_thing_is_not_plural() -> None:
    assert units.counted(1, "KeyID") == "1 KeyID"
    assert units.counted(0, "KeyID") == "0 KeyIDs"
    assert units.counted(2, "KeyID") == "2 KeyIDs"


def test_none_from_a_source_is_knowledge() -> None:
    report = report_with({"module.failure": None})
    assert report.is_known("module.failure")
    assert not report.is_known("module.version")
    assert not report.is_known("module.state")
