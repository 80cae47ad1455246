"""Text that is safe to print on a terminal."""

from __future__ import annotations

import re

_CONTROLS = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f"
    r"\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    r"\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
"""Control characters except the tab; characters that change the direction, end a line or are
invisible (Unicode 16: Default_Ignorable_Code_Point, and the annotations before U+FFFC);
surrogates, and those that XML forbids."""


def printable(text: str) -> str:
    """`text` on one line with control characters escaped.

    Nothing that was read can steer a terminal, or look like a line of tdxinfo's own.
    """
    return _CONTROLS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte of a path that is not UTF-8
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
