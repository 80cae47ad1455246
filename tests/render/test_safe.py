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
