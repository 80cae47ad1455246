"""Objects of the kernel: their members, and what a capture keeps of them."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo.decode import kobject
from tdxinfo.decode.btf import Leaf
from tdxinfo.errors import Absent, Malformed

LEAVES = (
    Leaf("flags", 0, 3, 1, False),
    Leaf("kind", 3, 5, 1, True),
    Leaf("next", 64, 64, 1, False, True),
    Leaf("pages", 128, 16, 3, False),
    Leaf("links", 192, 64, 2, False, True),
    Leaf("rest", 320, 8, 0, False),
)
BYTES = bytes.fromhex(
    "fd ffffffffffffff 8877665544332211 0100 0200 0300 ffff 8877665544332211 8877665544332211 05"
)
LAYOUT = ["flags 0 3 1 0", "kind 3 5 1 1", "pages 128 16 3 0"]
KEPT = "fdffffffffffffff" + "00" * 8 + "010002000300ffff" + "00" * 16 + "05"


def test_members_are_read_where_they_lie() -> None:
    made = kobject.made("it", BYTES, LEAVES)
    assert (made.number("flags"), made.number("kind")) == (5, -1)
    assert (made.number("next"), made.member("pages")) == (0x1122334455667788, [1, 2, 3])


def test_a_capture_keeps_no_pointers() -> None:
    assert kobject.made("it", BYTES, LEAVES).recorded() == {"data": KEPT, "layout": LAYOUT}


def test_a_pointer_beyond_the_bytes_makes_them_no_longer() -> None:
    cut = kobject.made("it", BYTES[:12], LEAVES[:3])
    assert cut.recorded() == {"data": "fdffffffffffffff00000000", "layout": LAYOUT[:2]}


def test_what_was_kept_is_read_again() -> None:
    again = kobject.parse("it", {"data": KEPT, "layout": LAYOUT})
    assert again == kobject.made("it", bytes.fromhex(KEPT), [LEAVES[i] for i in (0, 1, 3)])


def test_what_lies_between_members_is_not_kept() -> None:
    kept = kobject.without_padding(BYTES, LEAVES[:1] + LEAVES[3:4])
    assert kept == b"\xfd" + bytes(15) + bytes.fromhex("010002000300") + bytes(19)
    assert kobject.without_padding(BYTES, [Leaf("odd", 4, 9, 1, False)])[:3] == b"\xfd\xff\0"


def test_a_member_that_is_not_there_or_no_number_is_refused_in_a_sentence() -> None:
    made = kobject.made("it", BYTES, LEAVES)
    with pytest.raises(Absent, match=r"^this kernel's it has no rest$"):
        made.member("rest")
    with pytest.raises(Malformed, match=r"^it\.pages is an array$"):
        made.number("pages")


def layout(line: str) -> dict[str, Any]:
    return {"data": "00" * 8, "layout": [line]}


@pytest.mark.parametrize("line", ["a 0 64 1 0", "a 99999999 1 4096 1", "a 0 1 1 7"])
def test_a_layout_has_up_to_64_bits_and_4096_elements(line: str) -> None:
    (leaf,) = kobject.parse("it", layout(line)).leaves.values()
    assert (leaf.path, leaf.bit_offset, leaf.bit_size, leaf.length) == (
        "a", *map(int, line.split()[1:4])
    )  # fmt: skip
    assert leaf.is_signed is not line.endswith(" 0")


@pytest.mark.parametrize(
    "line",
    [
        *("a 0 65 1 0", "a 0 0 1 0", "a 0 64 4097 0", "a 0 64 1", "a 0 64 1 0 0", "a -1 64 1 0"),
        *("a 100000000 64 1 0", "", "a b c d e"),
    ],
)
def test_another_layout_is_malformed(line: str) -> None:
    with pytest.raises(Malformed) as refusal:
        kobject.parse("it", layout(line))
    assert str(refusal.value) == f"the record's layout of it has {line!r}"


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (None, "the record's it has no layout"),
        ([], "the record's it has no layout"),
        ({"data": "00"}, "the record's it has no layout"),
        ({"layout": "a 0 8 1 0"}, "the record's it has no layout"),
        ({"data": "0x", "layout": []}, "the record's it is not hex text"),
        ({"data": 5, "layout": []}, "the record's it is not hex text"),
    ],
)
def test_a_record_of_another_form_is_malformed(record: Any, sentence: str) -> None:
    with pytest.raises(Malformed) as refusal:
        kobject.parse("it", record)
    assert str(refusal.value) == sentence


def test_a_record_without_bytes_has_layout_alone() -> None:
    assert kobject.parse("it", {"layout": ["a 0 8 1 0"]}).data == b""
