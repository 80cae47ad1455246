"""What was read reaches a terminal as text only."""

from __future__ import annotations

import os

import pytest

from tdxinfo.render.safe import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Zoë, ✔ and\ta tab", "plain, Zoë, ✔ and\ta tab"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("csi \x9b31m", r"csi \x9b31m"),
        ("backwards \u202e", r"backwards \u202e"),
        (os.fsdecode(b"/tmp/\xff"), r"/tmp/\xff"),
        ("half a pair \ud83d", r"half a pair \ud83d"),
    ],
)
def test_what_could_steer_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


# Unicode 16, DerivedCoreProperties.txt, Default_Ignorable_Code_Point: first and last of each range.
IGNORABLE = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]  # fmt: skip


@pytest.mark.parametrize("code", sorted({end for ends in IGNORABLE for end in ends}), ids=hex)
def test_what_nobody_can_see_is_escaped(code: int) -> None:
    """A name that looks like another is not the same text."""
    assert printable(f"a{chr(code)}b").isascii()
