"""Facts in the module's metadata: the CMR list, whole and cut."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tdxinfo.decode.metadata import Metadata, parse_list
from tdxinfo.decode.sysinfo import parse_sysinfo
from tdxinfo.errors import Absent, Malformed, Unavailable, Unsupported
from tdxinfo.sources import metadata
from tests.decode.test_metadata import sysinfo

BASE, SIZE, COUNT = 0x9000000300000080, 0x9000000300000100, "9000000100000000"
STRUCTURE = sysinfo()[:1024]
FIRST, SECOND = struct.pack("<2Q", 0x100000, 0x6F700000), struct.pack("<2Q", 1 << 32, 1 << 30)
END = bytes(16)
CUT = "the CMR list is cut short: {}, and none before it has the size 0 that ends the list"


def cmrs(found: Metadata) -> Any:
    """The CMRs as pairs of base and size."""
    return [(cmr.base, cmr.size) for cmr in metadata.cmrs()[0].value(found)]


def listed(*entries: tuple[int | None, int | None], count: int | None = None) -> Metadata:
    """A list of elements: None is a line that is missing."""
    lines = [] if count is None else [f"{COUNT} {count:x}"]
    for index, (base, size) in enumerate(entries):
        lines += [f"{BASE + index:x} {base:x}"] if base is not None else []
        lines += [f"{SIZE + index:x} {size:x}"] if size is not None else []
    return parse_list(lines)


def test_the_list_ends_at_the_first_size_of_0() -> None:
    assert cmrs(parse_sysinfo(STRUCTURE + FIRST + SECOND + END)) == [
        (0x100000, 0x6F700000),
        (1 << 32, 1 << 30),
    ]


def test_the_list_ends_with_the_entries_that_num_cmrs_counts() -> None:
    assert cmrs(listed((0x1000, 0x1000), (0x4000, 0x1000), count=2)) == [
        (0x1000, 0x1000),
        (0x4000, 0x1000),
    ]


@pytest.mark.parametrize(
    ("rest", "missing"),
    [
        (FIRST, "entry 1 is missing"),
        (FIRST + SECOND, "entry 2 is missing"),
        (FIRST + SECOND[:3], "entry 1 is missing"),
        (FIRST + SECOND[:8], "entry 1 has a base and no size"),
        (FIRST + SECOND[:15], "entry 1 has a base and no size"),
        (FIRST[:8], "entry 0 has a base and no size"),
    ],
)
def test_an_array_that_is_cut_says_what_is_missing(rest: bytes, missing: str) -> None:
    found = parse_sysinfo(STRUCTURE + rest)
    with pytest.raises(Malformed) as caught:
        cmrs(found)
    assert caught.value.message == CUT.format(missing)
    # What the structure before it says is not in doubt.
    assert found.word("BUILD_NUM") == 457


@pytest.mark.parametrize(
    ("entries", "missing"),
    [
        ([(0x1000, 0x1000), (None, 0x1000)], "entry 1 has a size and no base"),
        ([(0x1000, 0x1000), (None, None), (0x9000, 0)], "entry 1 is missing"),
        ([(0x1000, 0x1000)], "entry 1 is missing"),
    ],
)
def test_a_list_with_lines_missing_says_which(entries: list[Any], missing: str) -> None:
    with pytest.raises(Malformed) as caught:
        cmrs(listed(*entries, count=32))
    assert caught.value.message == CUT.format(missing)


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([f"{COUNT} 20"], Absent),
        # Without the first entry the module's own answer is the reason.
        ([f"{BASE:x} 0 c0000c0000000000", f"{SIZE:x} 0 c0000c0000000000"], Unsupported),
        ([f"{COUNT} 20", f"{COUNT} 21", f"{BASE:x} 1000", f"{SIZE:x} 1000"], Malformed),
    ],
)
def test_without_any_entry_the_reason_is_another(lines: list[str], kind: type[Unavailable]) -> None:
    with pytest.raises(kind) as caught:
        cmrs(parse_list(lines))
    assert "cut" not in caught.value.message
