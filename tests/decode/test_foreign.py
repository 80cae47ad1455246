"""TOML of others: what is out of the usual is refused in one sentence."""

from __future__ import annotations

import pytest

from tdxinfo.decode.foreign import DEPTH_LIMIT, parse_toml
from tdxinfo.errors import Malformed

DEEP = "[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x = 0x7fffffffffffffff", 2**63 - 1),
        ("x = -9223372036854775807", 1 - 2**63),
        ("x = 1e400", float("inf")),
        ("x = true", True),
    ],
)
def test_what_toml_requires_is_read(text: str, value: object) -> None:
    assert parse_toml(text.encode()) == {"x": value}


def test_lists_may_be_nested_up_to_the_limit() -> None:
    assert "x" in parse_toml(f"x = {DEEP}".encode())
    with pytest.raises(Malformed, match="nested more than 16 deep"):
        parse_toml(f"x = [{DEEP}]".encode())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x = 0x" + b"f" * 6000, "a number of more than 64 bits"),
        (b"x = 0x8000000000000000", "a number of more than 64 bits"),
        (b"[a.b]\nx = [{y = 0b1" + b"0" * 70 + b"}]", "a number of more than 64 bits"),
        (b"x = " + b"9" * 5000, "not valid TOML"),
        (b"x = " + b"[" * 5000, "not valid TOML|nested"),
        (b"x = '\xff'", "not text in UTF-8"),
        (b"x = ", "not valid TOML"),
    ],
)
def test_what_is_not_usual_is_malformed(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_toml(data)
